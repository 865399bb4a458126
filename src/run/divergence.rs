//! Where training left the finite numbers.

use super::{LambdaMax, OverTheLine};
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
    /// The curvature over the line of stability, where a hook has measured it, when it last did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub over_the_line: Option<Box<OverTheLine>>,
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
            over_the_line,
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
        // Of plain descent it is the same number as the one above.
        let is_new = lambda_max.is_none_or(|LambdaMax { step, .. }| {
            over_the_line.as_ref().is_some_and(|line| line.step > step)
        });
        if let (Some(line), true) = (over_the_line, is_new) {
            let OverTheLine {
                step,
                ratio,
                measure,
            } = &**line;
            write!(
                f,
                "; by {measure} the curvature that steps see was {ratio:.4} times the largest that is stable at that rate, as \
                 measured after step {step}"
            )?;
        }
        write!(f, ". Lower optimizer.learning_rate or add schedule.warmup")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_curvature_is_told_by_whatever_measured_it_last() {
        let line = OverTheLine {
            step: 40,
            ratio: 1.5,
            measure: "stability.eigenvalue_1".to_owned(),
        };
        let told = |lambda_max: Option<LambdaMax>, over_the_line: Option<OverTheLine>| {
            let divergence = Divergence {
                what: "a parameter".to_owned(),
                step: 50,
                epoch: 5.0,
                learning_rate: 0.5,
                last_finite_loss: None,
                lambda_max,
                over_the_line: over_the_line.map(Box::new),
            };
            divergence.to_string()
        };
        let by_line = "by stability.eigenvalue_1 the curvature that steps see was 1.5000 times";
        assert!(told(None, Some(line.clone())).contains(by_line));
        assert!(!told(None, None).contains("curvature"));
        let at = |step| Some(LambdaMax { step, value: 6.0 });
        // At the same step it is the same number.
        let both = told(at(40), Some(line.clone()));
        assert!(both.contains("that rate is 1.5000") && !both.contains(by_line));
        let later = told(at(30), Some(line));
        assert!(later.contains("after step 30") && later.contains(by_line));
    }
}
