//! What a user sees: the words and tables of each command, and progress. Data comes in, text goes out.

mod checks;
mod comparison;
mod density;
mod document;
mod finding;
mod forecast;
mod health;
mod invariance;
mod keys;
mod measured;
mod measurements;
mod measures;
mod number;
mod progress;
mod remaining;
mod seeds;
mod sweep;
mod watching;

pub use crate::table::{significant, two_digits};
pub use checks::Checks;
pub use comparison::{ComparisonReport, HEADLINES, Layout, missing_rows};
pub use density::density_table;
pub use document::{Arms, Picture, ReportedRun, Study};
pub use finding::Finding;
pub use forecast::Forecast;
pub use health::{Health, HealthPart, State};
pub use measured::{Arrangement, Measured, Part};
pub use measurements::run_table;
pub use number::error_of;
pub use progress::Progress;
pub use seeds::{seed_line, seeds_page};
pub use sweep::{PlanReport, PlannedRow, StatusReport, SweepProgress};
pub use watching::{Pace, Sight, SweepSight};

use crate::table::{Json, Page, Renderer, Table};

/// A table alone.
impl Report for Table {
    fn page(&self) -> Page {
        Page::from(self.clone())
    }

    fn records(&self) -> Table {
        self.clone()
    }
}

pub use crate::counted::counted;

/// How many of all are finished, in a clause: `1 of 3 runs is finished`.
pub fn finished_of(finished: usize, of: usize, noun: &str) -> String {
    let verb = if finished == 1 || of == 1 {
        "is"
    } else {
        "are"
    };
    format!("{finished} of {} {verb} finished", counted(of, noun))
}

/// What a command has found, in each form in which it is printed.
pub trait Report {
    /// To be read.
    fn page(&self) -> Page;

    /// For machines: all there is, one thing in a row.
    fn records(&self) -> Table;

    /// As JSON: the records, where nothing else is promised.
    ///
    /// # Errors
    ///
    /// What the encoder says.
    fn json(&self) -> Result<String, serde_json::Error> {
        Ok(Json.table(&self.records()))
    }
}
