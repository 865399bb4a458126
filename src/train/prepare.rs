//! Kernels of a graphics card, compiled and chosen before the clock of training starts.

use super::measuring::Measuring;
use super::step::Stepper;
use super::{HookPlan, Observer, Position, Problem, TrainError};
use crate::backend::BackendKind;
use crate::curvature::CurvatureOperator;
use crate::linear::{Interrupt, LinearOperator};
use crate::measure::matrices;
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
