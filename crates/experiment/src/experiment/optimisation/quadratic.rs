//! Gradient descent on a quadratic, coordinate by coordinate.

use super::{equals, power};
use crate::experiment::{
    About, Claim, Count, Experiment, ExperimentError, Extent, Findings, Handle, Number, Numbers,
    Parameter, Setup, Subject,
};
use crate::figure::{Axis, Figure, Line, Panel, Width};
use crate::problem::dense::{column, numbers};
use crate::problem::draw;
use crate::problem::quadratic::{Quadratic, edge, steps_until};
use crate::problem::vector::{distance, moved, norm, normals};
use crate::random::Streams;
use crate::statistics::{Estimate, Rule};

const SHARPEST: Number = Number::new("sharpest", "largest eigenvalue", 10.0).allowed(0.1, 1e3);
const FLATTEST: Number = Number::new("flattest", "smallest eigenvalue", 1.0).allowed(1e-3, 1e3);
const STEPS: Count = Count::new("steps", "steps of gradient descent", 200).allowed(10.0, 1e5);
const CONDITIONS: Numbers = Numbers::new(
    "conditions",
    "condition numbers that are compared",
    &[10.0, 30.0, 100.0, 300.0, 1e3, 3e3, 1e4],
)
.quick(&[10.0, 30.0, 100.0, 300.0, 1e3])
.allowed(2.0, 1e5);

/// Errors down to which steps are counted, relative to the start.
const ERRORS: [f64; 4] = [1e-2, 1e-4, 1e-8, 1e-12];

/// Theory 2-7.
#[derive(Debug)]
pub struct GradientDescentOnAQuadratic;

impl Experiment for GradientDescentOnAQuadratic {
    fn about(&self) -> About {
        About {
            name: "gradient-descent-on-a-quadratic",
            subject: Subject::Optimisation,
            claim: "Gradient descent on a quadratic shrinks each eigendirection by 1 − ηλ a step: it is stable up to \
                    η = 2/λ₁, and takes a number of steps that is proportional to the condition number.",
            source: "Arora et al., Theory of Deep Learning (draft), sec. 2.4",
            mathematics: "For f(w) = ½ wᵀAw with A = UΛUᵀ, rotating w to Uᵀw turns gradient descent into \
                wᵢ ← (1 − ηλᵢ) wᵢ, coordinate by coordinate. It contracts where |1 − ηλᵢ| < 1 for all i, that is for \
                η < 2/λ₁ with the largest eigenvalue λ₁. With η = 1/(2λ₁) the sharpest coordinate is halved each step and \
                the flattest shrinks by 1 − λ_d/(2λ₁), so that an error ε takes about 2κ log(1/ε) steps, κ = λ₁/λ_d.",
            refuted_by: "A stable step size above 2/λ₁, or steps that do not grow with the condition number.",
            seeds: Extent {
                full: 20,
                quick: 10,
            },
            seconds: Extent {
                full: 0.1,
                quick: 0.03,
            },
        }
    }

    fn parameters(&self) -> Vec<Parameter> {
        vec![
            SHARPEST.parameter(),
            FLATTEST.parameter(),
            STEPS.parameter(),
            CONDITIONS.parameter(),
        ]
    }

    fn run(&self, setup: &Setup) -> Result<Findings, ExperimentError> {
        let (sharpest, flattest) = (setup.get(SHARPEST), setup.get(FLATTEST));
        if flattest > sharpest {
            return Err(ExperimentError::because(
                "`flattest` must not exceed `sharpest`",
            ));
        }
        let pair = Quadratic {
            eigenvalues: vec![sharpest, flattest],
        };
        let rotated = setup.over_seeds(|streams| Ok(rotation_gap(streams)))?;
        let conditions = setup.get(CONDITIONS);
        let counts: Vec<Vec<f64>> = ERRORS
            .iter()
            .map(|error| {
                conditions
                    .iter()
                    .map(|condition| steps_to(*condition, *error))
                    .collect()
            })
            .collect();
        Ok(Findings::new()
            .claim(Claim::printed(
                "theory 2-7",
                "Gradient descent on UΛUᵀ, seen in the coordinates Uᵀw, is gradient descent on Λ: their largest distance \
                 over 50 steps is rounding.",
                Rule::Below(1e-10),
                Estimate::median(&rotated),
            ))
            .claims(stability(&pair))
            .claims(factors(&pair, setup.get(STEPS)))
            .claims(rates(&conditions, &counts))
            .figure("descent", figure(&pair, setup.get(STEPS), &conditions, &counts)))
    }
}

fn stability(pair: &Quadratic) -> Vec<Claim> {
    let (id, sharpest) = ("theory 2-7", pair.sharpest());
    let most = edge(0.01 / sharpest, 10.0 / sharpest, |rate| {
        size(&descend(pair, rate, 2000)) <= 1.0
    });
    let beyond = size(&descend(pair, 2.1 / sharpest, 200));
    vec![
        Claim::printed(
            id,
            format!(
                "The largest step size with which no coordinate grows is 1/λ₁ = {}.",
                1.0 / sharpest
            ),
            equals(1.0 / sharpest, 0.01 / sharpest),
            Estimate::exact(most, 1e-9 / sharpest),
        ),
        Claim::corrected(
            id,
            format!(
                "The largest step size with which no coordinate grows is 2/λ₁ = {}.",
                2.0 / sharpest
            ),
            equals(2.0 / sharpest, 0.01 / sharpest),
            Estimate::exact(most, 1e-9 / sharpest),
        ),
        Claim::must_fail(
            id,
            "With η = 2.1/λ₁ the largest coordinate is smaller after 200 steps than at the start, 1.",
            Rule::Below(1.0),
            Estimate::exact(beyond, 1e-9 * beyond),
        ),
    ]
}

fn factors(pair: &Quadratic, steps: usize) -> Vec<Claim> {
    let (id, rate) = ("theory 2-7", 0.5 / pair.sharpest());
    let one = descend(pair, rate, 1);
    let last = descend(pair, rate, steps)[1];
    let flat = 1.0 - 0.5 * pair.flattest() / pair.sharpest();
    let expected = flat.powi(steps as i32);
    vec![
        Claim::printed(
            id,
            "With η = 1/(2λ₁) the sharpest coordinate is halved each step.",
            equals(0.5, 1e-12),
            Estimate::exact(one[0], 1e-15),
        ),
        Claim::printed(
            id,
            format!(
                "With η = 1/(2λ₁) the flattest coordinate is {expected:.4e} after {steps} steps from 1."
            ),
            equals(expected, 1e-9 * expected),
            Estimate::exact(last, 1e-13 * expected),
        ),
    ]
}

fn rates(conditions: &[f64], counts: &[Vec<f64>]) -> Vec<Claim> {
    let (id, lengths) = ("theory 2-7", ERRORS.map(|error| (1.0 / error).ln()));
    let of_largest: Vec<f64> = counts
        .iter()
        .filter_map(|counts| counts.last().copied())
        .collect();
    let logs = |values: &[f64]| values.iter().map(|value| value.ln()).collect::<Vec<_>>();
    let by_condition = counts
        .last()
        .map_or(Estimate::exact(f64::NAN, 0.0), |counts| {
            Estimate::slope(&logs(conditions), &logs(counts))
        });
    vec![
        Claim::printed(
            id,
            format!(
                "The steps to an error of {:e} grow as the first power of the condition number.",
                ERRORS[3]
            ),
            equals(1.0, 0.05),
            by_condition,
        ),
        Claim::printed(
            id,
            "At the largest condition number, the steps grow as the first power of log(1/ε).",
            equals(1.0, 0.05),
            Estimate::exact(power(&lengths, &of_largest), 1e-9),
        ),
    ]
}

/// Where gradient descent from (1, 1, ...) is after some steps.
fn descend(quadratic: &Quadratic, rate: f64, steps: usize) -> Vec<f64> {
    (0..steps).fold(vec![1.0; quadratic.eigenvalues.len()], |w, _| {
        moved(&w, -rate, &quadratic.gradient(&w))
    })
}

/// The largest coordinate; infinite where one has grown beyond all numbers.
fn size(w: &[f64]) -> f64 {
    let largest = w.iter().fold(0.0, |largest: f64, w| largest.max(w.abs()));
    if w.iter().any(|w| w.is_nan()) {
        f64::INFINITY
    } else {
        largest
    }
}

/// How many steps with η = 1/(2λ₁) bring both coordinates to an error.
fn steps_to(condition: f64, error: f64) -> f64 {
    let pair = Quadratic {
        eigenvalues: vec![condition, 1.0],
    };
    let mut w = vec![1.0; 2];
    let step = || {
        w = moved(&w, -0.5 / condition, &pair.gradient(&w));
        size(&w)
    };
    steps_until(error, 10_000_000, step).map_or(f64::NAN, |steps| steps as f64)
}

/// The largest distance over 50 steps between gradient descent on a rotated quadratic, rotated back, and on the
/// quadratic, relative to the start.
fn rotation_gap(streams: Streams) -> f64 {
    let mut rng = streams.stream("rotation", 0);
    let quadratic = Quadratic::log_spaced(0.1, 10.0, 10);
    let basis = draw::orthogonal(&mut rng, 10);
    let mut plain = normals(&mut rng, 10);
    let start = norm(&plain);
    let mut rotated = &basis * column(&plain);
    let mut gap = 0.0f64;
    for _ in 0..50 {
        plain = moved(&plain, -0.1, &quadratic.gradient(&plain));
        let inside = numbers((basis.transpose() * &rotated).as_ref());
        let slope = &basis * column(&quadratic.gradient(&inside));
        rotated -= slope * faer::Scale(0.1);
        gap = gap.max(distance(
            &numbers((basis.transpose() * &rotated).as_ref()),
            &plain,
        ));
    }
    gap / start
}

fn figure(pair: &Quadratic, steps: usize, conditions: &[f64], counts: &[Vec<f64>]) -> Figure {
    let sharpest = pair.sharpest();
    let shown = steps.min(60);
    let mut descent = Panel::new(
        Axis::counting("steps"),
        Axis::new("loss", "1").log().over([1e-8, 1e4]),
    )
    .titled("Below, at and beyond 2/λ₁");
    for share in [0.5, 1.0, 1.9, 2.0, 2.1] {
        let losses = (0..=shown).map(|step| pair.loss(&descend(pair, share / sharpest, step)));
        let x = (0..=shown).map(|step| step as f64).collect();
        descent = descent.with(Line::new(format!("η = {share}/λ₁"), x, losses.collect()));
    }
    let mut needed = Panel::new(
        Axis::new("condition number κ", "1").log(),
        Axis::counting("steps").log(),
    )
    .titled("Steps to an error, η = 1/(2λ₁)");
    for (error, counts) in ERRORS.iter().zip(counts) {
        let label = format!("ε = {error:e}");
        needed = needed.with(Line::new(label, conditions.to_vec(), counts.clone()).with_markers());
    }
    let figure = Figure {
        columns: 2,
        width: Width::Page,
        ..Figure::new("Gradient descent on a quadratic")
    };
    figure.with(descent).with(needed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn golden() -> Quadratic {
        Quadratic {
            eigenvalues: vec![10.0, 1.0],
        }
    }

    #[test]
    fn the_factors_are_those_of_the_closed_form() {
        // diag(10, 1) with η = 0.05: factors 0.5 and 0.95, and 0.95²⁰⁰ = 3.505e-5.
        assert_eq!(descend(&golden(), 0.05, 1), [0.5, 0.95]);
        assert!((descend(&golden(), 0.05, 200)[1] - 3.505e-5).abs() < 1e-8);
        // At 2/λ₁ = 0.2 the sharpest coordinate keeps its size, at 0.21 it grows.
        assert!((descend(&golden(), 0.2, 200)[0].abs() - 1.0).abs() < 1e-12);
        assert!((descend(&golden(), 0.21, 100)[0] / 1.1f64.powi(100) - 1.0).abs() < 1e-9);
    }

    #[test]
    fn steps_are_those_of_the_slowest_factor() {
        // (1 − 1/200)ᵗ ≤ 1e-4 from t = 1838 on.
        assert_eq!(
            steps_to(100.0, 1e-4),
            (1e-4f64.ln() / (1.0f64 - 0.005).ln()).ceil()
        );
    }
}
