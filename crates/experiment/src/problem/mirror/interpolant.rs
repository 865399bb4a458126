//! The interpolants that descent should end at.

use super::{Potential, Regression};
use crate::experiment::ExperimentError;
use crate::problem::dense;
use crate::problem::linear_program::LinearProgram;
use faer::{Col, ColRef, Mat, Scale};

/// An interpolant with how far it may be from the one that was meant.
#[derive(Clone, Debug)]
pub struct Projection {
    /// The weights.
    pub weights: Col<f64>,
    /// By how much their divergence may exceed the least one: the gap between the primal and the dual problem.
    pub gap: f64,
}

/// The most steps of Newton's method.
const NEWTON_STEPS: usize = 400;

/// The interpolant that is nearest to `start` in the Bregman divergence of the potential, by Newton's method on the dual
/// problem `min_λ R*(∇R(start) + Xᵀλ) − λᵀy`.
///
/// # Errors
///
/// [`ExperimentError`] where Newton's method does not end.
pub fn nearest_interpolant(
    problem: &Regression,
    potential: &Potential,
    start: ColRef<f64>,
) -> Result<Projection, ExperimentError> {
    let origin = potential.dual(start)?;
    let dual = |multipliers: &Col<f64>| &origin + problem.x.transpose() * multipliers;
    let objective = |multipliers: &Col<f64>| -> Result<f64, ExperimentError> {
        let value = potential.conjugate(dual(multipliers).as_ref())?;
        Ok(value - dense::dot(multipliers.as_ref(), problem.y.as_ref()))
    };
    let mut multipliers = Col::<f64>::zeros(problem.x.nrows());
    let mut height = objective(&multipliers)?;
    let mut best: Option<(f64, Projection)> = None;
    for _ in 0..NEWTON_STEPS {
        let z = dual(&multipliers);
        let weights = potential.primal(z.as_ref())?;
        let residual = problem.residual(weights.as_ref());
        let gap = dense::dot(residual.as_ref(), multipliers.as_ref()).abs();
        let misfit = residual.norm_l2() / problem.y.norm_l2();
        match best {
            // As near as rounding lets it come.
            Some((before, found)) if before < 1e-11 && misfit >= before / 2.0 => return Ok(found),
            _ => best = Some((misfit, Projection { weights, gap })),
        }
        let metric = potential.metric(z.as_ref())?;
        let step = newton_step(problem, &metric, &residual)?;
        let mut length = potential.first_length(problem, &step);
        let slope = dense::dot(residual.as_ref(), step.as_ref());
        loop {
            let trial = &multipliers + &step * Scale(length);
            let value = objective(&trial)?;
            // Near the end rounding hides the descent, and Newton's step is right without it.
            let rounding = 1e-14 * (1.0 + height.abs());
            if value <= height + 1e-4 * length * slope + rounding {
                (multipliers, height) = (trial, value);
                break;
            }
            length /= 2.0;
            if length < 1e-10 {
                return Err(no_interpolant());
            }
        }
    }
    Err(no_interpolant())
}

impl Potential {
    /// The share of Newton's step to be tried first. Exponentials of dual weights must not leap: ten units of the
    /// exponent at once are enough.
    fn first_length(&self, problem: &Regression, step: &Col<f64>) -> f64 {
        let reach = (problem.x.transpose() * step).norm_max();
        match self {
            Self::Euclidean | Self::Quadratic { .. } | Self::Power { .. } => 1.0,
            Self::Hyperbolic { .. } => (2.5 / reach).min(1.0),
            Self::Entropy | Self::SpectralEntropy { .. } => (10.0 / reach).min(1.0),
        }
    }
}

fn no_interpolant() -> ExperimentError {
    ExperimentError::because(
        "the nearest interpolant was not found: are there fewer rows than weights?",
    )
}

fn newton_step(
    problem: &Regression,
    metric: &Mat<f64>,
    residual: &Col<f64>,
) -> Result<Col<f64>, ExperimentError> {
    let mut hessian = &problem.x * metric * problem.x.transpose();
    let mean = (0..hessian.nrows()).map(|i| hessian[(i, i)]).sum::<f64>() / hessian.nrows() as f64;
    for index in 0..hessian.nrows() {
        hessian[(index, index)] += 1e-14 * mean;
    }
    Ok(-dense::solve(hessian.as_ref(), residual.as_ref())?)
}

/// The interpolant of least `‖w‖₁`, as the vertex of a linear program; of those without negative weights where asked.
///
/// # Errors
///
/// [`ExperimentError`] where there is none.
pub fn least_absolute(
    problem: &Regression,
    is_nonnegative: bool,
) -> Result<Col<f64>, ExperimentError> {
    let features = problem.x.ncols();
    // The weights are the difference of two parts that are not negative; of one where they are not themselves.
    let signs: &[f64] = if is_nonnegative { &[1.0] } else { &[1.0, -1.0] };
    let program = LinearProgram {
        costs: vec![1.0; features * signs.len()],
        constraints: Vec::new(),
    };
    let program = (0..problem.x.nrows()).fold(program, |program, row| {
        let part = |sign: f64| (0..features).map(move |column| sign * problem.x[(row, column)]);
        program.with_equality(
            signs.iter().copied().flat_map(part).collect(),
            problem.y[row],
        )
    });
    let failed = || {
        ExperimentError::because("the linear program of the least absolute norm has no solution")
    };
    let solution = program.solve().ok_or_else(failed)?;
    Ok(Col::from_fn(features, |column| {
        let parts = signs.iter().enumerate();
        parts
            .map(|(part, sign)| sign * solution.variables[part * features + column])
            .sum::<f64>()
    }))
}
