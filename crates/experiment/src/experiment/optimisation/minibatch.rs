//! The gradient of a batch: its mean and variance, and what descent along it does.

use super::{banded, each, equals, power};
use crate::experiment::{
    About, Claim, Count, Experiment, ExperimentError, Extent, Findings, Handle, Number, Parameter,
    Setup, Subject,
};
use crate::figure::{Axis, Figure, Line, Panel, Style, Width};
use crate::problem::quadratic::log_spaced;
use crate::problem::stochastic::{Logistic, with_replacement, without_replacement};
use crate::problem::vector::{distance, moved, normals, square};
use crate::random::Streams;
use crate::statistics::{Estimate, Rule};

const SAMPLES: Count = Count::new("samples", "training examples", 128).allowed(8.0, 1e4);
const DIMENSION: Count = Count::new("dimension", "coordinates of an example", 10).allowed(1.0, 1e3);
const DRAWS: Count = Count::new("draws", "batches drawn for each size and seed", 400)
    .quick(200)
    .allowed(10.0, 1e6);
const RATE: Number =
    Number::new("rate", "step size of the runs that are compared", 0.5).allowed(1e-3, 2.0);
const STEPS: Count = Count::new("steps", "steps of the runs that are compared", 2000)
    .quick(800)
    .allowed(10.0, 1e6);
const TESTS: Count = Count::new("tests", "fresh examples for the test error", 2000)
    .quick(1000)
    .allowed(10.0, 1e6);

/// By how much a bias b that still counts as none raises the ratio that is 1 without one: by draws · b²/γ₁².
const MOST_BIAS: f64 = 0.5;
/// Over how many passes the training losses at equal cost are compared.
const PASSES: usize = 5;

/// Theory 2-4, and the first part of 2-11.
#[derive(Debug)]
pub struct MinibatchGradients;

/// What a seed gives.
struct Seed {
    bias: f64,
    /// Of batches with and without replacement, over the variance of one example's gradient.
    variances: [Vec<f64>; 2],
    departures: Vec<f64>,
    losses: [f64; 2],
    errors: [f64; 2],
}

/// What is set for all seeds.
struct Plan {
    samples: usize,
    dimension: usize,
    draws: usize,
    rate: f64,
    steps: usize,
    tests: usize,
    sizes: Vec<f64>,
    rates: Vec<f64>,
}

impl Experiment for MinibatchGradients {
    fn about(&self) -> About {
        About {
            name: "minibatch-gradients",
            subject: Subject::Optimisation,
            claim: "The gradient of a batch is the full gradient plus noise whose variance falls as one over the batch size; \
                    with small steps, descent along it is gradient descent.",
            source: "Arora et al., Theory of Deep Learning (draft), sec. 2.2 and Problem 2.5.3",
            mathematics: "With B indices drawn with replacement, g = (1/B) Σ ∇f_i has the mean ∇f and \
                E‖g − ∇f‖² = γ₁²/B, where γ₁² = (1/m) Σ‖∇f_i − ∇f‖². Without replacement from m examples, each \
                pair of draws is negatively correlated and the variance is γ₁²/B · (m − B)/(m − 1). Over a fixed time ηK, \
                K independent noises of size η add up to √K η ∝ √η, so that stochastic gradient descent tends to \
                gradient descent as η → 0.",
            refuted_by: "A variance that does not fall as 1/B, or a distance to gradient descent that does not vanish with η.",
            seeds: Extent {
                full: 20,
                quick: 12,
            },
            seconds: Extent {
                full: 0.6,
                quick: 0.3,
            },
        }
    }

    fn parameters(&self) -> Vec<Parameter> {
        vec![
            SAMPLES.parameter(),
            DIMENSION.parameter(),
            DRAWS.parameter(),
            RATE.parameter(),
            STEPS.parameter(),
            TESTS.parameter(),
        ]
    }

    fn run(&self, setup: &Setup) -> Result<Findings, ExperimentError> {
        let samples = setup.get(SAMPLES);
        let sizes = (0..)
            .map(|power| f64::from(1 << power))
            .take_while(|size| *size <= 0.5 * samples as f64);
        let plan = Plan {
            samples,
            dimension: setup.get(DIMENSION),
            draws: setup.get(DRAWS),
            rate: setup.get(RATE),
            steps: setup.get(STEPS),
            tests: setup.get(TESTS),
            sizes: sizes.collect(),
            rates: log_spaced(0.003, 0.1, 4),
        };
        let seeds = setup.over_seeds(|streams| Ok(seed(&plan, streams)))?;
        Ok(Findings::new()
            .claims(noise(&plan, &seeds))
            .claims(descent(&plan, &seeds))
            .figure("batches", figure(&plan, &seeds)))
    }
}

fn noise(plan: &Plan, seeds: &[Seed]) -> Vec<Claim> {
    let last = plan.sizes.len() - 1;
    let half = plan.sizes[last];
    let factor = (plan.samples as f64 - half) / (plan.samples as f64 - 1.0);
    let whole = |index: usize| each(seeds, |seed| seed.variances[index][last] * half);
    vec![
        Claim::printed(
            "theory 2-4",
            format!(
                "The gradient of one example is unbiased: the square of the mean error of {} draws is what their variance \
                     makes it, a ratio of 1; a bias of {:.3} γ₁ would add {MOST_BIAS}.",
                plan.draws,
                (MOST_BIAS / plan.draws as f64).sqrt()
            ),
            equals(1.0, MOST_BIAS),
            Estimate::mean(&each(seeds, |seed| seed.bias)),
        ),
        Claim::printed(
            "theory 2-11",
            "With replacement, the variance of the gradient falls with the batch size as its power −1.",
            equals(-1.0, 0.02),
            Estimate::mean(&each(seeds, |seed| power(&plan.sizes, &seed.variances[0]))),
        ),
        Claim::must_fail(
            "theory 2-4",
            format!("Without replacement, the variance at B = {half} is γ₁²/B, a ratio of 1."),
            equals(1.0, 0.05),
            Estimate::mean(&whole(1)),
        ),
        Claim::corrected(
            "theory 2-4",
            format!(
                "Without replacement, the variance at B = {half} is γ₁²/B · (m − B)/(m − 1), a ratio of 1."
            ),
            equals(1.0, 0.05),
            Estimate::mean(&whole(1)).times(1.0 / factor),
        ),
    ]
}

fn descent(plan: &Plan, seeds: &[Seed]) -> Vec<Claim> {
    let pair = |of: fn(&Seed) -> [f64; 2]| {
        Estimate::difference(
            &each(seeds, |seed| of(seed)[0]),
            &each(seeds, |seed| of(seed)[1]),
        )
    };
    vec![
        Claim::printed(
            "theory 2-4",
            "With small steps, descent along single examples' gradients is like gradient descent: at the same time ηK, their \
             distance falls as the power 1/2 of η.",
            equals(0.5, 0.1),
            Estimate::mean(&each(seeds, |seed| power(&plan.rates, &seed.departures))),
        ),
        Claim::printed(
            "theory 2-4",
            format!(
                "After {PASSES} passes over the examples, the training loss of stochastic gradient descent (B = 1, step size \
                     {} as for gradient descent) is below that of gradient descent.",
                plan.rate / 10.0
            ),
            Rule::Below(0.0),
            pair(|seed| seed.losses),
        ),
        Claim::printed(
            "theory 2-4",
            format!(
                "After {} steps of size {}, the test error of stochastic gradient descent (B = 1) is below that of gradient \
                     descent.",
                plan.steps, plan.rate
            ),
            Rule::Below(0.0),
            pair(|seed| seed.errors),
        ),
    ]
}

fn seed(plan: &Plan, streams: Streams) -> Seed {
    let mut rng = streams.stream("data", 0);
    let scale = 2.0 / (plan.dimension as f64).sqrt();
    let truth = normals(&mut rng, plan.dimension);
    let truth: Vec<f64> = truth.iter().map(|w| scale * w).collect();
    let problem = Logistic::drawn(&mut rng, &truth, plan.samples);
    let fresh = Logistic::drawn(&mut streams.stream("tests", 0), &truth, plan.tests);
    let (bias, variances) = scatter(plan, &problem, streams);
    let run = |is_full: bool, rate: f64, steps: usize| {
        descend(&problem, plan.dimension, is_full, (rate, steps), streams)
    };
    let apart = |rate: &f64| {
        let steps = (3.0 / rate) as usize;
        distance(&run(true, *rate, steps), &run(false, *rate, steps))
    };
    let slow = plan.rate / 10.0;
    let passed = [
        run(true, slow, PASSES),
        run(false, slow, PASSES * plan.samples),
    ];
    Seed {
        bias,
        variances,
        departures: plan.rates.iter().map(apart).collect(),
        losses: passed.map(|w| problem.loss(&w)),
        errors: [true, false].map(|is_full| fresh.error(&run(is_full, plan.rate, plan.steps))),
    }
}

/// At the start, over the variance of one example's gradient: the squared mean of the noise of one example, times the
/// number of draws, and the variances of batches with and without replacement.
fn scatter(plan: &Plan, problem: &Logistic, streams: Streams) -> (f64, [Vec<f64>; 2]) {
    let start = vec![0.0; plan.dimension];
    let full = problem.gradient(&start);
    let each = (0..plan.samples).map(|index| problem.gradient_of(index, &start));
    let one = each
        .map(|slope| distance(&slope, &full).powi(2))
        .sum::<f64>();
    let one = one / plan.samples as f64;
    let draws = plan.draws as f64;
    let mut rng = streams.stream("batches", 0);
    let mut noises = |size: f64, is_with: bool| -> Vec<Vec<f64>> {
        let draw = if is_with {
            with_replacement
        } else {
            without_replacement
        };
        let noise = |_| {
            let batch = draw(&mut rng, plan.samples, size as usize);
            moved(&problem.gradient_over(&batch, &start), -1.0, &full)
        };
        (0..plan.draws).map(noise).collect()
    };
    let sum = noises(1.0, true)
        .iter()
        .fold(start.clone(), |sum, noise| moved(&sum, 1.0, noise));
    let variances = [true, false].map(|is_with| {
        let sizes = plan.sizes.iter();
        let squares = sizes.map(|size| {
            noises(*size, is_with)
                .iter()
                .map(|noise| square(noise))
                .sum::<f64>()
        });
        squares.map(|square| square / (draws * one)).collect()
    });
    (square(&sum) / (draws * one), variances)
}

/// Where descent from zero is after some steps, along the full gradient or along that of one example.
fn descend(
    problem: &Logistic,
    dimension: usize,
    is_full: bool,
    (rate, steps): (f64, usize),
    streams: Streams,
) -> Vec<f64> {
    let mut rng = streams.stream("descent", 0);
    (0..steps).fold(vec![0.0; dimension], |w, _| {
        let slope = if is_full {
            problem.gradient(&w)
        } else {
            problem.gradient_over(&with_replacement(&mut rng, problem.labels.len(), 1), &w)
        };
        moved(&w, -rate, &slope)
    })
}

fn figure(plan: &Plan, seeds: &[Seed]) -> Figure {
    let rows = |of: fn(&Seed) -> &[f64]| seeds.iter().map(of).collect::<Vec<_>>();
    let inverse = plan.sizes.iter().map(|size| 1.0 / size).collect();
    let variance = Panel::new(
        Axis::new("batch size B", "1").log(),
        Axis::new("variance / γ₁²", "1").log(),
    )
    .titled("Noise of the gradient")
    .with(
        banded(
            "with replacement",
            &plan.sizes,
            &rows(|seed| &seed.variances[0]),
        )
        .with_markers(),
    )
    .with(banded("without", &plan.sizes, &rows(|seed| &seed.variances[1])).with_markers())
    .with(Line::new("1/B", plan.sizes.clone(), inverse).styled(Style::REFERENCE));
    let apart = Panel::new(
        Axis::new("step size η", "1").log(),
        Axis::new("distance at ηK = 3", "1").log(),
    )
    .titled("Stochastic and full gradient descent")
    .with(banded("distance", &plan.rates, &rows(|seed| &seed.departures)).with_markers());
    let figure = Figure {
        columns: 2,
        width: Width::Page,
        ..Figure::new("Batches of logistic regression")
    };
    figure.with(variance).with(apart)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_without_replacement_are_different_and_those_with_it_need_not_be() {
        let mut rng = Streams::new(0).stream("test", 0);
        let mut all = without_replacement(&mut rng, 9, 9);
        all.sort_unstable();
        assert_eq!(all, (0..9).collect::<Vec<_>>());
        assert_eq!(with_replacement(&mut rng, 1, 3), [0, 0, 0]);
        assert_eq!(without_replacement(&mut rng, 5, 2).len(), 2);
    }
}
