//! What a layout has no column for because nobody has measured it, and the command that does.

use super::{Layout, listed};
use crate::compare::FinishedRun;
use crate::report::counted;

/// What keeps a column from being whole.
enum Lack {
    /// So many runs have no row of it.
    Untaken(usize),
    /// It was measured and has no value in any run, for this reason.
    Refused(String),
}

/// Sentences about the columns of a layout that runs have no rows for, with the command that adds these to the runs that
/// `arguments` stand for; none where nothing is missing, or the layout has no columns of its own.
pub fn missing_rows(layout: Layout, runs: &[FinishedRun], arguments: &[String]) -> Vec<String> {
    let headings = layout.headings().iter();
    let lacking = headings.filter_map(|(name, words)| Some((*name, *words, lack(runs, name)?)));
    let (mut nowhere, mut partly, mut refused) = (Vec::new(), Vec::new(), Vec::new());
    let mut names = Vec::new();
    for (name, words, lack) in lacking {
        match lack {
            Lack::Untaken(count) => {
                names.push(name);
                match count == runs.len() {
                    true => nowhere.push(words.to_owned()),
                    false => partly.push(format!(
                        "{words} in {count} of {}",
                        counted(runs.len(), "run")
                    )),
                }
            }
            Lack::Refused(reason) => {
                refused.push(format!("{words} ({name}) has no value: {reason}."));
            }
        }
    }
    let mut sentences = Vec::new();
    let mut missing = partly;
    if !nowhere.is_empty() {
        missing.insert(0, format!("{} in every run", listed(&nowhere)));
    }
    if !missing.is_empty() {
        let runs = arguments.join(" ");
        let names = names.join(",");
        sentences.push(format!(
            "Rows are missing of {}. This adds them: `lab measure {runs} --measures {names} --append`",
            missing.join(", of ")
        ));
    }
    sentences.extend(refused);
    sentences
}

/// What runs lack of a measure; none where all have rows of it, and one a value.
fn lack(runs: &[FinishedRun], name: &str) -> Option<Lack> {
    let rows = |run: &FinishedRun| {
        let rows = run.summary.measurements.iter();
        let rows = rows.filter(|row| row.name == name && row.circumstances.block.is_none());
        rows.cloned().collect::<Vec<_>>()
    };
    let rows: Vec<_> = runs.iter().map(rows).collect();
    let untaken = rows.iter().filter(|rows| rows.is_empty()).count();
    if untaken > 0 {
        return Some(Lack::Untaken(untaken));
    }
    let mut all = rows.iter().flatten();
    match all.clone().any(|row| row.value.is_some()) {
        true => None,
        false => all
            .find_map(|row| row.reason())
            .map(|reason| Lack::Refused(reason.to_owned())),
    }
}
