//! Where a run ends that is to end at a training loss.
//!
//! The loss over all training samples goes up and down from step to step, by a factor of 1.3 to 4
//! within ten steps of small batches, and looking at it costs as much as many steps. So the run looks at it
//! now and then. Once it is at or below the target, the run goes back to its last look, which was
//! above, and halves the steps between until one step leads from above the target to below. Of that
//! step it goes the part after which the loss is the target: every update here is proportional to
//! the learning rate, so this is the step at a smaller rate. Two runs that end so have the same
//! loss, whatever their batch sizes and however rarely they looked.

use super::{Before, Run, State};
use crate::measure::{Evaluated, Measurement};
use crate::optim::OptimizerState;
use crate::params::Parameters;
use crate::train::{Observer, Scope, TrainError};
use std::time::Instant;

/// The loss at the end of a run is between the target and this share of it less.
const WITHIN: f64 = 1e-3;

/// Halvings of a step after which floating point is at its end.
const HALVINGS: usize = 40;

/// The state of a run between two steps.
#[derive(Clone)]
pub(super) struct Snapshot {
    pub step: u64,
    pub parameters: Parameters,
    pub statistics: Parameters,
    pub optimizer: OptimizerState,
    pub before: Before,
}

/// The way back to where the run looked last.
pub(super) struct Trail {
    /// The state there, before measuring.
    pub last_look: Snapshot,
    /// The steps at which rows were written since, and what was so after each.
    pub written: Vec<(u64, Before)>,
}

impl<'a> Run<'a> {
    /// Looks at the training loss if it is time to. Where it has reached the target, the state goes
    /// back to the end of the run, and the answer is `true`.
    pub(super) fn reaches_target(
        &self,
        state: &mut State<'a>,
        observer: &mut dyn Observer,
    ) -> Result<bool, TrainError> {
        let target = match self.problem.config.train.stop_at_train_loss {
            Some(target) if self.looks_at_loss(state.step) => target,
            _ => return Ok(false),
        };
        self.settle(state)?;
        let start = Instant::now();
        let loss = self.training_loss(state)?;
        let is_reached = loss <= target;
        let trail = state.trail.take();
        match trail.filter(|trail| is_reached && trail.last_look.step < state.step) {
            Some(trail) => {
                let seconds = state.seconds;
                *state = self.crossing(trail, state.step, target)?;
                state.seconds = seconds;
                observer.stepped(state.step);
            }
            None => {
                let last_look = self.snapshot(state, state.before_measuring())?;
                state.trail = Some(Trail {
                    last_look,
                    written: Vec::new(),
                });
            }
        }
        state.seconds.measuring += start.elapsed().as_secs_f64();
        Ok(is_reached)
    }

    /// Whether the run looks at the training loss before this step. Whole epochs are among these
    /// steps whatever else is, because checkpoints are made there, and a run that goes on from one
    /// must look as it would have.
    fn looks_at_loss(&self, step: u64) -> bool {
        let every = self.problem.config.train.stop_check_every;
        every.is_some_and(|every| step.is_multiple_of(every as u64))
            || step.is_multiple_of(self.problem.steps_per_epoch())
            || step == self.problem.total_steps()
    }

    /// The end of a run whose loss was above the target at its last look and is not at step `end`.
    fn crossing(&self, mut trail: Trail, end: u64, target: f64) -> Result<State<'a>, TrainError> {
        let mut above = trail.last_look.clone();
        let mut below = end;
        while below - above.step > 1 {
            let middle = above.step + (below - above.step) / 2;
            let mut state = self.state_at(&above)?;
            while state.step < middle {
                self.step(&mut state)?;
            }
            if self.training_loss(&state)? <= target {
                below = middle;
            } else {
                above = self.snapshot(&state, state.before_measuring())?;
            }
        }
        let mut state = self.state_at(&above)?;
        self.step(&mut state)?;
        self.shorten(&mut state, &above.parameters, target)?;
        // What was measured from this step on was measured of steps that are not made any more.
        trail.written.retain(|(step, _)| *step < state.step);
        let last = trail.written.last().map(|(_, before)| before);
        let before = last.unwrap_or(&trail.last_look.before).clone();
        self.directory.truncate_rows(before.metrics_length)?;
        state.metrics_length = before.metrics_length;
        state.recollection = before.recollection;
        state.trail = Some(trail);
        Ok(state)
    }

    /// Takes back what of the step just made leads below the target.
    fn shorten(
        &self,
        state: &mut State<'a>,
        from: &Parameters,
        target: f64,
    ) -> Result<(), TrainError> {
        let host = |parameters: &Parameters| parameters.to_host().map_err(TrainError::Device);
        let (from, to) = (host(from)?, host(&state.parameters)?);
        let whole = self.training_loss(state)?;
        let part = part_of_step(target, whole, |part| {
            let pairs = from.iter().zip(&to);
            let values: Vec<f64> = pairs.map(|(from, to)| from + part * (to - from)).collect();
            state.parameters = self.problem.parameters(&values);
            self.training_loss(state)
        })?;
        state.last_step_part = part;
        if part.is_none() {
            state.parameters = self.problem.parameters(&to);
        }
        Ok(())
    }

    /// The loss over all training samples, as the row `loss.train` has it.
    fn training_loss(&self, state: &State) -> Result<f64, TrainError> {
        let scope = Scope::default();
        let objective = self.objective_in(&scope, state);
        let evaluated = Evaluated::run(&objective, &state.parameters, &self.view(&scope).train);
        let row = match evaluated {
            Ok(evaluated) => evaluated.loss("loss.train"),
            Err(reason) => Measurement::failed("loss.train", reason),
        };
        self.value_of(state, &row)
    }
}

/// The part of a step after which the loss is the target, to [`WITHIN`], by halving; none for the
/// whole step. The loss is above the target before the step and `whole`, not above it, after.
///
/// The function is asked last for the part that is returned, if any.
fn part_of_step<E>(
    target: f64,
    whole: f64,
    mut loss_after: impl FnMut(f64) -> Result<f64, E>,
) -> Result<Option<f64>, E> {
    let is_near = |loss: f64| loss >= target * (1.0 - WITHIN);
    if is_near(whole) {
        return Ok(None);
    }
    let (mut above, mut below) = (0.0, 1.0);
    for _ in 0..HALVINGS {
        let middle = 0.5 * (above + below);
        let loss = loss_after(middle)?;
        if loss > target {
            above = middle;
        } else {
            below = middle;
            if is_near(loss) {
                return Ok(Some(below));
            }
        }
    }
    // A jump that no part of the step meets, of an overflow perhaps: the side that is not above.
    loss_after(below)?;
    Ok((below < 1.0).then_some(below))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::convert::Infallible;

    fn part(target: f64, loss: impl Fn(f64) -> f64) -> (Option<f64>, Vec<f64>) {
        let mut asked = Vec::new();
        let found = part_of_step(target, loss(1.0), |part| {
            asked.push(part);
            Ok::<f64, Infallible>(loss(part))
        });
        (found.unwrap(), asked)
    }

    #[test]
    fn the_part_of_a_step_is_where_the_loss_is_the_target() {
        // Down to 0.4, and up again: the loss is 0.5 at 0.5.
        let bowl = |part: f64| 1.0 - 1.4 * part + 0.8 * part * part;
        let (found, asked) = part(0.5, bowl);
        let found = found.unwrap();
        assert!((0.4995..=0.5).contains(&bowl(found)), "{found}");
        assert_eq!(asked.last(), Some(&found));
    }

    #[test]
    fn a_step_that_ends_at_the_target_is_not_shortened() {
        assert_eq!(part(0.5, |part| 1.0 - 0.5 * part), (None, Vec::new()));
        assert_eq!(part(0.5, |part| 1.0 - 0.5004 * part).0, None);
    }

    #[test]
    fn a_jump_ends_below_the_target() {
        let jump = |part: f64| if part < 0.7 { 2.0 } else { 0.1 };
        let (found, asked) = part(0.5, jump);
        assert!((found.unwrap() - 0.7).abs() < 1e-9);
        assert_eq!(jump(*asked.last().unwrap()), 0.1);
    }
}
