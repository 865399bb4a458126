//! Why training fails.

use super::DirectoryError;
use thiserror::Error;

/// Why a run could not go on.
#[derive(Debug, Error)]
pub enum TrainError {
    /// The training loss is not a number any more.
    #[error(
        "training diverged: the training loss is not finite after step {step} (epoch {epoch:.2}); \
         the learning rate there was {learning_rate:e}. Lower optimizer.learning_rate or add schedule.warmup"
    )]
    Diverged {
        /// Steps made.
        step: u64,
        /// The same in epochs.
        epoch: f64,
        /// The rate of the last step.
        learning_rate: f64,
    },
    /// The loss overflows before the first step.
    #[error(
        "the training loss is not finite at the starting point: lower model.init_scale, or use \
         data.normalize = \"standard\""
    )]
    BadStart,
    /// The training loss could not be computed, for another reason.
    #[error("the training loss could not be evaluated after step {step}: {reason}")]
    Evaluation {
        /// Steps made.
        step: u64,
        /// Why.
        reason: String,
    },
    /// A checkpoint does not hold what the optimizer needs.
    #[error("the checkpoint cannot be used: {0}")]
    Checkpoint(String),
    /// The device failed.
    #[error("{0}")]
    Device(String),
    /// The run directory could not be written.
    #[error(transparent)]
    Directory(#[from] DirectoryError),
}
