//! What a run directory is: a finished run whose files belong together, or something else, and then
//! what.

use super::directory::weights_name;
use super::error::{display, io_error};
use super::{DirectoryError, RunDirectory, RunRecord, Status, Summary};
use crate::config::{self, Config};
use crate::data::sha256_hex;
use crate::measure::{self, Weights};

/// So many changed keys are named; a file with more is another file.
const CHANGES_NAMED: usize = 4;

/// A run that came to its end.
#[derive(Clone, Debug)]
pub struct Finished {
    /// The config it was made with.
    pub config: Config,
    /// How it came about.
    pub record: RunRecord,
    /// What it came to.
    pub summary: Summary,
}

impl RunDirectory {
    /// The finished run in this directory.
    ///
    /// # Errors
    ///
    /// [`DirectoryError::Unfinished`], [`DirectoryError::Hopeless`] or [`DirectoryError::Failed`]
    /// where there is none, [`DirectoryError::Damaged`] where it cannot be read, each with what can be done; [`DirectoryError::Edited`] where the config
    /// is not the one that it was made with.
    pub fn finished(&self) -> Result<Finished, DirectoryError> {
        if !self.is_finished() {
            return Err(self.why_unfinished());
        }
        if !self.metrics_file().is_file() {
            return Err(DirectoryError::NotARun {
                path: display(self.path()),
                reason: "it is finished and its metrics.jsonl is missing".to_owned(),
            });
        }
        let record: RunRecord = self.read_json("run.json")?;
        Ok(Finished {
            config: self.config(Some(&record))?,
            summary: self.read_json("summary.json")?,
            record,
        })
    }

    /// The config of a run whose training has left the finite numbers; none of any other.
    pub fn diverged(&self) -> Option<Config> {
        let record = self.read_json::<RunRecord>("run.json").ok()?;
        let has_diverged = record.status == Status::Diverged && !self.is_finished();
        has_diverged.then(|| self.config(Some(&record)).ok())?
    }

    /// Why this is not a finished run.
    fn why_unfinished(&self) -> DirectoryError {
        let path = display(self.path());
        // A run that was killed early has no record.
        let record = self.read_json::<RunRecord>("run.json").ok();
        let reason = |record: &RunRecord| record.reason.clone().unwrap_or_default();
        match record {
            // A record of an earlier version does not say that a diverged run diverges again.
            Some(record) if record.is_final || record.status == Status::Diverged => {
                let reason = reason(&record);
                DirectoryError::Hopeless { path, reason }
            }
            Some(record) if record.status == Status::Failed => {
                let reason = reason(&record);
                DirectoryError::Failed { path, reason }
            }
            _ => DirectoryError::Unfinished(path),
        }
    }

    /// Refuses to go on with a run that cannot be gone on with.
    ///
    /// # Errors
    ///
    /// [`DirectoryError::Hopeless`]: it would fail again.
    pub fn check_resumable(&self) -> Result<(), DirectoryError> {
        match self.why_unfinished() {
            error @ DirectoryError::Hopeless { .. } if !self.is_finished() => Err(error),
            _ => Ok(()),
        }
    }

    /// The config of the run, as `config.toml` holds it.
    ///
    /// # Errors
    ///
    /// [`DirectoryError::Config`] where it cannot be read; [`DirectoryError::Edited`], with the keys,
    /// where it is not the one of the record.
    pub fn config(&self, record: Option<&RunRecord>) -> Result<Config, DirectoryError> {
        let known = measure::names();
        let config = config::load(&self.config_file(), &[], &known)?;
        let Some(table) = record.and_then(|record| record.config.as_ref()) else {
            return Ok(config);
        };
        let origin = self.path().join("run.json");
        let text = toml::to_string(table).map_err(|error| DirectoryError::NotARun {
            path: display(self.path()),
            reason: format!("run.json: {error}"),
        })?;
        // Read again, so that a key of a later version has its default in both.
        let made = config::parse(&text, &display(&origin), &[], "run", &known)?;
        let changes = changes(&made, &config);
        if changes.is_empty() {
            return Ok(config);
        }
        Err(DirectoryError::Edited {
            path: display(self.path()),
            changes: listed(&changes),
        })
    }

    /// Refuses weights that are not those that the run ended with.
    ///
    /// # Errors
    ///
    /// [`DirectoryError::Weights`], or the file system's.
    pub fn check_weights(&self, summary: &Summary, weights: Weights) -> Result<(), DirectoryError> {
        let (expected, delete) = match weights {
            Weights::Last => (&summary.model_sha256, "the file"),
            Weights::Average => (&summary.average_sha256, "summary.json"),
        };
        let Some(expected) = expected else {
            return Ok(());
        };
        let file = self.weights_file(weights);
        let bytes = std::fs::read(&file).map_err(|source| io_error(&file, source))?;
        let found = sha256_hex(&bytes);
        if found == *expected {
            return Ok(());
        }
        Err(DirectoryError::Weights {
            path: display(self.path()),
            file: weights_name(weights),
            delete,
            found,
            expected: expected.clone(),
        })
    }
}

/// A key with what it was when the run was made and what it is now.
struct Change {
    key: String,
    made: Option<toml::Value>,
    now: Option<toml::Value>,
}

/// The keys in which two configs differ, in the order of the documents.
fn changes(made: &Config, now: &Config) -> Vec<Change> {
    let [made, now] = [made, now].map(|config| {
        let table = config.to_toml().parse::<toml::Table>().unwrap_or_default();
        let mut values = Vec::new();
        flatten("", &toml::Value::Table(table), &mut values);
        values
    });
    let value = |of: &[(String, toml::Value)], key: &str| {
        let found = of.iter().find(|(other, _)| other == key);
        found.map(|(_, value)| value.clone())
    };
    let only_now = now.iter().filter(|(key, _)| value(&made, key).is_none());
    made.iter()
        .chain(only_now)
        .map(|(key, _)| Change {
            key: key.clone(),
            made: value(&made, key),
            now: value(&now, key),
        })
        .filter(|change| change.made != change.now)
        .collect()
}

/// The values of a tree by their dotted keys; lists of plain values are values.
fn flatten(key: &str, value: &toml::Value, values: &mut Vec<(String, toml::Value)>) {
    let inner = |name: &str| match key {
        "" => name.to_owned(),
        _ => format!("{key}.{name}"),
    };
    match value {
        toml::Value::Table(table) => {
            for (name, value) in table {
                flatten(&inner(name), value, values);
            }
        }
        toml::Value::Array(items) if items.iter().any(toml::Value::is_table) => {
            for (index, value) in items.iter().enumerate() {
                flatten(&inner(&index.to_string()), value, values);
            }
        }
        _ => values.push((key.to_owned(), value.clone())),
    }
}

fn listed(changes: &[Change]) -> String {
    let mut named: Vec<String> = changes.iter().take(CHANGES_NAMED).map(told).collect();
    if changes.len() > named.len() {
        named.push(format!("and {} more", changes.len() - named.len()));
    }
    named.join(", ")
}

fn told(Change { key, made, now }: &Change) -> String {
    match (made, now) {
        (Some(made), Some(now)) => format!("`{key}` is {now}, the run was made with {made}"),
        (Some(made), None) => format!("`{key}` is gone, the run was made with {made}"),
        (_, Some(now)) => format!("`{key}` is {now}, the run was made without it"),
        _ => format!("`{key}`"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(lines: &str) -> Config {
        let text = format!("optimizer.learning_rate = 0.1\n{lines}");
        config::parse(&text, "x.toml", &[], "x", &measure::names()).unwrap()
    }

    fn between(made: &str, now: &str) -> String {
        listed(&changes(&config(made), &config(now)))
    }

    #[test]
    fn every_changed_key_is_named_with_both_values() {
        let plain = "train.epochs = 1";
        assert_eq!(between(plain, plain), "");
        assert_eq!(
            between(plain, "train.epochs = 1\nmodel.activation = \"tanh\""),
            "`model.activation` is \"tanh\", the run was made with \"relu\""
        );
        assert_eq!(
            between(plain, "train.steps = 5"),
            "`train.epochs` is gone, the run was made with 1, `train.steps` is 5, the run was made \
             without it"
        );
        assert_eq!(
            between(plain, "train.epochs = 1\nmodel.hidden = [3, 4]"),
            "`model.hidden` is [3, 4], the run was made with [128]"
        );
        let hook = |every: usize| {
            format!("{plain}\n[[hooks]]\npreset = \"light\"\nevery = {every}\nsamples = 5")
        };
        assert_eq!(
            between(&hook(1), &hook(2)),
            "`hooks.0.every` is 2, the run was made with 1"
        );
        let added = between(plain, &hook(1));
        assert!(
            added.contains("`hooks.0.") && added.ends_with(" more"),
            "{added}"
        );
    }

    #[test]
    fn a_record_as_json_keeps_every_number_of_its_config() {
        let made = config("seed = 9223372036854775807\ntrain.epochs = 1\nmodel.init_scale = 0.1");
        let table: toml::Table = made.to_toml().parse().unwrap();
        let json = serde_json::to_string(&table).unwrap();
        let back: toml::Table = serde_json::from_str(&json).unwrap();
        let text = toml::to_string(&back).unwrap();
        let read = config::parse(&text, "run.json", &[], "y", &measure::names()).unwrap();
        assert_eq!(read, made);
    }
}
