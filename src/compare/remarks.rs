//! What a reader must know: before the table where it could be misread, else below it.

use super::cell::find;
use super::grouping::{Grouping, Members};
use super::losses::Matching;
use super::{Group, LeftOut, Line, Method};
use crate::measure::Measurement;
use crate::statistics::difference::{FEWEST, decidable, seeds_needed};

/// How many runs a sentence names.
const NAMED: usize = 5;

/// What stands before the table.
pub(super) fn warnings(
    grouping: &Grouping,
    groups: &[Group],
    matching: (Matching, f64),
    left_out: &[LeftOut],
) -> Vec<String> {
    let mut warnings = Vec::new();
    warnings.extend(unlike_runs(grouping));
    if groups.len() > 1 && grouping.unlike.is_empty() {
        warnings.extend(unequal_losses(matching));
    }
    warnings.extend(confounds(grouping));
    warnings.extend(arms(grouping));
    warnings.extend(degenerate(grouping));
    warnings.extend(diverged(grouping, left_out));
    warnings.extend(absent(left_out));
    warnings
}

/// Runs that would be pooled and are no samples of one thing.
fn unlike_runs(grouping: &Grouping) -> Option<String> {
    if grouping.unlike.is_empty() {
        return None;
    }
    let asked = grouping.keys.len() - grouping.unlike.len();
    let differing: Vec<String> = grouping
        .unlike
        .iter()
        .map(|differing| format!("{} ({})", differing.key, differing.values))
        .collect();
    let can_group = |key: &&str| crate::config::Config::check_key(key).is_ok();
    let remedy = match grouping.keys.iter().all(can_group) {
        true => format!(
            "Group by all of it (--by {}), or give only runs that agree",
            grouping.keys.join(",")
        ),
        false => "Give only runs that agree".to_owned(),
    };
    Some(format!(
        "No verdicts: runs with the same {} differ in {}, so they are not samples of one thing. \
         Each kind of run has a column of its own. {remedy}.",
        grouping.keys[..asked].join(" and "),
        differing.join("; "),
    ))
}

fn unequal_losses((matching, apart): (Matching, f64)) -> Option<String> {
    match matching {
        Matching::Unequal => Some(format!(
            "The training losses are not equal ({:.0} % apart): flatness changes with the loss, so there is no \
             verdict on it between groups whose losses differ by more than 2 % and their errors. \
             train.stop_at_train_loss makes them equal.",
            100.0 * apart
        )),
        Matching::Unknown => Some(
            "The training losses are not known for every run: flatness changes with the loss, so there is no \
             verdict on it."
                .to_owned(),
        ),
        Matching::Equal | Matching::WithinErrors => None,
    }
}

/// One command for each group that trains its runs again, to end at the highest training loss that any run ended
/// at: all others have been there. Groups with a run that has learned nothing are left out: no other ends at its loss.
pub(super) fn matching_commands(grouping: &Grouping, groups: &[Group]) -> Vec<String> {
    let has_learned = |members: &Members<'_>| {
        let mut runs = members.runs.iter();
        runs.all(|run| run.summary.degenerate.is_none())
    };
    let learned: Vec<(&Members<'_>, &Group)> = grouping
        .groups
        .iter()
        .zip(groups)
        .filter(|(members, _)| has_learned(members))
        .collect();
    let losses: Option<Vec<f64>> = learned
        .iter()
        .map(|(_, group)| group.training_loss.map(|losses| losses.max))
        .collect();
    let highest = losses.and_then(|losses| losses.into_iter().reduce(f64::max));
    let highest = highest.filter(|loss| *loss > 0.0 && loss.is_finite());
    let Some(highest) = highest.filter(|_| learned.len() > 1) else {
        return Vec::new();
    };
    let target = rounded_up(highest);
    let mut names: Vec<String> = Vec::new();
    let command = |(members, _): &(&Members<'_>, &Group)| {
        let first = members.runs.first()?;
        let seeds: Vec<u64> = members.runs.iter().map(|run| run.config.seed).collect();
        let plain = format!("{}-matched", first.config.name);
        let numbered = (2..).map(|number| format!("{plain}-{number}"));
        let mut candidates = std::iter::once(plain.clone()).chain(numbered);
        let name = candidates.find(|name| !names.contains(name))?;
        names.push(name.clone());
        Some(format!(
            "lab train --config {}/config.toml --set name={name} --set train.stop_at_train_loss={target} --seeds {}",
            first.place,
            seed_list(&seeds)
        ))
    };
    learned.iter().filter_map(command).collect()
}

/// Three digits, not below the number.
fn rounded_up(value: f64) -> f64 {
    let unit = 10f64.powi(value.log10().floor() as i32 - 2);
    let text = format!("{:.2e}", (value / unit).ceil() * unit);
    text.parse().unwrap_or(value)
}

/// Ascending seeds as the command line takes them: `0..5`, or `0,3,7`.
fn seed_list(seeds: &[u64]) -> String {
    match seeds {
        [first, .., last] if last - first == seeds.len() as u64 - 1 => {
            format!("{first}..{}", last + 1)
        }
        _ => seeds
            .iter()
            .map(u64::to_string)
            .collect::<Vec<_>>()
            .join(","),
    }
}

/// In what arms differ, where the groups are arms.
fn arms(grouping: &Grouping) -> Option<String> {
    let differing: Vec<String> = grouping
        .arms
        .iter()
        .map(|differing| format!("{} ({})", differing.key, differing.values))
        .collect();
    (!differing.is_empty()).then(|| format!("The arms differ in {}.", differing.join(" and ")))
}

/// Config keys, other than the compared ones, in which the groups differ throughout.
fn confounds(grouping: &Grouping) -> Option<String> {
    let differing: Vec<String> = grouping
        .confounds
        .iter()
        .map(|differing| format!("{} ({})", differing.key, differing.values))
        .collect();
    (!differing.is_empty()).then(|| {
        format!(
            "The groups differ not only in {} but also in {}: a difference between them may come \
             from any of these.",
            grouping.keys.join(" and "),
            differing.join(" and ")
        )
    })
}

/// Runs whose network has learned nothing.
fn degenerate(grouping: &Grouping) -> Option<String> {
    let named = grouping.groups.iter().flat_map(|group| {
        group.runs.iter().filter_map(|run| {
            let reason = run.summary.degenerate.as_ref()?;
            Some(format!(
                "seed {} of {} ({reason})",
                run.config.seed, group.label
            ))
        })
    });
    let named: Vec<String> = named.collect();
    (!named.is_empty()).then(|| {
        format!(
            "Degenerate: {}. A network that has learned nothing is flat for that reason, so a group \
             with one has no verdict on flatness.",
            some_of(&named)
        )
    })
}

/// Runs whose training left the finite numbers: what is left of their group was chosen by how it went.
fn diverged(grouping: &Grouping, left_out: &[LeftOut]) -> Option<String> {
    let mut seeds: Vec<(String, Vec<String>)> = Vec::new();
    for config in left_out.iter().filter_map(|run| run.diverged.as_deref()) {
        let label = grouping.label_of(config)?;
        let place = seeds.iter().position(|(other, _)| *other == label);
        let place = place.unwrap_or_else(|| {
            seeds.push((label, Vec::new()));
            seeds.len() - 1
        });
        seeds[place].1.push(config.seed.to_string());
    }
    let told = seeds.iter().map(|(label, seeds)| {
        let mut groups = grouping.groups.iter();
        let left = groups.find(|group| group.label == *label);
        let left = left.map_or(0, |group| group.runs.len());
        let (count, named) = (seeds.len(), seeds.join(", "));
        match left {
            0 => format!("all {count} of {label} (seed {named}), which has no column"),
            left => format!("{count} of {} of {label} (seed {named})", count + left),
        }
    });
    let told: Vec<String> = told.collect();
    (!told.is_empty()).then(|| {
        format!(
            "Training diverged in {}: the means are over the runs that did not, which is a choice by how \
             they went.",
            told.join("; ")
        )
    })
}

/// Runs that were given and are not in the table.
fn absent(left_out: &[LeftOut]) -> Option<String> {
    let reasons = left_out.iter().map(|run| run.reason.clone());
    let named: Vec<String> = reasons.collect();
    (!named.is_empty()).then(|| format!("Left out: {}.", some_of(&named)))
}

fn some_of(named: &[String]) -> String {
    let shown = named[..named.len().min(NAMED)].join("; ");
    match named.len().saturating_sub(NAMED) {
        0 => shown,
        rest => format!("{shown}; and {rest} more"),
    }
}

/// What stands below the table.
pub(super) fn notes(grouping: &Grouping, groups: &[Group], lines: &[Line]) -> Vec<String> {
    let mut notes = Vec::new();
    if groups.len() > 1 && grouping.unlike.is_empty() {
        notes.extend(method(groups, lines));
    }
    notes.extend(incomplete(groups, lines));
    notes.extend(unlike_measurements(grouping, lines));
    notes
}

/// How verdicts came about, and what they would take.
fn method(groups: &[Group], lines: &[Line]) -> Vec<String> {
    let pairs: Vec<_> = lines.iter().flat_map(|line| &line.pairs).collect();
    let fewest = groups.iter().map(|group| group.runs).min();
    let fewest = fewest.unwrap_or(0).max(FEWEST);
    if pairs.is_empty() {
        return Vec::new();
    }
    let tests = pairs.len();
    let number = if tests == 1 {
        "1 test".to_owned()
    } else {
        format!("{tests} tests")
    };
    let welch = pairs
        .iter()
        .filter(|pair| pair.method == Method::Welch)
        .count();
    let (usual, spread) = match 2 * welch > tests {
        true => (Method::Welch, "standard deviations over runs"),
        false => (
            Method::Paired,
            "standard deviations of the differences between runs of a seed",
        ),
    };
    let compared = match groups.len() {
        2 => "",
        _ => ", of every pair of groups; p is that of the clearest pair",
    };
    let tested = format!(
        "Verdicts: t-tests{compared}. \"paired\" takes the differences between runs of the same seed, \
         \"Welch\" groups whose seeds differ. p is corrected by Holm's method for the {number} of \
         all lines, shown or not, and 5 % decides: of tables whose groups differ in nothing, at most \
         5 % hold any verdict."
    );
    let needed = |difference: f64| seeds_needed(difference, tests, usual);
    let seeds = format!(
        "Undecided does not mean equal. Among {number}, {fewest} seeds in each group find a \
         difference of {:.1} {spread} every other time. Differences of 3, 2 and 1 of them take {}, {} \
         and {} seeds.",
        decidable(fewest, tests, usual),
        needed(3.0),
        needed(2.0),
        needed(1.0),
    );
    vec![tested, seeds]
}

/// Names measures that some runs of a group lack: their means are over the runs that have them.
fn incomplete(groups: &[Group], lines: &[Line]) -> Option<String> {
    let names: Vec<String> = lines
        .iter()
        .filter(|line| {
            let mut cells = line.cells.iter().zip(groups);
            cells.any(|(cell, group)| cell.as_ref().map_or(0, |c| c.values.len()) < group.runs)
        })
        .map(Line::label)
        .collect();
    (!names.is_empty()).then(|| {
        format!(
            "Not measured, or without a value, in some of the runs: {}.",
            names.join(", ")
        )
    })
}

/// Names measures taken over different numbers of samples, and those that did not converge.
fn unlike_measurements(grouping: &Grouping, lines: &[Line]) -> Vec<String> {
    let rows = |name: &str| -> Vec<&Measurement> {
        let runs = grouping.groups.iter().flat_map(|group| &group.runs);
        runs.filter_map(|run| find(run, name)).collect()
    };
    let naming = |test: &dyn Fn(&[&Measurement]) -> bool| -> Vec<&str> {
        let names = lines.iter().map(|line| line.name.as_str());
        names.filter(|name| test(&rows(name))).collect()
    };
    let cases = [
        (
            "Taken over different numbers of samples",
            naming(&|rows| rows.iter().any(|row| row.samples != rows[0].samples)),
        ),
        (
            "Not converged in some of the runs",
            naming(&|rows| rows.iter().any(|row| row.converged == Some(false))),
        ),
    ];
    let cases = cases.into_iter().filter(|(_, names)| !names.is_empty());
    let mut notes: Vec<String> = cases
        .map(|(what, names)| format!("{what}: {}.", names.join(", ")))
        .collect();
    let apart = lines.iter().filter(|line| !line.apart.is_empty());
    let apart: Vec<String> = apart.map(Line::label).collect();
    if !apart.is_empty() {
        notes.push(format!(
            "Measured under unlike circumstances, which make other numbers of them, each on a line of its own: {}.",
            apart.join(", ")
        ));
    }
    notes
}
