//! The bounds of AdaGrad, and what becomes of them where the loss is measured in other units.

use super::{banded, each};
use crate::experiment::lines::tested;
use crate::experiment::{
    About, Claim, Count, Experiment, ExperimentError, Extent, Findings, Handle, Number, Numbers,
    Parameter, Setup, Subject,
};
use crate::figure::{Axis, Figure, Mark, Panel, Rule as Level, Width};
use crate::problem::quadratic::Waves;
use crate::problem::vector::square;
use crate::random::Streams;
use crate::statistics::{Estimate, Rule};
use rand::RngExt;

const DIMENSION: Count =
    Count::new("dimension", "coordinates of the function", 5).allowed(1.0, 300.0);
const STEPS: Count = Count::new("steps", "steps T", 2000)
    .quick(500)
    .allowed(10.0, 1e6);
const NOISE: Number = Number::new(
    "noise",
    "largest noise of the gradient, over the largest gradient",
    1.0,
)
.allowed(0.0, 10.0);
const UNITS: Numbers = Numbers::new(
    "units",
    "by what the loss, its gradients and their noise are multiplied",
    &[1e-12, 1e-10, 1e-8, 1e-6, 1e-4, 1e-2, 1.0, 1e2],
)
.allowed(1e-30, 1e30);

/// How a bound treats the logarithm: as printed; with the constants put right; and without a unit in it.
const FORMS: [&str; 3] = ["as printed", "constants put right", "log of a ratio"];

/// Theory 2-12 and 2-13.
#[derive(Debug)]
pub struct AdaGrad;

/// For each unit, the bounds over the mean squared gradient they are to bound.
struct Seed {
    /// With one step size for all coordinates.
    of_norm: [Vec<f64>; 3],
    /// With one for each.
    of_diagonal: [Vec<f64>; 3],
}

impl Experiment for AdaGrad {
    fn about(&self) -> About {
        About {
            name: "adagrad",
            subject: Subject::Optimisation,
            claim: "AdaGrad's mean squared gradient is below its bound, whatever unit the loss is measured in, if the logarithm in \
                    the bound is one of a ratio.",
            source: "Arora et al., Theory of Deep Learning (draft), Theorems 2.5.4 and 2.5.5; Duchi, Hazan & Singer 2011",
            mathematics: "With steps P_t ĝ_t, P_t = (Σ_{i≤t} ‖ĝ_i‖²)^(−1/2), smoothness β and range M give \
                Σ ∇_tᵀP_tĝ_t ≤ M + (β/2) Σ ‖ĝ_t‖²/Σ_{i≤t}‖ĝ_i‖², and the last sum is at most \
                1 + log(Σ‖ĝ_t‖²/‖ĝ_1‖²). The text has log(GT) with a bound G on gradients, and the factors M and β \
                exchanged. Measured in another unit, f, M, β, G and all gradients are multiplied by c; AdaGrad's path is the \
                same. Both sides of a bound should be multiplied by c², but log(cGT) becomes negative. The version for each \
                coordinate, P_t = (Σ_{i<t} ĝ_i² + σ²)^(−1/2) with |ĝ| ≤ σ, has \
                M + (β/2) Σ_j Σ_t ĝ_t(j)²P_t(j)², at most (β/(2 log 2)) log(1 + Σ ĝ(j)²/σ²) for each coordinate.",
            refuted_by: "A unit in which the mean squared gradient is above the bound with a ratio in its logarithm.",
            seeds: Extent { full: 20, quick: 8 },
            seconds: Extent {
                full: 0.2,
                quick: 0.02,
            },
        }
    }

    fn parameters(&self) -> Vec<Parameter> {
        vec![
            DIMENSION.parameter(),
            STEPS.parameter(),
            NOISE.parameter(),
            UNITS.parameter(),
        ]
    }

    fn run(&self, setup: &Setup) -> Result<Findings, ExperimentError> {
        let (dimension, steps, noise) = (setup.get(DIMENSION), setup.get(STEPS), setup.get(NOISE));
        let units = setup.get(UNITS);
        let seeds = setup.over_seeds(|streams| {
            let mut seed = Seed {
                of_norm: Default::default(),
                of_diagonal: Default::default(),
            };
            for unit in &units {
                setup.go_on()?;
                let run = Run::new(*unit, dimension, steps, noise);
                for (rows, ratios) in [
                    (&mut seed.of_norm, run.norm(streams)),
                    (&mut seed.of_diagonal, run.diagonal(streams)),
                ] {
                    rows.iter_mut()
                        .zip(ratios)
                        .for_each(|(row, ratio)| row.push(ratio));
                }
            }
            Ok(seed)
        })?;
        let norm = claims(
            "theory 2-12",
            "one step size for all coordinates",
            &units,
            &seeds,
            |seed| &seed.of_norm,
        );
        let diagonal = claims(
            "theory 2-13",
            "a step size for each coordinate",
            &units,
            &seeds,
            |seed| &seed.of_diagonal,
        );
        Ok(Findings::new()
            .claims(norm)
            .claims(diagonal)
            .figure("units", figure(&units, &seeds)))
    }
}

type Rows = fn(&Seed) -> &[Vec<f64>; 3];

fn claims(id: &'static str, kind: &str, units: &[f64], seeds: &[Seed], rows: Rows) -> Vec<Claim> {
    let natural = units.iter().position(|unit| *unit == 1.0);
    let least = |form: usize| {
        let smallest = |seed: &Seed| {
            rows(seed)[form]
                .iter()
                .copied()
                .fold(f64::INFINITY, f64::min)
        };
        Estimate::median(&each(seeds, smallest))
    };
    let text = |words: &str| {
        format!(
            "With {kind}, {words}: the smallest ratio of the bound to the mean squared gradient is above 1."
        )
    };
    let printed = match id {
        "theory 2-12" => "(β + M log GT)",
        _ => "(M + β log GT)",
    };
    let at_one = natural.map(|index| Estimate::median(&each(seeds, |seed| rows(seed)[0][index])));
    let above = Rule::Above(1.0);
    let units = tested(units);
    let of_unit = at_one.map(|estimate| {
        Claim::printed(
            id,
            text(&format!(
                "the bound with {printed} holds where heights are between 0.1 and 1"
            )),
            above,
            estimate,
        )
    });
    of_unit
        .into_iter()
        .chain([
            Claim::printed(id, text(&format!("the bound with {printed} holds in the units {units} of the loss")), above, least(0)),
            Claim::must_fail(
                id,
                text(&format!("the bound with the constants put right, but still log GT, holds in the units {units} of the loss")),
                above,
                least(1),
            ),
            Claim::corrected(
                id,
                text(&format!("the bound with the constants put right and the logarithm of a ratio holds in the units {units} of the loss")),
                above,
                least(2),
            ),
        ])
        .collect()
}

/// A run in one unit.
struct Run {
    waves: Waves,
    steps: usize,
    /// The largest noise of a coordinate.
    noise: f64,
    /// A bound on the norm of drawn gradients.
    largest: f64,
}

impl Run {
    fn new(unit: f64, dimension: usize, steps: usize, noise: f64) -> Self {
        let waves = Waves::log_spaced(0.1 * unit, unit, dimension);
        let steepest = waves.steepest();
        let coordinate = noise * steepest / (dimension as f64).sqrt();
        Self {
            largest: (1.0 + noise) * steepest,
            noise: coordinate,
            waves,
            steps,
        }
    }

    /// The start, and gradients with evenly distributed noise, for a step that returns the move.
    fn descend(&self, streams: Streams, mut step: impl FnMut(&[f64]) -> Vec<f64>) -> f64 {
        let mut rng = streams.stream("descent", 0);
        let mut w = self.waves.point(&mut rng);
        let mut total = 0.0;
        for _ in 0..self.steps {
            let slope = self.waves.gradient(&w);
            total += square(&slope);
            let noisy = |slope: &f64| slope + self.noise * rng.random_range(-1.0..1.0);
            let drawn: Vec<f64> = slope.iter().map(noisy).collect();
            let shift = step(&drawn);
            w.iter_mut().zip(shift).for_each(|(w, shift)| *w -= shift);
        }
        total / self.steps as f64
    }

    fn log_gt(&self) -> f64 {
        (self.waves.steepest() * self.steps as f64).ln()
    }

    fn norm(&self, streams: Streams) -> [f64; 3] {
        let (mut sum, mut first) = (0.0, 0.0);
        let mean = self.descend(streams, |drawn| {
            sum += square(drawn);
            if first == 0.0 {
                first = sum;
            }
            drawn.iter().map(|part| part / sum.sqrt()).collect()
        });
        let (range, smoothness) = (self.waves.range(), self.waves.smoothness());
        let log = self.log_gt();
        let factor = sum.sqrt() / self.steps as f64 / mean;
        [
            factor * (smoothness + range * log),
            factor * (range + 0.5 * smoothness * log),
            factor * (range + 0.5 * smoothness * (1.0 + (sum / first).ln())),
        ]
    }

    fn diagonal(&self, streams: Streams) -> [f64; 3] {
        let floor = self.largest * self.largest;
        let mut sums = vec![0.0; self.waves.heights.len()];
        let mean = self.descend(streams, |drawn| {
            let each = drawn.iter().zip(&mut sums).map(|(part, sum)| {
                let shift = part / (*sum + floor).sqrt();
                *sum += part * part;
                shift
            });
            each.collect()
        });
        let (range, smoothness) = (self.waves.range(), self.waves.smoothness());
        let count = sums.len() as f64;
        let over = |floor: f64| {
            sums.iter().map(|sum| (sum + floor).sqrt()).sum::<f64>() / self.steps as f64 / mean
        };
        let ratios: f64 = sums.iter().map(|sum| (1.0 + sum / floor).ln()).sum();
        [
            over(0.0) * (range + smoothness * self.log_gt()),
            over(floor) * (range + 0.5 * smoothness * count * self.log_gt()),
            over(floor) * (range + 0.5 * smoothness / 2f64.ln() * ratios),
        ]
    }
}

fn figure(units: &[f64], seeds: &[Seed]) -> Figure {
    let panel = |title: &str, rows: Rows| {
        let mut panel = Panel::new(
            Axis::new("unit of the loss c", "1").log(),
            Axis::new("bound / mean ‖∇f‖²", "1").linear(),
        )
        .titled(title)
        .with(Mark::Rule(Level::level("bound = mean", 1.0)));
        for (form, label) in FORMS.iter().enumerate() {
            let of: Vec<&[f64]> = seeds
                .iter()
                .map(|seed| rows(seed)[form].as_slice())
                .collect();
            panel = panel.with(banded(*label, units, &of));
        }
        panel
    };
    let figure = Figure {
        columns: 2,
        width: Width::Page,
        ..Figure::new("Bounds of AdaGrad in different units of the loss")
    };
    figure
        .with(panel("One step size", |seed| &seed.of_norm))
        .with(panel("One for each coordinate", |seed| &seed.of_diagonal))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_path_does_not_depend_on_the_unit() {
        let ratio = |unit: f64| Run::new(unit, 3, 200, 0.5).norm(Streams::new(0))[2];
        assert!((ratio(1e-9) / ratio(1.0) - 1.0).abs() < 1e-6);
        let ratio = |unit: f64| Run::new(unit, 3, 200, 0.5).diagonal(Streams::new(0))[2];
        assert!((ratio(1e-9) / ratio(1.0) - 1.0).abs() < 1e-6);
    }

    #[test]
    fn the_harmonic_sum_is_below_its_logarithm() {
        let squares = [3.0, 0.1, 7.0, 2.0, 40.0];
        let mut sum = 0.0;
        let harmonic: f64 = squares
            .iter()
            .map(|square| {
                sum += square;
                square / sum
            })
            .sum();
        assert!(harmonic <= 1.0 + f64::ln(sum / squares[0]));
    }
}
