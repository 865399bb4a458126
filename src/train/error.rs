//! Why training fails.

use super::DirectoryError;
use serde::{Deserialize, Serialize};
use std::fmt;
use thiserror::Error;

/// Where training left the finite numbers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Divergence {
    /// What is not finite: the training loss of a step's batch or over all samples, a parameter, ...
    pub what: String,
    /// Steps made.
    pub step: u64,
    /// The same in epochs.
    pub epoch: f64,
    /// The rate of the last step.
    pub learning_rate: f64,
    /// The last training loss that was finite, of a step's batch.
    pub last_finite_loss: Option<f64>,
}

impl fmt::Display for Divergence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            what,
            step,
            epoch,
            learning_rate,
            last_finite_loss,
        } = self;
        write!(
            f,
            "training diverged: {what} is not finite after step {step} (epoch {epoch:.2}); the \
             learning rate there was {learning_rate:e}"
        )?;
        if let Some(loss) = last_finite_loss {
            write!(f, ", the last finite training loss {loss:.4e}")?;
        }
        write!(f, ". Lower optimizer.learning_rate or add schedule.warmup")
    }
}

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
