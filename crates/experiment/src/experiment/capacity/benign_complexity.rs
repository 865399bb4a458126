//! Interpolation without harm, and the complexity of the ball that the interpolating solution is in.

use crate::experiment::{
    About, Claim, Count, Experiment, ExperimentError, Extent, Findings, Handle, Number, Numbers,
    Parameter, Setup, Subject,
};
use crate::figure::{Axis, Figure, Line, Panel, Style, Width};
use crate::problem::draw;
use crate::problem::linear_class::{solve_all, wishart};
use crate::random::Streams;
use crate::statistics::estimate::median;
use crate::statistics::{Estimate, Rule};
use faer::{Mat, Scale};

const SAMPLES: Numbers = Numbers::new(
    "samples",
    "m, training samples, ascending",
    &[50.0, 100.0, 200.0, 400.0],
)
.quick(&[50.0, 100.0, 200.0])
.allowed(20.0, 1e3);
const STRONG: Count = Count::new(
    "strong",
    "k, directions of variance one, which carry the \
    signal",
    5,
)
.allowed(1.0, 15.0);
const TAIL: Number =
    Number::new("tail", "sum of the variances of the weak directions", 5.0).allowed(0.1, 1e3);
const WEAK: Number = Number::new(
    "weak",
    "weak directions over the square of the samples",
    2.0,
)
.allowed(0.1, 1e3);
const NOISE: Number =
    Number::new("noise", "standard deviation of the labels' noise", 0.5).allowed(0.0, 10.0);

/// What one seed gives for one number of samples.
#[derive(Clone, Copy, Debug)]
struct Fit {
    excess: f64,
    complexity: f64,
    train: f64,
    /// The excess where there are only as many directions again as samples.
    harmful: f64,
    /// The complexity without noise of the labels.
    clean: f64,
}

/// Problem B.10 of the course text.
#[derive(Debug)]
pub struct BenignComplexity;

impl Experiment for BenignComplexity {
    fn about(&self) -> About {
        About {
            name: "benign-complexity",
            subject: Subject::Capacity,
            claim: "Interpolation is benign just where the interpolating solution is in a ball \
                of complexity O(1/√m).",
            source: "Implicit Bias, Flat vs Sharp Minima, and Generalization (course text), \
                Problem B.10; Bartlett et al. (2020)",
            mathematics: "There are k strong directions of variance one, which carry the \
                signal, and many weak ones of the total variance t. The least-norm solution \
                that interpolates noisy labels fits the noise in the weak directions, whose \
                Gram matrix is close to t times the identity: as a ridge of t would, and at \
                little cost for the test, so that the excess risk vanishes as m grows. Its \
                norm is about ‖w‖² = ‖w*‖² + mσ²/t, which grows with m; the complexity of the \
                ball of that norm, ‖w‖·√(E‖x‖²/m), tends to σ√((k + t)/t) and not to zero. \
                Thus benign interpolation of noise does not need an interpolating solution of \
                complexity O(1/√m). Without noise the norm stays, and the complexity falls as \
                1/√m.",
            refuted_by: "An excess risk that stays while m grows, or a complexity that \
                vanishes in spite of the noise.",
            seeds: Extent { full: 12, quick: 5 },
            seconds: Extent {
                full: 0.2,
                quick: 0.02,
            },
        }
    }

    fn parameters(&self) -> Vec<Parameter> {
        vec![
            SAMPLES.parameter(),
            STRONG.parameter(),
            TAIL.parameter(),
            WEAK.parameter(),
            NOISE.parameter(),
        ]
    }

    fn run(&self, setup: &Setup) -> Result<Findings, ExperimentError> {
        let samples = setup.get(SAMPLES);
        let seeds = setup.over_seeds(|streams| {
            samples
                .iter()
                .map(|count| one(setup, *count as usize, streams))
                .collect::<Result<Vec<Fit>, _>>()
        })?;
        Ok(Findings::new()
            .claims(claims(setup, &seeds))
            .figure("excess-and-complexity", figure(&samples, &seeds)))
    }
}

/// The least-norm solution by the Gram matrices of strong and weak directions; the signal is 1/√k along each strong one.
struct Solution {
    excess: f64,
    norm: f64,
    train: f64,
}

fn interpolate(
    strong: &Mat<f64>,
    weak: &Mat<f64>,
    variance: f64,
    noise: &Mat<f64>,
) -> Result<Solution, ExperimentError> {
    let k = strong.ncols();
    let truth = Mat::from_fn(k, 1, |_, _| 1.0 / (k as f64).sqrt());
    let y = strong * &truth + noise;
    let gram = strong * strong.transpose() + weak;
    let alpha = solve_all(&gram, &y)?;
    let along = strong.transpose() * &alpha;
    let squared = (alpha.transpose() * weak * &alpha)[(0, 0)];
    Ok(Solution {
        // A weak direction has the same variance in the test: it adds its squared weights times that.
        excess: (&along - &truth).squared_norm_l2() + variance * squared,
        norm: (along.squared_norm_l2() + squared).sqrt(),
        train: (gram * alpha - y).squared_norm_l2(),
    })
}

fn one(setup: &Setup, samples: usize, streams: Streams) -> Result<Fit, ExperimentError> {
    setup.go_on()?;
    let (k, tail, sigma) = (setup.get(STRONG), setup.get(TAIL), setup.get(NOISE));
    let directions =
        (setup.get(WEAK) * (samples * samples) as f64).max(2.0 * samples as f64) as usize;
    let mut rng = streams.stream("gram", samples as u64);
    let strong = draw::gaussian(&mut rng, samples, k);
    let noise = draw::gaussian(&mut rng, samples, 1) * Scale(sigma);
    let weak = |directions: usize,
                rng: &mut crate::random::StreamRng|
     -> Result<Mat<f64>, ExperimentError> {
        Ok(wishart(rng, samples, directions)? * Scale(tail / directions as f64))
    };
    let (many, few) = (weak(directions, &mut rng)?, weak(2 * samples, &mut rng)?);
    let solution = interpolate(&strong, &many, tail / directions as f64, &noise)?;
    let harmful = interpolate(&strong, &few, tail / (2 * samples) as f64, &noise)?;
    let clean = interpolate(
        &strong,
        &many,
        tail / directions as f64,
        &(&noise * Scale(0.0)),
    )?;
    let size = ((k as f64 + tail) / samples as f64).sqrt();
    Ok(Fit {
        excess: solution.excess,
        complexity: solution.norm * size,
        train: solution.train,
        harmful: harmful.excess,
        clean: clean.norm * size,
    })
}

fn slope(samples: &[f64], seeds: &[Vec<Fit>], of: fn(&Fit) -> f64) -> Estimate {
    let (mut x, mut y) = (Vec::new(), Vec::new());
    for seed in seeds {
        x.extend(samples.iter().map(|m| m.ln()));
        y.extend(seed.iter().map(|fit| of(fit).ln()));
    }
    Estimate::slope(&x, &y)
}

fn claims(setup: &Setup, seeds: &[Vec<Fit>]) -> Vec<Claim> {
    let id = "flat-vs-sharp B.10";
    let samples = setup.get(SAMPLES);
    let last = samples.len() - 1;
    let at = |of: fn(&Fit) -> f64| {
        seeds
            .iter()
            .map(|seed| of(&seed[last]))
            .collect::<Vec<f64>>()
    };
    let variance = setup.get(NOISE).powi(2);
    let train = seeds
        .iter()
        .flatten()
        .map(|fit| fit.train)
        .fold(0.0, f64::max);
    let root = Rule::Equals {
        value: -0.5,
        tolerance: 0.15,
    };
    vec![
        Claim::printed(
            id,
            "The least-norm solution interpolates (largest squared training error)",
            Rule::Below(1e-9),
            Estimate::exact(train, 1e-12),
        ),
        Claim::printed(
            id,
            format!(
                "Interpolation is benign with many weak directions: the excess risk is \
                below a tenth of the noise, m = {} (median ratio)",
                samples[last]
            ),
            Rule::Below(0.1),
            Estimate::median(&at(|fit| fit.excess)).times(1.0 / variance.max(1e-12)),
        ),
        Claim::must_fail(
            id,
            "It is with only twice as many of them as samples, too (median ratio)",
            Rule::Below(0.1),
            Estimate::median(&at(|fit| fit.harmful)).times(1.0 / variance.max(1e-12)),
        ),
        Claim::printed(
            id,
            "Where interpolation is benign the complexity of the solution's ball falls as 1/√m \
             (slope of the logarithms)",
            root,
            slope(&samples, seeds, |fit| fit.complexity),
        ),
        Claim::corrected(
            id,
            "In spite of noise in the labels the excess risk vanishes while the complexity \
             does not: the slope of its logarithm is above −0.3",
            Rule::Above(-0.3),
            slope(&samples, seeds, |fit| fit.complexity),
        ),
        Claim::corrected(
            id,
            "and the excess risk falls (slope of the logarithms)",
            Rule::Below(-0.5),
            slope(&samples, seeds, |fit| fit.excess),
        ),
        Claim::corrected(
            id,
            "Without noise the complexity falls as 1/√m (slope of the logarithms)",
            root,
            slope(&samples, seeds, |fit| fit.clean),
        ),
    ]
}

fn figure(samples: &[f64], seeds: &[Vec<Fit>]) -> Figure {
    let of = |f: fn(&Fit) -> f64, pick: &dyn Fn(&[f64]) -> f64| -> Vec<f64> {
        (0..samples.len())
            .map(|index| pick(&seeds.iter().map(|seed| f(&seed[index])).collect::<Vec<_>>()))
            .collect()
    };
    let low = |values: &[f64]| values.iter().copied().fold(f64::INFINITY, f64::min);
    let high = |values: &[f64]| values.iter().copied().fold(0.0, f64::max);
    let line = |label: &str, f: fn(&Fit) -> f64, colour: usize| {
        Line::new(label, samples.to_vec(), of(f, &median))
            .with_band(
                of(f, &low),
                of(f, &high),
                "smallest to largest of all seeds",
            )
            .with_markers()
            .styled(Style {
                colour: Some(colour),
                dash: 0,
            })
    };
    let panel = Panel::new(
        Axis::counting("training samples").log(),
        Axis::new(
            "risk, or \
        complexity",
            "1",
        )
        .log(),
    )
    .with(line("complexity", |fit| fit.complexity, 0))
    .with(line("complexity without noise", |fit| fit.clean, 1))
    .with(line("excess risk", |fit| fit.excess, 2))
    .with(line("excess, few directions", |fit| fit.harmful, 3));
    Figure {
        width: Width::Column,
        ..Figure::new("Benign interpolation and complexity")
    }
    .with(panel)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gram_matrices_give_the_solution_of_the_data() {
        let mut rng = Streams::new(0).stream("test", 0);
        let (strong, weak) = (
            draw::gaussian(&mut rng, 6, 2),
            draw::gaussian(&mut rng, 6, 30) * Scale(0.3),
        );
        let noise = draw::gaussian(&mut rng, 6, 1);
        let found = interpolate(&strong, &(&weak * weak.transpose()), 0.09, &noise).unwrap();
        let x = Mat::from_fn(6, 32, |row, column| {
            if column < 2 {
                strong[(row, column)]
            } else {
                weak[(row, column - 2)]
            }
        });
        let y = &strong * Mat::from_fn(2, 1, |_, _| 0.5f64.sqrt()) + &noise;
        let w = crate::problem::dense::least_norm(x.as_ref(), y.col(0)).unwrap();
        assert!((w.norm_l2() - found.norm).abs() < 1e-9 && found.train < 1e-18);
        let excess: f64 = (0..32)
            .map(|place| {
                if place < 2 {
                    (w[place] - 0.5f64.sqrt()).powi(2)
                } else {
                    0.09 * w[place] * w[place]
                }
            })
            .sum();
        assert!((excess - found.excess).abs() < 1e-9);
    }
}
