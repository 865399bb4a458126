//! `[train]`: the loop.

use super::choice::{OptimizerKind, Sampling};
use super::rule::{FullBatch, Rule, Violation};
use super::section::Reader;
use crate::objective::Loss;

/// The word of the update rule without batches.
const GD: &[&str] = &[OptimizerKind::Gd.as_str()];

section! {
    /// `[train]`: the loop.
    checked by has_one_length_and_batches;
    pub struct Train {
        /// The loss that is minimised.
        loss: Loss = default(Loss::CrossEntropy);
        /// Samples of a step, at most the training samples; none where every step uses all.
        batch_size: Option<usize> = optional("32, or all");
        /// Batches whose mean gradient a step follows; of an epoch's last step, those that are left.
        accumulate: Option<usize> = optional("1");
        /// Steps that stand for one of SGD, each at this part of the learning rate (SVAG); an epoch has as many times the steps.
        svag: Option<usize> = optional("plain steps");
        /// Whether every step uses all training samples, whatever the update rule.
        full_batch: bool = derived(false, "false; true for gd");
        /// Passes over the training part; exactly one of `epochs` and `steps`.
        epochs: Option<usize> = optional("`steps` instead");
        /// Updates; exactly one of `epochs` and `steps`.
        steps: Option<usize> = optional("`epochs` instead");
        /// Stop where the training loss falls to this; the last step is shortened so that it is this.
        stop_at_train_loss: Option<f64> = optional("never") in (computed AboveZero);
        /// Steps between two looks at the training loss for that; whole epochs are looked at in any case.
        stop_check_every: Option<usize> = optional("an epoch");
        /// How batches are drawn.
        sampling: Sampling = default(Sampling::Shuffle);
        /// Epochs between two checkpoints.
        checkpoint_every: usize = default(1);
        /// Epochs between two evaluations of loss and accuracy.
        evaluate_every: usize = default(1);
    }
}

/// How long a run is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Length {
    /// Passes over the training part.
    Epochs(usize),
    /// Updates.
    Steps(usize),
}

impl Train {
    /// How long the run is.
    pub fn length(&self) -> Length {
        match (self.epochs, self.steps) {
            (_, Some(steps)) => Length::Steps(steps),
            (epochs, None) => Length::Epochs(epochs.unwrap_or_default()),
        }
    }
}

fn has_one_length_and_batches(train: &mut Train, reader: &Reader<'_>) -> Result<(), Violation> {
    match (train.epochs, train.steps) {
        (Some(_), Some(_)) => {
            let violation = Violation::new("train.epochs", Rule::EpochsAndSteps);
            return Err(violation.against("train.steps"));
        }
        (None, None) => return Err(Violation::new("train", Rule::NeitherEpochsNorSteps)),
        _ => {}
    }
    let is_gd = reader.is_one_of("optimizer.kind", GD);
    if is_gd && reader.get::<bool>("full_batch") == Some(false) {
        return Err(
            Violation::new("train.full_batch", Rule::GdWithBatches).against(FullBatch::Gd.key())
        );
    }
    let why = FullBatch::of(is_gd);
    train.full_batch |= is_gd;
    if !train.full_batch {
        train.batch_size.get_or_insert(32);
        return Ok(());
    }
    let refused = |key, rule| Err(Violation::new(key, rule).against(why.key()));
    if train.batch_size.is_some() {
        return refused("train.batch_size", Rule::BatchSizeOfAll { why });
    }
    if train.sampling == Sampling::Replacement {
        return refused("train.sampling", Rule::ReplacementOfAll { why });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::config::parse;
    use crate::config::samples::{KNOWN, message};

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
    fn a_full_batch_has_no_size_and_draws_nothing() {
        let adam = |keys: &str| train("adam", &format!("epochs = 1\nfull_batch = true\n{keys}"));
        assert_eq!(
            adam("batch_size = 32"),
            "x.toml: `train.batch_size` (line 7) must be absent for train.full_batch = true, which uses all training samples in every step"
        );
        assert_eq!(
            adam("sampling = \"replacement\""),
            "x.toml: `train.sampling` (line 7) = \"replacement\" needs batches; train.full_batch = true uses all training samples in every step"
        );
    }

    #[test]
    fn gd_is_a_full_batch() {
        assert_eq!(
            train("gd", "epochs = 1\nfull_batch = false"),
            "x.toml: `train.full_batch` (line 6) = false contradicts optimizer.kind = \"gd\", which uses all training samples in every step; \"sgd\" is the same rule with batches"
        );
        let resolved = |optimizer: &str| {
            let text =
                format!("optimizer = {{{optimizer}, learning_rate = 0.1}}\ntrain.epochs = 3");
            parse(&text, "x.toml", &[], "x", KNOWN).unwrap()
        };
        let gd = resolved("kind = \"gd\"");
        assert_eq!(gd.value("train.full_batch"), Some(true.into()));
        assert_eq!((gd.train.batch_size, gd.steps_per_epoch(100)), (None, 1));
        let sgd = resolved("kind = \"sgd\"");
        assert_eq!(sgd.value("train.full_batch"), Some(false.into()));
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
