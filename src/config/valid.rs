//! The checked config: every key resolved, every rule kept. It is made by [`super::load`] and
//! [`super::parse`] only after all checks, so whoever holds one need not check again.

use super::choice::{
    Activation, Augment, Backend, Dataset, DropoutMode, Init, Loss, MapKind, ModelKind, NormMode,
    Normalisation, Normalize, OptimizerKind, Pool, Precision, Preset, Sampling, ScheduleKind,
    SpacingKind, Subset, Unit,
};

/// A run, completely described.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// `name`: the folder of the run; letters, digits, `.`, `_`, `-`. Default: the file's stem.
    pub name: String,
    /// `seed`: 0 to 2⁶³ − 1. Default 0.
    pub seed: u64,
    /// `backend`. Default `"cpu"`.
    pub backend: Backend,
    /// `precision`: `"f64"` only where the backend has it. Default `"f32"`.
    pub precision: Precision,
    /// `[data]`
    pub data: Data,
    /// `[model]`
    pub model: Model,
    /// `[optimizer]`
    pub optimizer: Optimizer,
    /// `[schedule]`
    pub schedule: Schedule,
    /// `[train]`
    pub train: Train,
    /// `[[hooks]]`. Default: none.
    pub hooks: Vec<Hook>,
}

/// `[data]`: what to learn from.
#[derive(Clone, Debug, PartialEq)]
pub struct Data {
    /// `dataset`. Default `"digits"`.
    pub dataset: Dataset,
    /// `file` and `sequence` of `dataset = "text"`; none for images.
    pub text: Option<Text>,
    /// `train`: how many training samples to use, at least 1. Default: all.
    pub train: Option<usize>,
    /// `test`: how many test samples to use, at least 1. Default: all.
    pub test: Option<usize>,
    /// `subset`: which ones, when not all. Default `"first"`.
    pub subset: Subset,
    /// `normalize`. Default `"unit"`.
    pub normalize: Normalize,
    /// `label_noise`: the fraction of training labels replaced, in [0, 1]. Default 0.
    pub label_noise: f64,
    /// `classes`: the classes to keep, 2 to 10 distinct ones from 0 to 9. Default: all.
    pub classes: Option<Vec<u8>>,
    /// `augment`: random changes of the training images of each batch, each kind at most once, and
    /// only where it keeps the class. Default: none.
    pub augment: Vec<Augment>,
}

impl Data {
    /// The whole of `dataset`, everything else at its default.
    pub fn new(dataset: Dataset) -> Self {
        Self {
            dataset,
            text: None,
            train: None,
            test: None,
            subset: Subset::default(),
            normalize: Normalize::default(),
            label_noise: 0.0,
            classes: None,
            augment: Vec::new(),
        }
    }
}

/// What only `dataset = "text"` has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Text {
    /// `file`: the path of the text, below the data folder if it is relative. Required.
    pub file: String,
    /// `sequence`: characters (bytes of the file) in a sample, at least 1. Default 64.
    pub sequence: usize,
}

/// `[model]`: the architecture.
#[derive(Clone, Debug, PartialEq)]
pub enum Model {
    /// `kind = "mlp"`
    Mlp(Mlp),
    /// `kind = "resnet"`
    ResNet(ResNet),
    /// `kind = "transformer"`
    Transformer(Transformer),
}

impl Model {
    /// `kind`.
    pub fn kind(&self) -> ModelKind {
        match self {
            Self::Mlp(_) => ModelKind::Mlp,
            Self::ResNet(_) => ModelKind::ResNet,
            Self::Transformer(_) => ModelKind::Transformer,
        }
    }
}

/// A multilayer perceptron.
#[derive(Clone, Debug, PartialEq)]
pub struct Mlp {
    /// `hidden`: the width of each hidden layer, at least 1; `[]` is a linear model. Default `[128]`.
    pub hidden: Vec<usize>,
    /// `activation`. Default `"relu"`.
    pub activation: Activation,
    /// `bias`: whether layers have one. Default `true`.
    pub bias: bool,
    /// `norm`: what normalises hidden units, `"none"`, `"batch"` or `"layer"`. Default `"none"`.
    pub norm: Normalisation,
    /// `init`. Default `"he"`.
    pub init: Init,
    /// `init_scale`: factor on the initial weights, above 0. Default 1.
    pub init_scale: f64,
}

/// A residual network of basic blocks (He et al. 2016, sec. 4.2), the width doubling and the image
/// halving from stage to stage.
#[derive(Clone, Debug, PartialEq)]
pub struct ResNet {
    /// `width`: channels of the first stage, at least 1. Default: the preset's.
    pub width: usize,
    /// `blocks`: residual blocks of each stage, at least one stage. Default: the preset's.
    pub blocks: Vec<usize>,
    /// `norm`: what normalises after each convolution. Default `"batch"`.
    pub norm: Normalisation,
    /// `groups`: of `norm = "group"`, a divisor of `width`. Default: the largest up to 8.
    pub groups: Option<usize>,
    /// `activation`. Default `"relu"`.
    pub activation: Activation,
    /// `init`. Default `"he"`.
    pub init: Init,
    /// `init_scale`: factor on the initial weights, above 0. Default 1.
    pub init_scale: f64,
}

/// A transformer with normalisation before each part, on image patches (Dosovitskiy et al. 2021) or
/// on the characters of a text, to which `patch` and `pool` do not apply.
#[derive(Clone, Debug, PartialEq)]
pub struct Transformer {
    /// `patch`: the side of a square patch; divides height and width. Default: the preset's.
    pub patch: usize,
    /// `width`: numbers per token, a multiple of `heads`. Default: the preset's.
    pub width: usize,
    /// `depth`: blocks, at least 1. Default: the preset's.
    pub depth: usize,
    /// `heads` of attention, at least 1. Default: the preset's.
    pub heads: usize,
    /// `mlp_width`: hidden units of each block's MLP. Default: the preset's.
    pub mlp_width: usize,
    /// `pool`. Default `"class"`.
    pub pool: Pool,
    /// `dropout`: the probability that a unit is silenced in training, in [0, 1). Default 0.
    pub dropout: f64,
    /// `activation` of the MLP. Default `"gelu"`.
    pub activation: Activation,
    /// `init`. Default `"xavier"`.
    pub init: Init,
    /// `init_scale`: factor on the initial weights, above 0. Default 1.
    pub init_scale: f64,
}

/// `[optimizer]`: how a gradient becomes an update.
#[derive(Clone, Debug, PartialEq)]
pub struct Optimizer {
    /// `learning_rate`: above 0. Required.
    pub learning_rate: f64,
    /// `weight_decay`: at least 0. Default 0.
    pub weight_decay: f64,
    /// `kind` and the keys that belong to it. Default `"sgd"`.
    pub method: Method,
}

/// The update rule and what only it needs.
#[derive(Clone, Debug, PartialEq)]
pub enum Method {
    /// `kind = "sgd"`
    Sgd(Momentum),
    /// `kind = "gd"`: every step uses the whole training part.
    Gd(Momentum),
    /// `kind = "adam"`
    Adam(Moments),
    /// `kind = "adamw"`
    AdamW(Moments),
}

impl Method {
    /// `kind`.
    pub fn kind(&self) -> OptimizerKind {
        match self {
            Self::Sgd(_) => OptimizerKind::Sgd,
            Self::Gd(_) => OptimizerKind::Gd,
            Self::Adam(_) => OptimizerKind::Adam,
            Self::AdamW(_) => OptimizerKind::AdamW,
        }
    }

    /// The momentum of (stochastic) gradient descent; none for other rules.
    pub fn momentum(&self) -> Option<Momentum> {
        match self {
            Self::Sgd(momentum) | Self::Gd(momentum) => Some(*momentum),
            Self::Adam(_) | Self::AdamW(_) => None,
        }
    }
}

/// Heavy-ball momentum, of `sgd` and `gd`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Momentum {
    /// `momentum`: in [0, 1). Default 0: none.
    pub coefficient: f64,
    /// `nesterov`: look ahead; needs momentum above 0. Default `false`.
    pub nesterov: bool,
}

/// The running moments of `adam` and `adamw`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Moments {
    /// `beta1`: decay of the first moment, in [0, 1). Default 0.9.
    pub beta1: f64,
    /// `beta2`: decay of the second moment, in [0, 1). Default 0.999.
    pub beta2: f64,
    /// `epsilon`: added to the denominator, above 0. Default 1e-8.
    pub epsilon: f64,
}

/// `[schedule]`: the learning rate over time.
#[derive(Clone, Debug, PartialEq)]
pub struct Schedule {
    /// `warmup`: steps of linear rise to the full rate, fewer than the run has. Default 0.
    pub warmup: usize,
    /// `kind` and the keys that belong to it. Default `"constant"`.
    pub shape: Shape,
}

/// How the learning rate moves after the warm-up.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Shape {
    /// `kind = "constant"`
    Constant,
    /// `kind = "step"`
    Step {
        /// `every`: epochs between two falls, at least 1. Required.
        every: usize,
        /// `factor`: of each fall, in (0, 1]. Default 0.1.
        factor: f64,
    },
    /// `kind = "cosine"`
    Cosine {
        /// `final_fraction`: of the rate that is left at the end, in [0, 1]. Default 0.
        final_fraction: f64,
    },
    /// `kind = "exponential"`
    Exponential {
        /// `decay`: factor per epoch, in (0, 1]. Required.
        decay: f64,
    },
}

impl Shape {
    /// `kind`.
    pub fn kind(&self) -> ScheduleKind {
        match self {
            Self::Constant => ScheduleKind::Constant,
            Self::Step { .. } => ScheduleKind::Step,
            Self::Cosine { .. } => ScheduleKind::Cosine,
            Self::Exponential { .. } => ScheduleKind::Exponential,
        }
    }
}

/// `[train]`: the loop.
#[derive(Clone, Debug, PartialEq)]
pub struct Train {
    /// `loss`. Default `"cross_entropy"`.
    pub loss: Loss,
    /// `batch_size`: at least 1 and at most the training samples. Default 32; `None` for
    /// `optimizer.kind = "gd"`, which uses all samples.
    pub batch_size: Option<usize>,
    /// Exactly one of `epochs` and `steps`.
    pub length: Length,
    /// `stop_at_train_loss`: stop where the training loss falls to this, above 0; the last step is
    /// shortened so that it is this. Default: never.
    pub stop_at_train_loss: Option<f64>,
    /// `stop_check_every`: steps between two looks at the training loss for that, at least 1; whole
    /// epochs are looked at in any case. Default: an epoch.
    pub stop_check_every: Option<usize>,
    /// `sampling`: only `"shuffle"` for `optimizer.kind = "gd"`. Default `"shuffle"`.
    pub sampling: Sampling,
    /// `checkpoint_every`: epochs, at least 1. Default 1.
    pub checkpoint_every: usize,
    /// `evaluate_every`: epochs, at least 1. Default 1.
    pub evaluate_every: usize,
}

/// How long a run is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Length {
    /// `epochs`: passes over the training part, at least 1.
    Epochs(usize),
    /// `steps`: updates, at least 1.
    Steps(usize),
}

/// One item of `[[hooks]]`: what to measure while training, and when.
#[derive(Clone, Debug, PartialEq)]
pub struct Hook {
    /// Exactly one of `preset` and `measures`.
    pub what: What,
    /// `maps`: maps that leave the function alone, after each of which the measures are taken again
    /// (rows `reparam.{map}.{measure}`). Default: none.
    pub maps: Vec<MapKind>,
    /// `every`: units between two measurements, at least 1. Default 1.
    pub every: usize,
    /// `unit`. Default `"epochs"`.
    pub unit: Unit,
    /// `schedule` and `ratio`. Default `"linear"`.
    pub spacing: Spacing,
    /// `samples`: how many training samples to measure on, at least 1. Default: all.
    pub samples: Option<usize>,
    /// `warm_start`: start the search for the largest eigenvalue from the eigenvector found last.
    /// Fewer products, and blind to another eigenvalue that has overtaken it. Default `false`.
    pub warm_start: bool,
    /// `norm_mode`: how normalisation layers behave. Default `"eval"`.
    pub norm_mode: NormMode,
    /// `dropout`: what dropout does. Default `"off"`.
    pub dropout: DropoutMode,
    /// `max_matvecs`: products after which each estimate ends, at least 1. Default: no bound.
    pub max_matvecs: Option<usize>,
    /// `max_seconds`: seconds after which each estimate ends, above 0. Default: no bound.
    pub max_seconds: Option<f64>,
}

/// What a hook measures.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    /// `preset`
    Preset(Preset),
    /// `measures`: at least one, each known.
    Measures(Vec<String>),
}

/// When a hook fires.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Spacing {
    /// `schedule = "linear"`: at every multiple of `every`.
    Linear,
    /// `schedule = "logarithmic"`: at 0 and at `every`·ratioᵏ for k = 0, 1, 2, …
    Logarithmic {
        /// `ratio`: above 1. Default 2.
        ratio: f64,
    },
}

impl Spacing {
    /// `schedule`.
    pub fn kind(&self) -> SpacingKind {
        match self {
            Self::Linear => SpacingKind::Linear,
            Self::Logarithmic { .. } => SpacingKind::Logarithmic,
        }
    }
}
