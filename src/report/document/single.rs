//! One run alone: what it is, how it ended, and its measures with their errors.

use crate::compare::FinishedRun;
use crate::report::measurements::{ERRORS, ending, happened, table};
use lab_page::{Part, Section};

/// How it ended, and what happened in its course.
pub(super) fn conclusion(run: &FinishedRun) -> Section {
    let ending = ending(&run.summary);
    let mut lines = ending.lines();
    let first = lines.next().unwrap_or_default().to_owned();
    let section = lines.fold(
        Section::new("Conclusion").with(Part::Lead(first)),
        |section, line| section.paragraph(line),
    );
    let events: Vec<String> = run.summary.events.iter().map(happened).collect();
    if events.is_empty() {
        return section;
    }
    section.with(Part::List(events))
}

/// What was measured at its end.
pub(super) fn measures(run: &FinishedRun) -> Section {
    let table = table(run.summary.measurements.iter()).captioned("Measures at the end of training");
    Section::new("Measures")
        .with(Part::Table(table.into()))
        .with(Part::Folded {
            title: "How to read the error column".to_owned(),
            parts: vec![Part::Paragraph(ERRORS.to_owned())],
        })
}
