//! Rows of runs for other programs: one tidy table of all of them, and event files for TensorBoard.

mod field;
mod tensorboard;
#[cfg(test)]
mod tests;

pub use tensorboard::{MARGINS, event_file};

use crate::config::Config;
use crate::run::{DirectoryError, Row, RunDirectory, RunRecord, Status};
use field::{FIELDS, column};
use lab_common::columns::{Columns, Values};
use std::collections::BTreeMap;

/// A run with its rows, whether it has come to its end or not.
#[derive(Clone, Debug)]
pub struct ExportedRun {
    /// Its folder, as the user names it.
    pub place: String,
    /// Its config.
    pub config: Config,
    /// How it came about, and what became of it.
    pub record: RunRecord,
    /// Its rows, oldest first.
    pub rows: Vec<Row>,
}

impl ExportedRun {
    /// Reads a run.
    ///
    /// # Errors
    ///
    /// [`DirectoryError`] where a file is missing or damaged.
    pub fn of(directory: &RunDirectory) -> Result<Self, DirectoryError> {
        let record: RunRecord = directory.read_json("run.json")?;
        Ok(Self {
            place: directory.path().display().to_string(),
            config: directory.config(Some(&record))?,
            rows: directory.rows()?.rows,
            record,
        })
    }

    /// Whether it has a row with a value whose name begins so.
    pub fn has_rows_of(&self, family: &str) -> bool {
        let mut rows = self.rows.iter();
        rows.any(|row| row.measurement.value.is_some() && row.measurement.name.starts_with(family))
    }
}

/// What the name of a column with a key of the config begins with.
pub const CONFIG: &str = "config.";

/// All rows of all runs as one table: the run's folder and what became of it, the fields of `metrics.jsonl`, then the values of
/// every key that the config of any of the runs has, as `config.train.batch_size`.
pub fn table(runs: &[ExportedRun]) -> Columns {
    let of_run = |value: fn(&ExportedRun) -> String| {
        let values = runs.iter().flat_map(|run| {
            let value = value(run);
            run.rows.iter().map(move |_| Some(value.clone()))
        });
        Values::Text(values.collect())
    };
    let mut columns = Columns::default()
        .with("run_directory", of_run(|run| run.place.clone()))
        .with("status", of_run(|run| status(run.record.status).to_owned()));
    let rows: Vec<serde_json::Value> = runs
        .iter()
        .flat_map(|run| &run.rows)
        .map(|row| serde_json::to_value(row).unwrap_or_default())
        .collect();
    for (name, kind) in FIELDS {
        columns = columns.with(*name, column(*kind, rows.iter().map(|row| row.get(name))));
    }
    for (key, values) in settings(runs) {
        let lengths = runs.iter().map(|run| run.rows.len());
        columns = columns.with(format!("{CONFIG}{key}"), field::settings(&values, lengths));
    }
    columns
}

/// The word of a status, as `run.json` has it.
fn status(status: Status) -> &'static str {
    match status {
        Status::Running => "running",
        Status::Finished => "finished",
        Status::Degenerate => "degenerate",
        Status::Interrupted => "interrupted",
        Status::Diverged => "diverged",
        Status::Failed => "failed",
    }
}

/// The values of each key that a config has, one for each run.
fn settings(runs: &[ExportedRun]) -> BTreeMap<String, Vec<Option<toml::Value>>> {
    let mut settings: BTreeMap<String, Vec<Option<toml::Value>>> = BTreeMap::new();
    for (index, run) in runs.iter().enumerate() {
        for (key, value) in flat(&run.config) {
            let values = settings.entry(key).or_default();
            values.resize(runs.len(), None);
            values[index] = Some(value);
        }
    }
    settings
}

/// The values of a config by their dotted keys, in the order of the document; of a list of tables by their places.
fn flat(config: &Config) -> Vec<(String, toml::Value)> {
    let mut values = Vec::new();
    let table: toml::Table = config.to_toml().parse().unwrap_or_default();
    flatten("", &toml::Value::Table(table), &mut values);
    values
}

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
