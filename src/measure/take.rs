//! Taking a measure: whatever happens on the way, a row comes of it.

use super::circumstances::{Circumstances, Weights};
use super::declaration::{Measure, RoundingLaw};
use super::failure::Failure;
use super::measurement::Measurement;
use super::rounding;
use super::session::Session;
use super::subject::Subject;
use crate::linear::LinearError;
use crate::model::{Dropout, DropoutMode};
use crate::objective::Chunks;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Instant;

impl Session<'_> {
    /// Takes a measure, once. What cannot be measured, even for a panic in a library, is a row with its
    /// reason.
    ///
    /// # Errors
    ///
    /// [`LinearError::Interrupted`] and nothing else.
    pub fn take(&mut self, measure: &'static Measure) -> Result<Measurement, LinearError> {
        self.row(measure.name, measure, |session| {
            if measure.needs_products() {
                session.require_repetition()?;
            }
            (measure.take)(session, measure.name)
        })
    }

    /// A row about a measure, from whatever `take` finds.
    pub(super) fn row(
        &mut self,
        name: &str,
        measure: &Measure,
        take: impl FnOnce(&mut Self) -> Result<Measurement, Failure>,
    ) -> Result<Measurement, LinearError> {
        self.subject.interrupt.check()?;
        let row = self.once(name, |session| session.made(name, measure, take));
        match row {
            Ok(row) => Ok(Measurement::clone(&row)),
            Err(_) => Err(LinearError::Interrupted),
        }
    }

    /// The row; a failure is one of the user's, who does not want it any more.
    fn made(
        &mut self,
        name: &str,
        measure: &Measure,
        take: impl FnOnce(&mut Self) -> Result<Measurement, Failure>,
    ) -> Result<Measurement, Failure> {
        let clock = Instant::now();
        let shared = std::mem::take(&mut self.shared_seconds);
        let attempt = catch_unwind(AssertUnwindSafe(|| take(self)));
        let shared = std::mem::replace(&mut self.shared_seconds, shared);
        let mut row = match attempt {
            Ok(Ok(row)) => row,
            Ok(Err(failure)) if failure.is_interrupt() => return Err(failure),
            Ok(Err(failure)) => Measurement::failed(name, failure),
            Err(payload) => Measurement::failed(name, Failure::panic(payload.as_ref())),
        };
        name.clone_into(&mut row.name);
        let is_moved = row.value.is_some() && measure.rounding != RoundingLaw::Untouched;
        if is_moved && row.rounding.is_none() && self.states_rounding && name == measure.name {
            row.rounding = self.rounding_of(measure, &row)?;
            if row.rounding.is_none() {
                let note = "what rounding may have moved it by is not known";
                let notes = row.note.iter().map(String::as_str).chain([note]);
                row.note = Some(notes.collect::<Vec<_>>().join("; "));
            }
        }
        row.circumstances = Circumstances {
            algorithm: row.circumstances.algorithm,
            ..circumstances(&self.subject, measure)
        };
        // A number that shares a computation with an earlier one took as long as that did.
        row.seconds = clock.elapsed().as_secs_f64() + shared;
        Ok(row)
    }

    /// By how much, at most, rounding may have moved a row's value; none where that could not be found.
    fn rounding_of(
        &mut self,
        measure: &Measure,
        row: &Measurement,
    ) -> Result<Option<f64>, Failure> {
        let attempt = catch_unwind(AssertUnwindSafe(|| {
            rounding::bound(self, measure.rounding, row)
        }));
        match attempt {
            Ok(Err(failure)) if failure.is_interrupt() => Err(failure),
            Ok(Ok(bound)) => Ok(Some(bound).filter(|bound| bound.is_finite())),
            _ => Ok(None),
        }
    }

    /// Refuses, once for all, a network that gives two answers to one question: curvature of a
    /// random function means nothing. One chunk is enough to tell.
    fn require_repetition(&mut self) -> Result<(), Failure> {
        let checked = self.once("repetition", |session| {
            let first = session.subject.train.batches().first().cloned();
            let first = Chunks::from_batches(first.into_iter().collect(), Vec::new());
            let mut subject = session.subject;
            subject.train = &first;
            let operator = subject.operator(crate::curvature::Matrix::Hessian);
            Ok(operator.check_deterministic()?)
        });
        checked.map(|_| ())
    }
}

impl Subject<'_> {
    /// What a row of a measure is taken under here, but for how a search goes about it.
    pub fn circumstances(&self, measure: &Measure) -> Circumstances {
        circumstances(self, measure)
    }
}

fn circumstances(subject: &Subject<'_>, measure: &Measure) -> Circumstances {
    let dropout = match subject.objective.conditions().dropout {
        Dropout::Fixed(_) => Some(DropoutMode::Fixed),
        Dropout::Off | Dropout::Drawn { .. } => None,
    };
    let samples = subject.train.samples();
    let all = subject.training_samples.unwrap_or(samples);
    measure.bearing(Circumstances {
        norm_mode: subject.objective.norm_mode(),
        dropout,
        weights: Some(subject.weights).filter(|&weights| weights != Weights::Last),
        subset: (samples < all).then_some(samples),
        block: subject.block.map(str::to_owned),
        max_matvecs: subject.budget.max_matvecs,
        max_seconds: subject.budget.max_seconds,
        algorithm: None,
        chains: subject.chains.where_set(),
        is_unrecorded: false,
    })
}
