//! Where a run ends that is to end at a training loss.
//!
//! The loss over all training samples goes up and down from step to step, by a factor of 1.3 to 4
//! within ten steps of small batches, and looking at it costs as much as many steps. So the run looks at it
//! now and then. Once it is at or below the target, the run goes back to its last look, which was
//! above, and halves the steps between until one step leads from above the target to below. Of that
//! step it goes the part after which the loss is the target: every update here is proportional to
//! the learning rate, so this is the step at a smaller rate. Two runs that end so have the same
//! loss, whatever their batch sizes and however rarely they looked.

use super::TrainError;
use super::engine::Engine;
use super::state::{Snapshot, Trail};
use crate::params::Parameters;
use std::time::Instant;

/// The loss at the end of a run is between the target and this share of it less.
const WITHIN: f64 = 1e-3;

/// Halvings of a step after which floating point is at its end.
const HALVINGS: usize = 40;

impl Engine<'_> {
    /// Looks at the training loss: whether it has reached the target. Where it has not, the run can come
    /// back here.
    pub(super) fn look(&mut self) -> Result<bool, TrainError> {
        self.settle()?;
        let start = Instant::now();
        let has_reached = self.training_loss()? <= self.target();
        if !has_reached || self.trail.is_none() {
            self.trail = Some(Trail {
                last_look: self.snapshot()?,
                written: Vec::new(),
            });
        }
        self.seconds.measuring += start.elapsed().as_secs_f64();
        Ok(has_reached)
    }

    /// Goes back to the end of a run whose loss was above the target at its last look and is not at step
    /// `end`. The answer is whether its last step was made in part only.
    pub(super) fn cross(&mut self, end: u64) -> Result<bool, TrainError> {
        let start = Instant::now();
        let mut seconds = self.seconds;
        let mut trail = self
            .trail
            .take()
            .expect("there was a look above the target");
        let above = self.last_above(trail.last_look.clone(), end)?;
        self.restore(&above)?;
        self.replay()?;
        self.pass_over_losses()?;
        self.shorten(&above.position.parameters)?;
        // What was measured from this step on was measured of steps that are not made any more.
        trail.written.retain(|(step, _)| *step < self.position.step);
        let last = trail.written.last().map(|(_, memory)| memory);
        let memory = last.unwrap_or(&trail.last_look.memory).clone();
        self.directory.truncate_rows(memory.metrics_length)?;
        self.remember_only(memory);
        self.trail = Some(trail);
        seconds.measuring += start.elapsed().as_secs_f64();
        self.seconds = seconds;
        Ok(self.last_step_part.is_some())
    }

    /// A state above the target from which the next step leads to it, between `above` and step `below`.
    fn last_above(&mut self, mut above: Snapshot, mut below: u64) -> Result<Snapshot, TrainError> {
        while below - above.position.step > 1 {
            let middle = above.position.step + (below - above.position.step) / 2;
            self.restore(&above)?;
            while self.position.step < middle {
                self.replay()?;
            }
            if self.training_loss()? <= self.target() {
                below = middle;
            } else {
                above = self.snapshot()?;
            }
        }
        Ok(above)
    }

    /// Takes back what of the step just made leads below the target.
    fn shorten(&mut self, from: &Parameters) -> Result<(), TrainError> {
        let host = |parameters: &Parameters| parameters.to_host().map_err(TrainError::Device);
        let (from, to) = (host(from)?, host(&self.position.parameters)?);
        let (target, whole) = (self.target(), self.training_loss()?);
        let part = part_of_step(target, whole, |part| {
            let pairs = from.iter().zip(&to);
            let values: Vec<f64> = pairs.map(|(from, to)| from + part * (to - from)).collect();
            self.position.parameters = self.problem.parameters(&values);
            self.training_loss()
        })?;
        self.last_step_part = part;
        if part.is_none() {
            self.position.parameters = self.problem.parameters(&to);
        }
        Ok(())
    }

    /// The loss at which the run is to end; for a run without, nothing is below it.
    fn target(&self) -> f64 {
        let target = self.problem.config.train.stop_at_train_loss;
        target.unwrap_or(f64::NEG_INFINITY)
    }

    /// The loss over all training samples.
    fn training_loss(&self) -> Result<f64, TrainError> {
        self.value_of(&self.measuring.training_loss(&self.position))
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
