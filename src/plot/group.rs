//! Runs that make one line.

use super::{PlotError, PlottedRun};
use crate::compare::{FinishedRun, LeftOut, alike};

/// Runs that are samples of one thing.
#[derive(Clone, Debug)]
pub(super) struct Group<'a> {
    /// What tells it from others; its name where there is no other.
    pub label: String,
    /// The runs, each of another seed.
    pub runs: Vec<&'a PlottedRun>,
}

/// Puts together what is alike. `finished` are the runs in the same order.
pub(super) fn groups<'a>(
    runs: &'a [PlottedRun],
    finished: &[FinishedRun],
) -> Result<(Vec<Group<'a>>, Vec<LeftOut>), PlotError> {
    let (kinds, repeated) = alike(finished)?;
    let members = |places: &[usize]| -> Vec<&'a PlottedRun> {
        places.iter().filter_map(|place| runs.get(*place)).collect()
    };
    let names: Vec<Option<&str>> = kinds
        .iter()
        .map(|kind| name(&members(&kind.members)))
        .collect();
    let are_told_by_names =
        (0..names.len()).all(|i| names[i].is_some() && !names[..i].contains(&names[i]));
    let groups = kinds.iter().zip(&names).map(|(kind, name)| {
        let values: Vec<String> = kind
            .values
            .iter()
            .map(|(key, value)| format!("{} {value}", key.rsplit('.').next().unwrap_or(key)))
            .collect();
        Group {
            label: match name.filter(|_| are_told_by_names) {
                Some(name) => name.to_owned(),
                None if values.is_empty() => "these runs".to_owned(),
                None => values.join(", "),
            },
            runs: members(&kind.members),
        }
    });
    Ok((groups.collect(), repeated))
}

/// The name that all of some runs have.
fn name<'a>(runs: &[&'a PlottedRun]) -> Option<&'a str> {
    let first = runs.first()?.run.config.name.as_str();
    runs.iter()
        .all(|run| run.run.config.name == first)
        .then_some(first)
}
