//! Descent with steps, in one geometry or another.

use super::{Potential, Regression, map, power_map};
use crate::experiment::ExperimentError;
use crate::problem::dense;
use faer::{Col, ColRef, Scale};

/// How mirror descent chooses its steps, as shares of the largest one for which a quadratic model descends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Schedule {
    /// A constant share.
    Constant,
    /// A share that goes up and down.
    Irregular,
    /// One sample after the other, each with a constant share.
    OneByOne,
}

/// Mirror descent on `½‖Xw − y‖²` until the misfit is below `tolerance` or there were `steps` of them; `see` is shown
/// the weights before each step.
///
/// # Errors
///
/// [`ExperimentError`] where the eigenvalues of a matrix cannot be found.
pub fn mirror_descent(
    problem: &Regression,
    potential: &Potential,
    start: ColRef<f64>,
    schedule: Schedule,
    (steps, tolerance): (usize, f64),
    mut see: impl FnMut(usize, ColRef<f64>),
) -> Result<Col<f64>, ExperimentError> {
    let rows = problem.x.nrows();
    let mut z = potential.dual(start)?;
    for step in 0..steps {
        let w = potential.primal(z.as_ref())?;
        see(step, w.as_ref());
        if problem.misfit(w.as_ref()) < tolerance {
            break;
        }
        let metric = potential.metric(z.as_ref())?;
        let curvature = |row: usize| {
            let x = problem.x.row(row).transpose();
            dense::dot(x, (&metric * x).as_ref())
        };
        let residual = problem.residual(w.as_ref());
        match schedule {
            Schedule::OneByOne => {
                let row = step % rows;
                z -= problem.x.row(row).transpose() * Scale(0.5 * residual[row] / curvature(row));
            }
            Schedule::Constant | Schedule::Irregular => {
                let share = match schedule {
                    Schedule::Constant => 1.0,
                    _ => 1.0 + 0.9 * (step as f64).sin(),
                };
                let total: f64 = (0..rows).map(curvature).sum();
                z -= problem.x.transpose() * residual * Scale(share / total);
            }
        }
    }
    potential.primal(z.as_ref())
}

/// Exponentiated gradient without normalisation, `w ← w exp(−η∇L)` on `½‖Xw − y‖²` (Kivinen & Warmuth 1997), with all
/// weights `size` at the start, until the misfit is below `tolerance` or there were `steps` steps. The step is one over
/// the trace of the curvature in the geometry of the entropy, and moves no exponent by more than one.
pub fn exponentiated_gradient(
    problem: &Regression,
    size: f64,
    (steps, tolerance): (usize, f64),
) -> Col<f64> {
    let features = problem.x.ncols();
    let columns: Vec<f64> = (0..features)
        .map(|i| problem.x.col(i).squared_norm_l2())
        .collect();
    let mut w = Col::from_fn(features, |_| size);
    for _ in 0..steps {
        let residual = problem.residual(w.as_ref());
        if residual.norm_l2() < tolerance * problem.y.norm_l2() {
            break;
        }
        let gradient = problem.x.transpose() * residual;
        let trace: f64 = columns
            .iter()
            .enumerate()
            .map(|(i, column)| w[i] * column)
            .sum();
        let step = (1.0 / trace).min(1.0 / gradient.norm_max());
        w = Col::from_fn(features, |i| w[i] * (-step * gradient[i]).exp());
    }
    w
}

/// Gradient descent on `½‖Xw − y‖²` with projection to weights that are not negative, from zero.
pub fn projected_gradient(problem: &Regression, (steps, tolerance): (usize, f64)) -> Col<f64> {
    let step = 1.0 / (problem.x.transpose() * &problem.x).norm_l2();
    let mut w = Col::zeros(problem.x.ncols());
    for _ in 0..steps {
        if problem.misfit(w.as_ref()) < tolerance {
            break;
        }
        let moved = &w - problem.gradient(w.as_ref()) * Scale(step);
        w = map(moved.as_ref(), |w| w.max(0.0));
    }
    w
}

/// Steepest descent on `‖Xw − y‖²` in a norm `‖·‖_p`, from zero until the misfit is below 10⁻¹¹ or there were `steps`
/// steps: `w ← w − η ∇(½‖g‖_q²)` with `g` the gradient and `1/p + 1/q = 1` (Boyd & Vandenberghe 2004, sec. 9.4).
pub fn steepest_descent(problem: &Regression, exponent: f64, step: f64, steps: usize) -> Col<f64> {
    let dual = exponent / (exponent - 1.0);
    let mut w = Col::zeros(problem.x.ncols());
    for _ in 0..steps {
        if problem.misfit(w.as_ref()) < 1e-11 {
            break;
        }
        let gradient = problem.gradient(w.as_ref()) * Scale(2.0);
        w -= power_map(gradient.as_ref(), dual) * Scale(step);
    }
    w
}
