//! Heavy ball and Nesterov's method: forms of their updates, the equation of motion, and what they gain.

use super::equals;
use crate::experiment::{
    About, Claim, Count, Experiment, ExperimentError, Extent, Findings, Handle, Number, Numbers,
    Parameter, Setup, Subject,
};
use crate::figure::{Axis, Figure, Line, Mark, Panel, Points, Width};
use crate::problem::quadratic::{
    Momentum as Kind, Quadratic, Waves, log_spaced, momentum_step, steps_until,
};
use crate::problem::vector::{distance, moved, norm};
use crate::random::Streams;
use crate::statistics::{Estimate, Rule};

const STEPS: Count = Count::new("steps", "steps over which forms are compared", 500)
    .quick(200)
    .allowed(10.0, 1e5);
const DECAY: Number = Number::new("decay", "momentum β", 0.9).allowed(0.0, 0.99);
const FRICTION: Number =
    Number::new("friction", "friction a of the equation of motion", 0.5).allowed(0.01, 1.9);
const CONDITIONS: Numbers = Numbers::new(
    "conditions",
    "condition numbers that are compared",
    &[10.0, 30.0, 100.0, 300.0, 1e3, 3e3, 1e4],
)
.quick(&[10.0, 30.0, 100.0, 300.0, 1e3])
.allowed(2.0, 1e5);

/// Distances below this are rounding, relative to the length of the path.
const ROUNDING: f64 = 1e-9;
/// Steps of the equation of motion.
const PACES: [f64; 6] = [0.1, 0.05, 0.025, 0.0125, 0.00625, 0.003125];
/// The error down to which steps are counted, relative to the start.
const ERROR: f64 = 1e-6;

/// Theory 2-5 and 2-6.
#[derive(Debug)]
pub struct Momentum;

/// The largest distances of two forms over a seed's paths.
struct Gaps {
    heavy_ball: f64,
    ahead: f64,
    nesterov: f64,
    implicit: f64,
}

impl Experiment for Momentum {
    fn about(&self) -> About {
        About {
            name: "momentum",
            subject: Subject::Optimisation,
            claim: "The two forms of the heavy ball are one method, a discretised equation of motion with friction; with \
                    momentum the steps grow slower with the condition number than without.",
            source: "Arora et al., Theory of Deep Learning (draft), sec. 2.3",
            mathematics: "Heavy ball: w_{t+1} = w_t − η∇f(w_t) + β(w_t − w_{t−1}), or u_t = −∇f(w_t) + βu_{t−1}, \
                w_{t+1} = w_t + ηu_t. With η = b h² and β = 1 − a h it is a discretisation, of first order in the \
                time step h, of ẅ + aẇ + b∇f(w) = 0. Nesterov's method takes the gradient where the velocity leads, \
                u_t = −∇f(w_t + βηu_{t−1}) + βu_{t−1}, which is w ← y − η∇f(y) with y = w + β(w − w_{t−1}). On a quadratic \
                with condition number κ, the best heavy ball (Polyak 1964) shrinks errors by (√κ − 1)/(√κ + 1) a step, where \
                gradient descent has (κ − 1)/(κ + 1).",
            refuted_by: "Two forms with different paths, or steps that grow as fast with κ as those of gradient descent.",
            seeds: Extent {
                full: 20,
                quick: 10,
            },
            seconds: Extent {
                full: 0.05,
                quick: 0.02,
            },
        }
    }

    fn parameters(&self) -> Vec<Parameter> {
        vec![
            STEPS.parameter(),
            DECAY.parameter(),
            FRICTION.parameter(),
            CONDITIONS.parameter(),
        ]
    }

    fn run(&self, setup: &Setup) -> Result<Findings, ExperimentError> {
        let (steps, decay) = (setup.get(STEPS), setup.get(DECAY));
        let gaps = setup.over_seeds(|streams| Ok(gaps(steps, decay, streams)))?;
        let friction = setup.get(FRICTION);
        let errors: Vec<f64> = PACES
            .iter()
            .map(|pace| motion_error(friction, *pace))
            .collect();
        let conditions = setup.get(CONDITIONS);
        let count = |method| -> Vec<f64> {
            conditions
                .iter()
                .map(|condition| steps_needed(method, *condition))
                .collect()
        };
        let counts = [
            count(None),
            count(Some(Kind::HeavyBall)),
            count(Some(Kind::Nesterov)),
        ];
        Ok(Findings::new()
            .claims(forms(&gaps))
            .claims(speed(&errors, &conditions, &counts))
            .figure("momentum", figure(&errors, &conditions, &counts)))
    }
}

fn forms(gaps: &[Gaps]) -> Vec<Claim> {
    let of = |gap: fn(&Gaps) -> f64| Estimate::median(&super::each(gaps, gap));
    vec![
        Claim::printed(
            "theory 2-5",
            "The momentum term is β(w_{t+1} − w_t), as the sentence after the update has it: with it, the path is that of the \
             velocity form.",
            Rule::Below(ROUNDING),
            of(|gaps| gaps.ahead),
        ),
        Claim::corrected(
            "theory 2-5",
            "It is β(w_t − w_{t−1}), as the update itself has it: with it, the path is that of the velocity form, on a function \
             that is not convex.",
            Rule::Below(ROUNDING),
            of(|gaps| gaps.heavy_ball),
        ),
        Claim::printed(
            "theory 2-6",
            "u_t = −∇f(w_t + β(u_t − u_{t−1})) + βu_{t−1} is Nesterov's method: on a quadratic, its path is that of \
             y = w + β(w − w_{t−1}), w ← y − η∇f(y).",
            Rule::Below(ROUNDING),
            of(|gaps| gaps.implicit),
        ),
        Claim::corrected(
            "theory 2-6",
            "u_t = −∇f(w_t + βηu_{t−1}) + βu_{t−1} is Nesterov's method: on a quadratic, its path is that of \
             y = w + β(w − w_{t−1}), w ← y − η∇f(y).",
            Rule::Below(ROUNDING),
            of(|gaps| gaps.nesterov),
        ),
    ]
}

fn speed(errors: &[f64], conditions: &[f64], counts: &[Vec<f64>; 3]) -> Vec<Claim> {
    let logs = |values: &[f64]| values.iter().map(|value| value.ln()).collect::<Vec<_>>();
    let growth = |counts: &[f64]| Estimate::slope(&logs(conditions), &logs(counts));
    vec![
        Claim::printed(
            "theory 2-5",
            "The heavy ball with η = h², β = 1 − ah tends to the solution of ẅ + aẇ + ∇f = 0: the largest error up to time 10 \
             falls as the first power of h.",
            equals(1.0, 0.1),
            Estimate::slope(&logs(&PACES), &logs(errors)),
        ),
        Claim::printed(
            "theory 2-5",
            "The heavy ball is accelerated: at its best constants, its steps grow with a power of the condition number below \
             0.75.",
            Rule::Below(0.75),
            growth(&counts[1]),
        ),
        Claim::printed(
            "theory 2-6",
            "Nesterov's method is accelerated: its steps grow with a power of the condition number below 0.75.",
            Rule::Below(0.75),
            growth(&counts[2]),
        ),
        Claim::must_fail(
            "theory 2-5",
            "Without momentum, at the best step size, the steps grow with a power of the condition number below 0.75.",
            Rule::Below(0.75),
            growth(&counts[0]),
        ),
    ]
}

fn gaps(steps: usize, decay: f64, streams: Streams) -> Gaps {
    let mut rng = streams.stream("start", 0);
    let waves = Waves::log_spaced(1.0, 10.0, 8);
    let quadratic = Quadratic::log_spaced(0.1, 10.0, 8);
    let start = waves.point(&mut rng);
    let rate = 0.05;
    let slope = |w: &[f64]| waves.gradient(w);
    let bowl = |w: &[f64]| quadratic.gradient(w);
    let velocity = path(steps, &start, |w, u, _| {
        momentum_step(Kind::HeavyBall, (rate, decay), (w, u), slope)
    });
    let behind = path(steps, &start, |w, _, before| {
        *w = moved(
            &moved(&moved(w, -rate, &slope(w)), decay, w),
            -decay,
            before,
        )
    });
    // w' = w − η∇f + β(w' − w), solved for w'.
    let ahead = path(steps, &start, |w, _, _| {
        *w = moved(w, -rate / (1.0 - decay), &slope(w))
    });
    let by_velocity = path(steps, &start, |w, u, _| {
        momentum_step(Kind::Nesterov, (rate, decay), (w, u), bowl)
    });
    let by_point = path(steps, &start, |w, _, before| {
        let y = moved(&moved(w, decay, w), -decay, before);
        *w = moved(&y, -rate, &bowl(&y));
    });
    // u = −A(w + β(u − u₋)) + βu₋, solved for u coordinate by coordinate.
    let implicit = path(steps, &start, |w, u, _| {
        for ((w, u), a) in w.iter_mut().zip(u.iter_mut()).zip(&quadratic.eigenvalues) {
            *u = (decay * (1.0 + a) * *u - a * *w) / (1.0 + a * decay);
            *w += rate * *u;
        }
    });
    Gaps {
        heavy_ball: gap(&velocity, &behind),
        ahead: gap(&velocity, &ahead),
        nesterov: gap(&by_velocity, &by_point),
        implicit: gap(&by_point, &implicit),
    }
}

/// The places after each step of a method that knows where it is, its velocity, and where it was before.
fn path(
    steps: usize,
    start: &[f64],
    mut step: impl FnMut(&mut Vec<f64>, &mut Vec<f64>, &[f64]),
) -> Vec<Vec<f64>> {
    let (mut w, mut velocity, mut before) =
        (start.to_vec(), vec![0.0; start.len()], start.to_vec());
    let place = |_| {
        let here = w.clone();
        step(&mut w, &mut velocity, &before);
        before = here;
        w.clone()
    };
    (0..steps).map(place).collect()
}

/// The largest distance of two paths, relative to the size of the first.
fn gap(first: &[Vec<f64>], second: &[Vec<f64>]) -> f64 {
    let size = first.iter().map(|w| norm(w)).fold(0.0, f64::max);
    let each = first.iter().zip(second).map(|(a, b)| distance(a, b));
    each.fold(0.0, f64::max) / size
}

/// The largest error up to time 10 of a heavy ball with time step `pace` for `ẅ + aẇ + w = 0` from rest at 1, whose
/// solution is `exp(−at/2) (cos ωt + (a/2ω) sin ωt)` with `ω² = 1 − a²/4`.
fn motion_error(friction: f64, pace: f64) -> f64 {
    let frequency = (1.0 - 0.25 * friction * friction).sqrt();
    let exact = |t: f64| {
        let phase = frequency * t;
        (-0.5 * friction * t).exp() * (phase.cos() + 0.5 * friction / frequency * phase.sin())
    };
    let (mut w, mut velocity) = (vec![1.0], vec![0.0]);
    let constants = (pace * pace, 1.0 - friction * pace);
    let each = (1..=(10.0 / pace) as usize).map(|step| {
        momentum_step(Kind::HeavyBall, constants, (&mut w, &mut velocity), |w| {
            w.to_vec()
        });
        (w[0] - exact(step as f64 * pace)).abs()
    });
    each.fold(0.0, f64::max)
}

/// How many steps a method at its best constants takes to an error of [`ERROR`] on ten coordinates; gradient descent
/// where there is no momentum.
fn steps_needed(kind: Option<Kind>, condition: f64) -> f64 {
    let quadratic = Quadratic {
        eigenvalues: log_spaced(1.0, condition, 10),
    };
    let root = condition.sqrt();
    let slow = (root - 1.0) / (root + 1.0);
    let constants = match kind {
        None => (2.0 / (condition + 1.0), 0.0),
        Some(Kind::HeavyBall) => (4.0 / (root + 1.0).powi(2), slow * slow),
        Some(Kind::Nesterov) => (1.0 / condition, slow),
    };
    let (mut w, mut velocity) = (vec![1.0; 10], vec![0.0; 10]);
    let target = ERROR * norm(&w);
    let step = || {
        let kind = kind.unwrap_or(Kind::HeavyBall);
        momentum_step(kind, constants, (&mut w, &mut velocity), |w| {
            quadratic.gradient(w)
        });
        norm(&w)
    };
    steps_until(target, 10_000_000, step).map_or(f64::NAN, |steps| steps as f64)
}

fn figure(errors: &[f64], conditions: &[f64], counts: &[Vec<f64>; 3]) -> Figure {
    let motion = Panel::new(
        Axis::new("time step h", "1").log(),
        Axis::new("largest error", "1").log(),
    )
    .titled("Heavy ball against the equation of motion")
    .with(Mark::Points(
        Points::new("heavy ball, to time 10", PACES.to_vec(), errors.to_vec()).with_fit(),
    ));
    let mut needed = Panel::new(
        Axis::new("condition number κ", "1").log(),
        Axis::counting("steps").log(),
    )
    .titled(format!("Steps to an error of {ERROR:e}"));
    for (label, counts) in ["gradient descent", "heavy ball", "Nesterov"]
        .iter()
        .zip(counts)
    {
        needed = needed.with(Line::new(*label, conditions.to_vec(), counts.clone()).with_markers());
    }
    let figure = Figure {
        columns: 2,
        width: Width::Page,
        ..Figure::new("Momentum: an equation of motion, and fewer steps")
    };
    figure.with(motion).with(needed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_solution_of_the_equation_of_motion_is_approached() {
        assert!(motion_error(0.5, 1e-4) < 1e-4);
        assert!(motion_error(0.5, 1e-2) > 1e-3);
    }

    #[test]
    fn steps_agree_with_the_rates_of_the_closed_forms() {
        // Gradient descent at κ = 100: every end shrinks by 99/101; the heavy ball has 9/11, with a linear factor.
        let plain = (ERROR * 5f64.sqrt()).ln() / (99.0f64 / 101.0).ln();
        assert!((steps_needed(None, 100.0) / plain - 1.0).abs() < 0.05);
        let ball = ERROR.ln() / (9.0f64 / 11.0).ln();
        assert!((1.0..1.6).contains(&(steps_needed(Some(Kind::HeavyBall), 100.0) / ball)));
    }

    #[test]
    fn forms_agree_or_differ_from_the_second_step_on() {
        let gaps = gaps(20, 0.9, Streams::new(0));
        assert!(gaps.heavy_ball < 1e-13 && gaps.nesterov < 1e-13);
        assert!(gaps.ahead > 1e-3 && gaps.implicit > 1e-3);
    }
}
