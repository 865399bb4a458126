//! Groups of runs, side by side: means over seeds, ratios, and what can be decided.

mod answer;
mod cell;
mod grouping;
mod identity;
mod invariance;
mod line;
mod losses;
mod remarks;
mod verdict;

use crate::config::{Config, ConfigError};
use crate::reparam::MapKind;
use crate::run::{DataFile, DirectoryError, Finished, RunDirectory, Summary};
pub use crate::statistics::difference::Method;
pub use answer::{Answer, Caution, Finding, Findings, Larger, Standing, Withheld, larger};
use grouping::Grouping;
pub use invariance::Movement;
pub use losses::{Losses, Matching};
use serde::Serialize;
use thiserror::Error;
pub use verdict::{Decision, Pair, Verdict};

/// Why runs cannot be compared.
#[derive(Debug, Error)]
pub enum CompareError {
    /// Nothing was found.
    #[error(
        "no runs found in {0}: give run directories (runs/<name>/seed-<n>), folders of them, or patterns such as 'runs/*'"
    )]
    NoRuns(String),
    /// None of the runs is finished.
    #[error(
        "none of the {0} runs is finished and as it was made: the warnings above say why and what to do"
    )]
    NoneFinished(usize),
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
}

impl FinishedRun {
    /// What was found in a directory.
    pub fn of(directory: &RunDirectory, finished: Finished) -> Self {
        Self {
            place: directory.path().display().to_string(),
            config: finished.config,
            summary: finished.summary,
            data: finished.record.data,
        }
    }
}

/// A run that was given and cannot enter the comparison.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LeftOut {
    /// Its directory.
    pub place: String,
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
    /// What the lines say.
    pub answer: Answer,
    /// What a reader must know before looking at the lines; why nothing is tested comes first.
    pub warnings: Vec<String>,
    /// The lines.
    pub lines: Vec<Line>,
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
    mut left_out: Vec<LeftOut>,
    by: &[&str],
) -> Result<Comparison, CompareError> {
    by.iter().try_for_each(|key| Config::check_key(key))?;
    if runs.is_empty() {
        return Err(CompareError::NoRuns("the arguments".to_owned()));
    }
    let grouping = Grouping::new(runs, by)?;
    let maps = invariance::maps(&grouping);
    let mut lines = line::lines(&grouping, &maps);
    let tests = verdict::decide(&mut lines);
    let groups = groups(&grouping);
    let matching = losses::matching(&groups);
    left_out.extend_from_slice(&grouping.repeated);
    Ok(Comparison {
        key: grouping.keys.join(","),
        maps,
        losses: matching.0,
        is_tested: groups.len() > 1 && grouping.unlike.is_empty(),
        tests,
        answer: Answer::new(&grouping, &lines, matching, &left_out),
        warnings: remarks::warnings(&grouping, &groups, matching, &left_out),
        notes: remarks::notes(&grouping, &groups, &lines),
        groups,
        lines,
        left_out,
    })
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
mod null;
#[cfg(test)]
mod tests;
