//! Everything that the rest of a run depends on.

use super::{Position, Scope};
use crate::measure::WarmStarts;
use crate::params::Parts;
use crate::run::EventMemory;
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

/// The way back to where the run looked last.
pub(super) struct Trail {
    /// The state there, before measuring.
    pub last_look: Snapshot,
    /// The steps at which rows were written since, and what was so after each.
    pub written: Vec<(u64, Memory)>,
}

/// The part of the state that measuring changes, and noticing what happens.
#[derive(Clone, Default)]
pub(super) struct Memory {
    /// The bytes of `metrics.jsonl`.
    pub metrics_length: u64,
    /// What has happened, and what it takes to tell.
    pub events: EventMemory,
    /// What searches for eigenvalues have left for the next ones and for overlaps, each in its scope.
    warm_starts: Vec<(Scope, Rc<WarmStarts>)>,
}

impl Memory {
    /// Before the first measurement, or where a checkpoint left it.
    pub fn new(
        metrics_length: u64,
        events: EventMemory,
        warm_starts: Vec<(Scope, Rc<WarmStarts>)>,
    ) -> Self {
        Self {
            metrics_length,
            events,
            warm_starts,
        }
    }

    /// What the last searches in a scope have left.
    pub fn warm_starts_of(&self, scope: &Scope) -> Option<&WarmStarts> {
        let mut all = self.warm_starts.iter();
        let (_, found) = all.find(|(other, _)| other == scope)?;
        Some(found)
    }

    /// Everything that is remembered.
    pub fn warm_starts(&self) -> &[(Scope, Rc<WarmStarts>)] {
        &self.warm_starts
    }

    /// Remembers what searches in a scope have left, each instead of what the same one left before.
    pub fn remember(&mut self, scope: Scope, found: WarmStarts) {
        if found.is_empty() {
            return;
        }
        let mut all = self.warm_starts.iter_mut();
        match all.find(|(other, _)| *other == scope) {
            Some((_, known)) => Rc::make_mut(known).extend(found),
            None => self.warm_starts.push((scope, Rc::new(found))),
        }
    }
}
