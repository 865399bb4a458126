//! Between the state of a run and the files that keep it.

use super::state::{Memory, Snapshot};
use super::{HookPlan, Position, Problem};
use crate::params::Parts;
use crate::params::store::{encode, named_blocks};
use crate::run::{Checkpoint, Seconds};

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
    let remembered = memory.recollections().iter();
    Ok(Checkpoint {
        config: problem.config.fingerprint(),
        step: position.step,
        parameters: position.parameters.to_host()?,
        statistics: position.statistics.to_host()?,
        parts,
        recollections: remembered
            .flat_map(|(scope, found)| {
                let label = scope.label();
                found.iter().map(move |(search, recollection)| {
                    (format!("{label}: {search}"), recollection.clone())
                })
            })
            .collect(),
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
    let scopes: Vec<_> = plan.all().into_iter().map(|(scope, _)| scope).collect();
    let mut memory = Memory::new(checkpoint.metrics_length);
    let mut remembered = checkpoint.recollections;
    for scope in scopes.iter().filter(|scope| scope.warm_start) {
        let own = format!("{}: ", scope.label());
        let found = remembered.extract_if(.., |name, _| name.starts_with(&own));
        let found = found.map(|(name, recollection)| (name[own.len()..].to_owned(), recollection));
        memory.remember(*scope, found.collect());
    }
    if let Some(name) = remembered.keys().next() {
        return Err(format!(
            "it remembers eigenvectors of a hook that the config does not have ({name})"
        ));
    }
    Ok(Snapshot {
        position: Position {
            step: checkpoint.step,
            parameters: problem.parameters(&checkpoint.parameters),
            statistics: problem.statistics(&checkpoint.statistics),
        },
        parts: checkpoint.parts,
        memory,
    })
}

/// Parameters and running statistics under PyTorch's names, in the precision of the run.
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
