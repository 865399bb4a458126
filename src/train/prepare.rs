//! Kernels of a graphics card, compiled and chosen before the clock of training starts.

use super::measuring::Measuring;
use super::step::Stepper;
use super::{HookPlan, Observer, Position, Problem, TrainError};
use crate::backend::BackendKind;
use crate::curvature::{CurvatureOperator, Matrix};
use crate::linear::{Interrupt, LinearOperator};
use crate::measure::needs_products;
use crate::objective::Chunks;
use std::time::Instant;

/// On a graphics card, runs every kind of work once; the seconds that took.
///
/// # Errors
///
/// The device's message where it failed.
pub(super) fn prepare(
    problem: &Problem,
    plan: &HookPlan,
    measuring: &Measuring,
    stepper: &mut Stepper,
    position: &Position,
    interrupt: Interrupt,
    observer: &mut dyn Observer,
) -> Result<Option<f64>, TrainError> {
    if problem.compute().kind != BackendKind::Wgpu {
        return Ok(None);
    }
    observer.preparing();
    let start = Instant::now();
    let gradient = stepper.gradient(position).gradient;
    gradient.into_host().map_err(TrainError::Device)?;
    let all = plan.all();
    let names: Vec<&str> = all
        .iter()
        .flat_map(|(_, names)| names.iter().map(String::as_str))
        .collect();
    let matrices = matrices(&names);
    for view in measuring.views() {
        let ends = ends(&view.train);
        let objective = measuring.objective_in(&view.scope(), &position.statistics);
        for batch in ends.batches() {
            objective.evaluate(&position.parameters, batch);
        }
        let direction = vec![1.0; position.parameters.layout().len()];
        for &matrix in &matrices {
            let parameters = &position.parameters;
            let mut operator =
                CurvatureOperator::new(matrix, &objective, parameters, &ends, interrupt);
            operator.apply(&direction).ok();
        }
    }
    problem.compute().synchronize();
    let seconds = start.elapsed().as_secs_f64();
    observer.prepared(seconds);
    Ok(Some(seconds))
}

/// The first batch and the last, which may be smaller.
fn ends(chunks: &Chunks) -> Chunks {
    let batches = chunks.batches();
    let ends = [batches.first(), batches.last()];
    Chunks::from_batches(ends.into_iter().flatten().cloned().collect(), Vec::new())
}

/// The matrices that measures multiply by.
fn matrices(names: &[&str]) -> Vec<Matrix> {
    let is_wanted = |families: &[&str]| {
        let of = |name: &&str| families.iter().any(|family| name.starts_with(family));
        names.iter().any(of)
    };
    let wanted = [
        (
            Matrix::Hessian,
            names.iter().any(|name| needs_products(name)),
        ),
        (
            Matrix::GaussNewton,
            is_wanted(&["ggn.", "residual.", "noise.alignment"]),
        ),
        (Matrix::SecondMoment, is_wanted(&["moment."])),
        (Matrix::NoiseCovariance, is_wanted(&["noise."])),
    ];
    let wanted = wanted.into_iter().filter(|(_, is_wanted)| *is_wanted);
    wanted.map(|(matrix, _)| matrix).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_matrix_that_is_measured_is_prepared() {
        assert!(matrices(&["norm.l2", "loss.train"]).is_empty());
        assert_eq!(matrices(&["hessian.trace"]), [Matrix::Hessian]);
        assert!(matrices(&["moment.trace"]).contains(&Matrix::SecondMoment));
        assert!(matrices(&["ggn.trace"]).contains(&Matrix::GaussNewton));
        assert!(matrices(&["noise.trace"]).contains(&Matrix::NoiseCovariance));
    }
}
