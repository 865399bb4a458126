//! `lab compare`.

use super::output::print;
use super::{CommandError, ExitCode, Format};
use crate::compare::{CompareError, FinishedRun, LeftOut, compare};
use crate::config::Config;
use crate::report::ComparisonReport;
use crate::run::{DirectoryError, Finished, RunDirectory};
use clap::Args;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// How deep below an argument run directories are looked for (`runs/<name>/seed-<n>`).
const DEPTH: usize = 3;

/// Compare groups of runs: an answer in sentences, then a table.
///
/// The table has the decided lines and the headline measures; what its words mean stands below it.
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
    /// Show every line, not only those that are decided or headlines; JSON and CSV have all anyway
    #[arg(long)]
    all: bool,
    /// How to print
    #[arg(long, value_enum, default_value = "md")]
    format: Format,
}

/// Runs the command.
pub fn run(args: &CompareArgs) -> Result<ExitCode, CommandError> {
    let mut keys: Vec<&str> = Vec::new();
    for key in &args.by {
        Config::check_key(key)?;
        if !keys.contains(&key.as_str()) {
            keys.push(key);
        }
    }
    let directories = directories(&args.runs)?;
    let (mut runs, mut left_out) = (Vec::new(), Vec::new());
    for place in directories.values() {
        match read(place) {
            Ok(run) => runs.push(run),
            Err(error) => left_out.push(LeftOut {
                place: place.display().to_string(),
                reason: error.to_string(),
                diverged: diverged(place).map(Box::new),
            }),
        }
    }
    if runs.is_empty() {
        warn(&left_out);
        return Err(CompareError::NoneFinished(left_out.len()).into());
    }
    let comparison = compare(&runs, left_out, &keys)?;
    warn(&comparison.left_out);
    let report = ComparisonReport {
        comparison: &comparison,
        shows_all: args.all,
    };
    print(&args.format.text(&report)?)?;
    Ok(ExitCode::Success)
}

/// The run directories that the arguments stand for, each once, as the user names it.
fn directories(arguments: &[String]) -> Result<BTreeMap<PathBuf, PathBuf>, CommandError> {
    let mut directories = BTreeMap::new();
    for argument in arguments {
        let found = directories_of(argument)?;
        if found.is_empty() {
            return Err(CompareError::NoRuns(argument.clone()).into());
        }
        for path in found {
            // One run under two names must not count twice.
            let canonical = path.canonicalize().unwrap_or_else(|_| path.clone());
            directories.entry(canonical).or_insert(path);
        }
    }
    Ok(directories)
}

fn warn(left_out: &[LeftOut]) {
    for LeftOut { place, reason, .. } in left_out {
        eprintln!("warning: {place} is left out: {reason}");
    }
}

/// The run directories an argument stands for.
fn directories_of(argument: &str) -> Result<Vec<PathBuf>, CommandError> {
    let path = Path::new(argument);
    if path.exists() {
        return Ok(below(path, DEPTH));
    }
    let paths = glob::glob(argument)
        .map_err(|error| CommandError::Input(format!("{argument}: not a pattern: {error}")))?;
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

/// The finished run in a directory.
fn read(path: &Path) -> Result<FinishedRun, DirectoryError> {
    let Finished {
        config,
        record,
        summary,
    } = RunDirectory::open(path)?.finished()?;
    Ok(FinishedRun {
        place: path.display().to_string(),
        config,
        summary,
        data: record.data,
    })
}

/// The config of a run in a directory whose training has left the finite numbers.
fn diverged(path: &Path) -> Option<Config> {
    RunDirectory::open(path).ok()?.diverged()
}
