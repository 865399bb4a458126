//! Rows that are added to a finished run, as if they had been asked for while it trained.
//!
//! A row goes to the end of `metrics.jsonl`, whole, as soon as it is found. Those of the run's last step stand in the
//! summary too, which everybody compares by; it is written last, and made whole again from the rows where a process died
//! in between.

use super::rows::now;
use super::{Change, DirectoryError, EVENT, Finished, Later, Row, RunDirectory, VERSION};
use crate::config::Config;
use crate::measure::{Circumstances, Measure, Measurement};
use std::path::Path;

/// A finished run that is this process's, for rows to be added to it.
#[derive(Debug)]
pub struct Addendum {
    directory: RunDirectory,
    finished: Finished,
    rows: Vec<Row>,
    added: usize,
}

impl Addendum {
    /// Opens a finished run. What a process has left that died while it added rows is put in order.
    ///
    /// # Errors
    ///
    /// [`DirectoryError`]: the run is not finished, another process writes to it, or its rows are damaged.
    pub fn open(path: &Path) -> Result<Self, DirectoryError> {
        // Nothing is touched, not even locked, of what is no finished run.
        RunDirectory::open(path)?.finished()?;
        let directory = RunDirectory::open_for_writing(path)?;
        let finished = directory.finished()?;
        let found = directory.rows()?;
        if found.is_torn {
            directory.cut_torn_row()?;
        }
        let mut addendum = Self {
            directory,
            finished,
            rows: found.rows,
            added: 0,
        };
        addendum.complete_summary()?;
        Ok(addendum)
    }

    /// The row of a measure at a step, taken as a search that begins with nothing takes it under these circumstances.
    pub fn row(&self, measure: &Measure, step: u64, circumstances: &Circumstances) -> Option<&Row> {
        self.rows.iter().find(|row| {
            let taken = measure.bearing(row.measurement.circumstances.clone());
            row.step == Some(step)
                && row.measurement.name == measure.name
                && taken.are_found_under(circumstances)
        })
    }

    /// The run's folder.
    pub fn place(&self) -> &Path {
        self.directory.path()
    }

    /// The run's config.
    pub fn config(&self) -> &Config {
        &self.finished.config
    }

    /// All rows of the run.
    pub fn rows(&self) -> &[Row] {
        &self.rows
    }

    /// How many rows have been added.
    pub fn added(&self) -> usize {
        self.added
    }

    /// Adds a row, which is on the disk when this returns.
    ///
    /// # Errors
    ///
    /// The file system's.
    pub fn add(&mut self, row: Row) -> Result<(), DirectoryError> {
        let row = Row {
            wall_time: Some(now()),
            version: Some(VERSION.to_owned()),
            ..row
        };
        self.directory.append_rows(std::slice::from_ref(&row))?;
        self.rows.push(row);
        self.added += 1;
        Ok(())
    }

    /// Puts what was added of the last step into the summary, and notes in the record that rows were added.
    ///
    /// # Errors
    ///
    /// The file system's; the rows are there all the same.
    pub fn close(&mut self) -> Result<(), DirectoryError> {
        if self.added == 0 {
            return Ok(());
        }
        self.complete_summary()?;
        let later = Later::now(Change::Measured(self.added));
        self.finished.record.later.push(later);
        self.added = 0;
        let record = &self.finished.record;
        self.directory.write_json("run.json", record)
    }

    /// Writes those rows of the last step into the summary that were added and are not in it.
    fn complete_summary(&mut self) -> Result<(), DirectoryError> {
        let summary = &mut self.finished.summary;
        let is_of_end = |row: &&Row| {
            let name = &row.measurement.name;
            row.version.is_some() && row.step == Some(summary.steps) && !name.starts_with(EVENT)
        };
        let of_end = self.rows.iter().filter(is_of_end);
        let is_same = |one: &Measurement, other: &Measurement| {
            one.name == other.name && one.circumstances == other.circumstances
        };
        let mut missing: Vec<Measurement> = of_end.map(|row| row.measurement.clone()).collect();
        missing.retain(|row| !summary.measurements.iter().any(|own| is_same(own, row)));
        if missing.is_empty() {
            return Ok(());
        }
        summary.measurements.extend(missing);
        self.directory.write_json("summary.json", summary)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config;
    use crate::linear::Precision;
    use crate::measure::{self, Weights, find};
    use crate::run::{RunRecord, Summary};
    use std::fs;

    fn config() -> Config {
        let text = "optimizer.learning_rate = 0.1\ntrain.epochs = 1\n";
        config::parse(text, "x.toml", &[], "x", &measure::names()).unwrap()
    }

    fn row(name: &str, step: u64) -> Row {
        Row {
            run: "x".to_owned(),
            seed: Some(0),
            step: Some(step),
            epoch: Some(1.0),
            since: None,
            measurement: Measurement::exact(name, 1.0 + step as f64),
            dtype: Precision::F32,
            wall_time: None,
            version: None,
        }
    }

    /// A run of five steps that has measured its norm at two of them.
    fn run() -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        let directory = RunDirectory::create(folder.path(), &config(), false).unwrap();
        directory
            .append_rows(&[row("norm.l2", 0), row("norm.l2", 5)])
            .unwrap();
        let summary = Summary {
            run: "x".to_owned(),
            seed: 0,
            steps: 5,
            epochs: 1.0,
            stopped_by: "train.epochs".to_owned(),
            train_loss: None,
            last_step_part: None,
            degenerate: None,
            parameters: 1,
            maps: Vec::new(),
            learning_rate: 0.1,
            training_seconds: 0.0,
            measuring_seconds: 0.0,
            preparing_seconds: None,
            model_sha256: None,
            average_sha256: None,
            events: Vec::new(),
            measurements: vec![row("norm.l2", 5).measurement],
        };
        let mut record = RunRecord::begin(&config(), &[], "cpu");
        record.finish(&summary);
        directory.write_json("run.json", &record).unwrap();
        directory.write("model.safetensors", b"").unwrap();
        directory.write_json("summary.json", &summary).unwrap();
        folder
    }

    fn names(finished: &Finished) -> Vec<&str> {
        let rows = finished.summary.measurements.iter();
        rows.map(|row| row.name.as_str()).collect()
    }

    #[test]
    fn what_is_added_of_the_last_step_is_in_the_summary_and_the_record_says_who_added_it() {
        let folder = run();
        let mut addendum = Addendum::open(folder.path()).unwrap();
        addendum.add(row("gradient.norm", 5)).unwrap();
        addendum.add(row("gradient.norm", 3)).unwrap();
        addendum.close().unwrap();
        drop(addendum);
        let directory = RunDirectory::open(folder.path()).unwrap();
        let finished = directory.finished().unwrap();
        assert_eq!(names(&finished), ["norm.l2", "gradient.norm"]);
        let [later] = &finished.record.later[..] else {
            panic!("{:?}", finished.record.later)
        };
        assert_eq!(later.what, Change::Measured(2));
        // Read back by step, with who measured them.
        let rows = directory.rows().unwrap().rows;
        let told: Vec<_> = rows
            .iter()
            .map(|row| (row.step.unwrap(), row.version.is_some()))
            .collect();
        assert_eq!(told, [(0, false), (3, true), (5, false), (5, true)]);
    }

    #[test]
    fn a_row_is_there_where_measure_step_and_circumstances_are_the_same() {
        let folder = run();
        let addendum = Addendum::open(folder.path()).unwrap();
        let measure = find("norm.l2").unwrap();
        let is_there = |step, circumstances: Circumstances| {
            addendum.row(measure, step, &circumstances).is_some()
        };
        assert!(is_there(5, Circumstances::default()));
        assert!(!is_there(4, Circumstances::default()));
        let averaged = Circumstances {
            weights: Some(Weights::Average),
            ..Circumstances::default()
        };
        assert!(!is_there(5, averaged));
        let other = find("gradient.norm").unwrap();
        assert!(addendum.row(other, 5, &Circumstances::default()).is_none());
    }

    #[test]
    fn a_process_that_died_between_rows_and_summary_costs_nothing_but_a_torn_line() {
        let folder = run();
        let mut addendum = Addendum::open(folder.path()).unwrap();
        addendum.add(row("gradient.norm", 5)).unwrap();
        drop(addendum);
        let rows = folder.path().join("metrics.jsonl");
        let whole = fs::read_to_string(&rows).unwrap();
        fs::write(&rows, whole.clone() + "{\"run\":\"x\",\"se").unwrap();
        let directory = RunDirectory::open(folder.path()).unwrap();
        assert_eq!(names(&directory.finished().unwrap()), ["norm.l2"]);

        drop(Addendum::open(folder.path()).unwrap());
        let finished = directory.finished().unwrap();
        assert_eq!(names(&finished), ["norm.l2", "gradient.norm"]);
        assert_eq!(fs::read_to_string(&rows).unwrap(), whole);
    }

    #[test]
    fn what_is_unfinished_or_taken_or_damaged_is_left_alone() {
        let folder = run();
        let held = RunDirectory::open_for_writing(folder.path()).unwrap();
        let said = |folder: &Path| Addendum::open(folder).unwrap_err().to_string();
        assert!(said(folder.path()).contains("by another process"));
        drop(held);
        let rows = folder.path().join("metrics.jsonl");
        let whole = fs::read_to_string(&rows).unwrap();
        fs::write(&rows, format!("{{}}\n{whole}")).unwrap();
        assert!(said(folder.path()).contains("line 1, is no row"));
        fs::write(&rows, whole).unwrap();
        fs::remove_file(folder.path().join("summary.json")).unwrap();
        assert!(said(folder.path()).contains("is not finished"));
    }
}
