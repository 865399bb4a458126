//! What must be known to read the table: each word that occurs in it is explained once.

use super::lines::short_names;
use super::listed;
use crate::compare::{Comparison, Line, Verdict};
use crate::measure::find;
use crate::reparam::MapKind;
use crate::run::EVENT;

/// Notes on these lines.
pub(super) fn notes(comparison: &Comparison, shown: &[&Line]) -> Vec<String> {
    let mut notes = vec![numbers(comparison), UNITS.to_owned()];
    if short_names(comparison).is_some() {
        notes.push(LETTERS.to_owned());
    }
    notes.extend(comparison.notes.iter().cloned());
    let has = |verdict: Verdict| shown.iter().any(|line| line.verdict == verdict);
    if has(Verdict::Identical) {
        notes.push(IDENTICAL.to_owned());
    }
    if comparison.tests > 0 {
        notes.push(columns(comparison, shown));
    }
    if shown.iter().any(|line| line.name.starts_with(EVENT)) {
        notes.push(EVENTS.to_owned());
    }
    notes.extend(moved_by(comparison, shown));
    notes.extend(maps(&comparison.maps));
    notes
}

const EVENTS: &str = "event.*: the first step at which it was known to have happened, over the runs in which it did; of \
                      one run ± is how many steps before it was known not to have.";

const LETTERS: &str = "In the verdicts of the first table groups have the letters that stand at the heads of their columns.";

const UNITS: &str = "Units: losses are means over samples, cross-entropy in nats; accuracies are shares of 1; \
                     parameters have none, so a curvature is in units of the loss. lab measure --help says \
                     what each measure is.";

const IDENTICAL: &str = "Identical: every run has the same value, or every group the same by seed.";

fn numbers(comparison: &Comparison) -> String {
    let ratio = match &comparison.groups[..] {
        [first, last] if comparison.tests > 0 => format!(
            " Differences are {1} minus {0}, ratios {1} over {0}.",
            first.label, last.label
        ),
        _ => String::new(),
    };
    format!(
        "Numbers are means over the seeds of a group.{ratio} ± is one standard deviation over runs where a \
         group has several; of one run it is the measurement's own error: its standard error, or its residual \
         (how far a search was from its end; of an eigenvalue ‖Hv − λv‖ / ‖H‖) times what that is \
         relative to."
    )
}

/// What the columns of differences and p-values are.
fn columns(comparison: &Comparison, shown: &[&Line]) -> String {
    let mut words = vec![
        "g: Hedges' g, the difference in standard deviations (paired: of the differences), with its 95 % interval. \
         Ratios of numbers above zero only (Fieller's interval). Holm: the corrected p, which decides; FDR: \
         Benjamini-Hochberg's, at 5 % of which one in twenty decided lines is expected to be none."
            .to_owned(),
    ];
    let disagree = |line: &&Line| line.pairs.iter().any(|pair| pair.intervals_disagree);
    if shown.iter().any(disagree) {
        words.push(
            "By bootstrap: intervals by resampling (bias-corrected and accelerated), where they and Student's disagree \
             about whether there is a difference, or by a quarter of the width."
                .to_owned(),
        );
    }
    words.push(if comparison.has_margins {
        "Equal within a margin: two one-sided t-tests, corrected by Holm's method among themselves; undecided: neither \
         known to differ nor known to be within the margin."
            .to_owned()
    } else {
        "--equal-within 10% asks which lines are equal as far as that.".to_owned()
    });
    words.join(" ")
}

/// What each map is, under its own name and the one that it has in narrow columns.
fn maps(maps: &[MapKind]) -> Option<String> {
    let told = maps.iter().map(|map| {
        let short = match map.short() {
            short if short == map.as_str() => String::new(),
            short => format!(" (in the table: {short})"),
        };
        format!("{map}{short}: {}", map.meaning())
    });
    let told: Vec<String> = told.collect();
    (!told.is_empty()).then(|| format!("Maps: {}.", told.join("; ")))
}

fn moved_by(comparison: &Comparison, shown: &[&Line]) -> Option<String> {
    let maps = &comparison.maps;
    if maps.is_empty() {
        let is_needed = comparison.is_tested;
        return is_needed
            .then(|| "The networks have no map that leaves their function alone.".to_owned());
    }
    let names = |maps: &[MapKind]| -> Vec<String> { maps.iter().map(MapKind::to_string).collect() };
    let scalings: Vec<MapKind> = maps
        .iter()
        .copied()
        .filter(|map| !MapKind::ISOMETRIES.contains(map))
        .collect();
    let mut words = vec![format!(
        "Moved by: of the maps that leave the function of these networks alone ({}), those that change \
         the measure",
        listed(&names(maps))
    )];
    if !scalings.is_empty() && scalings.len() < maps.len() {
        words.push(format!("scaling stands for {}", listed(&names(&scalings))));
    }
    let is_check = |line: &&Line| find(&line.name).is_some_and(|measure| measure.is_check);
    if shown.iter().any(is_check) {
        words.push("a check reports on a map itself".to_owned());
    }
    Some(format!("{}.", words.join("; ")))
}
