//! Comparisons with closed forms.

use super::Report;
use crate::selfcheck::Check;
use crate::table::{Cell, Column, Page, Table};

/// What `lab selfcheck` has found.
#[derive(Clone, Copy, Debug)]
pub struct Checks<'a> {
    /// The comparisons.
    pub checks: &'a [Check],
    /// Where they were made: `f32 on cpu (...)`.
    pub place: &'a str,
}

impl Report for Checks<'_> {
    fn page(&self) -> Page {
        let passed = self.checks.iter().filter(|check| check.passed()).count();
        let of = self.checks.len();
        Page::from(self.records())
            .paragraph(format!("{}: {passed} of {of} checks passed", self.place))
    }

    fn records(&self) -> Table {
        let columns = [
            Column::text("check"),
            Column::number("expected"),
            Column::number("got"),
            Column::number("error"),
            Column::number("allowed"),
            Column::text("verdict"),
        ];
        Table::new(columns).with_rows(self.checks.iter().map(row))
    }
}

fn row(check: &Check) -> Vec<Cell> {
    vec![
        check.name.as_str().into(),
        check.expected.into(),
        check.got.into(),
        Cell::rough(check.error),
        Cell::rough(check.tolerance),
        if check.passed() { "PASS" } else { "FAIL" }.into(),
    ]
}
