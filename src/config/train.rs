//! `[train]`: the loop.

use super::error::Violation;
use super::gradient::Clip;
use super::kind::{Kind, Value};
use super::optimizer::OptimizerKind;
use super::section::Reader;
use crate::data::Sampling;
use crate::objective::Loss;
use crate::words::Word;
use serde::{Deserialize, Serialize};

/// The word of the update rule without batches.
const GD: &[&str] = &[OptimizerKind::Gd.as_str()];

/// The word of the update rule that looks at the norm of the whole gradient.
const PERTURBED: &[&str] = &[OptimizerKind::PerturbedGd.as_str()];

section! {
    /// `[train]`: the loop.
    checked by has_one_length_and_batches;
    pub struct Train {
        /// The loss that is minimised.
        loss: Loss = default(Loss::CrossEntropy);
        /// Samples of a step, at most the training samples; none where every step uses all.
        batch_size: Option<usize> = optional("32, or all");
        /// How the batch size moves.
        batch_schedule: BatchSchedule = part();
        /// Batches whose mean gradient a step follows; of an epoch's last step, those that are left.
        accumulate: Option<usize> = optional("1");
        /// Steps that stand for one of SGD, each at this part of the learning rate (SVAG); an epoch has as many times the steps.
        svag: Option<usize> = optional("plain steps");
        /// The bound on the gradient of a step.
        clip: Clip = part();
        /// Whether every step uses all training samples, whatever the update rule.
        full_batch: bool = derived(false, "false; true for gd");
        /// Layers (layers.0) or parameters (layers.0.bias) that no step moves.
        frozen: Option<Vec<String>> = optional("none");
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
        /// Which checkpoints are kept: so many of the newest, all, or the newest two and those at these epochs (for `lab measure --checkpoints`, `lab slice`).
        keep_checkpoints: Option<Kept> = optional("2");
        /// Epochs between two evaluations of loss and accuracy.
        evaluate_every: usize = default(1);
    }
}

kinds! {
    /// How the batch size moves over training.
    #[derive(Copy)]
    pub enum BatchSchedule: BatchScheduleKind in "batch_schedule", "How the batch size moves." {
        /// It does not move; the default.
        #[default]
        Constant = "constant",
        /// Multiplied by a factor every few epochs (Smith et al. 2018).
        Step(BatchGrowth) = "step",
    }
}

section! {
    /// The batch size is multiplied by a factor every few epochs.
    #[derive(Copy)]
    pub struct BatchGrowth {
        /// Epochs between two rises of the batch size.
        batch_every: usize = required("a positive number of epochs");
        /// The factor of each rise.
        batch_factor: f64 = default(2.0) in AboveOne;
        /// Where the batch size stops to grow.
        largest_batch: Option<usize> = optional("all samples");
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

/// Which checkpoints are kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Kept {
    /// So many of the newest.
    Newest(usize),
    /// All of them.
    All(All),
    /// Those at these epochs, and the newest ones.
    Epochs(Vec<usize>),
}

words! {
    /// The word for everything.
    All {
        /// Every one.
        #[default]
        All = "all",
    }
}

impl Value for Kept {
    fn kind() -> Kind {
        let epochs = Kind::List(Box::new(Kind::Count));
        Kind::Either(vec![Kind::Count, Kind::Word(All::WORDS), epochs])
    }
}

/// How many of the newest checkpoints are kept where nothing is said: a run goes on from the one before where the last is
/// damaged.
const CHECKPOINTS: usize = 2;

impl Train {
    /// How many of the newest checkpoints are kept.
    pub fn newest_checkpoints(&self) -> usize {
        match self.keep_checkpoints {
            Some(Kept::Newest(newest)) => newest,
            Some(Kept::All(_)) => usize::MAX,
            Some(Kept::Epochs(_)) | None => CHECKPOINTS,
        }
    }

    /// The epochs whose checkpoints are made and kept in any case.
    pub fn checkpoint_epochs(&self) -> &[usize] {
        match &self.keep_checkpoints {
            Some(Kept::Epochs(epochs)) => epochs,
            _ => &[],
        }
    }

    /// How long the run is.
    pub fn length(&self) -> Length {
        match (self.epochs, self.steps) {
            (_, Some(steps)) => Length::Steps(steps),
            (epochs, None) => Length::Epochs(epochs.unwrap_or_default()),
        }
    }
}

/// What says that every step uses all training samples, in a config with or without the short form: its
/// key, and what it says.
pub(super) fn says_full_batch(is_gd: bool) -> (&'static str, &'static str) {
    if is_gd {
        ("optimizer.kind", "optimizer.kind = \"gd\"")
    } else {
        ("train.full_batch", "train.full_batch = true")
    }
}

fn has_one_length_and_batches(train: &mut Train, reader: &Reader<'_>) -> Result<(), Violation> {
    match (train.epochs, train.steps) {
        (Some(_), Some(_)) => {
            let rule = "and `train.steps` cannot both be set: a run has one length";
            return Err(Violation::new("train.epochs", rule).against("train.steps"));
        }
        (None, None) => {
            let rule = "needs a length: exactly one of `epochs` and `steps`";
            return Err(Violation::new("train", rule));
        }
        _ => {}
    }
    if reader.is_one_of("optimizer.kind", PERTURBED) && !train.full_batch {
        let rule = "= \"perturbed_gd\" needs train.full_batch = true: whether it jumps depends on the gradient over all training samples";
        return Err(Violation::new("optimizer.kind", rule).against("train.full_batch"));
    }
    let is_gd = reader.is_one_of("optimizer.kind", GD);
    let (key, why) = says_full_batch(is_gd);
    let refused = |of, rule: &str| Err(Violation::new(of, rule).against(key));
    let all = "uses all training samples in every step";
    if is_gd && reader.get::<bool>("full_batch") == Some(false) {
        let rule = format!(
            "= false contradicts {why}, which {all}; \"sgd\" is the same rule with batches"
        );
        return refused("train.full_batch", &rule);
    }
    train.full_batch |= is_gd;
    if !train.full_batch {
        let batch = *train.batch_size.get_or_insert(32);
        return keeps_growing(batch, &train.batch_schedule);
    }
    let is_growing = train.batch_schedule != BatchSchedule::Constant;
    let of_batches = [
        ("train.batch_size", train.batch_size.is_some()),
        ("train.batch_schedule", is_growing),
        ("train.accumulate", train.accumulate.is_some()),
    ];
    if let Some((of, _)) = of_batches.into_iter().find(|(_, is_there)| *is_there) {
        return refused(of, &format!("must be absent for {why}, which {all}"));
    }
    if train.sampling == Sampling::Replacement {
        let rule = format!("= \"replacement\" needs batches; {why} {all}");
        return refused("train.sampling", &rule);
    }
    Ok(())
}

/// Refuses a schedule that begins above its end.
fn keeps_growing(batch: usize, schedule: &BatchSchedule) -> Result<(), Violation> {
    match schedule {
        BatchSchedule::Step(BatchGrowth {
            largest_batch: Some(found),
            ..
        }) if *found < batch => {
            let rule = format!("must be at least train.batch_size = {batch}, found {found}");
            Err(Violation::new("train.largest_batch", rule).against("train.batch_size"))
        }
        _ => Ok(()),
    }
}
