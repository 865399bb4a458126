//! Measuring a set of names at one point, with everything they share computed once.

use super::curvature::{Traced, place};
use super::invariance::{self, MapReport, Roundings};
use super::noise::Alignment;
use super::norm::SpectralNorm;
use super::registry::{family, needs_products};
use super::reparam::rescaled;
use super::rounding::Rounding;
use super::{Evaluated, Measurement};
use crate::config::Momentum;
use crate::curvature::{CurvatureOperator, Matrix};
use crate::linear::Precision;
use crate::linear::{Budget, Interrupt, LinearError, Recollection, Spectrum};
use crate::model::NormMode;
use crate::objective::{Chunks, Objective};
use crate::params::Parameters;
use crate::random::Streams;
use crate::reparam::MapKind;
use std::collections::BTreeMap;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Instant;

/// How the search for the largest eigenvalues of the Hessian begins.
#[derive(Clone, Copy, Debug, Default)]
pub enum Search<'a> {
    /// From random vectors: by a Davidson method, over a few samples first where there are many, when
    /// only the largest eigenvalue is wanted; otherwise by a Lanczos process.
    #[default]
    Fresh,
    /// From what the last search has left, if there was one, by a Davidson method; it leaves
    /// something for the next.
    Remembering(Option<&'a Recollection>),
}

/// What happens in a round of measurements, for whoever watches it.
#[derive(Clone, Copy, Debug)]
pub enum Event<'a> {
    /// The measure of this name is begun.
    Begins(&'a str),
    /// A measure was taken, or could not be.
    Ended(&'a Measurement),
}

/// What is measured.
#[derive(Clone, Copy)]
pub struct Subject<'a> {
    /// The network and its loss.
    pub objective: &'a Objective,
    /// Where on the loss surface.
    pub parameters: &'a Parameters,
    /// Where training started, for distances.
    pub initial: Option<&'a [f64]>,
    /// Training samples.
    pub train: &'a Chunks,
    /// Test samples, if there are any.
    pub test: Option<&'a Chunks>,
    /// Curvature, gradient and norms of this block of the parameters only.
    pub block: Option<&'a str>,
    /// Bounds on each estimate.
    pub budget: Budget,
    /// How the search for the largest eigenvalues begins.
    pub search: Search<'a>,
    /// Whether the parameters were trained elsewhere. Learning rate, momentum and batch size are then
    /// a proposal of the config, for conditions on a step, and nothing that is known of the past.
    pub trained_elsewhere: bool,
    /// The learning rate of the step, for stability conditions.
    pub learning_rate: Option<f64>,
    /// The momentum of training by (stochastic) gradient descent; none for other update rules.
    pub momentum: Option<Momentum>,
    /// Samples per training step.
    pub batch_size: Option<usize>,
    /// Samples that training steps are drawn from; `train` may hold fewer.
    pub training_samples: Option<usize>,
    /// The run's random streams.
    pub streams: Streams,
    /// The training step, which numbers the probes.
    pub step: u64,
    /// The user's wish to stop.
    pub interrupt: Interrupt<'a>,
}

impl Subject<'_> {
    /// Where a block lies in the parameter vector.
    pub(super) fn range_of(&self, block: &str) -> Result<Range<usize>, LinearError> {
        let layout = self.parameters.layout();
        layout.range(block).ok_or(LinearError::Empty)
    }
}

/// The computations behind one round of measurements, each made at most once.
pub struct Session<'a> {
    pub(super) subject: Subject<'a>,
    pub(super) wanted_largest: usize,
    pub(super) wanted_smallest: usize,
    pub(super) spectrum: Option<Result<Spectrum, LinearError>>,
    pub(super) spectrum_seconds: f64,
    pub(super) recollection: Option<Recollection>,
    repeats: Option<Result<(), LinearError>>,
    pub(super) estimates: BTreeMap<String, Measurement>,
    pub(super) spectral_norms: BTreeMap<String, SpectralNorm>,
    pub(super) distances: BTreeMap<String, Vec<f64>>,
    pub(super) traces: BTreeMap<String, Traced>,
    pub(super) alignment: Option<Alignment>,
    pub(super) wanted_under: Vec<(MapKind, &'static str)>,
    pub(super) reports: Vec<MapReport>,
    pub(super) roundings: Roundings,
    /// None where rows do not say what rounding may have moved.
    pub(super) rounding: Option<Rounding>,
    measured: BTreeMap<String, Measurement>,
    train: Option<Result<Evaluated, String>>,
    test: Option<Result<Evaluated, String>>,
    values: Option<Result<Vec<f64>, String>>,
}

impl<'a> Session<'a> {
    /// Opens a session at one point.
    pub fn new(subject: Subject<'a>) -> Self {
        Self {
            subject,
            wanted_largest: 1,
            wanted_smallest: 0,
            spectrum: None,
            spectrum_seconds: 0.0,
            recollection: None,
            repeats: None,
            estimates: BTreeMap::new(),
            spectral_norms: BTreeMap::new(),
            distances: BTreeMap::new(),
            traces: BTreeMap::new(),
            alignment: None,
            wanted_under: Vec::new(),
            reports: Vec::new(),
            roundings: Roundings::default(),
            rounding: (subject.objective.compute().precision == Precision::F32)
                .then(Rounding::default),
            measured: BTreeMap::new(),
            train: None,
            test: None,
            values: None,
        }
    }

    /// The same session whose rows do not say what rounding may have moved.
    pub(super) fn without_rounding(self) -> Self {
        Self {
            rounding: None,
            ..self
        }
    }

    /// Measures each name, in order. A measurement that fails, even by a panic in the numeric
    /// library, is a row with its reason.
    ///
    /// # Errors
    ///
    /// [`LinearError::Interrupted`] and nothing else.
    pub fn measure(&mut self, names: &[&str]) -> Result<Vec<Measurement>, LinearError> {
        self.measure_watched(names, &mut |_| {})
    }

    /// As [`Session::measure`], telling `watcher` of each measure as it begins and ends.
    ///
    /// # Errors
    ///
    /// As [`Session::measure`].
    pub fn measure_watched(
        &mut self,
        names: &[&str],
        watcher: &mut dyn FnMut(Event<'_>),
    ) -> Result<Vec<Measurement>, LinearError> {
        self.want(names);
        let mut measure = |name: &&str| {
            watcher(Event::Begins(name));
            let row = self.measure_one(name)?;
            watcher(Event::Ended(&row));
            Ok(row)
        };
        names.iter().map(&mut measure).collect()
    }

    /// Notes what shared computations must provide, and forgets those that provide less.
    fn want(&mut self, names: &[&str]) {
        let under = names.iter().filter_map(|name| {
            let rescaled = rescaled(name).map(|measure| (MapKind::LayerRescaling, measure));
            rescaled.or_else(|| invariance::parse(name))
        });
        for wanted in under {
            if !self.wanted_under.contains(&wanted) {
                self.wanted_under.push(wanted);
                self.reports.retain(|report| report.map != wanted.0);
            }
        }
        let measures = self.wanted_under.iter().map(|(_, measure)| *measure);
        let all: Vec<&str> = names.iter().copied().chain(measures).collect();
        let largest = all.iter().filter_map(|name| place(name)).max().unwrap_or(1);
        let needs_smallest = [
            "hessian.lambda_min",
            "hessian.lambda_magnitude",
            "hessian.stable_rank",
        ];
        let smallest = usize::from(all.iter().any(|name| needs_smallest.contains(name)));
        if largest > self.wanted_largest || smallest > self.wanted_smallest {
            self.spectrum = None;
        }
        self.wanted_largest = self.wanted_largest.max(largest);
        self.wanted_smallest = self.wanted_smallest.max(smallest);
    }

    /// What the search for the largest eigenvalues leaves for the next one, if it remembers.
    pub fn into_recollection(self) -> Option<Recollection> {
        self.recollection
    }

    fn measure_one(&mut self, name: &str) -> Result<Measurement, LinearError> {
        self.subject.interrupt.check()?;
        if let Some(row) = self.measured.get(name) {
            return Ok(row.clone());
        }
        let start = Instant::now();
        let attempt = catch_unwind(AssertUnwindSafe(|| self.dispatch(name)));
        let mut row = match attempt {
            Ok(Ok(row)) => row,
            Ok(Err(Failure::Curvature(LinearError::Interrupted))) => {
                return Err(LinearError::Interrupted);
            }
            Ok(Err(failure)) => Measurement::failed(name, failure.to_string()),
            Err(_) => Measurement::failed(name, "the numeric library panicked"),
        };
        name.clone_into(&mut row.name);
        if row.rounding.is_none() {
            row.rounding = self.rounding_of(&row)?;
        }
        let norm_mode = self.subject.objective.norm_mode();
        row.norm_mode = norm_mode.map(|mode| mode.as_str().to_owned());
        if name.starts_with("stability.") && row.value.is_some() {
            let notes = row.note.take().into_iter().chain(self.notes_on_step(name));
            let notes: Vec<String> = notes.collect();
            row.note = (!notes.is_empty()).then(|| notes.join("; "));
        }
        // A number that shares its computation with an earlier one took as long as that did.
        row.seconds = row.seconds.max(start.elapsed().as_secs_f64());
        self.measured.insert(name.to_owned(), row.clone());
        Ok(row)
    }

    /// What a reader of a condition on a step of training must know about that step.
    fn notes_on_step(&self, name: &str) -> Vec<String> {
        let mut notes = Vec::new();
        if self.subject.objective.norm_mode() == Some(NormMode::Eval) {
            // Steps are taken on another loss than the one that was measured.
            let note = "by running statistics; training normalises by the batch: norm_mode = batch";
            notes.push(note.to_owned());
        }
        if let (true, Some(step)) = (self.subject.trained_elsewhere, self.step_of_config(name)) {
            notes.push(format!(
                "for a step with the config's {step}, not for those that trained these weights"
            ));
        }
        notes
    }

    /// The settings of the config that a condition on a step rests on.
    fn step_of_config(&self, name: &str) -> Option<String> {
        let subject = &self.subject;
        let mut step = format!("learning rate {}", subject.learning_rate?);
        match name {
            "stability.momentum" => {
                let momentum = subject.momentum?.coefficient;
                step += &format!(" and momentum {momentum}");
            }
            "stability.nonuniformity" | "stability.alignment" => {
                step += &format!(" and batch size {}", subject.batch_size?);
            }
            _ => {}
        }
        Some(step)
    }

    /// Refuses, once for all, a network that gives two answers to one question: curvature of a
    /// random function means nothing. One chunk is enough to tell.
    fn require_repetition(&mut self) -> Result<(), Failure> {
        let subject = self.subject;
        let check = || {
            let first = subject.train.batches().first().cloned();
            let first = Chunks::from_batches(first.into_iter().collect(), Vec::new());
            CurvatureOperator::new(
                Matrix::Hessian,
                subject.objective,
                subject.parameters,
                &first,
                subject.interrupt,
            )
            .check_deterministic()
        };
        Ok(self.repeats.get_or_insert_with(check).clone()?)
    }

    fn dispatch(&mut self, name: &str) -> Result<Measurement, Failure> {
        if needs_products(name) {
            self.require_repetition()?;
        }
        if let Some(family) = family(name) {
            return (family.measure)(self, name);
        }
        match invariance::parse(name) {
            Some((map, measure)) => self.ratio_under(map, measure),
            None => Err(Failure::Other("there is no such measure".to_owned())),
        }
    }

    /// Refuses where a sample's outputs depend on the others of its batch.
    pub(super) fn require_independent_samples(&self) -> Result<(), Failure> {
        match self.subject.objective.samples_are_independent() {
            true => Ok(()),
            false => Err(crate::curvature::coupled().into()),
        }
    }

    /// Refuses where inputs are tokens, between which there is no distance.
    pub(super) fn require_smooth_inputs(&self) -> Result<(), Failure> {
        match self.subject.objective.network().has_smooth_inputs() {
            true => Ok(()),
            false => Err(Failure::Other(
                "the inputs are tokens, and there is no distance between tokens".to_owned(),
            )),
        }
    }

    pub(super) fn train(&mut self) -> Result<&Evaluated, Failure> {
        let subject = self.subject;
        self.train
            .get_or_insert_with(|| {
                Evaluated::run(subject.objective, subject.parameters, subject.train)
            })
            .as_ref()
            .map_err(Failure::from)
    }

    pub(super) fn test(&mut self) -> Result<&Evaluated, Failure> {
        let subject = self.subject;
        self.test
            .get_or_insert_with(|| {
                let test = subject.test.ok_or("there are no test samples")?;
                Evaluated::run(subject.objective, subject.parameters, test)
            })
            .as_ref()
            .map_err(Failure::from)
    }

    pub(super) fn values(&mut self) -> Result<&Vec<f64>, Failure> {
        let parameters = self.subject.parameters;
        self.values
            .get_or_insert_with(|| parameters.to_host())
            .as_ref()
            .map_err(Failure::from)
    }
}

/// Why a measurement has no value.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    #[error("{0}")]
    Curvature(#[from] LinearError),
    #[error("{0}")]
    Other(String),
}

impl From<String> for Failure {
    fn from(reason: String) -> Self {
        Self::Other(reason)
    }
}

impl From<&String> for Failure {
    fn from(reason: &String) -> Self {
        Self::Other(reason.clone())
    }
}
