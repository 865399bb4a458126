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

impl Losses {
    /// No step has been made. On a processor a loss is there when its step is; there each is read
    /// at once.
    pub fn new(backend: BackendKind) -> Self {
        Self {
            pending: Vec::new(),
            most_pending: match backend {
                BackendKind::Cpu | BackendKind::NdArray => 0,
                BackendKind::Wgpu => BEHIND,
            },
            last_finite: None,
        }
    }

    /// Notes the loss that the parameters have after `step` steps. Returns the first step whose loss
    /// is not finite, of those that are due to be read.
    ///
    /// # Errors
    ///
    /// The device's message where it failed.
    pub fn note(&mut self, step: u64, loss: Tensor<1>) -> Result<Option<u64>, String> {
        self.pending.push((step, loss));
        if self.pending.len() <= self.most_pending {
            return Ok(None);
        }
        self.settle()
    }

    /// Reads all that is left to read, like [`Losses::note`].
    ///
    /// # Errors
    ///
    /// The device's message where it failed.
    pub fn settle(&mut self) -> Result<Option<u64>, String> {
        if self.pending.is_empty() {
            return Ok(None);
        }
        let (steps, losses): (Vec<u64>, Vec<_>) = self.pending.drain(..).unzip();
        for (step, loss) in steps.into_iter().zip(read(&Tensor::cat(losses, 0))?) {
            if !loss.is_finite() {
                return Ok(Some(step));
            }
            self.last_finite = Some(loss);
        }
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backend::{Compute, Precision};

    fn noted(backend: BackendKind, values: &[f64]) -> (Vec<Option<u64>>, Losses) {
        let compute = Compute::cpu(Precision::F64);
        let mut losses = Losses::new(backend);
        let found = (0..).zip(values).map(|(step, &value)| {
            let found = losses.note(step, compute.tensor(&[value], [1]));
            found.unwrap()
        });
        (found.collect(), losses)
    }

    #[test]
    fn on_a_processor_each_step_knows_whether_its_loss_was_finite() {
        let (found, losses) = noted(BackendKind::Cpu, &[2.0, 1.5, f64::NAN]);
        assert_eq!(found, [None, None, Some(2)]);
        assert_eq!(losses.last_finite, Some(1.5));
    }

    #[test]
    fn a_graphics_card_is_asked_for_many_losses_at_once() {
        let mut values = vec![1.0; 30];
        values[5] = f64::INFINITY;
        let (found, losses) = noted(BackendKind::Wgpu, &values);
        assert_eq!(found.iter().position(Option::is_some), Some(BEHIND));
        assert_eq!(found[BEHIND], Some(5));
        assert_eq!(losses.last_finite, Some(1.0));
        let (found, mut losses) = noted(BackendKind::Wgpu, &values[..7]);
        assert_eq!(found, [None; 7]);
        assert_eq!(losses.settle(), Ok(Some(5)));
    }
}
