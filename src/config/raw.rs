//! The config as the user wrote it: one struct per table, every key optional, nothing checked but
//! the type. Keys that belong to one kind only stand beside the others here; [`super::check`]
//! refuses them where they do not apply, naming both kinds.

use serde::{Deserialize, Serialize};

use super::choice::{
    Activation, Augment, Backend, Dataset, DropoutMode, Init, Loss, MapKind, ModelKind,
    ModelPreset, NormMode, Normalisation, Normalize, OptimizerKind, Pool, Precision, Preset,
    Sampling, ScheduleKind, SpacingKind, Subset, Unit,
};
use super::number::{Count, Real, Whole};

/// A config file. Each field is documented, with default and allowed range, on [`super::Config`]
/// and the types it is made of.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[allow(missing_docs)]
pub struct RawConfig {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seed: Option<Whole>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub backend: Option<Backend>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub precision: Option<Precision>,
    pub data: RawData,
    pub model: RawModel,
    pub optimizer: RawOptimizer,
    pub schedule: RawSchedule,
    pub train: RawTrain,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub hooks: Vec<RawHook>,
}

/// Declares one table of the config: a struct whose fields are all optional.
macro_rules! table {
    ($(#[$meta:meta])* $name:ident { $($field:ident: $type:ty),+ $(,)? }) => {
        $(#[$meta])*
        #[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
        #[serde(default, deny_unknown_fields)]
        #[allow(missing_docs)]
        pub struct $name {
            $(
                #[serde(skip_serializing_if = "Option::is_none")]
                pub $field: Option<$type>,
            )+
        }
    };
}

table! {
    /// `[data]`
    RawData {
        dataset: Dataset,
        file: String,
        sequence: Count,
        train: Count,
        test: Count,
        subset: Subset,
        normalize: Normalize,
        label_noise: Real,
        classes: Vec<Whole>,
        augment: Vec<Augment>,
    }
}

table! {
    /// `[model]`
    RawModel {
        kind: ModelKind,
        hidden: Vec<Count>,
        activation: Activation,
        bias: bool,
        norm: Normalisation,
        groups: Count,
        init: Init,
        init_scale: Real,
        preset: ModelPreset,
        width: Count,
        blocks: Vec<Count>,
        patch: Count,
        depth: Count,
        heads: Count,
        mlp_width: Count,
        pool: Pool,
        dropout: Real,
    }
}

table! {
    /// `[optimizer]`
    RawOptimizer {
        kind: OptimizerKind,
        learning_rate: Real,
        momentum: Real,
        nesterov: bool,
        weight_decay: Real,
        beta1: Real,
        beta2: Real,
        epsilon: Real,
    }
}

table! {
    /// `[schedule]`
    RawSchedule {
        kind: ScheduleKind,
        warmup: Whole,
        every: Count,
        factor: Real,
        final_fraction: Real,
        decay: Real,
    }
}

table! {
    /// `[train]`
    RawTrain {
        loss: Loss,
        batch_size: Count,
        epochs: Count,
        steps: Count,
        stop_at_train_loss: Real,
        stop_check_every: Count,
        sampling: Sampling,
        checkpoint_every: Count,
        evaluate_every: Count,
    }
}

table! {
    /// One item of `[[hooks]]`
    RawHook {
        preset: Preset,
        measures: Vec<String>,
        maps: Vec<MapKind>,
        every: Count,
        unit: Unit,
        schedule: SpacingKind,
        ratio: Real,
        samples: Count,
        warm_start: bool,
        norm_mode: NormMode,
        dropout: DropoutMode,
        max_matvecs: Count,
        max_seconds: Real,
    }
}
