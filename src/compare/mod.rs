//! Groups of runs, side by side: means over seeds, ratios, and what can be decided.

mod answer;
mod association;
mod cell;
mod common_loss;
mod grouping;
mod identity;
mod invariance;
mod line;
mod losses;
mod margin;
mod remarks;
mod trend;
mod verdict;

use crate::config::{Config, ConfigError};
use crate::reparam::MapKind;
use crate::run::{DataFile, DirectoryError, Finished, RunDirectory, Summary};
pub use crate::statistics::difference::Method;
pub use answer::{Answer, Caution, Finding, Findings, Larger, Standing, Withheld, larger};
pub use association::{Association, Associations, GAP};
pub use common_loss::{AtCommonLoss, at_loss, compare_at, lowest_loss};
use grouping::{ARM, Grouping};
pub use invariance::Movement;
pub use losses::{Losses, Matching};
pub use margin::{Margin, Margins, margin_words};
use serde::Serialize;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use thiserror::Error;
pub use trend::LineTrend;
pub use verdict::{Decision, Pair, Verdict};

/// Why runs cannot be compared.
#[derive(Debug, Error)]
pub enum CompareError {
    /// Nothing was found.
    #[error(
        "no runs found in {0}: give run directories (runs/<name>/seed-<n>), folders of them, or patterns such as 'runs/*'; weights \
         from elsewhere are measured by `lab measure FILE... --data NAME`"
    )]
    NoRuns(String),
    /// None of the runs is finished.
    #[error(
        "none of the runs given is finished and as it was made: the warnings above say why and what to do"
    )]
    NoneFinished,
    /// The runs of one group have little to do with each other.
    #[error(
        "runs with the same {keys} differ in {others}, which makes {kinds} kinds of runs: give fewer of them, \
         such as the folders of two experiments, or other keys with --by"
    )]
    TooUnlike {
        /// The keys asked for.
        keys: String,
        /// What else they differ in.
        others: String,
        /// The number of groups that would make.
        kinds: usize,
    },
    /// Some of the runs are not finished, or cannot be read.
    #[error(
        "{unusable} of {given} runs cannot be compared: {reasons}. --allow {allow} leaves them out"
    )]
    Unusable {
        /// How many cannot.
        unusable: usize,
        /// How many were given.
        given: usize,
        /// The first of them, with the reasons.
        reasons: String,
        /// What would have to be allowed.
        allow: &'static str,
    },
    /// Two arms have one name.
    #[error(
        "two arms have the name {name}: {first} and {second}. Give one of them, or compare by keys of their configs \
         with --by"
    )]
    SameArm {
        /// The name.
        name: String,
        /// The folder of one.
        first: String,
        /// The folder of the other.
        second: String,
    },
    /// The runs are of several versions of this program.
    #[error(
        "the runs are of several versions of lab, which may measure otherwise: {0}. Train or measure them with one, \
         or compare them all the same with --allow mixed-versions"
    )]
    MixedVersions(String),
    /// What is no margin.
    #[error(
        "--equal-within takes 10%, or MEASURE=AMOUNT such as accuracy.test=0.005, not {text}: {reason}"
    )]
    Margin {
        /// What was given.
        text: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The key to group by does not exist.
    #[error(transparent)]
    Key(#[from] ConfigError),
    /// A run directory is damaged.
    #[error(transparent)]
    Directory(#[from] DirectoryError),
}

/// A finished run as it enters a comparison.
#[derive(Clone, Debug)]
pub struct FinishedRun {
    /// Its directory, as the user would name it.
    pub place: String,
    /// Its config.
    pub config: Config,
    /// Its end.
    pub summary: Summary,
    /// The files its data came from.
    pub data: Vec<DataFile>,
    /// The learning rate before any schedule: the config's, or what `learning_rate_rule` makes of it.
    pub base_rate: f64,
    /// The version of this program that made it, and those that measured it or went on with it later.
    pub version: String,
}

impl FinishedRun {
    /// What was found in a directory.
    pub fn of(directory: &RunDirectory, finished: Finished) -> Self {
        Self {
            place: directory.path().display().to_string(),
            base_rate: finished
                .record
                .effective_learning_rate
                .unwrap_or(finished.config.optimizer.learning_rate),
            config: finished.config,
            summary: finished.summary,
            version: finished.record.versions(),
            data: finished.record.data,
        }
    }

    /// The folder in which the runs of all seeds lie: its arm.
    fn folder(&self) -> PathBuf {
        let place = Path::new(&self.place);
        let whole = place.canonicalize().unwrap_or_else(|_| place.to_owned());
        whole.parent().map(Path::to_owned).unwrap_or_default()
    }
}

/// Why a run does not enter a comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// It can still come to its end.
    Unfinished,
    /// It has failed for good: its training diverged, say.
    Failed,
    /// It cannot be read, or is not what it was.
    Damaged,
    /// A group has its seed already.
    Repeated,
}

/// A run that was given and cannot enter the comparison.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LeftOut {
    /// Its directory.
    pub place: String,
    /// The kind of reason.
    pub cause: Cause,
    /// Why, with its directory, and what to do about it where something can be done.
    pub reason: String,
    /// The config of a run that has left the finite numbers, which tells to what group it belongs.
    #[serde(skip)]
    pub diverged: Option<Box<Config>>,
}

/// Runs that share the values of the keys.
#[derive(Clone, Debug, Serialize)]
pub struct Group {
    /// The values, as text.
    pub label: String,
    /// The number of runs.
    pub runs: usize,
    /// Their seeds.
    pub seeds: Vec<u64>,
    /// The training losses they ended at; none where a run has none.
    pub training_loss: Option<Losses>,
}

/// One group's figure on one line.
#[derive(Clone, Debug, Serialize)]
pub struct CellValue {
    /// The mean over runs.
    pub mean: f64,
    /// How many runs have a value.
    pub n: usize,
    /// The standard deviation over runs; none of one run, and of what was set.
    pub deviation: Option<f64>,
    /// The standard error: over runs, or the measurement's own where there is one run.
    pub error: Option<f64>,
    /// The runs' own values, in the order of the group's seeds.
    pub values: Vec<f64>,
}

/// One line of the table.
#[derive(Clone, Debug, Serialize)]
pub struct Line {
    /// The measure, or the config key.
    pub name: String,
    /// In what it differs from other lines of this name, which were measured under other circumstances; empty
    /// where there is no other.
    pub apart: Vec<String>,
    /// One figure per group; none where no run has it.
    pub cells: Vec<Option<CellValue>>,
    /// The last group's mean over the first's.
    pub ratio: Option<f64>,
    /// The 95 % interval of the difference of means, last minus first, of this line alone.
    pub interval: Option<[f64; 2]>,
    /// How the last group was tested against the first.
    pub method: Option<Method>,
    /// What can be said.
    pub verdict: Verdict,
    /// Why there is no verdict, where one is withheld.
    pub reason: Option<String>,
    /// The tests of all pairs of groups; none without a verdict.
    pub pairs: Vec<Pair>,
    /// How it follows the axis that three groups or more lie on.
    pub trend: Option<LineTrend>,
    /// The networks' function-preserving maps that the measure does not claim to survive.
    pub moved_by: Vec<Movement>,
}

impl Line {
    /// The name, with what tells it from other lines of this name.
    pub fn label(&self) -> String {
        match self.apart.join(", ") {
            apart if apart.is_empty() => self.name.clone(),
            apart => format!("{} ({apart})", self.name),
        }
    }

    fn new(name: &str, cells: Vec<Option<CellValue>>, verdict: Verdict) -> Self {
        Self {
            name: name.to_owned(),
            apart: Vec::new(),
            cells,
            ratio: None,
            interval: None,
            method: None,
            verdict,
            reason: None,
            pairs: Vec::new(),
            trend: None,
            moved_by: Vec::new(),
        }
    }

    /// Whether it holds a decided difference.
    pub fn is_decided(&self) -> bool {
        matches!(
            self.verdict,
            Verdict::FirstLarger | Verdict::LastLarger | Verdict::SomeDiffer
        )
    }
}

/// A whole comparison.
#[derive(Clone, Debug, Serialize)]
pub struct Comparison {
    /// The config keys the runs are grouped by, with commas between them.
    pub key: String,
    /// The function-preserving maps that any of the networks has.
    pub maps: Vec<MapKind>,
    /// The groups, by ascending value.
    pub groups: Vec<Group>,
    /// How the groups' training losses stand to each other.
    pub losses: Matching,
    /// Whether the groups hold runs that are samples of one thing each: without that nothing is
    /// tested.
    pub is_tested: bool,
    /// The number of tests that p-values are corrected for.
    pub tests: usize,
    /// The largest difference that does not matter was given for some measure.
    pub has_margins: bool,
    /// What the lines say.
    pub answer: Answer,
    /// Commands that train the runs again, to end at one training loss; none where they have.
    pub matching_commands: Vec<String>,
    /// What a reader must know before looking at the lines; why nothing is tested comes first.
    pub warnings: Vec<String>,
    /// The lines.
    pub lines: Vec<Line>,
    /// The verdicts on flatness at the last common training loss, where the runs have not ended at one and their hooks
    /// have measured it on the way.
    pub at_common_loss: Option<AtCommonLoss>,
    /// How measures go together with the generalisation gap over all runs; none of fewer than three kinds.
    pub associations: Option<Associations>,
    /// What a reader must know before believing them.
    pub notes: Vec<String>,
    /// Runs that were given and are not in the table.
    pub left_out: Vec<LeftOut>,
}

/// Compares finished runs, grouped by the values of config keys. Runs with equal values that differ
/// in anything else that matters are not pooled: each kind gets a group, and nothing is tested.
///
/// # Errors
///
/// [`CompareError`] where a key is unknown, there is no run, or the runs have too little in common.
pub fn compare(
    runs: &[FinishedRun],
    left_out: Vec<LeftOut>,
    by: &[&str],
) -> Result<Comparison, CompareError> {
    compare_with(runs, left_out, by, &Margins::default())
}

/// The same, where differences up to some margins do not matter.
///
/// # Errors
///
/// As [`compare`].
pub fn compare_with(
    runs: &[FinishedRun],
    mut left_out: Vec<LeftOut>,
    by: &[&str],
    margins: &Margins,
) -> Result<Comparison, CompareError> {
    by.iter().try_for_each(|key| check_key(key))?;
    if runs.is_empty() {
        return Err(CompareError::NoRuns("the arguments".to_owned()));
    }
    if by.contains(&ARM) {
        check_arms(runs)?;
    }
    let grouping = Grouping::new(runs, by)?;
    let maps = invariance::maps(&grouping);
    let mut lines = line::lines(&grouping, &maps, margins);
    let tests = verdict::decide(&mut lines);
    let groups = groups(&grouping);
    let matching = losses::matching(&groups);
    let is_tested = groups.len() > 1 && grouping.unlike.is_empty();
    left_out.extend_from_slice(&grouping.repeated);
    Ok(Comparison {
        key: grouping.keys.join(","),
        maps,
        losses: matching.0,
        is_tested,
        tests,
        has_margins: !margins.is_empty(),
        answer: Answer::new(&grouping, &lines, matching, &left_out),
        matching_commands: match is_tested && matching.0 == Matching::Unequal {
            true => remarks::matching_commands(&grouping, &groups),
            false => Vec::new(),
        },
        warnings: remarks::warnings(&grouping, &groups, matching, &left_out),
        notes: remarks::notes(&grouping, &groups, &lines),
        at_common_loss: None,
        associations: association::associations(&grouping),
        groups,
        lines,
        left_out,
    })
}

/// Refuses what runs cannot be grouped by: it is neither a key of configs nor `arm`.
///
/// # Errors
///
/// [`CompareError::Key`], with the nearest key.
pub fn check_key(key: &str) -> Result<(), CompareError> {
    match key {
        ARM => Ok(()),
        key => Ok(Config::check_key(key)?),
    }
}

/// Refuses arms of one name in two folders: they are two things.
fn check_arms(runs: &[FinishedRun]) -> Result<(), CompareError> {
    let mut folders: BTreeMap<&str, PathBuf> = BTreeMap::new();
    for run in runs {
        let folder = run.folder();
        let known = folders
            .entry(&run.config.name)
            .or_insert_with(|| folder.clone());
        if *known != folder {
            return Err(CompareError::SameArm {
                name: run.config.name.clone(),
                first: known.display().to_string(),
                second: folder.display().to_string(),
            });
        }
    }
    Ok(())
}

/// Refuses runs of several versions of this program.
///
/// # Errors
///
/// [`CompareError::MixedVersions`], with a run of each.
pub fn check_versions(runs: &[FinishedRun]) -> Result<(), CompareError> {
    let mut versions: BTreeMap<&str, &str> = BTreeMap::new();
    for run in runs {
        versions.entry(&run.version).or_insert(&run.place);
    }
    if versions.len() < 2 {
        return Ok(());
    }
    let told = versions
        .iter()
        .map(|(version, place)| format!("{version} ({place})"));
    let told: Vec<String> = told.collect();
    Err(CompareError::MixedVersions(told.join(", ")))
}

/// Runs that are samples of one thing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Alike {
    /// The keys that tell these runs from others, with their values.
    pub values: Vec<(String, String)>,
    /// Their places among all runs, by ascending seed.
    pub members: Vec<usize>,
}

/// Puts together the runs that are equal in all that matters; those whose seed others have already are apart.
///
/// # Errors
///
/// [`CompareError::TooUnlike`] where that would make too many kinds to read.
pub(crate) fn alike(runs: &[FinishedRun]) -> Result<(Vec<Alike>, Vec<LeftOut>), CompareError> {
    let grouping = Grouping::new(runs, &[])?;
    let place = |run: &&FinishedRun| runs.iter().position(|other| std::ptr::eq(other, *run));
    let kinds = grouping.groups.iter().map(|group| {
        let keys = grouping.keys.iter().map(|key| (*key).to_owned());
        Alike {
            values: keys.zip(group.values.iter().cloned()).collect(),
            members: group.runs.iter().filter_map(place).collect(),
        }
    });
    Ok((kinds.collect(), grouping.repeated))
}

fn groups(grouping: &Grouping) -> Vec<Group> {
    let groups = grouping.groups.iter();
    groups
        .map(|group| Group {
            label: group.label.clone(),
            runs: group.runs.len(),
            seeds: group.runs.iter().map(|run| run.config.seed).collect(),
            training_loss: Losses::of(&group.runs),
        })
        .collect()
}

#[cfg(test)]
mod tests;
