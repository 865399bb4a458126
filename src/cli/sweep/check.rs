//! Whether every member of a sweep can be trained, before any is.

use super::CommandError;
use crate::data::{self, Split};
use crate::random::Streams;
use crate::sweep::{Sweep, SweepError, Task};
use crate::train::Problem;
use std::collections::BTreeMap;
use std::path::Path;

/// Looks at the problem of the first task of each kind of each arm; others differ from it in their seed only.
///
/// # Errors
///
/// The first thing that is wrong, with the task and the key.
pub(super) fn every_arm(
    sweep: &Sweep,
    out: &Path,
    mut look: impl FnMut(&Task, &Problem) -> Result<(), CommandError>,
) -> Result<(), CommandError> {
    let mut seen: Vec<(usize, Option<f64>)> = Vec::new();
    let mut splits: BTreeMap<String, Split> = BTreeMap::new();
    for task in &sweep.tasks {
        if seen.contains(&(task.arm, task.tunes)) {
            continue;
        }
        seen.push((task.arm, task.tunes));
        let config = match sweep.planned(task, out) {
            Ok(Some(member)) => member.config,
            // The learning rate alone is not known.
            Ok(None) | Err(SweepError::Tuning { .. }) => sweep.member(task, None, out)?.config,
            Err(error) => return Err(error.into()),
        };
        let key = format!("{} {:?}", config.seed, config.value("data"));
        let split = match splits.get(&key) {
            Some(split) => split.clone(),
            None => {
                let streams = Streams::new(config.seed);
                let split = data::load(&config.data, sweep.data_dir(), &streams)?;
                splits.insert(key, split.clone());
                split
            }
        };
        let problem = Problem::with_data(config, split).map_err(|error| {
            let (file, number) = (sweep.file(), task.number);
            CommandError::Input(format!(
                "{file}: task {number} ({}): {error}",
                sweep.called(task)
            ))
        })?;
        look(task, &problem)?;
    }
    Ok(())
}
