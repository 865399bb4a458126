//! What a step costs, found by making some that nothing is kept of.

use super::average::Average;
use super::measuring::Measuring;
use super::step::Stepper;
use super::{HookPlan, Problem, TrainError, gradient, persistence};
use crate::linear::Interrupt;
use std::time::Instant;

/// Steps that are timed, after one that touches memory for the first time.
const TIMED: usize = 3;

/// The seconds of a step from the starting point: the shortest of a few, since what else a machine does only adds.
///
/// # Errors
///
/// The device's, or that of a rate that is bounded by what cannot be measured.
pub fn seconds_per_step(problem: &Problem) -> Result<f64, TrainError> {
    let layout = problem.objective.network().layout();
    let plan = HookPlan::new(&problem.config, layout, problem.epochs());
    let measuring = Measuring::new(problem, &plan, Interrupt::never());
    let oracle = gradient::oracle(problem, measuring.samples_of_steps());
    let average = Average::new(problem);
    let mut stepper = Stepper::new(oracle, problem.optimizer(), measuring.rate(), average);
    let mut position = persistence::first(problem, measuring.initial()).position;
    let mut shortest = f64::INFINITY;
    for step in 0..=TIMED {
        let start = Instant::now();
        let gradient = stepper.gradient(&position);
        stepper.follow(&mut position, gradient)?;
        problem.compute().synchronize();
        if step > 0 {
            shortest = shortest.min(start.elapsed().as_secs_f64());
        }
    }
    Ok(shortest)
}
