//! Groups of runs, side by side: means over seeds, ratios, and what can be decided.

mod invariance;
mod statistics;

use crate::config::{Config, ConfigError};
use crate::measure::{Measure, Measurement, catalogue};
use crate::reparam::MapKind;
use crate::statistics::{mean, standard_error};
use crate::train::{DataFile, DirectoryError, Summary};
pub use invariance::Movement;
use invariance::movements;
use serde::Serialize;
pub use statistics::Method;
use statistics::difference;
use std::collections::BTreeSet;
use thiserror::Error;

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
    /// Its config.
    pub config: Config,
    /// Its end.
    pub summary: Summary,
    /// The files its data came from.
    pub data: Vec<DataFile>,
}

/// Runs that share the value of the key.
#[derive(Clone, Debug, Serialize)]
pub struct Group {
    /// The value, as text.
    pub label: String,
    /// The number of runs.
    pub runs: usize,
    /// Their seeds.
    pub seeds: Vec<u64>,
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

/// What a line says about the last group against the first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// The last group's mean is larger, at 95 %.
    LastLarger,
    /// The first group's mean is larger, at 95 %.
    FirstLarger,
    /// The interval of the difference contains 0.
    NotDecided,
    /// One run says nothing about other seeds.
    TooFewSeeds,
    /// Set by the user, or a check of one run: nothing to decide between groups.
    Given,
}

/// One line of the table.
#[derive(Clone, Debug, Serialize)]
pub struct Line {
    /// The measure, or the config key.
    pub name: String,
    /// One figure per group; none where no run has it.
    pub cells: Vec<Option<CellValue>>,
    /// The last group's mean over the first's.
    pub ratio: Option<f64>,
    /// The 95 % interval of the difference of means, last minus first.
    pub interval: Option<[f64; 2]>,
    /// How the interval was found.
    pub method: Option<Method>,
    /// What can be said.
    pub verdict: Verdict,
    /// The networks' function-preserving maps that the measure does not claim to survive.
    pub moved_by: Vec<Movement>,
}

/// A whole comparison.
#[derive(Clone, Debug, Serialize)]
pub struct Comparison {
    /// The config key the runs are grouped by.
    pub key: String,
    /// The function-preserving maps that any of the networks has.
    pub maps: Vec<MapKind>,
    /// The groups, by ascending value.
    pub groups: Vec<Group>,
    /// The lines.
    pub lines: Vec<Line>,
    /// What a reader must know before believing them.
    pub notes: Vec<String>,
}

/// Compares finished runs, grouped by a config key.
///
/// # Errors
///
/// [`CompareError`] where the key is unknown or there is no run.
pub fn compare(runs: &[FinishedRun], key: &str) -> Result<Comparison, CompareError> {
    Config::check_key(key)?;
    if runs.is_empty() {
        return Err(CompareError::NoRuns("the arguments".to_owned()));
    }
    let grouped = group(runs, key);
    let groups: Vec<Group> = grouped
        .iter()
        .map(|(label, runs)| Group {
            label: label.clone(),
            runs: runs.len(),
            seeds: runs.iter().map(|run| run.config.seed).collect(),
        })
        .collect();
    let members: Vec<&Vec<&FinishedRun>> = grouped.iter().map(|(_, runs)| runs).collect();
    let mut lines = given_lines(&members);
    let maps = invariance::maps(&members);
    lines.extend(catalogue().filter_map(|measure| measured_line(measure, &maps, &members)));
    let mut notes = notes(key, &groups, &lines, &members);
    if groups.len() > 1 {
        notes.push(invariance::note(&lines, &maps));
    }
    Ok(Comparison {
        key: key.to_owned(),
        maps,
        groups,
        lines,
        notes,
    })
}

/// Runs by the value of the key, numbers in ascending order; each group's runs by seed.
fn group<'a>(runs: &'a [FinishedRun], key: &str) -> Vec<(String, Vec<&'a FinishedRun>)> {
    let value = |run: &FinishedRun| run.config.value(key);
    let label = |run: &FinishedRun| match value(run) {
        Some(toml::Value::String(text)) => text,
        Some(value) => value.to_string(),
        None => "unset".to_owned(),
    };
    let number = |run: &FinishedRun| match value(run) {
        Some(toml::Value::Integer(number)) => number as f64,
        Some(toml::Value::Float(number)) => number,
        // After every number: a batch size that is not set is the whole data set.
        _ => f64::INFINITY,
    };
    let mut sorted: Vec<&FinishedRun> = runs.iter().collect();
    sorted.sort_by(|a, b| {
        number(a)
            .total_cmp(&number(b))
            .then_with(|| label(a).cmp(&label(b)))
            .then_with(|| a.config.seed.cmp(&b.config.seed))
    });
    let mut groups: Vec<(String, Vec<&FinishedRun>)> = Vec::new();
    for run in sorted {
        let label = label(run);
        match groups.last_mut() {
            Some((last, runs)) if *last == label => runs.push(run),
            _ => groups.push((label, vec![run])),
        }
    }
    groups
}

/// What was set rather than measured, without which a sharpness misleads.
fn given_lines(members: &[&Vec<&FinishedRun>]) -> Vec<Line> {
    let line = |name: &str, value: &dyn Fn(&FinishedRun) -> f64| {
        let cells: Vec<_> = members
            .iter()
            .map(|runs| {
                let values: Vec<f64> = runs.iter().map(|run| value(run)).collect();
                Some(CellValue {
                    mean: mean(&values),
                    error: None,
                    values,
                })
            })
            .collect();
        Line {
            name: name.to_owned(),
            ratio: ratio(&cells),
            cells,
            interval: None,
            method: None,
            verdict: Verdict::Given,
            moved_by: Vec::new(),
        }
    };
    vec![
        line("optimizer.learning_rate", &|run| {
            run.config.optimizer.learning_rate
        }),
        line("epochs", &|run| run.summary.epochs),
        line("steps", &|run| run.summary.steps as f64),
    ]
}

fn find<'a>(run: &'a FinishedRun, name: &str) -> Option<&'a Measurement> {
    run.summary.measurements.iter().find(|row| row.name == name)
}

fn measured_line(
    measure: &Measure,
    maps: &[MapKind],
    members: &[&Vec<&FinishedRun>],
) -> Option<Line> {
    let name = measure.name;
    let cells: Vec<Option<CellValue>> = members.iter().map(|runs| cell(name, runs)).collect();
    if cells.iter().all(Option::is_none) {
        return None;
    }
    let mut line = Line {
        name: name.to_owned(),
        ratio: ratio(&cells),
        cells,
        interval: None,
        method: None,
        verdict: Verdict::TooFewSeeds,
        moved_by: Vec::new(),
    };
    if measure.is_check {
        // Whether a map kept the function is not a question of one group against another.
        line.verdict = Verdict::Given;
        return Some(line);
    }
    line.moved_by = movements(measure, maps, members);
    if let (Some(first), Some(last)) = (members.first(), members.last())
        && members.len() > 1
    {
        let (first, last) = (sample(name, first), sample(name, last));
        if let Some(interval) = difference(&first, &last) {
            line.interval = Some(interval.ends);
            line.method = Some(interval.method);
            line.verdict = match interval.ends {
                [low, _] if low > 0.0 => Verdict::LastLarger,
                [_, high] if high < 0.0 => Verdict::FirstLarger,
                _ => Verdict::NotDecided,
            };
        } else if first.len() > 1 && last.len() > 1 {
            line.verdict = Verdict::NotDecided;
        }
    }
    Some(line)
}

/// The values of one measure by seed.
fn sample(name: &str, runs: &[&FinishedRun]) -> Vec<(u64, f64)> {
    runs.iter()
        .filter_map(|run| Some((run.config.seed, find(run, name)?.value?)))
        .collect()
}

fn cell(name: &str, runs: &[&FinishedRun]) -> Option<CellValue> {
    let rows: Vec<&Measurement> = runs
        .iter()
        .filter_map(|run| find(run, name))
        .filter(|row| row.value.is_some())
        .collect();
    let values: Vec<f64> = rows.iter().filter_map(|row| row.value).collect();
    if values.is_empty() {
        return None;
    }
    let own = rows[0].stderr.or(rows[0].absolute_residual());
    Some(CellValue {
        mean: mean(&values),
        error: if values.len() > 1 {
            Some(standard_error(&values))
        } else {
            own
        },
        values,
    })
}

fn ratio(cells: &[Option<CellValue>]) -> Option<f64> {
    let (first, last) = (cells.first()?.as_ref()?, cells.last()?.as_ref()?);
    // The ratio of numbers that may be of either sign says nothing.
    let is_meaningful = cells.len() > 1 && first.mean > 0.0 && last.mean > 0.0;
    is_meaningful.then_some(last.mean / first.mean)
}

fn notes(
    key: &str,
    groups: &[Group],
    lines: &[Line],
    members: &[&Vec<&FinishedRun>],
) -> Vec<String> {
    let mut notes = vec![
        "± is one standard error over runs where a group has several; of one run it is the \
         measurement's own: its standard error, or its residual times what that is relative to."
            .to_owned(),
    ];
    if groups.len() < 2 {
        notes.push("There is one group only, so nothing is compared.".to_owned());
        return notes;
    }
    let paired = lines.iter().all(|line| line.method != Some(Method::Welch));
    notes.push(if groups.iter().any(|group| group.runs < 2) {
        "A verdict needs at least two seeds in each group (train with --seeds).".to_owned()
    } else if paired {
        "Verdicts: 95 % t-interval of the differences between runs of the same seed; they are not \
         corrected for the number of lines."
            .to_owned()
    } else {
        "Verdicts: 95 % Welch interval of the difference of means; they are not corrected for the \
         number of lines."
            .to_owned()
    });
    if let Some(note) = unequal_losses(lines) {
        notes.push(note);
    }
    if let Some(note) = other_differences(key, members) {
        notes.push(note);
    }
    notes.extend(incomplete(groups, lines));
    notes.extend(unlike_measurements(lines, members));
    notes
}

/// Curvature of the cross-entropy falls with the loss, so solutions at different losses differ in
/// sharpness for that reason alone.
fn unequal_losses(lines: &[Line]) -> Option<String> {
    let loss = lines.iter().find(|line| line.name == "loss.train")?;
    let means: Vec<f64> = loss.cells.iter().flatten().map(|cell| cell.mean).collect();
    let largest = means.iter().copied().fold(f64::MIN, f64::max);
    let smallest = means.iter().copied().fold(f64::MAX, f64::min);
    (largest > 1.5 * smallest).then(|| {
        format!(
            "Training losses differ by a factor of {:.1}: part of any difference in sharpness is \
             training progress. Compare at equal loss with train.stop_at_train_loss.",
            largest / smallest
        )
    })
}

/// Names config keys, other than the compared one and the run's identity, that differ.
fn other_differences(key: &str, members: &[&Vec<&FinishedRun>]) -> Option<String> {
    let runs: Vec<&FinishedRun> = members
        .iter()
        .flat_map(|runs| runs.iter().copied())
        .collect();
    let differing: BTreeSet<&str> = Config::keys()
        .iter()
        .copied()
        .filter(|other| !["name", "seed", "hooks", key].contains(other))
        .filter(|other| {
            let first = runs[0].config.value(other);
            runs.iter().any(|run| run.config.value(other) != first)
        })
        .chain(
            runs.iter()
                .any(|run| run.data != runs[0].data)
                .then_some("the data files"),
        )
        .collect();
    (!differing.is_empty()).then(|| {
        let keys: Vec<&str> = differing.into_iter().collect();
        format!("The runs also differ in: {}.", keys.join(", "))
    })
}

/// Names measures that some runs of a group lack: their means are over the runs that have them.
fn incomplete(groups: &[Group], lines: &[Line]) -> Option<String> {
    let names: Vec<&str> = lines
        .iter()
        .filter(|line| {
            let mut cells = line.cells.iter().zip(groups);
            cells.any(|(cell, group)| cell.as_ref().map_or(0, |c| c.values.len()) < group.runs)
        })
        .map(|line| line.name.as_str())
        .collect();
    (!names.is_empty()).then(|| {
        format!(
            "Not measured, or without a value, in some of the runs: {}.",
            names.join(", ")
        )
    })
}

/// Names measures taken over different numbers of samples, and those that did not converge.
fn unlike_measurements(lines: &[Line], members: &[&Vec<&FinishedRun>]) -> Vec<String> {
    let rows = |name: &str| -> Vec<&Measurement> {
        let runs = members.iter().flat_map(|runs| runs.iter());
        runs.filter_map(|run| find(run, name)).collect()
    };
    let naming = |test: &dyn Fn(&[&Measurement]) -> bool| -> Vec<&str> {
        lines
            .iter()
            .map(|line| line.name.as_str())
            .filter(|name| test(&rows(name)))
            .collect()
    };
    let unlike = naming(&|rows| rows.iter().any(|row| row.samples != rows[0].samples));
    let unconverged = naming(&|rows| rows.iter().any(|row| row.converged == Some(false)));
    let mut notes = Vec::new();
    if !unlike.is_empty() {
        let names = unlike.join(", ");
        notes.push(format!("Taken over different numbers of samples: {names}."));
    }
    if !unconverged.is_empty() {
        let names = unconverged.join(", ");
        notes.push(format!("Not converged in some of the runs: {names}."));
    }
    notes
}

#[cfg(test)]
mod tests;
