//! The runs that arguments stand for.

use super::CommandError;
use super::experiment::RESULT;
use crate::compare::{Cause, CompareError, FinishedRun, LeftOut, alike, check_versions};
use crate::config::Config;
use crate::run::{DirectoryError, RunDirectory};
use crate::sweep::SweepDirectory;
use clap::{Args, ValueEnum};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// How deep below an argument run directories are looked for (`runs/<name>/seed-<n>`).
const DEPTH: usize = 3;

/// How many runs a message names.
const NAMED: usize = 3;

/// What is refused unless it is allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Allowed {
    /// Runs that are not finished, or not begun, are left out
    Unfinished,
    /// Runs that cannot be read are left out
    Damaged,
    /// Runs of several versions of this program are put side by side
    MixedVersions,
}

/// What a command that reads finished runs is told to do without.
#[derive(Args, Clone, Debug)]
pub(super) struct Allowing {
    /// What is refused otherwise; several with commas between them
    #[arg(long, value_enum, value_name = "WHAT", value_delimiter = ',')]
    allow: Vec<Allowed>,
}

impl Allowing {
    /// The same, where runs that are not finished are allowed in any case.
    pub fn with_unfinished(&self) -> Self {
        let mut allow = self.allow.clone();
        allow.push(Allowed::Unfinished);
        Self { allow }
    }

    /// Refuses to leave out what could be finished or mended, unless that is meant. Runs that diverged are left out in any
    /// case: that is what became of them.
    fn check_left_out(&self, left_out: &[LeftOut], finished: usize) -> Result<(), CompareError> {
        let cases = [
            (Cause::Unfinished, Allowed::Unfinished, "unfinished"),
            (Cause::Damaged, Allowed::Damaged, "damaged"),
        ];
        for (cause, allowed, word) in cases {
            let unusable: Vec<&str> = left_out
                .iter()
                .filter(|run| run.cause == cause)
                .map(|run| run.reason.as_str())
                .collect();
            if unusable.is_empty() || self.allow.contains(&allowed) {
                continue;
            }
            let mut reasons = unusable[..unusable.len().min(NAMED)].join("; ");
            if unusable.len() > NAMED {
                reasons += &format!("; and {} more", unusable.len() - NAMED);
            }
            return Err(CompareError::Unusable {
                unusable: unusable.len(),
                given: finished + left_out.len(),
                reasons,
                allow: word,
            });
        }
        Ok(())
    }

    /// Refuses runs of several versions of this program, unless they are meant.
    pub fn check_versions(&self, runs: &[FinishedRun]) -> Result<(), CompareError> {
        match self.allow.contains(&Allowed::MixedVersions) {
            true => Ok(()),
            false => check_versions(runs),
        }
    }
}

/// Finished runs, and those that are not.
pub(super) struct Found<T> {
    /// What was read of the runs, by the order of their paths.
    pub runs: Vec<T>,
    /// The others, with the reasons.
    pub left_out: Vec<LeftOut>,
}

/// Reads every run that the arguments stand for, each once. Of a sweep's folder a member that has not begun is a run that is
/// left out.
///
/// # Errors
///
/// [`CompareError::NoRuns`] where an argument stands for nothing, [`CompareError::NoneFinished`] where no run can be
/// read; the reasons are then told as warnings. [`CompareError::Unusable`] where a run cannot be used and that is not allowed.
pub(super) fn finished<T>(
    arguments: &[String],
    allowing: &Allowing,
    read: impl Fn(&RunDirectory) -> Result<T, DirectoryError>,
) -> Result<Found<T>, CommandError> {
    let (mut runs, mut left_out) = (Vec::new(), Vec::new());
    for place in directories(arguments)?.values() {
        match RunDirectory::open(place).and_then(|directory| read(&directory)) {
            Ok(run) => runs.push(run),
            Err(error) => left_out.push(LeftOut {
                place: place.display().to_string(),
                cause: cause(&error),
                reason: error.to_string(),
                diverged: diverged(place).map(Box::new),
            }),
        }
    }
    if runs.is_empty() {
        warn(&left_out);
        return Err(CompareError::NoneFinished.into());
    }
    for argument in arguments {
        left_out.extend(not_begun(argument)?);
    }
    allowing.check_left_out(&left_out, runs.len())?;
    Ok(Found { runs, left_out })
}

/// What kind of reason it is.
fn cause(error: &DirectoryError) -> Cause {
    match error {
        DirectoryError::Unfinished(_) | DirectoryError::Failed { .. } | DirectoryError::Busy(_) => {
            Cause::Unfinished
        }
        DirectoryError::Hopeless { .. } => Cause::Failed,
        _ => Cause::Damaged,
    }
}

/// Tells which runs are left out, and why.
pub(super) fn warn(left_out: &[LeftOut]) {
    for LeftOut { place, reason, .. } in left_out {
        eprintln!("warning: {place} is left out: {reason}");
    }
}

/// The run directories that the arguments stand for, each once, as the user names it.
pub(super) fn directories(
    arguments: &[String],
) -> Result<BTreeMap<PathBuf, PathBuf>, CommandError> {
    let mut directories = BTreeMap::new();
    for argument in arguments {
        let found = directories_of(argument)?;
        if found.is_empty() {
            return Err(nothing_in(argument));
        }
        let tuning = tuning(argument)?;
        for path in found {
            if tuning.contains(&path) {
                continue;
            }
            // One run under two names must not count twice.
            let canonical = path.canonicalize().unwrap_or_else(|_| path.clone());
            directories.entry(canonical).or_insert(path);
        }
    }
    Ok(directories)
}

/// Why an argument stands for no run. What `lab experiment` has found is easily taken for one.
fn nothing_in(argument: &str) -> CommandError {
    let folder = Path::new(argument);
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut within = entries.map(|entry| entry.path());
    if folder.join(RESULT).is_file() || within.any(|place| place.join(RESULT).is_file()) {
        return CommandError::Input(format!(
            "{argument} has what `lab experiment` found, and no runs: its report.md is to be read, and `lab experiment ledger --dir DIR \
             --html --out FILE.html` makes one page of all"
        ));
    }
    CompareError::NoRuns(argument.to_owned()).into()
}

/// The runs of a sweep, where an argument is its folder, that only tune a learning rate: they are no members.
fn tuning(argument: &str) -> Result<Vec<PathBuf>, CommandError> {
    let folder = Path::new(argument);
    if !is_sweep(folder) {
        return Ok(Vec::new());
    }
    let sweep = SweepDirectory::open(folder)?;
    let tasks = sweep.listing.tasks.iter().filter(|task| task.tunes);
    Ok(tasks.map(|task| folder.join(&task.run)).collect())
}

/// The members of a sweep, where an argument is its folder, that have no run yet.
fn not_begun(argument: &str) -> Result<Vec<LeftOut>, CommandError> {
    let folder = Path::new(argument);
    if !is_sweep(folder) {
        return Ok(Vec::new());
    }
    let sweep = SweepDirectory::open(folder)?;
    let members = sweep.listing.tasks.iter().filter(|task| !task.tunes);
    let places = members.map(|task| folder.join(&task.run));
    let missing = places.filter(|place| !place.join("config.toml").is_file());
    Ok(missing
        .map(|place| LeftOut {
            place: place.display().to_string(),
            cause: Cause::Unfinished,
            reason: format!(
                "{} is a member of the sweep and has no run: `lab sweep` makes what is missing",
                place.display()
            ),
            diverged: None,
        })
        .collect())
}

/// Whether a folder is that of a sweep.
pub(super) fn is_sweep(folder: &Path) -> bool {
    folder.join("sweep.json").is_file()
}

/// What makes groups of runs where the user names no keys: of a sweep all in which its arms differ, else the batch
/// size.
pub(super) fn usual_keys(arguments: &[String], runs: &[FinishedRun]) -> Vec<String> {
    let is_sweep = arguments
        .iter()
        .all(|argument| is_sweep(Path::new(argument)));
    let kinds = match is_sweep {
        true => alike(runs).map_or_else(|_| Vec::new(), |(kinds, _)| kinds),
        false => Vec::new(),
    };
    let values = kinds.first().map(|kind| &kind.values);
    let differing = values.into_iter().flatten().map(|(key, _)| key.clone());
    let keys: Vec<String> = differing
        .filter(|key| Config::check_key(key).is_ok())
        .collect();
    match keys.is_empty() {
        true => vec!["train.batch_size".to_owned()],
        false => keys,
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

/// The config of a run in a directory whose training has left the finite numbers.
fn diverged(path: &Path) -> Option<Config> {
    RunDirectory::open(path).ok()?.diverged()
}
