//! The gradient of a batch: its mean and variance, and what descent along it does.

use super::{banded, each, equals, power};
use crate::experiment::{
    About, Claim, Count, Experiment, Extent, Failure, Findings, Handle, Number, Parameter, Setup, Subject,
};
use crate::figure::{Axis, Figure, Line, Panel, Style, Width};
use crate::problem::quadratic::{distance, log_spaced, moved, normals, square};
use crate::problem::stochastic::{Logistic, with_replacement, without_replacement};
use crate::random::Streams;
use crate::statistics::{Estimate, Rule};

const SAMPLES: Count = Count::new("samples", "training examples", 128).allowed(8.0, 1e4);
const DIMENSION: Count = Count::new("dimension", "coordinates of an example", 10).allowed(1.0, 1e3);
const DRAWS: Count = Count::new("draws", "batches drawn for each size and seed", 400).quick(200).allowed(10.0, 1e6);
const RATE: Number = Number::new("rate", "step size of the runs that are compared", 0.5).allowed(1e-3, 2.0);
const STEPS: Count = Count::new("steps", "steps of the runs that are compared", 2000).quick(800).allowed(10.0, 1e6);
const TESTS: Count = Count::new("tests", "fresh examples for the test error", 2000).quick(1000).allowed(10.0, 1e6);

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
            seeds: Extent { full: 20, quick: 12 },
            seconds: Extent { full: 2.0, quick: 0.4 },
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

    fn run(&self, setup: &Setup) -> Result<Findings, Failure> {
        let samples = setup.get(SAMPLES);
        let sizes = (0..).map(|power| f64::from(1 << power)).take_while(|size| *size <= 0.5 * samples as f64);
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
            format!("The gradient of one example is unbiased: the square of its mean over {} draws is what their variance \
                     makes it, a ratio of 1.", plan.draws),
            equals(1.0, 0.5),
            Estimate::mean(&each(seeds, |seed| seed.bias)),
        ),
        Claim::printed(
            "theory 2-11",
            "With replacement, the variance of the gradient falls with the batch size as its power −1.",
            equals(-1.0, 0.02),
            Estimate::mean(&each(seeds, |seed| power(&plan.sizes, &seed.variances[0]))),
        ),
        Claim::control(
            "theory 2-4",
            format!("Without replacement, the variance at B = {half} is γ₁²/B, a ratio of 1."),
            equals(1.0, 0.05),
            Estimate::mean(&whole(1)),
        ),
        Claim::corrected(
            "theory 2-4",
            format!("Without replacement, the variance at B = {half} is γ₁²/B · (m − B)/(m − 1), a ratio of 1."),
            equals(1.0, 0.05),
            Estimate::mean(&whole(1)).times(1.0 / factor),
        ),
    ]
}

fn descent(plan: &Plan, seeds: &[Seed]) -> Vec<Claim> {
    let pair = |of: fn(&Seed) -> [f64; 2]| {
        Estimate::difference(&each(seeds, |seed| of(seed)[0]), &each(seeds, |seed| of(seed)[1]))
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
            format!("After {PASSES} passes over the examples, the training loss of stochastic gradient descent (B = 1, step size \
                     {} as for gradient descent) is below that of gradient descent.", plan.rate / 10.0),
            Rule::Below(0.0),
            pair(|seed| seed.losses),
        ),
        Claim::printed(
            "theory 2-4",
            format!("After {} steps of size {}, the test error of stochastic gradient descent (B = 1) is below that of gradient \
                     descent.", plan.steps, plan.rate),
            Rule::Below(0.0),
            pair(|seed| seed.errors),
        ),
    ]
}

fn seed(plan: &Plan, streams: Streams) -> Seed {
    let mut rng = streams.stream("data", 0);
    let scale = 2.0 / (plan.dimension as f64).sqrt();
    let truth: Vec<f64> = normals(&mut rng, plan.dimension).iter().map(|w| scale * w).collect();
    let problem = Logistic::drawn(&mut rng, &truth, plan.samples);
    let fresh = Logistic::drawn(&mut streams.stream("tests", 0), &truth, plan.tests);
    let start = vec![0.0; plan.dimension];
    let full = problem.gradient(&start);
    let one: f64 = (0..plan.samples).map(|index| distance(&problem.gradient_of(index, &start), &full).powi(2)).sum();
    let one = one / plan.samples as f64;
    let mut rng = streams.stream("batches", 0);
    let mut mean = vec![0.0; plan.dimension];
    let mut variance = |size: f64, is_with: bool| {
        let draw = if is_with { with_replacement } else { without_replacement };
        let square_of = |_| {
            let noise = moved(&problem.gradient_over(&draw(&mut rng, plan.samples, size as usize), &start), -1.0, &full);
            if size == 1.0 && is_with {
                mean = moved(&mean, 1.0 / plan.draws as f64, &noise);
            }
            square(&noise)
        };
        (0..plan.draws).map(square_of).sum::<f64>() / (plan.draws as f64 * one)
    };
    let variances = [true, false].map(|is_with| plan.sizes.iter().map(|size| variance(*size, is_with)).collect());
    let bias = square(&mean) * plan.draws as f64 / one;
    let descend = |is_full: bool, rate: f64, steps: usize| {
        let mut rng = streams.stream("descent", 0);
        (0..steps).fold(start.clone(), |w, _| {
            let slope = match is_full {
                true => problem.gradient(&w),
                false => problem.gradient_over(&with_replacement(&mut rng, plan.samples, 1), &w),
            };
            moved(&w, -rate, &slope)
        })
    };
    let apart = |rate: &f64| {
        let steps = (3.0 / rate) as usize;
        distance(&descend(true, *rate, steps), &descend(false, *rate, steps))
    };
    let slow = plan.rate / 10.0;
    Seed {
        bias,
        variances,
        departures: plan.rates.iter().map(apart).collect(),
        losses: [descend(true, slow, PASSES), descend(false, slow, PASSES * plan.samples)].map(|w| problem.loss(&w)),
        errors: [true, false].map(|is_full| fresh.error(&descend(is_full, plan.rate, plan.steps))),
    }
}

fn figure(plan: &Plan, seeds: &[Seed]) -> Figure {
    let rows = |of: fn(&Seed) -> &[f64]| seeds.iter().map(of).collect::<Vec<_>>();
    let inverse = plan.sizes.iter().map(|size| 1.0 / size).collect();
    let variance = Panel::new(Axis::new("batch size B", "1").log(), Axis::new("variance / γ₁²", "1").log())
        .titled("Noise of the gradient")
        .with(banded("with replacement", &plan.sizes, &rows(|seed| &seed.variances[0])).with_markers())
        .with(banded("without", &plan.sizes, &rows(|seed| &seed.variances[1])).with_markers())
        .with(Line::new("1/B", plan.sizes.clone(), inverse).styled(Style::REFERENCE));
    let apart = Panel::new(Axis::new("step size η", "1").log(), Axis::new("distance at ηK = 3", "1").log())
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
