//! A subject with everything about it that has been computed once.

use super::evaluated::Evaluated;
use super::failure::Failure;
use super::measurement::Measurement;
use super::memo::Memo;
use super::subject::{Subject, WarmStarts};
use crate::curvature::coupled;
use crate::linear::{Estimate, LanczosOptions, Precision, ProbeOptions, WarmStart};
use std::any::Any;
use std::rc::Rc;
use std::time::Instant;

/// Products of a search for several eigenvalues, at most.
pub(super) const MOST_PRODUCTS: usize = 200;

/// The computations behind one round of measurements, each made at most once.
pub struct Session<'a> {
    /// What is measured.
    pub subject: Subject<'a>,
    memo: Memo,
    /// Whether rows say what rounding may have moved.
    pub(super) states_rounding: bool,
    warm_starts: WarmStarts,
    /// What the computations that a row shares with earlier ones took.
    pub(super) shared_seconds: f64,
}

impl<'a> Session<'a> {
    /// Opens a session at one point.
    pub fn new(subject: Subject<'a>) -> Self {
        Self::with_memo(subject, Memo::default())
    }

    /// Goes on with what was computed at the same point before.
    pub(super) fn with_memo(subject: Subject<'a>, memo: Memo) -> Self {
        Self {
            subject,
            memo,
            states_rounding: subject.objective.compute().precision == Precision::F32,
            warm_starts: WarmStarts::new(),
            shared_seconds: 0.0,
        }
    }

    /// What was computed here.
    pub(super) fn into_memo(self) -> Memo {
        self.memo
    }

    /// The same session whose rows do not say what rounding may have moved.
    pub(super) fn without_rounding(self) -> Self {
        Self {
            states_rounding: false,
            ..self
        }
    }

    /// What `compute` finds, computed once and then shared under a name.
    ///
    /// # Errors
    ///
    /// As `compute`; a failure is shared as well.
    pub fn once<T: Any>(
        &mut self,
        name: &str,
        compute: impl FnOnce(&mut Self) -> Result<T, Failure>,
    ) -> Result<Rc<T>, Failure> {
        if let Some((found, seconds)) = self.memo.get(name) {
            self.shared_seconds += seconds;
            return found;
        }
        let clock = Instant::now();
        let found = compute(self).map(Rc::new);
        let seconds = clock.elapsed().as_secs_f64();
        self.memo.insert(name, found.clone(), seconds);
        found
    }

    /// Leaves something for the next search of a name.
    pub(super) fn remember(&mut self, search: &str, warm_start: WarmStart) {
        self.warm_starts.insert(search.to_owned(), warm_start);
    }

    /// What the searches for the largest eigenvalues leave for the next ones, where they remember.
    pub fn into_warm_starts(self) -> WarmStarts {
        self.warm_starts
    }

    /// The network on the training samples.
    ///
    /// # Errors
    ///
    /// Where outputs are not finite or the device fails.
    pub fn train(&mut self) -> Result<Rc<Evaluated>, Failure> {
        self.once("train", |session| {
            let subject = session.subject;
            Evaluated::run(subject.objective, subject.parameters, subject.train)
        })
    }

    /// The network on the test samples.
    ///
    /// # Errors
    ///
    /// As [`Session::train`], or where there are none.
    pub fn test(&mut self) -> Result<Rc<Evaluated>, Failure> {
        self.once("test", |session| {
            let subject = session.subject;
            let none = || Failure::not_known("there are no test samples");
            let test = subject.test.ok_or_else(none)?;
            Evaluated::run(subject.objective, subject.parameters, test)
        })
    }

    /// The parameters on the host.
    ///
    /// # Errors
    ///
    /// Where the device fails.
    pub fn values(&mut self) -> Result<Rc<Vec<f64>>, Failure> {
        self.once("values", |session| {
            let values = session.subject.parameters.to_host();
            values.map_err(Failure::device)
        })
    }

    /// Where training started.
    pub(super) fn initial(&self) -> Result<&'a [f64], Failure> {
        let unknown = || Failure::not_known("the starting point is not known");
        self.subject.initial.ok_or_else(unknown)
    }

    /// Refuses where a sample's outputs depend on the others of its batch.
    pub(super) fn require_independent_samples(&self) -> Result<(), Failure> {
        match self.subject.objective.samples_are_independent() {
            true => Ok(()),
            false => Err(coupled().into()),
        }
    }

    /// Refuses where what a layer makes of a sample depends on the others of its batch.
    pub(super) fn require_layers_of_single_samples(&self) -> Result<(), Failure> {
        match self.subject.objective.samples_are_independent() {
            true => Ok(()),
            false => Err(Failure::not_defined(
                "what a layer makes of a sample depends on the others where a batch is normalised by its own \
                 statistics: measure with norm_mode = \"eval\"",
            )),
        }
    }

    /// Refuses where inputs are tokens, between which there is no distance.
    pub(super) fn require_smooth_inputs(&self) -> Result<(), Failure> {
        match self.subject.objective.network().has_smooth_inputs() {
            true => Ok(()),
            false => Err(Failure::not_defined(
                "the inputs are tokens, and there is no distance between tokens",
            )),
        }
    }

    /// The options of a Lanczos process, within the user's budget.
    pub(super) fn lanczos_options(&self, largest: usize, smallest: usize) -> LanczosOptions {
        let options = LanczosOptions {
            largest,
            smallest,
            budget: self.subject.budget,
            ..LanczosOptions::default()
        };
        match largest {
            0 | 1 => options,
            _ => LanczosOptions {
                max_matvecs: MOST_PRODUCTS,
                ..options
            },
        }
    }

    /// The options of random probes, within the user's budget.
    pub(super) fn probe_options(&self) -> ProbeOptions {
        ProbeOptions {
            budget: self.subject.budget,
            ..ProbeOptions::default()
        }
    }

    /// An estimate from products as a row.
    pub(super) fn estimated(&self, name: &str, estimate: Estimate) -> Measurement {
        Measurement {
            converged: Some(estimate.converged),
            ..Measurement::new(name, estimate.value)
                .over(self.subject.train.samples())
                .taking(estimate.matvecs)
                .with_stderr(estimate.standard_error)
        }
    }
}
