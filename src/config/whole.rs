//! A run, completely described, and the rules that span tables.

use sha2::{Digest, Sha256};

use super::choice::{ModelKind, OptimizerKind, ScheduleKind};
use super::data::Data;
use super::document::{Node, Origin};
use super::error::{ConfigError, Place};
use super::gradient::{self, Clip, GradientNoise, GradientPenalty, LabelNoise, Sam};
use super::hooks::Hook;
use super::key::PATHS;
use super::kind::{Range, in_f32};
use super::lookup::applicable;
use super::model::Model;
use super::nearest::nearest;
use super::optimizer::Optimizer;
use super::rule::{FullBatch, Rule, Violation};
use super::schedule::{Cosine, Exponential, Schedule, Shape, Step};
use super::section::{Reader, Section};
use super::train::{Length, Train};
use crate::backend::BackendKind;
use crate::linear::Precision;
use crate::objective::Loss;

section! {
    /// A run, completely described: every key resolved, every rule kept. It is made by
    /// [`super::load`] and [`super::parse`] only after all checks, so whoever holds one need not check
    /// again.
    checked by keeps_the_rules;
    pub struct Config {
        /// The folder of the run; letters, digits, `.`, `_`, `-`.
        name: String = derived(String::new(), "the file's stem");
        /// Where all random numbers come from.
        seed: u64 = default(0);
        /// Where tensors live.
        backend: BackendKind = default(BackendKind::Cpu);
        /// The floating-point type; "f64" only where the backend has it.
        precision: Precision = default(Precision::F32);
        /// `[data]`
        data: Data = table();
        /// `[model]`
        model: Model = table();
        /// `[optimizer]`
        optimizer: Optimizer = table();
        /// `[schedule]`
        schedule: Schedule = table();
        /// `[train]`
        train: Train = table();
        /// `[sam]`
        sam: Option<Sam> = optional_table();
        /// `[gradient_penalty]`
        gradient_penalty: Option<GradientPenalty> = optional_table();
        /// `[gradient_noise]`
        gradient_noise: Option<GradientNoise> = optional_table();
        /// `[label_noise]`
        label_noise: Option<LabelNoise> = optional_table();
        /// `[clip]`
        clip: Option<Clip> = optional_table();
        /// `[[hooks]]`
        hooks: Vec<Hook> = tables();
    }
}

/// The rules that span tables.
fn keeps_the_rules(config: &mut Config, _: &Reader<'_>) -> Result<(), Violation> {
    if !is_folder_name(&config.name) {
        let found = config.name.clone();
        return Err(Violation::new("name", Rule::Name { found }));
    }
    if config.precision == Precision::F64 && config.backend == BackendKind::Wgpu {
        return Err(Violation::new("precision", Rule::F64OnWgpu).against("backend"));
    }
    keeps_a_learning_rate(config)?;
    can_learn_its_data(config)?;
    gradient::composes(config)?;
    if config.train.full_batch && !config.data.augment.is_empty() {
        let why = FullBatch::of(config.optimizer.method.kind() == OptimizerKind::Gd);
        let violation = Violation::new("data.augment", Rule::AugmentOfAll { why });
        return Err(violation.against(why.key()));
    }
    fits(config, config.data.train)
}

/// Whether a name is that of one plain folder.
pub(super) fn is_folder_name(name: &str) -> bool {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    !name.is_empty() && name.chars().all(is_plain) && name != "." && name != ".."
}

/// Refuses a schedule that falls, at its first fall, to a learning rate that is 0 in the run's
/// precision. Factors themselves are held in f64.
fn keeps_a_learning_rate(config: &Config) -> Result<(), Violation> {
    let (key, found) = match config.schedule.shape {
        Shape::Constant => return Ok(()),
        Shape::Step(Step { factor, .. }) => ("schedule.factor", factor),
        Shape::Exponential(Exponential { decay }) => ("schedule.decay", decay),
        Shape::Cosine(Cosine { final_fraction }) => ("schedule.final_fraction", final_fraction),
    };
    let rate = config.optimizer.learning_rate * found;
    // To end at 0 is what the user wants then.
    let is_meant = found == 0.0 && config.schedule.shape.kind() == ScheduleKind::Cosine;
    if is_meant || config.precision == Precision::F64 || Range::AboveZero.contains(in_f32(rate)) {
        return Ok(());
    }
    Err(Violation::new(key, Rule::RateNotHeld { found, rate }))
}

/// Refuses what a text cannot be learnt by.
fn can_learn_its_data(config: &Config) -> Result<(), Violation> {
    if config.data.text.is_none() {
        return Ok(());
    }
    let refused = |key, rule| Err(Violation::new(key, rule).against("data.dataset"));
    let (kind, loss) = (config.model.kind(), config.train.loss);
    if kind != ModelKind::Transformer {
        let found = kind.as_str();
        return refused("model.kind", Rule::TextNeedsTransformer { found });
    }
    if loss != Loss::CrossEntropy {
        let found = loss.as_str();
        return refused("train.loss", Rule::TextNeedsCrossEntropy { found });
    }
    Ok(())
}

/// The rules about sizes, as far as the number of training samples is known.
fn fits(config: &Config, train_len: Option<usize>) -> Result<(), Violation> {
    if let Some(limit) = train_len {
        if let Some(found) = config.train.batch_size.filter(|&size| size > limit) {
            let rule = Rule::BatchTooLarge { found, limit };
            return Err(Violation::new("train.batch_size", rule).against("data.train"));
        }
        gradient::fits(config, limit)?;
        for (index, hook) in config.hooks.iter().enumerate() {
            if let Some(found) = hook.samples.filter(|&samples| samples > limit) {
                let key = format!("hooks.{index}.samples");
                let rule = Rule::SamplesTooMany { found, limit };
                return Err(Violation::new(key, rule).against("data.train"));
            }
        }
    }
    let (total, length_key) = match config.train.length() {
        Length::Steps(steps) => (Some(steps), "train.steps"),
        Length::Epochs(_) => (train_len.map(|len| config.total_steps(len)), "train.epochs"),
    };
    let found = config.schedule.warmup;
    match total.map(|total| total as u64) {
        Some(total) if found > 0 && found >= total => {
            let rule = Rule::WarmupTooLong { found, total };
            Err(Violation::new("schedule.warmup", rule).against(length_key))
        }
        _ => Ok(()),
    }
}

impl Config {
    /// Checks what only the data can tell: that batches, hook samples and the warm-up fit a
    /// training part of `train_len` samples. To be called once the data is loaded; `origin` names
    /// the file the config came from.
    ///
    /// # Errors
    ///
    /// [`ConfigError::Rule`] with the key that does not fit.
    pub fn check_against_data(&self, origin: &str, train_len: usize) -> Result<(), ConfigError> {
        fits(self, Some(train_len)).map_err(|violation| ConfigError::Rule {
            origin: origin.to_owned(),
            key: Place {
                path: violation.key,
                line: None,
            },
            rule: violation.rule,
        })
    }

    /// The number of updates in the whole run, for a training part of `train_len` samples; the
    /// last batch of an epoch may be smaller than the others.
    pub fn total_steps(&self, train_len: usize) -> usize {
        match self.train.length() {
            Length::Steps(steps) => steps,
            Length::Epochs(epochs) => epochs.saturating_mul(self.steps_per_epoch(train_len)),
        }
    }

    /// The number of updates in one epoch, for a training part of `train_len` samples. Of SVAG, which
    /// sees two batches in each, those that make up as much of training as an epoch of SGD.
    pub fn steps_per_epoch(&self, train_len: usize) -> usize {
        let Some(size) = self.train.batch_size else {
            return 1;
        };
        let batches = train_len.div_ceil(size.max(1));
        let steps = batches.div_ceil(self.train.accumulate.unwrap_or(1));
        steps.saturating_mul(self.train.svag.unwrap_or(1))
    }

    /// Samples of a step, for a training part of `train_len`; the last step of an epoch may have fewer.
    pub fn samples_per_step(&self, train_len: usize) -> usize {
        let batches = self.train.accumulate.unwrap_or(1);
        let size = self.train.batch_size;
        size.map_or(train_len, |size| size.saturating_mul(batches))
    }

    /// The config as TOML with every default written out. Reading it gives an equal config; every
    /// floating-point number is written with as many digits as that takes.
    pub fn to_toml(&self) -> String {
        toml::to_string(&self.table()).expect("a config is tables, numbers and strings")
    }

    /// Every key that applies, with its value: the resolved config as one table.
    pub fn table(&self) -> toml::Table {
        let mut whole = toml::Table::new();
        self.write(&mut whole);
        let origin = Origin::Flag("the resolved config".into());
        let document = Node::from_toml(&toml::Value::Table(whole.clone()), &origin);
        let applies = |place: &str| applicable(&document, place).is_ok();
        for (table, value) in &mut whole {
            if let toml::Value::Table(entries) = value {
                entries.retain(|name, _| applies(&format!("{table}.{name}")));
            }
        }
        whole
    }

    /// The SHA-256 of the config as TOML, in hexadecimal: equal for equal configs only.
    pub fn fingerprint(&self) -> String {
        let digest = Sha256::digest(self.to_toml().as_bytes());
        digest.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// Every key a config can have. A config need not have a value for each: `optimizer.momentum`
    /// is a key, and [`Config::value`] is `None` for it where the optimizer is Adam.
    pub fn keys() -> &'static [&'static str] {
        &PATHS
    }

    /// The resolved value of a key such as `train.batch_size`, defaults included; also of a whole
    /// table (`optimizer`) and of one item (`hooks.0.every`, `model.hidden.1`). `None` where the
    /// key does not apply to this config or does not exist.
    pub fn value(&self, key: &str) -> Option<toml::Value> {
        key.split('.').try_fold(
            toml::Value::Table(self.table()),
            |value, part| match value {
                toml::Value::Table(mut entries) => entries.remove(part),
                toml::Value::Array(items) => items.into_iter().nth(part.parse().ok()?),
                _ => None,
            },
        )
    }

    /// The first key in which two configs differ.
    pub fn difference(&self, other: &Self) -> Option<&'static str> {
        let differs = |key: &&&str| self.value(key) != other.value(key);
        Self::keys().iter().find(differs).copied()
    }

    /// Checks that `key` is one of [`Config::keys`].
    ///
    /// # Errors
    ///
    /// [`ConfigError::UnknownKey`], with the nearest key.
    pub fn check_key(key: &str) -> Result<(), ConfigError> {
        if Self::keys().contains(&key) {
            return Ok(());
        }
        Err(ConfigError::UnknownKey {
            key: Place {
                path: key.to_owned(),
                line: None,
            },
            nearest: nearest(key, Self::keys()).map(str::to_owned),
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::config::parse;
    use crate::config::samples::{KNOWN, PLAIN, any_config, message, plain};

    #[test]
    fn a_name_must_be_a_plain_folder_name() {
        let text = |name: &str| message(&format!("name = {name:?}\n{PLAIN}"));
        for name in ["a/b", "", ".", "..", "a b", "ä"] {
            assert_eq!(
                text(name),
                format!(
                    "x.toml: `name` (line 1) must be made of letters, digits, '.', '_' and '-', and not be \".\" or \"..\", found {name:?}"
                )
            );
        }
    }

    #[test]
    fn a_stem_that_cannot_be_a_name_is_reported_as_the_stem() {
        let error = crate::config::parse(PLAIN, "my run.toml", &[], "my run", &[]).unwrap_err();
        assert_eq!(
            error.to_string(),
            "my run.toml: `name` must be set, because the file's stem \"my run\" cannot be one: allowed are letters, digits, '.', '_' and '-', and not \".\" or \"..\""
        );
    }

    #[test]
    fn f64_needs_a_backend_that_has_it() {
        assert_eq!(
            message(&format!("precision = \"f64\"\nbackend = \"wgpu\"\n{PLAIN}")),
            "x.toml: `precision` (line 1) = \"f64\" needs backend \"cpu\" or \"ndarray\", this config has \"wgpu\" (\"cpu\" is the reference)"
        );
    }

    #[test]
    fn full_batch_descent_sees_the_same_images_in_every_step() {
        insta::assert_snapshot!(
            message("data.dataset = \"cifar10\"\ndata.augment = [\"crop\"]\noptimizer.kind = \"gd\"\noptimizer.learning_rate = 0.1\ntrain.epochs = 1"),
            @r#"x.toml: `data.augment` (line 2) must be empty for optimizer.kind = "gd", whose steps all use the same images"#
        );
    }

    #[test]
    fn a_batch_fits_the_training_samples() {
        assert_eq!(
            message(&format!("data.train = 10\n{PLAIN}\nbatch_size = 11")),
            "x.toml: `train.batch_size` (line 6) must be at most the 10 training samples, found 11"
        );
        let config = plain();
        assert!(config.check_against_data("x.toml", 32).is_ok());
        assert_eq!(
            config
                .check_against_data("x.toml", 31)
                .unwrap_err()
                .to_string(),
            "x.toml: `train.batch_size` must be at most the 31 training samples, found 32"
        );
    }

    #[test]
    fn the_samples_of_a_hook_fit_the_training_samples() {
        let text = format!("data.train = 50\n{PLAIN}\n[[hooks]]\npreset = \"light\"\nsamples = 51");
        assert_eq!(
            message(&text),
            "x.toml: `hooks.0.samples` (line 8) must be at most the 50 training samples, found 51"
        );
    }

    #[test]
    fn a_warmup_ends_before_the_run_does() {
        let steps = "schedule.warmup = 5\noptimizer.learning_rate = 0.1\ntrain.steps = 5";
        assert_eq!(
            message(steps),
            "x.toml: `schedule.warmup` (line 1) must be fewer than the run's 5 steps, found 5"
        );
        // Three epochs of two steps each.
        let epochs = "data.train = 33\nschedule.warmup = 6\n";
        assert_eq!(
            message(&format!("{epochs}{PLAIN}")),
            "x.toml: `schedule.warmup` (line 2) must be fewer than the run's 6 steps, found 6"
        );
        let mut config = plain();
        config.schedule.warmup = 6;
        assert!(config.check_against_data("x.toml", 65).is_ok());
        assert_eq!(
            config
                .check_against_data("x.toml", 64)
                .unwrap_err()
                .to_string(),
            "x.toml: `schedule.warmup` must be fewer than the run's 6 steps, found 6"
        );
    }

    #[test]
    fn values_are_found_by_key_with_their_defaults() {
        let config = plain();
        assert_eq!(
            config.value("train.batch_size"),
            Some(toml::Value::Integer(32))
        );
        assert_eq!(
            config.value("optimizer.learning_rate"),
            Some(toml::Value::Float(0.1))
        );
        assert_eq!(
            config.value("model.hidden.0"),
            Some(toml::Value::Integer(128))
        );
        assert_eq!(config.value("optimizer.beta1"), None);
        assert_eq!(config.value("optimizer.lr"), None);
        assert_eq!(config.table().get("model"), config.value("model").as_ref());
    }

    #[test]
    fn two_configs_differ_in_the_first_key_with_another_value() {
        let config = plain();
        assert_eq!(config.difference(&config), None);
        let mut other = config.clone();
        other.train.batch_size = Some(64);
        other.optimizer.learning_rate = 0.2;
        assert_eq!(config.difference(&other), Some("optimizer.learning_rate"));
        assert_eq!(other.difference(&config), Some("optimizer.learning_rate"));
        other.optimizer.learning_rate = 0.1;
        assert_eq!(config.difference(&other), Some("train.batch_size"));
    }

    #[test]
    fn an_unknown_key_suggests_the_nearest() {
        assert!(Config::check_key("train.batch_size").is_ok());
        let text = |key| Config::check_key(key).unwrap_err().to_string();
        let known = Config::keys().join(", ");
        assert_eq!(
            text("train.bach_size"),
            format!(
                "unknown config key `train.bach_size`; did you mean `train.batch_size`? Known keys: {known}"
            )
        );
        assert_eq!(
            text("batch_size"),
            format!(
                "unknown config key `batch_size`; did you mean `train.batch_size`? Known keys: {known}"
            )
        );
        assert_eq!(
            text("zzz"),
            format!("unknown config key `zzz`. Known keys: {known}")
        );
    }

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
momentum = 0.0
nesterov = false
learning_rate = 0.1
weight_decay = 0.0

[schedule]
kind = \"constant\"
warmup = 0

[train]
loss = \"cross_entropy\"
batch_size = 32
full_batch = false
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
