//! Everything that the rest of a run depends on.

use super::{Position, Scope};
use crate::measure::Recollections;
use crate::params::Parts;
use std::rc::Rc;

/// The state of a run between two steps, from which it can go on.
#[derive(Clone)]
pub(super) struct Snapshot {
    /// Where training stands.
    pub position: Position,
    /// What the parts of a step keep.
    pub parts: Parts,
    /// What measuring keeps, as it was before the measurements at this step.
    pub memory: Memory,
}

/// The part of the state that measuring changes.
#[derive(Clone, Default)]
pub(super) struct Memory {
    /// The bytes of `metrics.jsonl`.
    pub metrics_length: u64,
    /// What warm-started searches for eigenvalues begin with, each in its scope.
    recollections: Vec<(Scope, Rc<Recollections>)>,
}

impl Memory {
    /// Before the first measurement, or where a checkpoint left it.
    pub fn new(metrics_length: u64, recollections: Vec<(Scope, Rc<Recollections>)>) -> Self {
        Self {
            metrics_length,
            recollections,
        }
    }

    /// What the last searches in a scope have left.
    pub fn recollections_of(&self, scope: &Scope) -> Option<&Recollections> {
        let mut all = self.recollections.iter();
        let (_, found) = all.find(|(other, _)| other == scope)?;
        Some(found)
    }

    /// Everything that is remembered.
    pub fn recollections(&self) -> &[(Scope, Rc<Recollections>)] {
        &self.recollections
    }

    /// Remembers what searches in a scope have left, each instead of what the same one left before.
    pub fn remember(&mut self, scope: Scope, found: Recollections) {
        if found.is_empty() {
            return;
        }
        let mut all = self.recollections.iter_mut();
        match all.find(|(other, _)| *other == scope) {
            Some((_, known)) => Rc::make_mut(known).extend(found),
            None => self.recollections.push((scope, Rc::new(found))),
        }
    }
}
