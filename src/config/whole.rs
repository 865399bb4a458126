//! A run, completely described, and the rules that span tables.

use std::sync::LazyLock;

use sha2::{Digest, Sha256};
use toml::Value as Toml;

use super::data::Data;
use super::document::{Provenance, at};
use super::error::{ConfigError, Place, Violation};
use super::hooks::Hook;
use super::key::Keys;
use super::kind::{Range, in_f32};
use super::model::{Model, ModelKind};
use super::optimizer::{Optimizer, OptimizerKind};
use super::schedule::{Cosine, Exponential, Schedule, ScheduleKind, Shape, Step};
use super::section::{Reader, Section};
use super::train::{Length, Train, says_full_batch};
use crate::backend::BackendKind;
use crate::linear::Precision;
use crate::nearest::{hint, nearest};
use crate::objective::Loss;

/// All keys, in the order of the documents.
pub(super) static KEYS: LazyLock<Keys> = LazyLock::new(|| {
    let mut keys = Keys::default();
    Config::describe(&mut keys);
    keys
});

/// The paths of all keys, each once; `hooks` stands for the whole array.
static PATHS: LazyLock<Vec<&'static str>> = LazyLock::new(|| KEYS.paths());

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
        /// `[[hooks]]`
        hooks: Vec<Hook> = tables();
        /// Where all this was written.
        provenance: Provenance = part();
    }
}

/// The rules that span tables.
fn keeps_the_rules(config: &mut Config, _: &Reader<'_>) -> Result<(), Violation> {
    if !is_folder_name(&config.name) {
        let rule = format!(
            "must be made of letters, digits, '.', '_' and '-', and not be \".\" or \"..\", found {:?}",
            config.name
        );
        return Err(Violation::new("name", rule));
    }
    if config.precision == Precision::F64 && config.backend == BackendKind::Wgpu {
        let rule = "= \"f64\" needs backend \"cpu\" or \"ndarray\", this config has \"wgpu\" (\"cpu\" is the reference)";
        return Err(Violation::new("precision", rule).against("backend"));
    }
    keeps_a_learning_rate(config)?;
    can_learn_its_data(config)?;
    if config.train.full_batch && !config.data.augment.is_empty() {
        let is_gd = config.optimizer.method.kind() == OptimizerKind::Gd;
        let (key, why) = says_full_batch(is_gd);
        let rule = format!("must be empty for {why}, whose steps all use the same images");
        return Err(Violation::new("data.augment", rule).against(key));
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
    let rule = format!(
        "= {found:?} makes a learning rate of {rate:e}, which f32 cannot hold: give a larger number, or set precision = \"f64\""
    );
    Err(Violation::new(key, rule))
}

/// Refuses what a text cannot be learnt by.
fn can_learn_its_data(config: &Config) -> Result<(), Violation> {
    let (kind, loss) = (config.model.kind(), config.train.loss);
    let (key, rule) = if config.data.text.is_none() {
        return Ok(());
    } else if kind != ModelKind::Transformer {
        (
            "model.kind",
            format!(
                "must be \"transformer\", the only kind that reads a sequence, for data.dataset = \"text\"; this config has \"{kind}\""
            ),
        )
    } else if loss != Loss::CrossEntropy {
        (
            "train.loss",
            format!(
                "must be \"cross_entropy\" for data.dataset = \"text\", whose outputs are distributions over characters; this config has \"{loss}\""
            ),
        )
    } else {
        return Ok(());
    };
    Err(Violation::new(key, rule).against("data.dataset"))
}

/// The rules about sizes, as far as the number of training samples is known.
fn fits(config: &Config, train_len: Option<usize>) -> Result<(), Violation> {
    if let Some(limit) = train_len {
        let in_hook = |index: usize| format!("hooks.{index}.samples");
        let hooks = config.hooks.iter().enumerate();
        let hooks = hooks.map(|(index, hook)| (in_hook(index), hook.samples));
        let batch = ("train.batch_size".to_owned(), config.train.batch_size);
        for (key, samples) in std::iter::once(batch).chain(hooks) {
            if let Some(found) = samples.filter(|&samples| samples > limit) {
                let rule = format!("must be at most the {limit} training samples, found {found}");
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
            let rule = format!("must be fewer than the run's {total} steps, found {found}");
            Err(Violation::new("schedule.warmup", rule).against(length_key))
        }
        _ => Ok(()),
    }
}

impl Config {
    /// Checks what only the data can tell: that batches, hook samples and the warm-up fit a
    /// training part of `train_len` samples. To be called once the data is loaded.
    ///
    /// # Errors
    ///
    /// [`ConfigError::Rule`] with the key that does not fit, and where it was written.
    pub fn check_against_data(&self, train_len: usize) -> Result<(), ConfigError> {
        fits(self, Some(train_len)).map_err(|violation| self.provenance.blame(violation))
    }

    /// The number of updates in the whole run, for a training part of `train_len` samples; the
    /// last batch of an epoch may be smaller than the others.
    pub fn total_steps(&self, train_len: usize) -> usize {
        match self.train.length() {
            Length::Steps(steps) => steps,
            Length::Epochs(epochs) => epochs.saturating_mul(self.steps_per_epoch(train_len)),
        }
    }

    /// The number of updates in one epoch, for a training part of `train_len` samples.
    pub fn steps_per_epoch(&self, train_len: usize) -> usize {
        self.train
            .batch_size
            .map_or(1, |size| train_len.div_ceil(size.max(1)))
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
        let root = Toml::Table(whole.clone());
        for (table, value) in &mut whole {
            if let Toml::Table(entries) = value {
                entries.retain(|name, _| {
                    let place = format!("{table}.{name}");
                    KEYS.applicable(&root, &place).is_some()
                });
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
    pub fn value(&self, key: &str) -> Option<Toml> {
        at(&Toml::Table(self.table()), key).cloned()
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
    /// [`ConfigError::NoSuchKey`], with the nearest key.
    pub fn check_key(key: &str) -> Result<(), ConfigError> {
        if Self::keys().contains(&key) {
            return Ok(());
        }
        let (path, line) = (key.to_owned(), None);
        let hint = hint(nearest(key, Self::keys()));
        Err(ConfigError::NoSuchKey {
            key: Place { path, line },
            hint: format!("{hint} Known keys: {}", Self::keys().join(", ")),
        })
    }
}
