//! A run, completely described.

use std::sync::LazyLock;

use sha2::{Digest, Sha256};
use toml::Value as Toml;

use super::average::Average;
use super::data::Data;
use super::document::{Provenance, at};
use super::epochs::Epochs;
use super::error::{ConfigError, Place};
use super::events::Events;
use super::gradient::{GradientPenalty, LabelNoise, Noise, SharpnessAware};
use super::hooks::Hook;
use super::key::Keys;
use super::model::Model;
use super::optimizer::Optimizer;
use super::renamed;
use super::schedule::{LearningRateRule, Schedule};
use super::section::Section;
use super::train::{Length, Train};
use crate::backend::BackendKind;
use crate::linear::Precision;
use crate::nearest::{hint, nearest};

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
        /// `[learning_rate_rule]`
        learning_rate_rule: LearningRateRule = table();
        /// `[train]`
        train: Train = table();
        /// `[sharpness_aware]`
        sharpness_aware: Option<SharpnessAware> = table();
        /// `[gradient_penalty]`
        gradient_penalty: Option<GradientPenalty> = table();
        /// `[noise]`
        noise: Option<Noise> = table();
        /// `[label_noise]`
        label_noise: Option<LabelNoise> = table();
        /// `[average]`
        average: Average = table();
        /// `[events]`
        events: Events = table();
        /// `[[hooks]]`
        hooks: Vec<Hook> = tables();
        /// Where all this was written.
        provenance: Provenance = part();
    }
}

impl Config {
    /// The number of updates in the whole run, for a training part of `train_len` samples; the
    /// last batch of an epoch may be smaller than the others.
    pub fn total_steps(&self, train_len: usize) -> usize {
        match self.train.length() {
            Length::Steps(steps) => steps,
            Length::Epochs(epochs) => {
                let steps = self.epochs(train_len).steps(epochs as u64);
                usize::try_from(steps).unwrap_or(usize::MAX)
            }
        }
    }

    /// The epochs over a training part of `train_len` samples. Of SVAG, which sees two batches in each step, those
    /// that make up as much of training as an epoch of SGD.
    pub fn epochs(&self, train_len: usize) -> Epochs {
        Epochs::scheduled(train_len, &self.train)
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
        let hint = renamed::hint(key).unwrap_or_else(|| hint(nearest(key, Self::keys())));
        Err(ConfigError::NoSuchKey {
            key: Place { path, line },
            hint: format!("{hint} Known keys: {}", Self::keys().join(", ")),
        })
    }
}
