//! Why training fails.

use crate::run::{DirectoryError, Divergence};
use thiserror::Error;

/// Why a run could not go on.
#[derive(Debug, Error)]
pub enum TrainError {
    /// A number is not finite any more.
    #[error("{0}")]
    Diverged(Divergence),
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
    /// The sharpness that bounds the learning rate could not be measured.
    #[error(
        "the sharpness that bounds the learning rate (schedule.limit) could not be measured after step \
         {step}: {reason}"
    )]
    Sharpness {
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

impl TrainError {
    /// Whether the same would happen again from any checkpoint.
    pub fn is_final(&self) -> bool {
        matches!(self, Self::Diverged(_) | Self::BadStart)
    }
}
