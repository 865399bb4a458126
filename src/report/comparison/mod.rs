//! Comparisons: an answer, what could mislead, the table, and what must be known to read it.

mod answer;
mod invariance;
mod layout;
mod lines;
mod missing;
mod notes;
mod numbers;
mod records;

use super::Report;
use crate::compare::{AtCommonLoss, Comparison, Line, Standing};
use crate::table::{Json, Page, Renderer, Table, significant, two_digits};
pub use layout::Layout;
pub use lines::HEADLINES;
pub use missing::missing_rows;

/// What `lab compare` has found.
#[derive(Clone, Copy, Debug)]
pub struct ComparisonReport<'a> {
    /// The comparison.
    pub comparison: &'a Comparison,
    /// Whether every line is shown, not only those that are decided or headlines.
    pub shows_all: bool,
    /// How it is laid out.
    pub layout: Layout,
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
        let page = Page::default().paragraph(self.sentences().join(" "));
        let page = match &comparison.matching_commands[..] {
            [] => page,
            commands => page.list(commands.iter().map(|command| format!("`{command}`"))),
        };
        let page = page.list(warnings(comparison).iter().cloned());
        match self.layout {
            Layout::Lines => self.lines(page),
            Layout::Gap => page
                .table(self.layout.table(comparison))
                .list(layout::GAP_NOTES.map(str::to_owned)),
            Layout::Keskar | Layout::Spectrum | Layout::Invariance => {
                let shown = self.layout.lines(comparison);
                let page = page
                    .table(self.layout.table(comparison))
                    .list(layout::verdicts(comparison, &shown));
                let page = with_numbers(page, comparison, &shown, self.shows_all);
                page.list(notes::notes(comparison, &shown))
            }
        }
    }

    /// One row per measure and group, then one per pair of groups tested, with the other group under
    /// `against` and the difference of the two means as the mean. Of a layout, its table.
    fn records(&self) -> Table {
        match self.layout {
            Layout::Lines => records::records(self.comparison),
            layout => layout.table(self.comparison),
        }
    }

    fn json(&self) -> Result<String, serde_json::Error> {
        match self.layout {
            Layout::Lines => serde_json::to_string_pretty(self.comparison),
            layout => Ok(Json.table(&layout.table(self.comparison))),
        }
    }
}

impl ComparisonReport<'_> {
    /// Measures down, groups across, and the numbers behind the verdicts.
    fn lines(&self, page: Page) -> Page {
        let comparison = self.comparison;
        let shown = lines::shown(comparison, self.shows_all);
        let page = page.table(lines::table(comparison, &shown));
        let page = match comparison.lines.len() - shown.len() {
            0 => page,
            hidden => page.paragraph(lines::hidden(comparison, hidden)),
        };
        let page = with_numbers(page, comparison, &shown, self.shows_all);
        let page = match &comparison.at_common_loss {
            None => page,
            Some(found) => at_common_loss(page, found, self.shows_all),
        };
        page.list(notes::notes(comparison, &shown))
    }
}

/// The tables of differences, p-values and trends.
fn with_numbers(page: Page, comparison: &Comparison, shown: &[&Line], shows_all: bool) -> Page {
    let tables = [
        numbers::differences(comparison, shown, shows_all),
        numbers::p_values(comparison, shown, shows_all),
        numbers::trends(shown),
    ];
    tables.into_iter().flatten().fold(page, Page::table)
}

/// The verdicts on flatness where all runs had one training loss.
fn at_common_loss(page: Page, found: &AtCommonLoss, shows_all: bool) -> Page {
    let comparison = &found.comparison;
    let shown = lines::shown(comparison, shows_all);
    let between = match found.widest > 1.0 {
        true => format!(
            ", between two rounds of hooks whose losses are up to {} times apart, on a straight line over the \
             logarithm of the loss",
            two_digits(found.widest)
        ),
        false => String::new(),
    };
    let page = page.paragraph(format!(
        "At the last training loss that all runs have had, {}, read off the rows of their hooks{between}: {} p is \
         corrected for the {} tests of these lines.",
        significant(found.loss),
        answer::flatness(comparison),
        comparison.tests,
    ));
    let page = page.table(lines::table(comparison, &shown));
    with_numbers(page, comparison, &shown, shows_all)
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
