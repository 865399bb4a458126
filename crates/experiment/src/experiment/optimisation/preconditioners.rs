//! Preconditioners: which matrix in front of the gradient helps, and which does not.

use super::equals;
use crate::experiment::{
    About, Claim, Count, Experiment, ExperimentError, Extent, Findings, Handle, Number, Numbers,
    Parameter, Setup, Subject,
};
use crate::figure::{Axis, Figure, Line, Panel, Width};
use crate::problem::dense::{column, eigenvalues, numbers, solve};
use crate::problem::draw;
use crate::problem::quadratic::{Quadratic, log_spaced, steps_until};
use crate::problem::vector::{moved, norm, normals};
use crate::random::Streams;
use crate::statistics::{Estimate, Rule};
use faer::{Mat, MatRef};

const DIMENSION: Count =
    Count::new("dimension", "coordinates of the quadratic", 20).allowed(2.0, 300.0);
const EXAMPLES: Number = Number::new(
    "examples",
    "examples per coordinate of which the Hessian is estimated",
    10.0,
)
.allowed(1.5, 100.0);
const CONDITIONS: Numbers = Numbers::new(
    "conditions",
    "condition numbers that are compared",
    &[3.0, 10.0, 30.0, 100.0, 300.0],
)
.quick(&[3.0, 10.0, 30.0, 100.0])
.allowed(1.5, 2e3);

/// The error down to which steps are counted, relative to the start.
const ERROR: f64 = 1e-3;
/// With an estimate of the Hessian, steps are counted up to here.
const MOST: usize = 10_000;
/// Eigenvalues whose coordinates are followed by themselves.
const CURVATURES: [f64; 7] = [0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0];
/// How a preconditioner is put before the gradient.
const KINDS: [&str; 3] = ["none", "Q = A", "Q = Â⁻¹"];

/// Theory 2-8.
#[derive(Debug)]
pub struct Preconditioners;

/// What a seed gives: how near one Newton step comes, and the steps of each kind for each condition number.
struct Seed {
    newton: f64,
    counts: [Vec<f64>; 3],
}

impl Experiment for Preconditioners {
    fn about(&self) -> About {
        About {
            name: "preconditioners",
            subject: Subject::Optimisation,
            claim: "A preconditioner helps where it is near the inverse of the Hessian, not where it is near the Hessian; of \
                    squared gradients, the inverse square root makes steps the same in all directions.",
            source: "Arora et al., Theory of Deep Learning (draft), sec. 2.4.1",
            mathematics: "On f = ½ wᵀAw the step w ← w − ηQ∇f multiplies w by I − ηQA. With Q = A⁻¹ and η = 1 that is zero: \
                Newton's method is done after one step. With Q = A it is I − ηA², whose condition number is κ². \
                With Q = Â⁻¹ for Â = A^½ W A^½, the second moment of N examples whose covariance is A, QA has the eigenvalues \
                of W⁻¹, which do not know κ; the Euclidean error of w still starts in other directions than those of QA, \
                which costs a number of steps of the order of log κ. A diagonal Q can be had from the mean squares v \
                of recent gradients gᵢ = λᵢwᵢ: gᵢ/√vᵢ is near ±1 whatever λᵢ is (Duchi, Hazan & Singer 2011), \
                while gᵢ/vᵢ is near 1/(λᵢwᵢ), so that the sharpest directions become the slowest.",
            refuted_by: "A preconditioner near the Hessian itself that needs fewer steps than none.",
            seeds: Extent { full: 10, quick: 6 },
            seconds: Extent {
                full: 0.2,
                quick: 0.05,
            },
        }
    }

    fn parameters(&self) -> Vec<Parameter> {
        vec![
            DIMENSION.parameter(),
            EXAMPLES.parameter(),
            CONDITIONS.parameter(),
        ]
    }

    fn run(&self, setup: &Setup) -> Result<Findings, ExperimentError> {
        let conditions = setup.get(CONDITIONS);
        let (dimension, examples) = (setup.get(DIMENSION), setup.get(EXAMPLES));
        let seeds = setup.over_seeds(|streams| seed(dimension, examples, &conditions, streams))?;
        let halves = [0.0, 0.5, 1.0]
            .map(|power| CURVATURES.map(|curvature| steps_to_half(curvature, power)));
        Ok(Findings::new()
            .claims(matrices(&conditions, &seeds))
            .claims(diagonals(&halves))
            .figure("preconditioners", figure(&conditions, &seeds, &halves)))
    }
}

fn matrices(conditions: &[f64], seeds: &[Seed]) -> Vec<Claim> {
    let id = "theory 2-8";
    let last = conditions.len() - 1;
    let ratio = |kind: usize| {
        let over = |seed: &Seed| (seed.counts[kind][last] / seed.counts[0][last]).ln();
        Estimate::mean(&super::each(seeds, over))
    };
    let growth = super::each(seeds, |seed| super::power(conditions, &seed.counts[2]));
    let condition = conditions[last];
    vec![
        Claim::printed(
            id,
            "Newton's method solves a quadratic in one step: the distance left, over that at the start, is rounding.",
            Rule::Below(1e-9),
            Estimate::median(&super::each(seeds, |seed| seed.newton)),
        ),
        Claim::printed(
            id,
            format!(
                "A preconditioner that is a good approximation of ∇²f (Q = A) needs fewer steps than none at κ = {condition}: \
                     the logarithm of the ratio is negative."
            ),
            Rule::Below(0.0),
            ratio(1),
        ),
        Claim::corrected(
            id,
            format!(
                "A preconditioner that is the inverse of an estimate of ∇²f from examples needs fewer steps than none at \
                     κ = {condition}: the logarithm of the ratio is negative."
            ),
            Rule::Below(0.0),
            ratio(2),
        ),
        Claim::corrected(
            id,
            "With the inverse of an estimate of ∇²f from examples the steps grow with the condition number as its power 0.",
            equals(0.0, 0.1),
            Estimate::mean(&growth),
        ),
    ]
}

fn diagonals(halves: &[[f64; 7]; 3]) -> Vec<Claim> {
    let id = "theory 2-8";
    let logs = |values: &[f64]| values.iter().map(|value| value.ln()).collect::<Vec<_>>();
    let growth = |power: usize| Estimate::slope(&logs(&CURVATURES), &logs(&halves[power]));
    let text = |what: &str| {
        format!(
            "{what}, the steps until a coordinate is halved do not depend on its eigenvalue: they grow as its power 0."
        )
    };
    vec![
        Claim::printed(
            id,
            text("With the inverse of the mean squares of recent gradients as preconditioner"),
            equals(0.0, 0.1),
            growth(2),
        ),
        Claim::corrected(
            id,
            text(
                "With the inverse square root of the mean squares of recent gradients as preconditioner",
            ),
            equals(0.0, 0.1),
            growth(1),
        ),
        Claim::must_fail(
            id,
            text("Without a preconditioner"),
            equals(0.0, 0.1),
            growth(0),
        ),
    ]
}

fn seed(
    dimension: usize,
    examples: f64,
    conditions: &[f64],
    streams: Streams,
) -> Result<Seed, ExperimentError> {
    let mut rng = streams.stream("problem", 0);
    let condition = conditions.iter().copied().fold(1.0, f64::max);
    let matrix = draw::symmetric(&mut rng, &log_spaced(1.0, condition, dimension));
    let start = column(&normals(&mut rng, dimension));
    let newton = &start - solve(matrix.as_ref(), (&matrix * &start).as_ref())?;
    let newton = norm(&numbers(newton.as_ref())) / norm(&numbers(start.as_ref()));
    // In the basis of the eigenvectors from here on: none of the three sees a rotation.
    let start = normals(&mut rng, dimension);
    let commuting = |order: i32| -> Vec<f64> {
        let each = conditions.iter().map(|condition| {
            let eigenvalues = log_spaced(1.0, *condition, dimension);
            let effective = eigenvalues.iter().map(|value| value.powi(order));
            let eigenvalues = effective.collect();
            steps_needed(Quadratic { eigenvalues }, &start)
        });
        each.collect()
    };
    let estimated = conditions.iter().enumerate().map(|(index, condition)| {
        let quadratic = Quadratic::log_spaced(1.0, *condition, dimension);
        let mut rng = streams.stream("examples", index as u64);
        let count = (examples * dimension as f64).ceil() as usize;
        let white = draw::gaussian(&mut rng, count, dimension);
        let moments = white.transpose() * &white * faer::Scale(1.0 / count as f64);
        steps_with_estimate(&quadratic, moments.as_ref(), &start)
    });
    let estimated = estimated.collect::<Result<Vec<f64>, ExperimentError>>()?;
    let counts = [commuting(1), commuting(2), estimated];
    Ok(Seed { newton, counts })
}

/// How many steps take all coordinates together to an error, preconditioned with the inverse of `A^½ W A^½` for the
/// second moments `W` of white examples, at the best step size.
fn steps_with_estimate(
    quadratic: &Quadratic,
    moments: MatRef<f64>,
    start: &[f64],
) -> Result<f64, ExperimentError> {
    let spectrum = eigenvalues(moments)?;
    let root = |index: usize| quadratic.eigenvalues[index].sqrt();
    let estimate = Mat::from_fn(start.len(), start.len(), |row, column| {
        root(row) * moments[(row, column)] * root(column)
    });
    // The eigenvalues of Â⁻¹A are those of W⁻¹.
    let rate = 2.0 / (1.0 / spectrum[0] + 1.0 / spectrum[spectrum.len() - 1]);
    let mut w = start.to_vec();
    for step in 1..=MOST {
        let slope = column(&quadratic.gradient(&w));
        let direction = numbers(solve(estimate.as_ref(), slope.as_ref())?.as_ref());
        w = moved(&w, -rate, &direction);
        if norm(&w) <= ERROR * norm(start) {
            return Ok(step as f64);
        }
    }
    Ok(f64::NAN)
}

/// How many steps of gradient descent at its best step size take all coordinates together to an error.
fn steps_needed(effective: Quadratic, start: &[f64]) -> f64 {
    let rate = 2.0 / (effective.sharpest() + effective.flattest());
    let mut w = start.to_vec();
    let step = || {
        for (w, eigenvalue) in w.iter_mut().zip(&effective.eigenvalues) {
            *w *= 1.0 - rate * eigenvalue;
        }
        norm(&w)
    };
    steps_until(ERROR * norm(start), 100_000_000, step).map_or(f64::NAN, |steps| steps as f64)
}

/// How many steps `w ← w − η g / v^power` take from 1 to 1/2, with `g = λ w` and `v` the mean of recent `g²` that
/// forgets a tenth a step. The step sizes are such that the direction that is quickest takes about 50 steps.
fn steps_to_half(curvature: f64, power: f64) -> f64 {
    let rate = 0.01 * CURVATURES[if power > 0.5 { 0 } else { 6 }].powf(2.0 * power - 1.0);
    let (mut w, mut square) = (1.0, curvature * curvature);
    let step = || {
        let slope = curvature * w;
        square = 0.9 * square + 0.1 * slope * slope;
        w -= rate * slope / square.powf(power);
        w
    };
    steps_until(0.5, 10_000_000, step).map_or(f64::NAN, |steps| steps as f64)
}

fn figure(conditions: &[f64], seeds: &[Seed], halves: &[[f64; 7]; 3]) -> Figure {
    let mut matrices = Panel::new(
        Axis::new("condition number κ", "1").log(),
        Axis::counting("steps").log(),
    )
    .titled(format!("Steps to an error of {ERROR:e}"));
    for (kind, label) in KINDS.iter().enumerate() {
        let rows: Vec<&[f64]> = seeds
            .iter()
            .map(|seed| seed.counts[kind].as_slice())
            .collect();
        matrices = matrices.with(super::banded(*label, conditions, &rows).with_markers());
    }
    let mut diagonals = Panel::new(
        Axis::new("eigenvalue λ", "1").log(),
        Axis::counting("steps").log(),
    )
    .titled("Steps until a coordinate is halved");
    for (label, steps) in ["none", "diag(v)^(−1/2)", "diag(v)⁻¹"].iter().zip(halves) {
        let line = Line::new(*label, CURVATURES.to_vec(), steps.to_vec());
        diagonals = diagonals.with(line.with_markers());
    }
    let figure = Figure {
        columns: 2,
        width: Width::Page,
        ..Figure::new("Preconditioned gradient descent on a quadratic")
    };
    figure.with(matrices).with(diagonals)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_those_of_the_closed_form() {
        // Both ends of (1, 9) shrink by 0.8 a step: 0.8ᵗ ≤ 1e-3 from t = 31 on.
        let pair = Quadratic {
            eigenvalues: vec![1.0, 9.0],
        };
        assert_eq!(steps_needed(pair, &[1.0, 1.0]), 31.0);
    }

    #[test]
    fn an_exact_estimate_is_newton_s_method_and_a_scaled_one_is_too() {
        let quadratic = Quadratic::log_spaced(1.0, 50.0, 3);
        for factor in [1.0, 4.0] {
            let moments = crate::problem::dense::scaled_identity(3, factor);
            let steps = steps_with_estimate(&quadratic, moments.as_ref(), &[1.0, -2.0, 0.5]);
            assert_eq!(steps.unwrap(), 1.0);
        }
        // Of diag(1, 3) the inverse has ends 1 and 1/3, whose best factor is 1/2 a step: 1e-3 from step 10 on.
        let moments = Mat::from_fn(2, 2, |row, column| match (row, column) {
            (0, 0) => 1.0,
            (1, 1) => 3.0,
            _ => 0.0,
        });
        let pair = Quadratic::log_spaced(1.0, 9.0, 2);
        let steps = steps_with_estimate(&pair, moments.as_ref(), &[1.0, 1.0]);
        assert_eq!(steps.unwrap(), 10.0);
    }

    #[test]
    fn halving_takes_what_the_power_says() {
        // Plain: (1 − 1e-4 λ)ᵗ = 1/2. The root: about fifty steps of η, whatever λ.
        assert_eq!(
            steps_to_half(100.0, 0.0),
            (0.5f64.ln() / (1.0f64 - 0.01).ln()).ceil()
        );
        assert_eq!(steps_to_half(0.1, 0.5), steps_to_half(100.0, 0.5));
        assert!((steps_to_half(10.0, 1.0) / steps_to_half(1.0, 1.0) - 10.0).abs() < 0.5);
    }
}
