//! The rules a config must keep beyond the shape of its values: one variant and one message each.
//! A message continues a sentence that begins with the key.

use super::choice::{Augment, Dataset};
use super::fault::Fault;
use super::kind::Range;

/// What says that every step uses all training samples.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FullBatch {
    /// `optimizer.kind = "gd"`, its short form.
    Gd,
    /// `train.full_batch = true`.
    Key,
}

impl FullBatch {
    /// The one that speaks in a config with or without the short form.
    pub(super) fn of(is_gd: bool) -> Self {
        if is_gd { Self::Gd } else { Self::Key }
    }

    /// The key that says so.
    pub(super) fn key(self) -> &'static str {
        match self {
            Self::Gd => "optimizer.kind",
            Self::Key => "train.full_batch",
        }
    }

    fn phrase(self) -> &'static str {
        match self {
            Self::Gd => "optimizer.kind = \"gd\"",
            Self::Key => "train.full_batch = true",
        }
    }
}

/// A rule that a value, or a combination of values, breaks.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[allow(missing_docs, reason = "the fields are the values the message quotes")]
pub enum Rule {
    /// `name` becomes a folder.
    #[error(
        "must be made of letters, digits, '.', '_' and '-', and not be \".\" or \"..\", found {found:?}"
    )]
    Name { found: String },
    /// A file's stem that cannot serve as the name.
    #[error(
        "must be set, because the file's stem {found:?} cannot be one: allowed are letters, digits, '.', '_' and '-', and not \".\" or \"..\""
    )]
    NameFromFile { found: String },
    /// A required key is absent.
    #[error("is required: {what}")]
    Missing { what: &'static str },
    /// A number outside its range.
    #[error("must be {}, found {found:?}", range.phrase())]
    Range { range: Range, found: f64 },
    /// A value that another kind of network, optimizer or data would accept.
    #[error("{}", .0.phrase())]
    Shape(Fault),
    /// A number of which floating point leaves nothing, or something else.
    #[error(
        "= {found:?} cannot be held in f32, which makes {kept:?} of it: {}, or set precision = \"f64\"",
        held_instead(*limit)
    )]
    NotHeld { found: f64, kept: f64, limit: f64 },
    /// A share that leaves nothing of the learning rate.
    #[error(
        "= {found:?} makes a learning rate of {rate:e}, which f32 cannot hold: give a larger number, or set precision = \"f64\""
    )]
    RateNotHeld { found: f64, rate: f64 },
    /// A class named twice.
    #[error("must name each class once, found {found} again")]
    ClassRepeated { found: u64 },
    /// Nothing to tell apart.
    #[error("must name 2 to 10 classes, found {found}")]
    TooFewClasses { found: usize },
    /// A change named twice.
    #[error("must name each change once, found \"{found}\" again")]
    AugmentRepeated { found: Augment },
    /// An image that is no longer what its label says.
    #[error("= \"{found}\" does not keep the class of data.dataset = \"{dataset}\": {reason}")]
    AugmentLosesClass {
        found: Augment,
        dataset: Dataset,
        reason: &'static str,
    },
    /// Gradient descent follows one loss.
    #[error("must be empty for {}, whose steps all use the same images", why.phrase())]
    AugmentOfAll { why: FullBatch },
    /// Only transformers read sequences.
    #[error(
        "must be \"transformer\", the only kind that reads a sequence, for data.dataset = \"text\"; this config has {found:?}"
    )]
    TextNeedsTransformer { found: &'static str },
    /// A distribution over characters.
    #[error(
        "must be \"cross_entropy\" for data.dataset = \"text\", whose outputs are distributions over characters; this config has {found:?}"
    )]
    TextNeedsCrossEntropy { found: &'static str },
    /// A sample of text has no class.
    #[error(
        "= \"stratified\" needs a class of each sample, and data.dataset = \"text\" has one of each character; allowed are \"first\" and \"random\""
    )]
    StratifiedText,
    /// A key of another kind.
    #[error(
        "only applies to {kind_key} = {}; this config has {found:?}",
        alternatives(kinds)
    )]
    OtherKind {
        kind_key: String,
        kinds: Vec<&'static str>,
        found: String,
    },
    /// A part that leaves no remainder.
    #[error("must divide model.width = {whole}, found {found}")]
    Divides { found: usize, whole: usize },
    /// A network of nothing.
    #[error("must have at least one stage")]
    NoStages,
    /// Groups of what?
    #[error(
        "= \"group\" needs channels; allowed for model.kind = \"mlp\" are \"none\", \"batch\" and \"layer\""
    )]
    GroupsNeedChannels,
    /// Nesterov's look-ahead is a form of momentum.
    #[error("= true needs optimizer.momentum above 0")]
    NesterovWithoutMomentum,
    /// All samples are no batch.
    #[error("must be absent for {}, which uses all training samples in every step", why.phrase())]
    BatchSizeOfAll { why: FullBatch },
    /// Of all samples none is drawn.
    #[error(
        "= \"replacement\" needs batches; {} uses all training samples in every step",
        why.phrase()
    )]
    ReplacementOfAll { why: FullBatch },
    /// Two things that change a gradient and do not compose.
    #[error("cannot be combined with {other}: {reason}")]
    Excludes {
        other: &'static str,
        reason: &'static str,
    },
    /// Something that has a meaning only beside something else.
    #[error("needs {what}: {reason}")]
    Needs {
        what: &'static str,
        reason: &'static str,
    },
    /// Two bounds on a gradient.
    #[error("and `clip.value` cannot both be set: which comes first would matter")]
    ClipsTwice,
    /// No bound on a gradient.
    #[error("needs a bound: exactly one of `norm` and `value`")]
    ClipsNothing,
    /// More batches than an epoch has.
    #[error("must be at most the {limit} batches of an epoch, found {found}")]
    AccumulatesTooMany { found: usize, limit: usize },
    /// More samples than a step has.
    #[error("must be at most the {limit} samples of a step, found {found}")]
    MicroBatchTooLarge { found: usize, limit: usize },
    /// A batch of all samples is no random one.
    #[error(
        "must be fewer than the {samples} training samples, found {found}: all of them together have no noise"
    )]
    NoiseOfAll { found: usize, samples: usize },
    /// The short form of a full batch beside its contrary.
    #[error(
        "= false contradicts optimizer.kind = \"gd\", which uses all training samples in every step; \"sgd\" is the same rule with batches"
    )]
    GdWithBatches,
    /// Two lengths.
    #[error("and `train.steps` cannot both be set: a run has one length")]
    EpochsAndSteps,
    /// No length.
    #[error("needs a length: exactly one of `epochs` and `steps`")]
    NeitherEpochsNorSteps,
    /// Two choices of measures.
    #[error("and `measures` cannot both be set in one hook")]
    PresetAndMeasures,
    /// No choice of measures.
    #[error("needs something to measure: exactly one of `preset` and `measures`")]
    NeitherPresetNorMeasures,
    /// An empty choice of measures.
    #[error("must name at least one measure")]
    NoMeasures,
    /// A measure that does not exist, with its nearest neighbour.
    #[error("must be the name of a measure, found {found:?}{}", measure_hint(nearest.as_ref(), known))]
    UnknownMeasure {
        found: String,
        nearest: Option<String>,
        known: Vec<String>,
    },
    /// A batch cannot exceed the data.
    #[error("must be at most the {limit} training samples, found {found}")]
    BatchTooLarge { found: usize, limit: usize },
    /// Nor can the samples of a hook.
    #[error("must be at most the {limit} training samples, found {found}")]
    SamplesTooMany { found: usize, limit: usize },
    /// A warm-up that never ends.
    #[error("must be fewer than the run's {total} steps, found {found}")]
    WarmupTooLong { found: u64, total: u64 },
    /// WGSL has no 64-bit floats.
    #[error(
        "= \"f64\" needs backend \"cpu\" or \"ndarray\", this config has \"wgpu\" (\"cpu\" is the reference)"
    )]
    F64OnWgpu,
}

/// The numbers that f32 can tell from the limit it has made of one.
fn held_instead(limit: f64) -> &'static str {
    if limit == 1.0 {
        "give one of at most 0.9999997"
    } else {
        "give one from 1.2e-38 to 3.4e38"
    }
}

fn alternatives(kinds: &[&str]) -> String {
    kinds
        .iter()
        .map(|kind| format!("{kind:?}"))
        .collect::<Vec<_>>()
        .join(" or ")
}

fn measure_hint(nearest: Option<&String>, known: &[String]) -> String {
    match nearest {
        Some(nearest) => format!("; did you mean {nearest:?}?"),
        None => format!("; known: {}", known.join(", ")),
    }
}

/// A broken rule and where: the key the message is about, and the key it collides with, if any.
#[derive(Debug)]
pub(super) struct Violation {
    pub key: String,
    pub other: Option<String>,
    pub rule: Box<Rule>,
}

impl Violation {
    pub fn new(key: impl Into<String>, rule: Rule) -> Self {
        Self {
            key: key.into(),
            other: None,
            rule: Box::new(rule),
        }
    }

    /// Names the key that this one collides with, so that a flag among the two can be blamed.
    pub fn against(mut self, other: impl Into<String>) -> Self {
        self.other = Some(other.into());
        self
    }
}
