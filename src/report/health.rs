//! What this machine has of what the program can use.

use super::Report;
use crate::table::{Column, Page, Table};

words! {
    /// How one part of an installation is.
    State {
        /// As it should be.
        #[default]
        Fine = "fine",
        /// Not there, and needed for some things only.
        Absent = "absent",
        /// Not as it should be, and needed.
        Broken = "broken",
    }
}

/// One part of an installation.
#[derive(Clone, Debug)]
pub struct HealthPart {
    /// Its name.
    pub name: String,
    /// How it is.
    pub state: State,
    /// What was found, and what to do where it is not as it should be.
    pub found: String,
}

impl HealthPart {
    /// A part that was looked at.
    pub fn new(name: impl Into<String>, state: State, found: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            state,
            found: found.into(),
        }
    }
}

/// What `lab doctor` has found.
#[derive(Clone, Copy, Debug)]
pub struct Health<'a> {
    /// The parts, in the order they were looked at.
    pub parts: &'a [HealthPart],
}

impl Health<'_> {
    /// The names of the parts that are broken.
    pub fn broken(&self) -> Vec<&str> {
        let broken = self.parts.iter().filter(|part| part.state == State::Broken);
        broken.map(|part| part.name.as_str()).collect()
    }
}

impl Report for Health<'_> {
    fn page(&self) -> Page {
        let broken = self.broken();
        let verdict = match broken.as_slice() {
            [] => "Everything that a run on the processor needs is there.".to_owned(),
            broken => format!("To be mended first: {}.", broken.join(", ")),
        };
        Page::from(self.records()).paragraph(verdict)
    }

    fn records(&self) -> Table {
        let columns = ["part", "state", "found"].map(Column::text);
        Table::new(columns).with_rows(self.parts.iter().map(|part| {
            vec![
                part.name.as_str().into(),
                part.state.as_str().into(),
                part.found.as_str().into(),
            ]
        }))
    }
}
