//! Checks `[train]`.

use super::range::Held;
use super::{is_full_batch, range};
use crate::config::choice::{OptimizerKind, Precision, Sampling};
use crate::config::raw::RawTrain;
use crate::config::rule::{Rule, Violation};
use crate::config::valid::{Length, Train};

pub(super) fn check(
    raw: &RawTrain,
    kind: OptimizerKind,
    precision: Precision,
) -> Result<Train, Violation> {
    let sampling = raw.sampling.unwrap_or_default();
    if is_full_batch(kind) {
        if raw.batch_size.is_some() {
            let violation = Violation::new("train.batch_size", Rule::BatchWithGd);
            return Err(violation.against("optimizer.kind"));
        }
        if sampling == Sampling::Replacement {
            let violation = Violation::new("train.sampling", Rule::ReplacementWithGd);
            return Err(violation.against("optimizer.kind"));
        }
    }
    Ok(Train {
        loss: raw.loss.unwrap_or_default(),
        batch_size: (!is_full_batch(kind)).then(|| raw.batch_size.map_or(32, |size| size.0)),
        length: length(raw)?,
        stop_at_train_loss: match raw.stop_at_train_loss {
            Some(_) => Some(range::above_zero(
                "train.stop_at_train_loss",
                raw.stop_at_train_loss,
                0.0,
                Held::InRun(precision),
            )?),
            None => None,
        },
        stop_check_every: raw.stop_check_every.map(|steps| steps.0),
        sampling,
        checkpoint_every: raw.checkpoint_every.map_or(1, |epochs| epochs.0),
        evaluate_every: raw.evaluate_every.map_or(1, |epochs| epochs.0),
    })
}

fn length(raw: &RawTrain) -> Result<Length, Violation> {
    match (raw.epochs, raw.steps) {
        (Some(epochs), None) => Ok(Length::Epochs(epochs.0)),
        (None, Some(steps)) => Ok(Length::Steps(steps.0)),
        (Some(_), Some(_)) => {
            Err(Violation::new("train.epochs", Rule::EpochsAndSteps).against("train.steps"))
        }
        (None, None) => Err(Violation::new("train", Rule::NeitherEpochsNorSteps)),
    }
}

#[cfg(test)]
mod tests {
    use crate::config::samples::message;

    fn train(optimizer: &str, keys: &str) -> String {
        message(&format!(
            "[optimizer]\nkind = \"{optimizer}\"\nlearning_rate = 0.1\n[train]\n{keys}"
        ))
    }

    #[test]
    fn gd_has_no_batch_size() {
        assert_eq!(
            train("gd", "epochs = 1\nbatch_size = 32"),
            "x.toml: `train.batch_size` (line 6) must be absent for optimizer.kind = \"gd\", which uses all training samples in every step"
        );
    }

    #[test]
    fn gd_does_not_sample_with_replacement() {
        assert_eq!(
            train("gd", "epochs = 1\nsampling = \"replacement\""),
            "x.toml: `train.sampling` (line 6) = \"replacement\" needs batches; optimizer.kind = \"gd\" uses all training samples in every step"
        );
    }

    #[test]
    fn a_run_has_one_length() {
        assert_eq!(
            train("sgd", "epochs = 1\nsteps = 10"),
            "x.toml: `train.epochs` (line 5) and `train.steps` cannot both be set: a run has one length"
        );
    }

    #[test]
    fn a_run_has_a_length() {
        assert_eq!(
            train("sgd", ""),
            "x.toml: `train` (line 4) needs a length: exactly one of `epochs` and `steps`"
        );
    }
}
