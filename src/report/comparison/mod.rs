//! Comparisons: an answer, what could mislead, the table, and what must be known to read it.

mod answer;
mod invariance;
mod lines;
mod notes;
mod records;

use super::Report;
use crate::compare::{Comparison, Standing};
use crate::table::{Page, Table};

/// What `lab compare` has found.
#[derive(Clone, Copy, Debug)]
pub struct ComparisonReport<'a> {
    /// The comparison.
    pub comparison: &'a Comparison,
    /// Whether every line is shown, not only those that are decided or headlines.
    pub shows_all: bool,
}

impl<'a> ComparisonReport<'a> {
    /// What it says, one sentence or a few about each thing.
    pub(super) fn sentences(&self) -> Vec<String> {
        answer::sentences(self.comparison)
    }

    /// What must be known before looking at the lines and is not in the answer.
    pub(super) fn warnings(&self) -> &'a [String] {
        warnings(self.comparison)
    }

    /// The lines that are shown, and the places of those that are decided.
    pub fn table(&self) -> (Table, Vec<usize>) {
        let shown = lines::shown(self.comparison, self.shows_all);
        let places = shown.iter().enumerate();
        let decided = places.filter(|(_, line)| line.is_decided());
        let decided = decided.map(|(place, _)| place).collect();
        (lines::table(self.comparison, &shown), decided)
    }

    /// What must be known to read the table.
    pub(super) fn notes(&self) -> Vec<String> {
        notes::notes(
            self.comparison,
            &lines::shown(self.comparison, self.shows_all),
        )
    }

    /// Which maps move which measures; none where the networks have no maps.
    pub(super) fn invariance(&self) -> Option<Table> {
        invariance::table(self.comparison)
    }
}

impl Report for ComparisonReport<'_> {
    fn page(&self) -> Page {
        let comparison = self.comparison;
        let shown = lines::shown(comparison, self.shows_all);
        let page = Page::default()
            .paragraph(self.sentences().join(" "))
            .list(warnings(comparison).iter().cloned())
            .table(lines::table(comparison, &shown));
        let page = match comparison.lines.len() - shown.len() {
            0 => page,
            hidden => page.paragraph(lines::hidden(comparison, hidden)),
        };
        page.list(notes::notes(comparison, &shown))
    }

    /// One row per measure and group, then one per pair of groups tested, with the other group under
    /// `against` and the difference of the two means as the mean.
    fn records(&self) -> Table {
        records::records(self.comparison)
    }

    fn json(&self) -> Result<String, serde_json::Error> {
        serde_json::to_string_pretty(self.comparison)
    }
}

/// What must be known before looking at the lines and is not in the answer.
fn warnings(comparison: &Comparison) -> &[String] {
    let is_said = comparison.answer.standing == Standing::UnlikeRuns;
    comparison
        .warnings
        .get(usize::from(is_said)..)
        .unwrap_or_default()
}

/// Names as in running text: `a`, `a and b`, `a, b and c`.
fn listed(names: &[String]) -> String {
    match names {
        [] => String::new(),
        [name] => name.clone(),
        [names @ .., last] => format!("{} and {last}", names.join(", ")),
    }
}
