//! A run with the values that it may be told apart by.

use super::ARM;
use super::value::{order_of_optional, value_of};
use crate::compare::FinishedRun;
use sha2::{Digest, Sha256};
use toml::Value;

pub(super) const DATA_FILES: &str = "the data files";

const MEASURED_DROPOUT: &str = "hooks.dropout";

/// What runs can differ in besides the keys of their configs.
pub(super) const BESIDES: [&str; 2] = [DATA_FILES, MEASURED_DROPOUT];

/// A run with the values of its config at hand.
pub(super) struct Entry<'a> {
    pub(super) run: &'a FinishedRun,
    table: toml::Table,
}

impl<'a> Entry<'a> {
    pub(super) fn new(run: &'a FinishedRun) -> Self {
        Self {
            run,
            table: run.config.table(),
        }
    }

    pub(super) fn value(&self, key: &str) -> Option<Value> {
        match key {
            DATA_FILES => Some(Value::String(self.digest())),
            MEASURED_DROPOUT => self.measured_dropout(),
            ARM => Some(Value::String(self.run.config.name.clone())),
            key => value_of(key, &self.run.config, &self.table),
        }
    }

    /// The beginning of a digest of all data files.
    fn digest(&self) -> String {
        let mut digest = Sha256::new();
        for file in &self.run.data {
            digest.update(format!("{} {}\n", file.name, file.sha256));
        }
        digest.finalize()[..4]
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect()
    }

    /// What the hooks did with dropout, in a network that has any.
    fn measured_dropout(&self) -> Option<Value> {
        self.value("model.dropout")?
            .as_float()
            .filter(|share| *share > 0.0)?;
        let mut modes: Vec<&str> = self
            .run
            .config
            .hooks
            .iter()
            .map(|hook| hook.dropout.as_str())
            .collect();
        modes.sort_unstable();
        modes.dedup();
        Some(Value::String(modes.join(" and ")))
    }
}

/// The values of a key among runs, in ascending order.
pub(super) fn distinct(entries: &[&Entry], key: &str) -> Vec<Option<Value>> {
    let mut values: Vec<_> = entries.iter().map(|entry| entry.value(key)).collect();
    values.sort_by(|a, b| order_of_optional(a.as_ref(), b.as_ref()));
    values.dedup();
    values
}
