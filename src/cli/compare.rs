//! `lab compare`.

use super::output::print;
use super::{ExitCode, Failure, Format};
use crate::compare::{CompareError, FinishedRun, LeftOut, compare};
use crate::config::{self, Config};
use crate::measure;
use crate::report::{comparison_csv, comparison_json, comparison_table};
use crate::train::{RunDirectory, RunRecord, Status};
use clap::Args;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// How deep below an argument run directories are looked for (`runs/<name>/seed-<n>`).
const DEPTH: usize = 3;

/// Compare groups of runs in one table.
#[derive(Args, Debug)]
pub struct CompareArgs {
    /// Run directories, folders of them, or patterns such as 'runs/sgd_*'
    #[arg(value_name = "RUN", required = true)]
    runs: Vec<String>,
    /// The config key that makes the groups; several with commas between them
    #[arg(
        long,
        value_name = "KEY",
        default_value = "train.batch_size",
        value_delimiter = ','
    )]
    by: Vec<String>,
    /// How to print: a Markdown table, JSON, or CSV
    #[arg(long, value_enum, default_value = "md")]
    format: Format,
}

/// Runs the command.
pub fn run(args: &CompareArgs) -> Result<ExitCode, Failure> {
    let mut keys: Vec<&str> = Vec::new();
    for key in &args.by {
        Config::check_key(key)?;
        if !keys.contains(&key.as_str()) {
            keys.push(key);
        }
    }
    let directories = directories(&args.runs)?;
    let (mut runs, mut left_out) = (Vec::new(), Vec::new());
    for (path, place) in &directories {
        match read(path, place) {
            Ok(run) => runs.push(run),
            Err(reason) => left_out.push(LeftOut {
                place: place.clone(),
                reason,
            }),
        }
    }
    if runs.is_empty() {
        return Err(none_finished(&left_out).into());
    }
    let comparison = compare(&runs, left_out, &keys)?;
    for LeftOut { place, reason } in &comparison.left_out {
        eprintln!("warning: {place} is left out: {reason}");
    }
    let text = match args.format {
        Format::Md => comparison_table(&comparison),
        Format::Json => comparison_json(&comparison).map_err(Failure::Other)?,
        Format::Csv => comparison_csv(&comparison).map_err(Failure::Other)?,
    };
    print(&text)?;
    Ok(ExitCode::Success)
}

/// The run directories that the arguments stand for, each once, with its name as the user knows it.
fn directories(arguments: &[String]) -> Result<BTreeMap<PathBuf, String>, Failure> {
    let mut directories = BTreeMap::new();
    for argument in arguments {
        let found = directories_of(argument)?;
        if found.is_empty() {
            return Err(CompareError::NoRuns(argument.clone()).into());
        }
        for path in found {
            // One run under two names must not count twice.
            let canonical = path.canonicalize().unwrap_or_else(|_| path.clone());
            let place = path.display().to_string();
            directories.entry(canonical).or_insert(place);
        }
    }
    Ok(directories)
}

/// How many reasons a message gives.
const REASONS: usize = 5;

fn none_finished(left_out: &[LeftOut]) -> CompareError {
    let mut reasons = String::new();
    for LeftOut { place, reason } in left_out.iter().take(REASONS) {
        reasons.push_str(&format!("\n  {place}: {reason}"));
    }
    if left_out.len() > REASONS {
        reasons.push_str(&format!("\n  and {} more", left_out.len() - REASONS));
    }
    CompareError::NoneFinished {
        count: left_out.len(),
        reasons,
    }
}

/// The run directories an argument stands for.
fn directories_of(argument: &str) -> Result<Vec<PathBuf>, Failure> {
    let path = Path::new(argument);
    if path.exists() {
        return Ok(below(path, DEPTH));
    }
    let paths = glob::glob(argument)
        .map_err(|error| Failure::Input(format!("{argument}: not a pattern: {error}")))?;
    Ok(paths
        .flatten()
        .flat_map(|path| below(&path, DEPTH))
        .collect())
}

fn below(path: &Path, depth: usize) -> Vec<PathBuf> {
    if path.join("config.toml").is_file() {
        return vec![path.to_owned()];
    }
    if depth == 0 {
        return Vec::new();
    }
    let entries = std::fs::read_dir(path).into_iter().flatten().flatten();
    entries
        .map(|entry| entry.path())
        .filter(|path| path.is_dir())
        .flat_map(|path| below(&path, depth - 1))
        .collect()
}

/// A finished run, or why there is none in the directory and what to do about it.
fn read(path: &Path, place: &str) -> Result<FinishedRun, String> {
    let directory = RunDirectory::open(path).map_err(|error| error.to_string())?;
    let config = config::load(&directory.config_file(), &[], &measure::names())
        .map_err(|error| error.to_string())?;
    let unfinished = || format!("it is not finished; finish it with `lab train --resume {place}`");
    let record: RunRecord = match directory.read_json("run.json") {
        Ok(record) => record,
        Err(_) if !directory.is_finished() => return Err(unfinished()),
        Err(error) => return Err(error.to_string()),
    };
    match record.status {
        Status::Failed => {
            let reason = record
                .reason
                .unwrap_or_else(|| "no reason is recorded".to_owned());
            return Err(format!("it failed: {reason}"));
        }
        // A run killed between its summary and its record is finished and says that it is running.
        Status::Running | Status::Interrupted | Status::Finished if !directory.is_finished() => {
            return Err(unfinished());
        }
        Status::Running | Status::Interrupted | Status::Finished => {}
    }
    let summary = directory
        .read_json("summary.json")
        .map_err(|error| error.to_string())?;
    Ok(FinishedRun {
        place: place.to_owned(),
        config,
        summary,
        data: record.data,
    })
}
