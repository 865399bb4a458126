//! Between the state of a run and the files that keep it.

use super::state::{Memory, Snapshot};
use super::{HookPlan, Position, Problem, Scope};
use crate::linear::WarmStart;
use crate::measure::WarmStarts;
use crate::params::Parts;
use crate::params::store::{encode, named_blocks};
use crate::run::{Checkpoint, Seconds};
use std::collections::BTreeMap;
use std::rc::Rc;

/// What stands between the name of a scope and that of a search.
const SEARCH: &str = ":";

/// The state before the first step, at a starting point.
pub(super) fn first(problem: &Problem, initial: &[f64]) -> Snapshot {
    Snapshot {
        position: Position {
            step: 0,
            parameters: problem.parameters(initial),
            statistics: problem.objective.conditions().statistics.clone(),
        },
        parts: Parts::new(),
        memory: Memory::default(),
    }
}

/// A state as a checkpoint.
///
/// # Errors
///
/// The device's message where it cannot be read.
pub(super) fn checkpoint(
    problem: &Problem,
    snapshot: Snapshot,
    seconds: Seconds,
) -> Result<Checkpoint, String> {
    let Snapshot {
        position,
        parts,
        memory,
    } = snapshot;
    let remembered = memory.warm_starts().iter();
    let remembered = remembered.flat_map(|(scope, found)| {
        let labelled = |(search, found): (&String, &WarmStart)| {
            (format!("{}{SEARCH}{search}", scope.label()), found.clone())
        };
        found.iter().map(labelled)
    });
    Ok(Checkpoint {
        config: problem.config.fingerprint(),
        step: position.step,
        parameters: position.parameters.to_host()?,
        statistics: position.statistics.to_host()?,
        parts,
        warm_starts: remembered.collect(),
        events: memory.events.clone(),
        metrics_length: memory.metrics_length,
        seconds,
    })
}

/// A checkpoint as a state.
///
/// # Errors
///
/// A sentence on what is remembered of a scope that nothing is measured in.
pub(super) fn snapshot(
    problem: &Problem,
    plan: &HookPlan,
    checkpoint: Checkpoint,
) -> Result<Snapshot, String> {
    let warm_starts = warm_starts(plan, checkpoint.warm_starts)?;
    Ok(Snapshot {
        position: Position {
            step: checkpoint.step,
            parameters: problem.parameters(&checkpoint.parameters),
            statistics: problem.statistics(&checkpoint.statistics),
        },
        parts: checkpoint.parts,
        memory: Memory::new(checkpoint.metrics_length, checkpoint.events, warm_starts),
    })
}

/// What is remembered, by the scopes of the plan.
fn warm_starts(
    plan: &HookPlan,
    labelled: BTreeMap<String, WarmStart>,
) -> Result<Vec<(Scope, Rc<WarmStarts>)>, String> {
    let scopes = plan.all().into_iter().map(|(scope, _)| scope);
    let mut all: Vec<_> = scopes.map(|scope| (scope, WarmStarts::new())).collect();
    for (label, warm_start) in labelled {
        let parts = label.split_once(SEARCH);
        let place = parts.and_then(|(scope, search)| {
            let (_, found) = all.iter_mut().find(|(other, _)| other.label() == scope)?;
            Some((found, search))
        });
        let (found, search) = place.ok_or_else(|| {
            format!("it remembers eigenvectors of a hook that the config does not have ({label})")
        })?;
        found.insert(search.to_owned(), warm_start);
    }
    all.retain(|(_, found)| !found.is_empty());
    Ok(all
        .into_iter()
        .map(|(scope, found)| (scope, Rc::new(found)))
        .collect())
}

/// Parameters and running statistics of a position under PyTorch's names, in the precision of the run.
///
/// # Errors
///
/// The device's message where they cannot be read.
pub(super) fn weights(problem: &Problem, position: &Position) -> Result<Vec<u8>, String> {
    let values = position.parameters.to_host()?;
    let statistics = position.statistics.to_host()?;
    let mut arrays = named_blocks(position.parameters.layout(), &values);
    arrays.extend(named_blocks(position.statistics.layout(), &statistics));
    let format = ("format", "pt".to_owned());
    encode(&arrays, problem.config.precision, format)
}
