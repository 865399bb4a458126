//! `lab compare`.

use super::output::print;
use super::{ExitCode, Failure, Format};
use crate::compare::{CompareError, FinishedRun, compare};
use crate::config::Config;
use crate::report::{comparison_csv, comparison_json, comparison_table};
use crate::train::{DirectoryError, Finished, RunDirectory};
use clap::Args;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// How deep below an argument run directories are looked for (`runs/<name>/seed-<n>`).
const DEPTH: usize = 3;

/// Compare groups of runs in one table.
#[derive(Args, Debug)]
pub struct CompareArgs {
    /// Run directories, folders of them, or patterns such as 'runs/sgd_*'
    #[arg(value_name = "RUN", required = true)]
    runs: Vec<String>,
    /// The config key that makes the groups
    #[arg(long, value_name = "KEY", default_value = "train.batch_size")]
    by: String,
    /// How to print: a Markdown table, JSON, or CSV
    #[arg(long, value_enum, default_value = "md")]
    format: Format,
}

/// Runs the command.
pub fn run(args: &CompareArgs) -> Result<ExitCode, Failure> {
    Config::check_key(&args.by)?;
    let mut directories = BTreeSet::new();
    for argument in &args.runs {
        let found = directories_of(argument)?;
        if found.is_empty() {
            return Err(CompareError::NoRuns(argument.clone()).into());
        }
        // One run under two names must not count twice.
        directories.extend(
            found
                .into_iter()
                .map(|path| path.canonicalize().unwrap_or(path)),
        );
    }
    let mut runs: Vec<FinishedRun> = Vec::new();
    for path in &directories {
        let place = path.display();
        match read(path) {
            Ok(run) if runs.iter().any(|other| other.config == run.config) => eprintln!(
                "warning: {place} has the config and the seed of another run here and is left out: \
                 a copy is no second sample"
            ),
            Ok(run) => runs.push(run),
            Err(error) => eprintln!("warning: {place} is left out: {error}"),
        }
    }
    if runs.is_empty() {
        return Err(CompareError::NoneFinished(directories.len()).into());
    }
    let comparison = compare(&runs, &args.by)?;
    let text = match args.format {
        Format::Md => comparison_table(&comparison),
        Format::Json => comparison_json(&comparison).map_err(Failure::Other)?,
        Format::Csv => comparison_csv(&comparison).map_err(Failure::Other)?,
    };
    print(&text)?;
    Ok(ExitCode::Success)
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

/// The finished run in a directory.
fn read(path: &Path) -> Result<FinishedRun, DirectoryError> {
    let Finished {
        config,
        record,
        summary,
    } = RunDirectory::open(path)?.finished()?;
    Ok(FinishedRun {
        config,
        summary,
        data: record.data,
    })
}
