//! From the checked config back to what a user could have written: the resolved config of a run
//! directory.

use sha2::{Digest, Sha256};

use super::number::{Count, Real, Whole};
use super::raw::{RawConfig, RawData, RawHook, RawModel, RawOptimizer, RawSchedule, RawTrain};
use super::valid::{
    Config, Data, Hook, Length, Method, Model, Optimizer, Schedule, Shape, Spacing, Train, What,
};

impl Config {
    /// The config as TOML with every default written out. Reading it gives an equal config; every
    /// floating-point number is written with as many digits as that takes.
    pub fn to_toml(&self) -> String {
        toml::to_string(&RawConfig::from(self)).expect("a config is tables, numbers and strings")
    }

    /// The SHA-256 of the config as TOML, in hexadecimal: equal for equal configs only.
    pub fn fingerprint(&self) -> String {
        let digest = Sha256::digest(self.to_toml().as_bytes());
        digest.iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

impl From<&Config> for RawConfig {
    fn from(config: &Config) -> Self {
        let mut raw = Self {
            name: Some(config.name.clone()),
            seed: Some(Whole(config.seed)),
            backend: Some(config.backend),
            precision: Some(config.precision),
            data: (&config.data).into(),
            model: (&config.model).into(),
            optimizer: (&config.optimizer).into(),
            schedule: (&config.schedule).into(),
            train: (&config.train).into(),
            hooks: config.hooks.iter().map(RawHook::from).collect(),
        };
        if config.data.text.is_some() {
            raw.model.patch = None;
            raw.model.pool = None;
        }
        raw
    }
}

impl From<&Data> for RawData {
    fn from(data: &Data) -> Self {
        let classes = data.classes.as_ref();
        let is_image = data.text.is_none();
        Self {
            dataset: Some(data.dataset),
            file: data.text.as_ref().map(|text| text.file.clone()),
            sequence: data.text.as_ref().map(|text| Count(text.sequence)),
            train: data.train.map(Count),
            test: data.test.map(Count),
            subset: Some(data.subset),
            normalize: is_image.then_some(data.normalize),
            label_noise: is_image.then_some(Real(data.label_noise)),
            classes: classes.map(|list| list.iter().map(|&class| Whole(class.into())).collect()),
            augment: is_image.then(|| data.augment.clone()),
        }
    }
}

impl From<&Model> for RawModel {
    fn from(model: &Model) -> Self {
        match model {
            Model::Mlp(mlp) => Self {
                kind: Some(model.kind()),
                hidden: Some(mlp.hidden.iter().copied().map(Count).collect()),
                activation: Some(mlp.activation),
                bias: Some(mlp.bias),
                norm: Some(mlp.norm),
                init: Some(mlp.init),
                init_scale: Some(Real(mlp.init_scale)),
                ..Self::default()
            },
            Model::ResNet(resnet) => Self {
                kind: Some(model.kind()),
                width: Some(Count(resnet.width)),
                blocks: Some(resnet.blocks.iter().copied().map(Count).collect()),
                norm: Some(resnet.norm),
                groups: resnet.groups.map(Count),
                activation: Some(resnet.activation),
                init: Some(resnet.init),
                init_scale: Some(Real(resnet.init_scale)),
                ..Self::default()
            },
            Model::Transformer(transformer) => Self {
                kind: Some(model.kind()),
                patch: Some(Count(transformer.patch)),
                width: Some(Count(transformer.width)),
                depth: Some(Count(transformer.depth)),
                heads: Some(Count(transformer.heads)),
                mlp_width: Some(Count(transformer.mlp_width)),
                pool: Some(transformer.pool),
                dropout: Some(Real(transformer.dropout)),
                activation: Some(transformer.activation),
                init: Some(transformer.init),
                init_scale: Some(Real(transformer.init_scale)),
                ..Self::default()
            },
        }
    }
}

impl From<&Optimizer> for RawOptimizer {
    fn from(optimizer: &Optimizer) -> Self {
        let mut raw = Self {
            kind: Some(optimizer.method.kind()),
            learning_rate: Some(Real(optimizer.learning_rate)),
            weight_decay: Some(Real(optimizer.weight_decay)),
            ..Self::default()
        };
        match &optimizer.method {
            Method::Sgd(momentum) | Method::Gd(momentum) => {
                raw.momentum = Some(Real(momentum.coefficient));
                raw.nesterov = Some(momentum.nesterov);
            }
            Method::Adam(moments) | Method::AdamW(moments) => {
                raw.beta1 = Some(Real(moments.beta1));
                raw.beta2 = Some(Real(moments.beta2));
                raw.epsilon = Some(Real(moments.epsilon));
            }
        }
        raw
    }
}

impl From<&Schedule> for RawSchedule {
    fn from(schedule: &Schedule) -> Self {
        let mut raw = Self {
            kind: Some(schedule.shape.kind()),
            warmup: Some(Whole(schedule.warmup as u64)),
            ..Self::default()
        };
        match schedule.shape {
            Shape::Constant => {}
            Shape::Step { every, factor } => {
                raw.every = Some(Count(every));
                raw.factor = Some(Real(factor));
            }
            Shape::Cosine { final_fraction } => raw.final_fraction = Some(Real(final_fraction)),
            Shape::Exponential { decay } => raw.decay = Some(Real(decay)),
        }
        raw
    }
}

impl From<&Train> for RawTrain {
    fn from(train: &Train) -> Self {
        let (epochs, steps) = match train.length {
            Length::Epochs(epochs) => (Some(Count(epochs)), None),
            Length::Steps(steps) => (None, Some(Count(steps))),
        };
        Self {
            loss: Some(train.loss),
            batch_size: train.batch_size.map(Count),
            epochs,
            steps,
            stop_at_train_loss: train.stop_at_train_loss.map(Real),
            stop_check_every: train.stop_check_every.map(Count),
            sampling: Some(train.sampling),
            checkpoint_every: Some(Count(train.checkpoint_every)),
            evaluate_every: Some(Count(train.evaluate_every)),
        }
    }
}

impl From<&Hook> for RawHook {
    fn from(hook: &Hook) -> Self {
        let (preset, measures) = match &hook.what {
            What::Preset(preset) => (Some(*preset), None),
            What::Measures(names) => (None, Some(names.clone())),
        };
        Self {
            preset,
            measures,
            maps: (!hook.maps.is_empty()).then(|| hook.maps.clone()),
            every: Some(Count(hook.every)),
            unit: Some(hook.unit),
            schedule: Some(hook.spacing.kind()),
            ratio: match hook.spacing {
                Spacing::Linear => None,
                Spacing::Logarithmic { ratio } => Some(Real(ratio)),
            },
            samples: hook.samples.map(Count),
            warm_start: Some(hook.warm_start),
            norm_mode: Some(hook.norm_mode),
            dropout: Some(hook.dropout),
            max_matvecs: hook.max_matvecs.map(Count),
            max_seconds: hook.max_seconds.map(Real),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use crate::config::samples::{KNOWN, any_config, plain};
    use crate::config::{Config, Precision, parse};

    fn reread(config: &Config) -> Config {
        let text = config.to_toml();
        parse(&text, "config.toml", &[], "other", KNOWN)
            .unwrap_or_else(|error| panic!("{error}\n{text}"))
    }

    #[test]
    fn the_resolved_config_spells_out_every_default() {
        let expected = "\
name = \"x\"
seed = 0
backend = \"cpu\"
precision = \"f32\"

[data]
dataset = \"digits\"
subset = \"first\"
normalize = \"unit\"
label_noise = 0.0
augment = []

[model]
kind = \"mlp\"
hidden = [128]
activation = \"relu\"
bias = true
norm = \"none\"
init = \"he\"
init_scale = 1.0

[optimizer]
kind = \"sgd\"
learning_rate = 0.1
momentum = 0.0
nesterov = false
weight_decay = 0.0

[schedule]
kind = \"constant\"
warmup = 0

[train]
loss = \"cross_entropy\"
batch_size = 32
epochs = 3
sampling = \"shuffle\"
checkpoint_every = 1
evaluate_every = 1
";
        assert_eq!(plain().to_toml(), expected);
    }

    #[test]
    fn extreme_numbers_survive_exactly() {
        for rate in [
            f64::MIN_POSITIVE,
            5e-324,
            f64::MAX,
            0.1 + 0.2,
            1.0 / 3.0,
            1e22,
        ] {
            let mut config = plain();
            config.precision = Precision::F64;
            config.optimizer.learning_rate = rate;
            assert_eq!(
                reread(&config).optimizer.learning_rate.to_bits(),
                rate.to_bits()
            );
        }
    }

    proptest! {
        #[test]
        fn every_config_survives_being_written(config in any_config()) {
            prop_assert_eq!(reread(&config), config);
        }
    }
}
