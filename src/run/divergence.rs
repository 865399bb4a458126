//! Where training left the finite numbers.

use super::LambdaMax;
use serde::{Deserialize, Serialize};
use std::fmt;

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
    /// The largest eigenvalue of the Hessian, where a hook has measured it, when it last did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lambda_max: Option<LambdaMax>,
}

impl fmt::Display for Divergence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            what,
            step,
            epoch,
            learning_rate,
            last_finite_loss,
            lambda_max,
        } = self;
        write!(
            f,
            "training diverged: {what} is not finite after step {step} (epoch {epoch:.2}); the \
             learning rate there was {learning_rate:e}"
        )?;
        if let Some(loss) = last_finite_loss {
            write!(f, ", the last finite training loss {loss:.4e}")?;
        }
        if let Some(LambdaMax { step, value }) = lambda_max {
            write!(
                f,
                "; times hessian.lambda_max / 2, as measured after step {step}, that rate is {:.4}, and plain \
                 gradient descent is stable below 1",
                learning_rate * value / 2.0
            )?;
        }
        write!(f, ". Lower optimizer.learning_rate or add schedule.warmup")
    }
}
