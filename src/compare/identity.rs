//! Which number a row is. Rows are joined where all of this is the same, and nowhere else.

use super::FinishedRun;
use super::grouping::Grouping;
use crate::linear::Precision;
use crate::measure::{Circumstances, Measurement, find};
use crate::run::Occurrence;

/// What identifies a number besides the run that it is of.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Identity {
    /// The measure's name.
    pub name: String,
    circumstances: Circumstances,
    /// None where the runs are compared by it.
    precision: Option<Precision>,
}

impl Identity {
    fn of(row: &Measurement, run: &FinishedRun, by_precision: bool) -> Self {
        Self {
            name: row.name.clone(),
            circumstances: bearing(row),
            precision: (!by_precision).then_some(run.config.precision),
        }
    }

    /// All numbers of a name that runs have, in the order in which they are met.
    pub fn all(name: &str, grouping: &Grouping) -> Vec<Self> {
        let by_precision = grouping.keys.contains(&"precision");
        let mut found: Vec<Self> = Vec::new();
        for run in grouping.groups.iter().flat_map(|group| &group.runs) {
            let rows = run.summary.measurements.iter();
            for row in rows.filter(|row| row.name == name) {
                let identity = Self::of(row, run, by_precision);
                if !found.contains(&identity) {
                    found.push(identity);
                }
            }
        }
        found
    }

    /// The row of a run that is this number.
    pub fn find<'a>(&self, run: &'a FinishedRun) -> Option<&'a Measurement> {
        if self
            .precision
            .is_some_and(|own| own != run.config.precision)
        {
            return None;
        }
        let mut rows = run.summary.measurements.iter();
        rows.find(|row| row.name == self.name && bearing(row) == self.circumstances)
    }

    /// The step at which an event happened first, as its hook told.
    pub fn of_event(occurrence: &Occurrence) -> Self {
        Self {
            name: occurrence.event.to_string(),
            circumstances: occurrence.circumstances.clone(),
            precision: None,
        }
    }

    /// In what it differs from others of its name, in words.
    pub fn apart_from(&self, others: &[Self]) -> Vec<String> {
        let own = self.parts();
        let is_shared = |place: usize| {
            let mut others = others.iter().map(Self::parts);
            others.all(|other| other[place] == own[place])
        };
        let apart = own
            .iter()
            .enumerate()
            .filter(|(place, _)| !is_shared(*place));
        apart
            .map(|(_, (name, value))| format!("{name} {value}"))
            .collect()
    }

    fn parts(&self) -> Vec<(&'static str, String)> {
        let mut parts = self.circumstances.parts();
        let precision = self.precision.map(|precision| precision.to_string());
        parts.push(("precision", precision.unwrap_or_default()));
        parts
    }
}

/// What a row was taken under, as far as that bears on its measure. Rows of earlier versions say more.
pub(super) fn bearing(row: &Measurement) -> Circumstances {
    let all = row.circumstances.clone();
    match find(&row.name) {
        Some(measure) => measure.bearing(all),
        None => all,
    }
}
