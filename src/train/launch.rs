//! Beginning runs and going on with them. Nothing here prints: what happens is told to an observer, or is
//! the answer.

use super::engine::Engine;
use super::{Observer, Outcome, Problem, ProblemError, TrainError};
use crate::config::{Config, LearningRateRule};
use crate::linear::Interrupt;
use crate::run::{Checkpoint, DirectoryError, Newest, RunDirectory, RunRecord, Skipped, Summary};
use std::path::Path;
use std::sync::atomic::AtomicBool;
use thiserror::Error;

/// A run that is ready to be trained: its data are loaded, and its directory is this process's.
pub struct Run {
    problem: Problem,
    directory: RunDirectory,
    record: RunRecord,
    from: Option<Checkpoint>,
    skipped: Vec<Skipped>,
}

/// What is found where a run is to go on.
pub enum Found {
    /// It has come to its end, and to this.
    Finished(Box<Summary>),
    /// It was broken off.
    BrokenOff(Box<BrokenOff>),
}

/// A run that was broken off, before its data are loaded.
pub struct BrokenOff {
    directory: RunDirectory,
    /// A run that was killed early has none.
    record: Option<RunRecord>,
    config: Config,
}

/// Why a run does not go on.
#[derive(Debug, Error)]
pub enum ResumeError {
    /// Its problem cannot be set up.
    #[error(transparent)]
    Problem(#[from] ProblemError),
    /// Its directory cannot be used.
    #[error(transparent)]
    Directory(#[from] DirectoryError),
}

impl Run {
    /// Makes the directory of a run, in which an earlier run is replaced only with `force`.
    ///
    /// # Errors
    ///
    /// [`DirectoryError`]; an earlier run is then as it was.
    pub fn begin(problem: Problem, place: &Path, force: bool) -> Result<Self, DirectoryError> {
        Ok(Self {
            directory: RunDirectory::create(place, &problem.config, force)?,
            record: new_record(&problem),
            problem,
            from: None,
            skipped: Vec::new(),
        })
    }

    /// A run that goes on from the newest checkpoint in its directory.
    pub(super) fn going_on(
        problem: Problem,
        directory: RunDirectory,
        record: RunRecord,
        newest: Newest,
    ) -> Self {
        Self {
            problem,
            directory,
            record,
            from: newest.checkpoint,
            skipped: newest.skipped,
        }
    }

    /// What is trained.
    pub fn problem(&self) -> &Problem {
        &self.problem
    }

    /// How the run came about.
    pub fn record(&self) -> &RunRecord {
        &self.record
    }

    /// Where the run is written.
    pub fn path(&self) -> &Path {
        self.directory.path()
    }

    /// Trains from the start, or from the newest checkpoint, to the end or until the flag is raised, and
    /// notes in the record what became of it.
    ///
    /// # Errors
    ///
    /// [`TrainError`]; checkpoints made so far stay.
    pub fn execute(
        &mut self,
        interrupt: &AtomicBool,
        observer: &mut dyn Observer,
    ) -> Result<Outcome, TrainError> {
        self.directory.write_json("run.json", &self.record)?;
        for skipped in &self.skipped {
            observer.skipped(skipped);
        }
        let interrupt = Interrupt::on(interrupt);
        let (problem, directory, from) = (&self.problem, &self.directory, self.from.take());
        let result = Engine::new(problem, directory, from, interrupt, observer)
            .and_then(|engine| engine.run(observer));
        match &result {
            Ok(outcome) => match &outcome.summary {
                Some(summary) => self.record.finish(summary),
                None => self.record.interrupt(),
            },
            Err(TrainError::Diverged(divergence)) => self.record.diverge(divergence.clone()),
            Err(error) => self.record.fail(error.to_string(), error.is_final()),
        }
        let recorded = self.directory.write_json("run.json", &self.record);
        let outcome = result?;
        recorded?;
        Ok(outcome)
    }
}

/// What there is to go on with in a directory, which is this process's from now on.
///
/// # Errors
///
/// [`DirectoryError`]: it is no run, another process writes to it, its config was edited, or it would
/// fail again.
pub fn reopen(path: &Path) -> Result<Found, DirectoryError> {
    let directory = RunDirectory::open_for_writing(path)?;
    directory.check_resumable()?;
    let record = directory.read_json::<RunRecord>("run.json").ok();
    let config = directory.config(record.as_ref())?;
    let summary = directory.read_json::<Summary>("summary.json").ok();
    if let Some(summary) = summary.filter(|_| directory.is_finished()) {
        mend_record(&directory, record, &summary)?;
        return Ok(Found::Finished(Box::new(summary)));
    }
    Ok(Found::BrokenOff(Box::new(BrokenOff {
        directory,
        record,
        config,
    })))
}

/// A run killed between its summary and its record still says that it is running.
fn mend_record(
    directory: &RunDirectory,
    record: Option<RunRecord>,
    summary: &Summary,
) -> Result<(), DirectoryError> {
    match record {
        Some(mut record) if !record.is_closed() => {
            record.finish(summary);
            directory.write_json("run.json", &record)
        }
        _ => Ok(()),
    }
}

impl BrokenOff {
    /// Loads the data and the newest checkpoint that can be used.
    ///
    /// # Errors
    ///
    /// [`ResumeError`]: the data are missing or are others than the run began with, or there are
    /// checkpoints and none can be used.
    pub fn load(self, data_dir: &Path) -> Result<Run, ResumeError> {
        let Self {
            directory,
            record,
            config,
        } = self;
        let problem = Problem::open(config, data_dir)?;
        let mut record = record.unwrap_or_else(|| new_record(&problem));
        record.check_data(problem.sources())?;
        record.go_on();
        let newest = directory.newest_checkpoint(
            &problem.config.fingerprint(),
            problem.objective.network().blueprint(),
            problem.config.precision,
        )?;
        Ok(Run::going_on(problem, directory, record, newest))
    }
}

pub(super) fn new_record(problem: &Problem) -> RunRecord {
    let device = problem.compute().device_name();
    let follows = problem.config.learning_rate_rule != LearningRateRule::None;
    RunRecord {
        effective_learning_rate: follows.then(|| problem.base_rate()),
        ..RunRecord::begin(&problem.config, problem.sources(), device)
    }
}
