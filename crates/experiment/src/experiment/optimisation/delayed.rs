//! Gradients of an earlier iterate: up to which step size descent along them is stable.

use super::{each, equals, power};
use crate::experiment::lines::tested;
use crate::experiment::{
    About, Claim, Count, Experiment, ExperimentError, Extent, Findings, Handle, Number, Numbers,
    Parameter, Setup, Subject,
};
use crate::figure::{Axis, Figure, Line, Mark, Panel, Points, Style, Width};
use crate::problem::quadratic::{Quadratic, edge};
use crate::problem::vector::normals;
use crate::random::{StreamRng, Streams};
use crate::statistics::{Estimate, Rule};
use rand::RngExt;
use std::f64::consts::PI;

const DELAYS: Numbers = Numbers::new(
    "delays",
    "delays τ in steps",
    &[0.0, 1.0, 2.0, 3.0, 5.0, 7.0, 10.0, 14.0, 20.0],
)
.quick(&[0.0, 1.0, 2.0, 5.0, 10.0])
.allowed(0.0, 50.0);
const STEPS: Count = Count::new("steps", "steps after which growth is judged", 40_000)
    .quick(10_000)
    .allowed(2000.0, 1e7);
const CONDITIONS: Numbers = Numbers::new(
    "conditions",
    "condition numbers that are compared",
    &[2.0, 10.0, 100.0, 1000.0],
)
.allowed(1.0, 1e6);
const FRACTION: Number = Number::new(
    "fraction",
    "step size of the exercise, times the largest eigenvalue",
    0.01,
)
.allowed(1e-4, 0.05);

/// Steps of the exercise, and eigenvalues its matrix is said to have.
const EXERCISE: usize = 100;
const ENDS: [f64; 2] = [20.45, 46.32];

/// Structure E10.
#[derive(Debug)]
pub struct DelayedGradients;

impl Experiment for DelayedGradients {
    fn about(&self) -> About {
        About {
            name: "delayed-gradients",
            subject: Subject::Optimisation,
            claim: "Descent along gradients that are τ steps old is stable up to ηλ = 2 sin(π/(4τ + 2)), whatever the condition \
                    number.",
            source: "The Mathematical Structure of Machine Learning (course text), Exercise C.17",
            mathematics: "w_{t+1} = w_t − ηλ w_{t−τ} has the characteristic equation z^{τ+1} − z^τ + ηλ = 0. At the edge a root is \
                z = e^{iθ}; then ηλ = e^{iτθ}(1 − e^{iθ}), which is real and positive for θ = π/(2τ + 1), and of size \
                2 sin(θ/2) (Levin & May 1976, on delayed difference equations). Without delay this is ηλ = 2; one step of \
                delay halves it, and for long delays it falls as π/(2τ + 1). Only the largest eigenvalue matters. The \
                exercise's code copies the present iterate and so has no delay.",
            refuted_by: "Another edge of stability, or one that depends on the condition number.",
            seeds: Extent { full: 20, quick: 8 },
            seconds: Extent {
                full: 0.2,
                quick: 0.05,
            },
        }
    }

    fn parameters(&self) -> Vec<Parameter> {
        vec![
            DELAYS.parameter(),
            STEPS.parameter(),
            CONDITIONS.parameter(),
            FRACTION.parameter(),
        ]
    }

    fn run(&self, setup: &Setup) -> Result<Findings, ExperimentError> {
        let (delays, steps) = (setup.get(DELAYS), setup.get(STEPS));
        if delays.iter().any(|delay| delay.fract() != 0.0) {
            return Err(ExperimentError::because(
                "`delays` must be whole numbers of steps",
            ));
        }
        let edges = setup.over(&delays, |delay| Ok(stability_edge(*delay as usize, steps)))?;
        let conditions = setup.get(CONDITIONS);
        let longest = setup.over(&conditions, |condition| {
            Ok(longest_delay(*condition, 0.2, steps / 4))
        })?;
        let fraction = setup.get(FRACTION);
        let seeds = setup.over_seeds(|streams| Ok(Exercise::run(&delays, fraction, streams)))?;
        Ok(Findings::new()
            .claims(stability(&delays, &edges, &conditions, &longest))
            .claims(exercise(&delays, fraction, &seeds))
            .figure("edge", figure(&delays, &edges, &seeds)))
    }
}

/// What the formula gives.
fn formula(delay: f64) -> f64 {
    2.0 * (PI / (4.0 * delay + 2.0)).sin()
}

fn stability(delays: &[f64], edges: &[f64], conditions: &[f64], longest: &[f64]) -> Vec<Claim> {
    let id = "structure E10";
    let off = delays
        .iter()
        .zip(edges)
        .map(|(delay, edge)| (edge / formula(*delay) - 1.0).abs())
        .fold(0.0, f64::max);
    let over = tested(delays);
    let undelayed = delays
        .iter()
        .zip(edges)
        .map(|(_, edge)| (edge / 2.0 - 1.0).abs())
        .fold(0.0, f64::max);
    vec![
        Claim::corrected(
            id,
            format!(
                "The largest stable ηλ with a delay τ is 2 sin(π/(4τ + 2)): the largest relative difference over the delays {over} \
                 is below 0.001."
            ),
            Rule::Below(0.001),
            Estimate::exact(off, 1e-4),
        ),
        Claim::must_fail(
            id,
            format!(
                "The largest stable ηλ is 2 with the delays {over}: the largest relative difference is below 0.001."
            ),
            Rule::Below(0.001),
            Estimate::exact(undelayed, 1e-4),
        ),
        Claim::printed(
            id,
            "The delay that is tolerable grows as the root of the condition number: with η = 0.2/λmax, the longest stable delay \
             grows as its power 1/2.",
            equals(0.5, 0.1),
            Estimate::exact(power(conditions, longest), 0.01),
        ),
        Claim::corrected(
            id,
            "The longest stable delay does not depend on the condition number: with η = 0.2/λmax, it grows as its power 0.",
            equals(0.0, 0.1),
            Estimate::exact(power(conditions, longest), 0.01),
        ),
    ]
}

fn exercise(delays: &[f64], fraction: f64, seeds: &[Exercise]) -> Vec<Claim> {
    let id = "structure E10";
    let spread = |of: fn(&Exercise) -> &[f64]| {
        Estimate::median(&each(seeds, |seed| {
            let most = of(seed).iter().copied().fold(0.0, f64::max);
            most / of(seed).iter().copied().fold(f64::INFINITY, f64::min) - 1.0
        }))
    };
    let growth = each(seeds, |seed| {
        let delayed = || {
            delays
                .iter()
                .zip(&seed.delayed)
                .filter(|(delay, _)| **delay > 0.0)
        };
        let bounds: Vec<f64> = delayed().map(|(delay, _)| *delay).collect();
        let excess: Vec<f64> = delayed().map(|(_, loss)| loss / seed.undelayed).collect();
        power(&bounds, &excess)
    });
    let setting = format!("After {EXERCISE} steps of η = {fraction}/λmax");
    vec![
        Claim::printed(
            id,
            format!(
                "{setting}, the loss above its minimum grows with the bound on random delays as its power 2."
            ),
            equals(2.0, 0.2),
            Estimate::median(&growth),
        ),
        Claim::printed(
            id,
            format!(
                "{setting}, the exercise's code shows what delays do: its largest loss is more than a thousandth above its \
                     smallest."
            ),
            Rule::Above(1e-3),
            spread(|seed| &seed.copied),
        ),
        Claim::corrected(
            id,
            format!(
                "{setting}, with the iterate that is as old as the delay says, the largest loss is more than a thousandth above \
                     the smallest."
            ),
            Rule::Above(1e-3),
            spread(|seed| &seed.delayed),
        ),
        Claim::corrected(
            id,
            format!(
                "{setting}, old gradients, which are larger on the way down, make descent faster: the logarithm of the loss with \
                     the longest delays over that without is negative."
            ),
            Rule::Below(0.0),
            Estimate::mean(&each(seeds, |seed| {
                let last = seed.delayed.len() - 1;
                (seed.delayed[last] / seed.undelayed).ln()
            })),
        ),
    ]
}

/// The edge of stability in ηλ by simulation: where, over the second half of the steps, the oscillation no longer grows.
fn stability_edge(delay: usize, steps: usize) -> f64 {
    edge(0.01, 2.5, |product| growth(delay, product, steps) <= 0.0)
}

/// The logarithm of by how much w_{t+1} = w_t − ηλ w_{t−τ} grows over the second half of some steps.
fn growth(delay: usize, product: f64, steps: usize) -> f64 {
    let mut past = vec![1.0; delay + 1];
    let window = 40 * (delay + 1);
    let (mut early, mut late, mut log_scale) = (0.0f64, 0.0f64, 0.0f64);
    for step in 0..steps {
        let oldest = past[step % (delay + 1)];
        let newest = past[(step + delay) % (delay + 1)];
        let next = newest - product * oldest;
        past[step % (delay + 1)] = next;
        // The size so far is kept in a scale, so that nothing overflows.
        if next.abs() > 1e100 {
            past.iter_mut().for_each(|w| *w *= 1e-100);
            log_scale += 1e100f64.ln();
            early *= 1e-100;
            late *= 1e-100;
        }
        if step >= steps / 2 && step < steps / 2 + window {
            early = early.max(next.abs());
        } else if step + window >= steps {
            late = late.max(next.abs());
        }
    }
    if early == 0.0 {
        // It has shrunk below all numbers, or grown beyond the scale of its beginning.
        return if log_scale > 0.0 {
            f64::INFINITY
        } else {
            f64::NEG_INFINITY
        };
    }
    (late / early).ln()
}

/// The longest delay with which descent with η = fraction/λmax on a quadratic of two eigenvalues is stable.
fn longest_delay(condition: f64, fraction: f64, steps: usize) -> f64 {
    let is_stable = |delay: &usize| {
        let each = [fraction, fraction / condition].map(|product| growth(*delay, product, steps));
        each.iter().all(|growth| *growth <= 0.0)
    };
    (0..100)
        .take_while(is_stable)
        .last()
        .map_or(f64::NAN, |delay| delay as f64)
}

/// What the exercise gives for each bound on the delays: the loss above its minimum after [`EXERCISE`] steps.
struct Exercise {
    /// Without delay.
    undelayed: f64,
    /// With a random delay of at most the bound.
    delayed: Vec<f64>,
    /// As in its code, which copies the present iterate.
    copied: Vec<f64>,
}

impl Exercise {
    fn run(bounds: &[f64], fraction: f64, streams: Streams) -> Self {
        let quadratic = Quadratic::log_spaced(ENDS[0], ENDS[1], 50);
        let start = normals(&mut streams.stream("start", 0), 50);
        let rate = fraction / quadratic.sharpest();
        let loss = |bound: usize, is_copied: bool| {
            descend(
                &quadratic,
                &start,
                rate,
                bound,
                is_copied,
                &mut streams.stream("delays", bound as u64),
            )
        };
        let all = |is_copied: bool| {
            bounds
                .iter()
                .map(|bound| loss(*bound as usize, is_copied))
                .collect()
        };
        Self {
            undelayed: loss(0, false),
            delayed: all(false),
            copied: all(true),
        }
    }
}

fn descend(
    quadratic: &Quadratic,
    start: &[f64],
    rate: f64,
    bound: usize,
    is_copied: bool,
    rng: &mut StreamRng,
) -> f64 {
    let mut path = vec![start.to_vec()];
    for step in 0..EXERCISE {
        let delay = rng.random_range(0..=bound).min(step);
        let old = if is_copied { step } else { step - delay };
        let slope = quadratic.gradient(&path[old]);
        path.push(crate::problem::vector::moved(&path[step], -rate, &slope));
    }
    quadratic.loss(&path[EXERCISE])
}

fn figure(delays: &[f64], edges: &[f64], seeds: &[Exercise]) -> Figure {
    let last = delays.iter().copied().fold(0.0, f64::max);
    let fine: Vec<f64> = (0..=80)
        .map(|index| last * f64::from(index) / 80.0)
        .collect();
    let curve = fine.iter().map(|delay| formula(*delay)).collect();
    let stable = Panel::new(
        Axis::new("delay τ", "1").linear(),
        Axis::new("largest stable ηλ", "1").log(),
    )
    .titled("Edge of stability")
    .with(Line::new("2 sin(π/(4τ + 2))", fine, curve).styled(Style::REFERENCE))
    .with(Mark::Points(Points::new(
        "simulated",
        delays.to_vec(),
        edges.to_vec(),
    )));
    let rows = |of: fn(&Exercise) -> Vec<f64>| seeds.iter().map(of).collect::<Vec<_>>();
    let over = |seed: &Exercise, losses: &[f64]| {
        losses
            .iter()
            .map(|loss| loss / seed.undelayed)
            .collect::<Vec<f64>>()
    };
    let delayed: Vec<Vec<f64>> = seeds.iter().map(|seed| over(seed, &seed.delayed)).collect();
    let copied = rows(|seed| {
        seed.copied
            .iter()
            .map(|loss| loss / seed.undelayed)
            .collect()
    });
    let slices = |rows: &[Vec<f64>]| -> Vec<Vec<f64>> { rows.to_vec() };
    let (delayed, copied) = (slices(&delayed), slices(&copied));
    let of = |rows: &[Vec<f64>], label: &str| {
        let rows: Vec<&[f64]> = rows.iter().map(Vec::as_slice).collect();
        super::banded(label, delays, &rows).with_markers()
    };
    let losses = Panel::new(
        Axis::new("bound on random delays", "1").linear(),
        Axis::new("loss / loss without delay", "1").including(1.0),
    )
    .titled(format!("The exercise after {EXERCISE} steps"))
    .with(of(&delayed, "delayed"))
    .with(of(&copied, "as coded"));
    let figure = Figure {
        columns: 2,
        width: Width::Page,
        ..Figure::new("Descent along old gradients")
    };
    figure.with(stable).with(losses)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_edge_is_that_of_the_characteristic_equation() {
        // At the formula's ηλ, z = exp(iπ/(2τ + 1)) solves z^{τ+1} − z^τ + ηλ = 0.
        for delay in [0.0, 1.0, 4.0, 20.0] {
            let angle = PI / (2.0 * delay + 1.0);
            let real = (angle * (delay + 1.0)).cos() - (angle * delay).cos() + formula(delay);
            let imaginary = (angle * (delay + 1.0)).sin() - (angle * delay).sin();
            assert!(real.abs() < 1e-14 && imaginary.abs() < 1e-14);
        }
        assert!((formula(0.0) - 2.0).abs() < 1e-15 && (formula(1.0) - 1.0).abs() < 1e-15);
    }

    #[test]
    fn growth_has_the_right_sign_on_both_sides() {
        for delay in [0usize, 1, 3, 9] {
            let edge = formula(delay as f64);
            assert!(growth(delay, 0.99 * edge, 20_000) < 0.0, "{delay}");
            assert!(growth(delay, 1.01 * edge, 20_000) > 0.0, "{delay}");
        }
    }
}
