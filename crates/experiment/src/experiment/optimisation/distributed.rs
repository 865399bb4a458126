//! Descent with the mean gradient of several workers, and with local steps between their meetings.

use super::{banded, each, equals, power};
use crate::experiment::{
    About, Claim, Count, Experiment, ExperimentError, Extent, Findings, Handle, Number, Numbers,
    Parameter, Setup, Subject,
};
use crate::figure::{Axis, Figure, Line, Panel, Style, Width};
use crate::problem::draw;
use crate::problem::quadratic::{Quadratic, steps_until};
use crate::problem::stochastic::second_moment;
use crate::problem::vector::{distance, moved, norm, normals, square};
use crate::random::{StreamRng, Streams};
use crate::statistics::{Estimate, Rule, mean};

const WORKERS: Numbers = Numbers::new(
    "workers",
    "numbers of workers m",
    &[1.0, 2.0, 4.0, 8.0, 16.0, 32.0],
)
.quick(&[1.0, 4.0, 16.0])
.allowed(1.0, 1e3);
const CONDITION: Number = Number::new("condition", "condition number L/μ", 20.0).allowed(2.0, 1e3);
const NOISE: Number = Number::new(
    "noise",
    "root σ of the variance of a worker's gradient",
    1.0,
)
.allowed(1e-3, 10.0);
const STEPS: Count = Count::new(
    "steps",
    "steps of a run, of which the second half is at rest",
    4000,
)
.quick(1500)
.allowed(500.0, 1e6);
const LOCAL: Numbers = Numbers::new(
    "local",
    "local steps K between meetings",
    &[1.0, 2.0, 5.0, 10.0, 20.0],
)
.allowed(1.0, 100.0);

const DIMENSION: usize = 10;
/// How far each coordinate of the start is from the minimum.
const START: f64 = 3.0;
/// Workers whose quadratics differ, for local steps, and how much: the standard deviation of the logarithms of their
/// eigenvalues.
const DIFFERENT: usize = 4;
const DIFFERENCES: [f64; 4] = [0.0, 0.2, 0.4, 0.8];
/// The step size of local steps, times the largest eigenvalue before the differences.
const LOCAL_RATE: f64 = 0.02;

/// Step sizes that are tried for the fewest steps, in parts of 1/L, and how many descents are averaged for each.
const PARTS: [f64; 9] = [
    0.03125, 0.0442, 0.0625, 0.0884, 0.125, 0.1768, 0.25, 0.5, 1.0,
];
const DESCENTS: usize = 10;
/// Squared distances to be reached, in units of σ²: one that noise keeps a single worker from unless its step size is far
/// below 1/L (in units of σ²/κ), and one that it keeps no worker from.
const NEAR: f64 = 0.02;
const WIDE: f64 = 0.1;

/// Structure Ex.10.
#[derive(Debug)]
pub struct DistributedDescent;

/// What a seed gives.
struct Seed {
    /// The mean squared distance at rest, for each number of workers.
    floors: Vec<f64>,
    /// Relative distance of the place of rest from the common minimum, for each difference of the workers and each number of
    /// local steps.
    drifts: Vec<Vec<f64>>,
    /// The steps of twice the workers over those of the workers, where noise dominates and where it does not.
    saved: [f64; 2],
}

/// What is set for all seeds.
struct Plan {
    workers: Vec<f64>,
    quadratic: Quadratic,
    noise: f64,
    steps: usize,
    local: Vec<f64>,
}

impl Experiment for DistributedDescent {
    fn about(&self) -> About {
        About {
            name: "distributed-descent",
            subject: Subject::Optimisation,
            claim: "With m workers, the squared distance to the minimum falls geometrically to a floor that is proportional to 1/m; \
                    local steps between meetings leave a drift where the workers' losses differ.",
            source: "The Mathematical Structure of Machine Learning (course text), Example 10",
            mathematics: "For a μ-strongly convex, L-smooth loss and the mean of m independent gradients with variance σ² each, \
                E‖θ_t − θ*‖² ≤ (1 − μη)^t ‖θ_0 − θ*‖² + ησ²/(μm) for η ≤ 1/L. The text's proof uses \
                1 − 2μη + η²L² ≤ 1 − μη, which needs η ≤ μ/L²; co-coercivity gives the statement for all η ≤ 1/L. On a \
                quadratic both sides are known exactly. If each worker takes K steps on its own loss before all are \
                averaged, coordinate by coordinate the place of rest is the mean of the workers' minima with weights \
                1 − (1 − ηhᵢ)^K, while the minimum of the mean loss has the weights hᵢ: the same for K = 1 or equal \
                curvatures hᵢ, else apart in proportion to η(K − 1) as long as that is small.",
            refuted_by: "A squared distance above the bound, a floor that does not fall as 1/m, or no drift where losses differ.",
            seeds: Extent {
                full: 20,
                quick: 10,
            },
            seconds: Extent {
                full: 1.5,
                quick: 0.4,
            },
        }
    }

    fn parameters(&self) -> Vec<Parameter> {
        vec![
            WORKERS.parameter(),
            CONDITION.parameter(),
            NOISE.parameter(),
            STEPS.parameter(),
            LOCAL.parameter(),
        ]
    }

    fn run(&self, setup: &Setup) -> Result<Findings, ExperimentError> {
        let plan = Plan {
            workers: setup.get(WORKERS),
            quadratic: Quadratic::log_spaced(1.0, setup.get(CONDITION), DIMENSION),
            noise: setup.get(NOISE),
            steps: setup.get(STEPS),
            local: setup.get(LOCAL),
        };
        let seeds = setup.over_seeds(|streams| {
            setup.go_on()?;
            let floors = plan
                .workers
                .iter()
                .map(|workers| plan.floor(*workers, streams))
                .collect();
            let drifts = DIFFERENCES
                .iter()
                .map(|difference| plan.drifts(*difference, streams))
                .collect();
            let saved = plan.saved(streams);
            Ok(Seed {
                floors,
                drifts,
                saved,
            })
        })?;
        let equal = setup
            .over_seeds(|streams| Ok(plan.drifts(0.0, streams).into_iter().fold(0.0, f64::max)))?;
        Ok(Findings::new()
            .claims(floors(&plan, &seeds))
            .claims(proof(&plan))
            .claims(local(&plan, &seeds, &equal))
            .figure("workers", figure(&plan, &seeds)))
    }
}

impl Plan {
    /// The step size, 1/L.
    fn rate(&self) -> f64 {
        1.0 / self.quadratic.sharpest()
    }

    /// The mean squared distance from the minimum after some steps, exactly.
    fn expected(&self, steps: f64, rate: f64, workers: f64) -> f64 {
        let variance = self.noise * self.noise / (DIMENSION as f64 * workers);
        let each = self.quadratic.eigenvalues.iter();
        each.map(|eigenvalue| second_moment(*eigenvalue, START, (rate, variance), steps))
            .sum()
    }

    fn bound(&self, steps: f64, workers: f64) -> f64 {
        let (rate, flattest) = (self.rate(), self.quadratic.flattest());
        let start = START * START * DIMENSION as f64;
        (1.0 - flattest * rate).powf(steps) * start
            + rate * self.noise * self.noise / (flattest * workers)
    }

    /// The squared distance that noise keeps a single worker from unless its step size is small.
    fn near(&self) -> f64 {
        NEAR * self.noise * self.noise * self.quadratic.flattest() / self.quadratic.sharpest()
    }

    /// A squared distance that noise keeps no worker from.
    fn wide(&self) -> f64 {
        WIDE * self.noise * self.noise
    }

    /// The steps of twice the workers over those of the workers: of two over one to the near target, of eight over four to
    /// the wide one.
    fn saved(&self, streams: Streams) -> [f64; 2] {
        [(self.near(), 1), (self.wide(), 4)].map(|(target, workers)| {
            self.steps_to(target, 2 * workers, streams) / self.steps_to(target, workers, streams)
        })
    }

    /// The fewest steps until simulated descents are at a mean squared distance, over step sizes up to 1/L. Steps are
    /// counted no further than the fewest so far.
    fn steps_to(&self, target: f64, workers: usize, streams: Streams) -> f64 {
        let mut rng = streams.stream("steps", workers as u64);
        let mut fewest = None;
        for part in PARTS {
            let mut all = vec![vec![START; DIMENSION]; DESCENTS];
            let step = || {
                for w in &mut all {
                    *w = moved(w, -part * self.rate(), &self.slope(w, workers, &mut rng));
                }
                mean(&each(&all, |w| square(w)))
            };
            let limit = fewest.unwrap_or(1_000_000);
            fewest = steps_until(target, limit, step).or(fewest);
        }
        fewest.map_or(f64::NAN, |steps| steps as f64)
    }

    /// The mean of the workers' gradients, each with its own noise.
    fn slope(&self, w: &[f64], workers: usize, rng: &mut StreamRng) -> Vec<f64> {
        let factor = self.noise / (DIMENSION as f64).sqrt() / workers as f64;
        let mut slope = self.quadratic.gradient(w);
        for _ in 0..workers {
            for coordinate in &mut slope {
                *coordinate += factor * draw::normal(rng);
            }
        }
        slope
    }

    /// The simulated mean squared distance at rest.
    fn floor(&self, workers: f64, streams: Streams) -> f64 {
        let mut rng = streams.stream("noise", workers as u64);
        let mut w = vec![0.0; DIMENSION];
        let mut sum = 0.0;
        for step in 0..self.steps {
            w = moved(
                &w,
                -self.rate(),
                &self.slope(&w, workers as usize, &mut rng),
            );
            if step >= self.steps / 2 {
                sum += square(&w);
            }
        }
        sum / (self.steps - self.steps / 2) as f64
    }

    /// How far local steps without noise end from the minimum of the mean loss, relative to the distance of that from zero.
    fn drifts(&self, difference: f64, streams: Streams) -> Vec<f64> {
        let mut rng = streams.stream("workers", 0);
        let mut curvatures = Vec::new();
        let mut minima = Vec::new();
        for _ in 0..DIFFERENT {
            let factors = normals(&mut rng, DIMENSION);
            let each = self.quadratic.eigenvalues.iter().zip(factors);
            curvatures.push(
                each.map(|(value, factor)| value * (difference * factor).exp())
                    .collect::<Vec<f64>>(),
            );
            minima.push(normals(&mut rng, DIMENSION));
        }
        let rate = LOCAL_RATE / self.quadratic.sharpest();
        let rest =
            |local: i32| weighted(&curvatures, &minima, |h| 1.0 - (1.0 - rate * h).powi(local));
        let minimum = weighted(&curvatures, &minima, |h| h);
        self.local
            .iter()
            .map(|local| distance(&rest(*local as i32), &minimum) / norm(&minimum))
            .collect()
    }
}

/// The mean of the workers' minima, in each coordinate with weights that belong to their curvatures.
fn weighted(curvatures: &[Vec<f64>], minima: &[Vec<f64>], weight: impl Fn(f64) -> f64) -> Vec<f64> {
    let place = |axis: usize| {
        let weights = || curvatures.iter().map(|curvature| weight(curvature[axis]));
        let sum: f64 = weights()
            .zip(minima)
            .map(|(weight, minimum)| weight * minimum[axis])
            .sum();
        sum / weights().sum::<f64>()
    };
    (0..DIMENSION).map(place).collect()
}

fn floors(plan: &Plan, seeds: &[Seed]) -> Vec<Claim> {
    let id = "structure Ex.10";
    // At the start their ratio is near 1 whatever the method does.
    let steps: Vec<f64> = (1..=200).map(|index| 10.0 * f64::from(index)).collect();
    let of = |workers: &f64| {
        let ratios = steps
            .iter()
            .map(|step| plan.expected(*step, plan.rate(), *workers) / plan.bound(*step, *workers));
        ratios.fold(0.0, f64::max)
    };
    let largest = plan.workers.iter().map(of).fold(0.0, f64::max);
    let saved = |index: usize| Estimate::mean(&each(seeds, |seed| seed.saved[index]));
    vec![
        Claim::printed(
            id,
            "With η = 1/L, the mean squared distance is at most (1 − μη)^t times that at the start plus ησ²/(μm), at every tenth step \
             from the tenth to the 2000th: the largest ratio is at most 1.",
            Rule::Below(1.0 + 1e-9),
            Estimate::exact(largest, 1e-12),
        ),
        Claim::printed(
            id,
            "The mean squared distance at rest falls with the number of workers as its power −1.",
            equals(-1.0, 0.05),
            Estimate::mean(&each(seeds, |seed| power(&plan.workers, &seed.floors))),
        ),
        Claim::printed(
            id,
            format!(
                "Where noise dominates, two workers take half of the steps of one: to a mean squared distance of {:.1e} over \
                     {DESCENTS} descents, at the best step sizes.",
                plan.near()
            ),
            equals(0.5, 0.05),
            saved(0),
        ),
        Claim::must_fail(
            id,
            format!(
                "Where noise does not dominate, twice the workers take half of the steps: 8 against 4 workers, to {:.1e}.",
                plan.wide()
            ),
            equals(0.5, 0.05),
            saved(1),
        ),
    ]
}

fn proof(plan: &Plan) -> Vec<Claim> {
    let id = "structure Ex.10";
    let (sharpest, flattest) = (plan.quadratic.sharpest(), plan.quadratic.flattest());
    let ratio = |rate: f64| {
        let left = 1.0 - 2.0 * flattest * rate + (rate * sharpest).powi(2);
        Estimate::exact(left / (1.0 - flattest * rate), 1e-12)
    };
    let text = |bound: &str| {
        format!(
            "1 − 2μη + η²L² ≤ 1 − μη, which the proof uses, up to η = {bound}: there their ratio is at most 1, to rounding."
        )
    };
    vec![
        Claim::printed(
            id,
            text("1/L"),
            Rule::Below(1.0 + 1e-9),
            ratio(1.0 / sharpest),
        ),
        Claim::corrected(
            id,
            text("μ/L²"),
            Rule::Below(1.0 + 1e-9),
            ratio(flattest / (sharpest * sharpest)),
        ),
    ]
}

fn local(plan: &Plan, seeds: &[Seed], equal: &[f64]) -> Vec<Claim> {
    let id = "structure Ex.10";
    let last = plan.local.len() - 1;
    let arms: Vec<Vec<f64>> = (0..DIFFERENCES.len())
        .map(|difference| each(seeds, |seed| seed.drifts[difference][last]))
        .collect();
    let more: Vec<usize> = (0..plan.local.len())
        .filter(|index| plan.local[*index] > 1.0)
        .collect();
    let less_one: Vec<f64> = more.iter().map(|index| plan.local[*index] - 1.0).collect();
    let slope = each(seeds, |seed| {
        let drifts: Vec<f64> = more.iter().map(|index| seed.drifts[2][*index]).collect();
        power(&less_one, &drifts)
    });
    vec![
        Claim::printed(
            id,
            format!(
                "With {} local steps, the drift grows with how much the workers' curvatures differ: the smallest step of it over \
                     standard deviations {DIFFERENCES:?} of log h is positive.",
                plan.local[last]
            ),
            Rule::Above(0.0),
            Estimate::smallest_step(&arms),
        ),
        Claim::corrected(
            id,
            "The drift grows with the number of local steps as the power 1 of K − 1.",
            equals(1.0, 0.15),
            Estimate::mean(&slope),
        ),
        Claim::must_fail(
            id,
            "Workers with different minima but equal curvatures drift with local steps too: the largest drift is above 10⁻⁹.",
            Rule::Above(1e-9),
            Estimate::median(equal),
        ),
    ]
}

fn figure(plan: &Plan, seeds: &[Seed]) -> Figure {
    let rows: Vec<&[f64]> = seeds.iter().map(|seed| seed.floors.as_slice()).collect();
    let bound = plan
        .workers
        .iter()
        .map(|workers| plan.bound(1e9, *workers))
        .collect();
    let floor = Panel::new(
        Axis::new("workers m", "1").log(),
        Axis::new("squared distance at rest", "1").log(),
    )
    .titled("Every step together")
    .with(Line::new("ησ²/(μm)", plan.workers.clone(), bound).styled(Style::REFERENCE))
    .with(banded("measured", &plan.workers, &rows).with_markers());
    let mut drift = Panel::new(
        Axis::new("local steps K", "1").linear(),
        Axis::new("drift / distance", "1").including(0.0),
    )
    .titled("Local steps, without noise");
    for (index, difference) in DIFFERENCES.iter().enumerate() {
        let rows: Vec<&[f64]> = seeds
            .iter()
            .map(|seed| seed.drifts[index].as_slice())
            .collect();
        drift = drift
            .with(banded(format!("curvatures ± {difference}"), &plan.local, &rows).with_markers());
    }
    let figure = Figure {
        columns: 2,
        width: Width::Page,
        ..Figure::new("Workers that descend together, and apart")
    };
    figure.with(floor).with(drift)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_local_step_rests_at_the_minimum() {
        let plan = Plan {
            workers: vec![1.0],
            quadratic: Quadratic::log_spaced(1.0, 10.0, DIMENSION),
            noise: 1.0,
            steps: 100,
            local: vec![1.0, 5.0],
        };
        let drifts = plan.drifts(0.5, Streams::new(0));
        assert!(drifts[0] < 1e-12 && drifts[1] > 1e-4);
        // With equal minima there is nothing to drift to.
        let same = [vec![1.0; DIMENSION], vec![1.0; DIMENSION]];
        let curvatures = [vec![1.0; DIMENSION], vec![3.0; DIMENSION]];
        let rest = weighted(&curvatures, &same, |h| 1.0 - (1.0 - 0.1 * h).powi(5));
        assert!(distance(&rest, &same[0]) < 1e-12);
    }

    #[test]
    fn without_noise_the_steps_are_those_of_gradient_descent() {
        let plan = Plan {
            workers: vec![1.0],
            quadratic: Quadratic {
                eigenvalues: vec![1.0; DIMENSION],
            },
            noise: 0.0,
            steps: 100,
            local: vec![1.0],
        };
        // η = 1/L is there at once; half of it takes (1/4)ᵗ · 90 ≤ 1: four steps, a quarter of it eight.
        assert_eq!(plan.steps_to(1.0, 3, Streams::new(0)), 1.0);
    }

    #[test]
    fn weights_are_those_of_a_simulation() {
        let (curvatures, minima) = (
            [vec![1.0; DIMENSION], vec![3.0; DIMENSION]],
            [vec![0.0; DIMENSION], vec![1.0; DIMENSION]],
        );
        let rest = weighted(&curvatures, &minima, |h| 1.0 - (1.0 - 0.1 * h).powi(4))[0];
        let mut place = 0.0;
        for _ in 0..2000 {
            let end = |h: f64, minimum: f64| (0..4).fold(place, |w, _| w - 0.1 * h * (w - minimum));
            place = 0.5 * (end(1.0, 0.0) + end(3.0, 1.0));
        }
        assert!((rest - place).abs() < 1e-12);
    }
}
