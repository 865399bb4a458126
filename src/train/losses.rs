//! The training losses of the steps, read so late that no step waits for them.

use crate::backend::{BackendKind, read};
use burn::tensor::Tensor;

/// So many losses a graphics card may be behind: each reading waits for all the work before it.
const BEHIND: usize = 16;

/// The losses of the steps' batches, and whether all were finite.
pub(super) struct Losses {
    /// Losses that have not been read, each with the number of steps made before.
    pending: Vec<(u64, Tensor<1>)>,
    most_pending: usize,
    /// The last loss that was finite.
    pub last_finite: Option<f64>,
}

/// Losses that have been read.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Read {
    /// Those up to the first that is not finite, each with the number of steps made before.
    pub finite: Vec<(u64, f64)>,
    /// The steps made before that one.
    pub overflown: Option<u64>,
}

impl Losses {
    /// No step has been made. On a processor a loss is there when its step is; there, or where somebody waits for
    /// each, it is read at once.
    pub fn new(backend: BackendKind, is_waited_for: bool) -> Self {
        Self {
            pending: Vec::new(),
            most_pending: match backend {
                BackendKind::Wgpu if !is_waited_for => BEHIND,
                BackendKind::Cpu | BackendKind::NdArray | BackendKind::Wgpu => 0,
            },
            last_finite: None,
        }
    }

    /// Notes the loss that the parameters have after `step` steps. Returns the losses that are due to be read.
    ///
    /// # Errors
    ///
    /// The device's message where it failed.
    pub fn note(&mut self, step: u64, loss: Tensor<1>) -> Result<Read, String> {
        self.pending.push((step, loss));
        if self.pending.len() <= self.most_pending {
            return Ok(Read::default());
        }
        self.settle()
    }

    /// Reads all that is left to read, like [`Losses::note`].
    ///
    /// # Errors
    ///
    /// The device's message where it failed.
    pub fn settle(&mut self) -> Result<Read, String> {
        let mut found = Read::default();
        if self.pending.is_empty() {
            return Ok(found);
        }
        let (steps, losses): (Vec<u64>, Vec<_>) = self.pending.drain(..).unzip();
        for (step, loss) in steps.into_iter().zip(read(&Tensor::cat(losses, 0))?) {
            if !loss.is_finite() {
                found.overflown = Some(step);
                break;
            }
            self.last_finite = Some(loss);
            found.finite.push((step, loss));
        }
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backend::{Compute, Precision};

    fn noted(backend: BackendKind, is_waited_for: bool, values: &[f64]) -> (Vec<Read>, Losses) {
        let compute = Compute::cpu(Precision::F64);
        let mut losses = Losses::new(backend, is_waited_for);
        let found = (0..).zip(values).map(|(step, &value)| {
            let found = losses.note(step, compute.tensor(&[value], [1]));
            found.unwrap()
        });
        (found.collect(), losses)
    }

    fn overflown(found: &[Read]) -> Vec<Option<u64>> {
        found.iter().map(|read| read.overflown).collect()
    }

    #[test]
    fn on_a_processor_each_step_knows_its_loss_and_whether_it_was_finite() {
        let values = [2.0, 1.5, f64::NAN];
        let (found, losses) = noted(BackendKind::Cpu, false, &values);
        assert_eq!(overflown(&found), [None, None, Some(2)]);
        assert_eq!(found[1].finite, [(1, 1.5)]);
        assert_eq!(losses.last_finite, Some(1.5));
        assert_eq!(noted(BackendKind::Wgpu, true, &values).0, found);
    }

    #[test]
    fn a_graphics_card_is_asked_for_many_losses_at_once() {
        let mut values = vec![1.0; 30];
        values[5] = f64::INFINITY;
        let (found, losses) = noted(BackendKind::Wgpu, false, &values);
        let steps = overflown(&found);
        assert_eq!(steps.iter().position(Option::is_some), Some(BEHIND));
        assert_eq!(steps[BEHIND], Some(5));
        assert_eq!(
            found[BEHIND].finite,
            [0, 1, 2, 3, 4].map(|step| (step, 1.0))
        );
        assert_eq!(losses.last_finite, Some(1.0));
        let (found, mut losses) = noted(BackendKind::Wgpu, false, &values[..7]);
        assert_eq!(overflown(&found), [None; 7]);
        assert_eq!(losses.settle().unwrap().overflown, Some(5));
    }
}
