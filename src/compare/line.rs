//! The lines of a comparison.

use super::cell::{cell, deviation, find};
use super::grouping::{Grouping, Members};
use super::identity::Identity;
use super::invariance::movements;
use super::losses::Matching;
use super::margin::Margins;
use super::trend::{Axis, axis, trend};
use super::verdict::{Pair, Verdict};
use super::{CellValue, FinishedRun, Line};
use crate::measure::{Measure, Measurement, catalogue};
use crate::reparam::MapKind;
use crate::run::Occurrence;
use crate::statistics::{mean, standard_error};

/// How near to `train.stop_at_train_loss` a run has ended that ended by it, and some room.
const AT_TARGET: f64 = 0.005;

/// The most groups of which every pair is told with its effect and with intervals by resampling, which decide nothing.
const DESCRIBED: usize = 12;

/// The lines of all groups, each with its tests; nothing is decided yet.
pub(super) fn lines(grouping: &Grouping, maps: &[MapKind], margins: &Margins) -> Vec<Line> {
    let mut lines = set_lines(grouping);
    let axis = axis(grouping);
    for measure in catalogue() {
        let identities = Identity::all(measure.name, grouping);
        for identity in &identities {
            let line = measured_line(measure, identity, (maps, margins, axis.as_ref()), grouping);
            lines.extend(line.map(|line| Line {
                apart: identity.apart_from(&identities),
                ..line
            }));
        }
    }
    lines.extend(event_lines(grouping));
    lines
}

/// When things first happened. That is no measure of a solution, so nothing is decided about it.
fn event_lines(grouping: &Grouping) -> Vec<Line> {
    let mut identities: Vec<Identity> = Vec::new();
    let runs = grouping.groups.iter().flat_map(|group| &group.runs);
    for occurrence in runs.flat_map(|run| &run.summary.events) {
        let identity = Identity::of_event(occurrence);
        if !identities.contains(&identity) {
            identities.push(identity);
        }
    }
    let line = |identity: &Identity| {
        let of_group = |group: &Members<'_>| first_steps(identity, &group.runs);
        let cells: Vec<_> = grouping.groups.iter().map(of_group).collect();
        let namesakes = identities
            .iter()
            .filter(|other| other.name == identity.name);
        let namesakes: Vec<Identity> = namesakes.cloned().collect();
        Line {
            ratio: ratio(&cells, grouping),
            apart: identity.apart_from(&namesakes),
            ..Line::new(&identity.name, cells, Verdict::Given)
        }
    };
    let mut lines: Vec<Line> = identities.iter().map(line).collect();
    lines.sort_by(|a, b| a.name.cmp(&b.name));
    lines
}

/// The steps at which an event first happened in the runs of a group, as far as it did. A run alone has the
/// distance to the last step at which it was known not to have happened as its error.
fn first_steps(identity: &Identity, runs: &[&FinishedRun]) -> Option<CellValue> {
    let found: Vec<&Occurrence> = runs
        .iter()
        .filter_map(|run| {
            let mut events = run.summary.events.iter();
            events.find(|occurrence| Identity::of_event(occurrence) == *identity)
        })
        .collect();
    let values: Vec<f64> = found.iter().map(|found| found.first_step as f64).collect();
    let own = found.first()?.since.map(|since| values[0] - since as f64);
    Some(CellValue {
        mean: mean(&values),
        n: values.len(),
        deviation: deviation(&values),
        error: match values.len() {
            1 => own,
            _ => Some(standard_error(&values)),
        },
        values,
    })
}

/// What was set rather than measured, without which a sharpness misleads.
fn set_lines(grouping: &Grouping) -> Vec<Line> {
    let line = |name: &str, value: &dyn Fn(&FinishedRun) -> f64| {
        let cells: Vec<_> = grouping
            .groups
            .iter()
            .map(|group| {
                let values: Vec<f64> = group.runs.iter().map(|run| value(run)).collect();
                Some(CellValue {
                    mean: mean(&values),
                    n: values.len(),
                    deviation: None,
                    error: None,
                    values,
                })
            })
            .collect();
        Line {
            ratio: ratio(&cells, grouping),
            ..Line::new(name, cells, Verdict::Given)
        }
    };
    vec![
        line("optimizer.learning_rate", &|run| run.base_rate),
        line("epochs", &|run| run.summary.epochs),
        line("steps", &|run| run.summary.steps as f64),
    ]
}

fn measured_line(
    measure: &Measure,
    identity: &Identity,
    (maps, margins, axis): (&[MapKind], &Margins, Option<&Axis>),
    grouping: &Grouping,
) -> Option<Line> {
    let name = measure.name;
    let cells: Vec<_> = grouping
        .groups
        .iter()
        .map(|group| cell(&group.runs, |run| identity.find(run)))
        .collect();
    if cells.iter().all(Option::is_none) {
        return None;
    }
    let ratio = ratio(&cells, grouping);
    let mut line = Line {
        ratio,
        ..Line::new(name, cells, Verdict::Given)
    };
    if measure.is_check {
        return Some(line);
    }
    line.moved_by = movements(measure, maps, grouping);
    if measure.is_given || is_target(name, grouping) {
        return Some(line);
    }
    match tests(&line, measure, identity, (grouping, margins)) {
        Ok(pairs) => {
            // A trend is about all groups, so it needs all their pairs.
            let groups = grouping.groups.len();
            let is_whole = pairs.len() == groups * (groups - 1) / 2;
            line.trend = is_whole.then(|| trend(identity, grouping, axis)).flatten();
            let ends = pairs.iter().find(|pair| {
                pair.first == grouping.groups[0].label
                    && grouping
                        .groups
                        .last()
                        .is_some_and(|last| pair.second == last.label)
            });
            line.interval = ends.and_then(|pair| pair.interval);
            line.method = ends.map(|pair| pair.method);
            line.verdict = Verdict::NotDecided;
            line.pairs = pairs;
        }
        Err((verdict, reason)) => {
            line.verdict = verdict;
            line.reason = reason;
        }
    }
    Some(line)
}

/// Whether a line holds the training loss of runs that were all made to end at one.
fn is_target(name: &str, grouping: &Grouping) -> bool {
    let is_reached = |run: &&FinishedRun| {
        let target = run.config.train.stop_at_train_loss;
        let loss = find(run, name).and_then(|row| row.value);
        let relative = target.zip(loss).map(|(target, loss)| loss / target - 1.0);
        relative.is_some_and(|distance| distance.abs() < AT_TARGET)
    };
    name == "loss.train"
        && grouping
            .groups
            .iter()
            .flat_map(|group| &group.runs)
            .all(is_reached)
}

/// The tests of all pairs of groups on a line, or why there are none.
fn tests(
    line: &Line,
    measure: &Measure,
    identity: &Identity,
    (grouping, margins): (&Grouping, &Margins),
) -> Result<Vec<Pair>, (Verdict, Option<String>)> {
    let withheld = |reason: &str| Err((Verdict::Withheld, Some(reason.to_owned())));
    if grouping.groups.len() < 2 {
        return withheld("one group");
    }
    if !grouping.unlike.is_empty() {
        return withheld("unlike runs in a group");
    }
    if let Some(condition) = unlike_samples(identity, grouping) {
        return withheld(&format!("unlike {condition}"));
    }
    if line.cells.iter().any(Option::is_none) {
        return withheld("not in every group");
    }
    if is_equal(line, identity, grouping) {
        return Err((Verdict::Identical, None));
    }
    let sound: Vec<_> = grouping
        .groups
        .iter()
        .filter(|group| {
            !measure.is_flatness
                || group
                    .runs
                    .iter()
                    .all(|run| run.summary.degenerate.is_none())
        })
        .collect();
    if sound.len() < 2 {
        return withheld("degenerate runs");
    }
    let all: Vec<[&Members<'_>; 2]> = (0..sound.len())
        .flat_map(|first| (first + 1..sound.len()).map(move |second| [first, second]))
        .map(|pair| pair.map(|index| sound[index]))
        .collect();
    let losses = |[first, second]: &[&Members<'_>; 2]| Matching::of_runs(&first.runs, &second.runs);
    let may_compare =
        |pair: &&[&Members<'_>; 2]| !measure.is_flatness || losses(pair).allows_conclusions();
    let comparable: Vec<_> = all.iter().filter(may_compare).collect();
    if comparable.is_empty() {
        let is_known = all.iter().any(|pair| losses(pair) != Matching::Unknown);
        return withheld(match is_known {
            true => "training losses differ",
            false => "training losses not known",
        });
    }
    let margin = margins.of(measure.name);
    let pairs: Vec<Pair> = comparable
        .into_iter()
        .filter_map(|[first, second]| {
            let labels = [first.label.as_str(), &second.label];
            let samples = [first, second].map(|group| sample(identity, &group.runs));
            let pair = Pair::test(labels, &samples[0], &samples[1], margin)?;
            Some(match grouping.groups.len() <= DESCRIBED {
                true => pair.described(&samples[0], &samples[1]),
                false => pair,
            })
        })
        .collect();
    if pairs.is_empty() {
        return Err((Verdict::TooFewSeeds, None));
    }
    Ok(pairs)
}

/// Whether the rows of a number are over unlike numbers of samples, which makes them numbers of different
/// things.
fn unlike_samples(identity: &Identity, grouping: &Grouping) -> Option<&'static str> {
    let groups: Vec<Vec<&Measurement>> = grouping
        .groups
        .iter()
        .map(|group| {
            let runs = group.runs.iter();
            runs.filter_map(|run| identity.find(run)).collect()
        })
        .collect();
    let rows = || groups.iter().flatten();
    let first = *rows().next()?;
    // Other data have other numbers of samples, and that the data differ is said of the groups.
    let is_fixed =
        |group: &Vec<&Measurement>| group.iter().all(|row| row.samples == group[0].samples);
    let has_other_data = grouping.keys.iter().any(|key| key.starts_with("data."))
        || grouping
            .confounds
            .iter()
            .any(|differing| differing.key.starts_with("data."));
    let is_unlike = match has_other_data {
        true => !groups.iter().all(is_fixed),
        false => rows().any(|row| row.samples != first.samples),
    };
    is_unlike.then_some("samples")
}

/// Whether every run has the same value, or every group the same by seed.
fn is_equal(line: &Line, identity: &Identity, grouping: &Grouping) -> bool {
    let mut values = line.cells.iter().flatten().flat_map(|cell| &cell.values);
    let first = values.next();
    let groups = &grouping.groups;
    let of_first = sample(identity, &groups[0].runs);
    values.all(|value| Some(value) == first)
        || groups
            .iter()
            .all(|group| sample(identity, &group.runs) == of_first)
}

/// The values of one number by seed.
pub(super) fn sample(identity: &Identity, runs: &[&FinishedRun]) -> Vec<(u64, f64)> {
    runs.iter()
        .filter_map(|run| Some((run.config.seed, identity.find(run)?.value?)))
        .collect()
}

fn ratio(cells: &[Option<CellValue>], grouping: &Grouping) -> Option<f64> {
    let (first, last) = (cells.first()?.as_ref()?, cells.last()?.as_ref()?);
    // The ratio of numbers that may be of either sign says nothing, nor does that of groups which
    // stand side by side only because they do not belong together.
    let is_meaningful =
        cells.len() > 1 && grouping.unlike.is_empty() && first.mean > 0.0 && last.mean > 0.0;
    is_meaningful.then_some(last.mean / first.mean)
}
