//! How far ridge regression moves when one example is left out, and what that says of its generalisation gap.

use crate::experiment::lines::tested;
use crate::experiment::{
    About, Claim, Count, Experiment, ExperimentError, Extent, Findings, Handle, Number, Numbers,
    Parameter, Setup, Subject,
};
use crate::figure::{Axis, Figure, Line, Panel, Style, Width};
use crate::problem::draw;
use crate::problem::linear_class::Ridge;
use crate::random::Streams;
use crate::statistics::estimate::median;
use crate::statistics::{Estimate, Rule, mean};
use faer::{Mat, Scale};
use rand::RngExt;

const SAMPLES: Count = Count::new("samples", "m, training examples", 100)
    .quick(60)
    .allowed(10.0, 1e3);
const FEATURES: Count = Count::new("features", "inputs", 100)
    .quick(60)
    .allowed(2.0, 1e3);
const CLASSES: Count = Count::new("classes", "classes, each with an output of its own", 5)
    .quick(3)
    .allowed(2.0, 20.0);
const RIDGES: Numbers =
    Numbers::new("ridges", "ridges λ, ascending", &[0.1, 1.0, 10.0, 100.0]).allowed(1e-3, 1e6);
const NOISE: Number = Number::new(
    "noise",
    "standard deviation of the examples around the \
    means of their classes",
    1.0,
)
.allowed(0.05, 10.0);
const SCALE: Number = Number::new(
    "scale",
    "by what the inputs are multiplied, and λ by its \
    square, in the other units",
    100.0,
)
.allowed(1.5, 1e4);

/// What one seed gives for one ridge.
#[derive(Clone, Debug)]
struct Fit {
    moved: f64,
    gap: f64,
    stability: f64,
    /// The mean loss at examples that are left out over the test loss of a fit without the first.
    left_out: f64,
    /// The first three in the other units.
    other: [f64; 3],
    /// The gap with inputs in the other units and the ridge as it is.
    kept: f64,
}

/// Exercise C.16 of the course text.
#[derive(Debug)]
pub struct LeaveOneOutStability;

impl Experiment for LeaveOneOutStability {
    fn about(&self) -> About {
        About {
            name: "leave-one-out-stability",
            subject: Subject::Capacity,
            claim: "A ridge makes regression more stable against leaving out an example, and \
                its generalisation gap smaller.",
            source: "Implicit Bias, Flat vs Sharp Minima, and Generalization (course text), \
                Exercise C.16",
            mathematics: "For ridge regression w = (XᵀX + λI)⁻¹XᵀY the solution without \
                example i is known: with the leverage hᵢ = xᵢᵀ(XᵀX + λI)⁻¹xᵢ its residual at i \
                is rᵢ/(1 − hᵢ), and w moves by ‖rᵢ‖·‖(XᵀX + λI)⁻¹xᵢ‖/(1 − hᵢ) = Δᵢ. The text \
                bounds the gap of test and training loss by 2·mean Δᵢ + O(1/√m). But Δ has the \
                unit of w and not of a loss: inputs times c with λ times c² leave all \
                predictions and the gap as they are and divide Δ by c. The mean change of the \
                loss at the example that is left out, β, has the right unit: on average it is \
                the test loss of a fit with one example less, minus the training loss. The \
                exercise takes 100 images of MNIST and λ from 0.01 to 1; here the inputs of a \
                class are normal around its mean, and λ goes farther up.",
            refuted_by: "A ridge that lets the gap grow, or a gap that the change of the \
                losses does not follow.",
            seeds: Extent { full: 20, quick: 6 },
            seconds: Extent {
                full: 0.1,
                quick: 0.02,
            },
        }
    }

    fn parameters(&self) -> Vec<Parameter> {
        vec![
            SAMPLES.parameter(),
            FEATURES.parameter(),
            CLASSES.parameter(),
            RIDGES.parameter(),
            NOISE.parameter(),
            SCALE.parameter(),
        ]
    }

    fn run(&self, setup: &Setup) -> Result<Findings, ExperimentError> {
        let seeds = setup.over_seeds(|streams| one(setup, streams))?;
        Ok(Findings::new()
            .claims(claims_of_ridges(setup, &seeds))
            .claims(claims_of_distances(setup, &seeds))
            .claims(claims_of_left_out_losses(setup, &seeds))
            .figure("stability", figure(setup, &seeds)))
    }
}

/// Examples of random classes, whose means are random and about of unit norm, and one output for each class, ±1.
fn examples(
    setup: &Setup,
    means: &Mat<f64>,
    count: usize,
    rng: &mut crate::random::StreamRng,
) -> (Mat<f64>, Mat<f64>) {
    let (classes, features) = (setup.get(CLASSES), setup.get(FEATURES));
    // Noise of that size in all directions together.
    let noise =
        draw::gaussian(rng, count, features) * Scale(setup.get(NOISE) / (features as f64).sqrt());
    // Drawn and not taken in turn: leaving out one of equally many would make its class rarer than it is in the test.
    let of: Vec<usize> = (0..count).map(|_| rng.random_range(0..classes)).collect();
    let x = Mat::from_fn(count, features, |row, column| {
        means[(of[row], column)] + noise[(row, column)]
    });
    let y = Mat::from_fn(
        count,
        classes,
        |row, class| if of[row] == class { 1.0 } else { -1.0 },
    );
    (x, y)
}

fn one(setup: &Setup, streams: Streams) -> Result<Vec<Fit>, ExperimentError> {
    const TESTS: usize = 1_000;
    let mut rng = streams.stream("examples", 0);
    let features = setup.get(FEATURES);
    let means = draw::gaussian(&mut rng, setup.get(CLASSES), features)
        * Scale(1.0 / (features as f64).sqrt());
    let (x, y) = examples(setup, &means, setup.get(SAMPLES), &mut rng);
    let (test, targets) = examples(setup, &means, TESTS, &mut rng);
    let scale = setup.get(SCALE);
    let numbers = |factor: f64, ridge: f64| -> Result<[f64; 3], ExperimentError> {
        let ridge = Ridge::fit(&(&x * Scale(factor)), &y, ridge * factor * factor)?;
        let train = mean(&ridge.losses);
        let errors = &test * Scale(factor) * &ridge.w - &targets;
        let gap = errors.squared_norm_l2() / TESTS as f64 - train;
        Ok([mean(&ridge.moved), gap, mean(&ridge.losses_without) - train])
    };
    let of = |ridge: f64| {
        let [moved, gap, stability] = numbers(1.0, ridge)?;
        let without = |m: &Mat<f64>| m.get(1.., ..).to_owned();
        let one_less = Ridge::fit(&without(&x), &without(&y), ridge)?;
        let test_loss = (&test * &one_less.w - &targets).squared_norm_l2() / TESTS as f64;
        let left_out = mean(&Ridge::fit(&x, &y, ridge)?.losses_without) / test_loss;
        Ok(Fit {
            moved,
            gap,
            stability,
            left_out,
            other: numbers(scale, ridge)?,
            kept: numbers(scale, ridge / (scale * scale))?[1],
        })
    };
    setup.get(RIDGES).into_iter().map(of).collect()
}

/// Where the claims stand in the sources.
const ID: &str = "flat-vs-sharp C.16";

/// What a weaker ridge does to stability and to the gap.
fn claims_of_ridges(setup: &Setup, seeds: &[Vec<Fit>]) -> Vec<Claim> {
    let ridges = setup.get(RIDGES);
    let arms = |f: fn(&Fit) -> f64| -> Vec<Vec<f64>> {
        // From strong to weak ridge, so that all should rise.
        (0..ridges.len())
            .rev()
            .map(|index| seeds.iter().map(|seed| f(&seed[index])).collect())
            .collect()
    };
    let over = tested(&ridges);
    vec![
        Claim::printed(
            ID,
            format!(
                "On Gaussian classes in the place of MNIST, for λ of {over}, a weaker ridge \
                 lets w move farther when an example is left out (smallest step of the mean Δ)"
            ),
            Rule::Above(0.0),
            Estimate::smallest_step(&arms(|fit| fit.moved)),
        ),
        Claim::printed(
            ID,
            format!(
                "There a weaker ridge has a larger gap of test and training loss, for λ of \
                 {over} (smallest step)"
            ),
            Rule::Above(0.0),
            Estimate::smallest_step(&arms(|fit| fit.gap)),
        ),
    ]
}

/// The bound of the gap by how far the weights move, in two units of the inputs.
fn claims_of_distances(setup: &Setup, seeds: &[Vec<Fit>]) -> Vec<Claim> {
    let ridges = setup.get(RIDGES);
    let room = 1.0 / (setup.get(SAMPLES) as f64).sqrt();
    let excess = |f: fn(&Fit) -> (f64, f64)| {
        let all = seeds.iter().map(|seed| {
            mean(
                &seed
                    .iter()
                    .map(|fit| f(fit).1 - 2.0 * f(fit).0 - room)
                    .collect::<Vec<_>>(),
            )
        });
        Estimate::mean(&all.collect::<Vec<_>>())
    };
    let last = ridges.len() - 1;
    let kept: Vec<f64> = seeds
        .iter()
        .map(|seed| seed[last].kept / seed[last].gap)
        .collect();
    let scale = setup.get(SCALE);
    vec![
        Claim::printed(
            ID,
            "The gap is at most 2·mean Δ + 1/√m (mean of what is above it)",
            Rule::Below(0.0),
            excess(|fit| (fit.moved, fit.gap)),
        ),
        Claim::printed(
            ID,
            format!(
                "It is with inputs times {scale} and λ times its square, too (mean of what \
                is above it)"
            ),
            Rule::Below(0.0),
            excess(|fit| (fit.other[0], fit.other[1])),
        ),
        Claim::must_fail(
            ID,
            format!(
                "With inputs times {scale} and λ as it is the gap at λ = {} is what it was, to a \
                 tenth (mean ratio)",
                ridges[last]
            ),
            Rule::Equals {
                value: 1.0,
                tolerance: 0.1,
            },
            Estimate::mean(&kept),
        ),
    ]
}

/// What the losses at left-out examples say of the gap and of the test loss.
fn claims_of_left_out_losses(setup: &Setup, seeds: &[Vec<Fit>]) -> Vec<Claim> {
    let ridges = setup.get(RIDGES);
    let last = ridges.len() - 1;
    let left_out = |index: usize| {
        Estimate::mean(
            &seeds
                .iter()
                .map(|seed| seed[index].left_out)
                .collect::<Vec<_>>(),
        )
    };
    let beyond = |fit: &Fit| (fit.gap - fit.stability).max(fit.other[1] - fit.other[2]);
    let above_change = seeds
        .iter()
        .map(|seed| mean(&seed.iter().map(beyond).collect::<Vec<_>>()));
    let above_change = Estimate::mean(&above_change.collect::<Vec<_>>());
    vec![
        Claim::corrected(
            ID,
            "The gap is at most the mean change β of the loss at the example that is left out, \
             in both units (mean of what is above it)",
            Rule::Below(0.0),
            above_change,
        ),
        Claim::corrected(
            ID,
            format!(
                "The mean loss at left-out examples is the test loss of a fit with one \
                example less, to a tenth, at λ = {} (mean ratio)",
                ridges[0]
            ),
            Rule::Equals {
                value: 1.0,
                tolerance: 0.1,
            },
            left_out(0),
        ),
        Claim::corrected(
            ID,
            format!("and at λ = {} (mean ratio)", ridges[last]),
            Rule::Equals {
                value: 1.0,
                tolerance: 0.1,
            },
            left_out(last),
        ),
    ]
}

fn figure(setup: &Setup, seeds: &[Vec<Fit>]) -> Figure {
    let x = setup.get(RIDGES);
    let of = |f: fn(&Fit) -> f64, pick: &dyn Fn(&[f64]) -> f64| -> Vec<f64> {
        (0..x.len())
            .map(|index| pick(&seeds.iter().map(|seed| f(&seed[index])).collect::<Vec<_>>()))
            .collect()
    };
    let low = |values: &[f64]| values.iter().copied().fold(f64::INFINITY, f64::min);
    let high = |values: &[f64]| values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let line = |label: &str, f: fn(&Fit) -> f64, colour: usize| {
        Line::new(label, x.clone(), of(f, &median))
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
        Axis::new("ridge λ", "1").log(),
        Axis::new(
            "loss, or distance of \
        weights",
            "1",
        )
        .log(),
    )
    .with(line("gap", |fit| fit.gap, 0))
    .with(line("change of loss β", |fit| fit.stability, 1))
    .with(line("distance Δ", |fit| fit.moved, 2))
    .with(line("Δ in other units", |fit| fit.other[0], 3));
    Figure {
        width: Width::Column,
        ..Figure::new("Leaving out an example, and the gap")
    }
    .with(panel)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;
    use std::sync::atomic::AtomicBool;

    #[test]
    fn other_units_change_the_distance_and_not_the_losses() {
        let stop = AtomicBool::new(false);
        let setup = Setup::new(BTreeMap::new(), vec![0], true, &stop);
        for fit in one(&setup, Streams::new(0)).unwrap() {
            assert!((fit.other[0] * 100.0 / fit.moved - 1.0).abs() < 1e-6);
            assert!(
                (fit.other[1] - fit.gap).abs() < 1e-6
                    && (fit.other[2] - fit.stability).abs() < 1e-6
            );
        }
    }
}
