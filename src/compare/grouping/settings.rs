//! In what runs differ, whatever they are grouped by.

use super::entry::{Entry, distinct};
use super::{BATCH_SIZE, FULL_BATCH, IMMATERIAL};
use crate::compare::FinishedRun;
use crate::config::Config;
use toml::Value;

/// In what runs differ, whatever they are grouped by.
pub(in crate::compare) struct Settings {
    /// The keys in which they do.
    pub keys: Vec<&'static str>,
    /// For each run the place of its value among those of each key, in ascending order.
    pub places: Vec<Vec<usize>>,
}

impl Settings {
    /// Those of some runs.
    pub fn of(runs: &[&FinishedRun]) -> Self {
        let entries: Vec<Entry> = runs.iter().map(|run| Entry::new(run)).collect();
        let entries: Vec<&Entry> = entries.iter().collect();
        let values = |key: &&'static str| distinct(&entries, key);
        let has_batch_size = values(&BATCH_SIZE).len() > 1;
        let differing = Config::keys()
            .iter()
            .copied()
            .filter(|key| !IMMATERIAL.contains(key))
            .filter(|key| !(has_batch_size && *key == FULL_BATCH))
            .map(|key| (key, values(&key)))
            .filter(|(_, values)| values.len() > 1);
        let differing: Vec<_> = differing.collect();
        let place = |entry: &&Entry, key: &str, values: &[Option<Value>]| {
            let own = entry.value(key);
            values.iter().position(|value| *value == own).unwrap_or(0)
        };
        let places = entries.iter().map(|entry| {
            let places = differing.iter();
            places
                .map(|(key, values)| place(entry, key, values))
                .collect()
        });
        Self {
            places: places.collect(),
            keys: differing.iter().map(|(key, _)| *key).collect(),
        }
    }

    /// How many kinds of runs there are.
    pub fn kinds(&self) -> usize {
        let mut kinds = self.places.clone();
        kinds.sort_unstable();
        kinds.dedup();
        kinds.len()
    }
}
