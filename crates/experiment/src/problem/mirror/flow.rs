//! Flows: descent with infinitely small steps, as differential equations.

use super::Potential;
use crate::experiment::ExperimentError;
use crate::problem::dense;
use differential_equations::prelude::{ExplicitRungeKutta, IVP};
use faer::{Col, ColRef};

/// The solution of `dy/dt = field(y)` at ascending `times` after 0, by Dormand & Prince's method of order 8 with a
/// relative tolerance of 10⁻¹⁰.
///
/// # Errors
///
/// [`ExperimentError`] where the solver gives up.
pub fn flow(
    start: &[f64],
    times: &[f64],
    field: impl Fn(&[f64], &mut [f64]),
) -> Result<Vec<Vec<f64>>, ExperimentError> {
    let derivative = |_: f64, y: &Vec<f64>, slope: &mut Vec<f64>| field(y, slope);
    let mut begin = (0.0, start.to_vec());
    let mut path = Vec::with_capacity(times.len());
    // From each time to the next, since between its steps the solver interpolates to seven digits only.
    for time in times {
        let method = ExplicitRungeKutta::dop853()
            .rtol(1e-10)
            .atol(1e-13)
            .max_steps(1_000_000);
        let solution = IVP::ode_from_fn(derivative, begin.0, *time, begin.1)
            .method(method)
            .solve()
            .map_err(|_| ExperimentError::because("a differential equation could not be solved"))?;
        let end = solution.y.last().cloned();
        let end =
            end.ok_or_else(|| ExperimentError::because("a differential equation has no solution"))?;
        path.push(end.clone());
        begin = (*time, end);
    }
    Ok(path)
}

/// `w` at ascending times of the mirror flow `d∇R(w)/dt = −∇L(w)`.
///
/// # Errors
///
/// [`ExperimentError`] where the differential equation cannot be solved.
pub fn mirror_flow(
    potential: &Potential,
    start: ColRef<f64>,
    times: &[f64],
    gradient: impl Fn(ColRef<f64>) -> Col<f64>,
) -> Result<Vec<Col<f64>>, ExperimentError> {
    let origin = potential.dual(start)?;
    let path = flow(&dense::numbers(origin.as_ref()), times, |y, slope| {
        // A matrix that has no eigenvalues is not finite; the solver then refuses the step.
        let down = potential
            .primal(ColRef::from_slice(y))
            .map(|w| gradient(w.as_ref()));
        for (index, slope) in slope.iter_mut().enumerate() {
            *slope = down.as_ref().map_or(f64::NAN, |down| -down[index]);
        }
    })?;
    path.iter()
        .map(|numbers| potential.primal(ColRef::from_slice(numbers)))
        .collect()
}
