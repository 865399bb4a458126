//! What became of a member, read off its run directory. Nothing else keeps it.

use crate::config::{self, Config};
use crate::measure;
use crate::run::{RunDirectory, RunRecord, Status, Summary};
use crate::train;
use std::path::{Path, PathBuf};

/// A member and what became of it.
#[derive(Clone, Debug)]
pub struct MemberState {
    /// Its directory.
    pub place: PathBuf,
    /// What became of it.
    pub state: State,
    /// Its record, once there is one.
    pub record: Option<RunRecord>,
}

/// What became of a member.
#[derive(Clone, Debug)]
pub enum State {
    /// Its learning rate is not tuned yet.
    Waiting,
    /// Nothing is there.
    NotBegun,
    /// A process is writing to it.
    Running,
    /// It was killed or interrupted, and can go on.
    BrokenOff,
    /// It came to its end.
    Finished(Box<Summary>),
    /// It could not go on, for this reason; it can be tried again.
    Failed(String),
    /// Its training left the finite numbers, or would fail again for another reason.
    Diverged(String),
    /// What is there is not this member, or cannot be read.
    Unusable(String),
}

impl State {
    /// In a word or two.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Waiting => "waits for tuning",
            Self::NotBegun => "not begun",
            Self::Running => "running",
            Self::BrokenOff => "broken off",
            Self::Finished(summary) if summary.degenerate.is_some() => "degenerate",
            Self::Finished(_) => "finished",
            Self::Failed(_) => "failed",
            Self::Diverged(_) => "diverged",
            Self::Unusable(_) => "unusable",
        }
    }

    /// Why there is no end, of a member that has failed.
    pub fn reason(&self) -> Option<&str> {
        match self {
            Self::Failed(reason) | Self::Diverged(reason) | Self::Unusable(reason) => Some(reason),
            _ => None,
        }
    }
}

impl MemberState {
    /// A member whose directory is not known yet.
    pub fn waiting() -> Self {
        Self {
            place: PathBuf::new(),
            state: State::Waiting,
            record: None,
        }
    }

    /// What became of the member in a directory; with a config, whether it is of that config at all.
    pub fn of(place: &Path, config: Option<&Config>) -> Self {
        let record = RunDirectory::open(place)
            .and_then(|directory| directory.read_json::<RunRecord>("run.json"));
        let record = record.ok();
        Self {
            state: state(place, config, record.as_ref()),
            place: place.to_owned(),
            record,
        }
    }

    /// The seconds that its steps and measurements took, once it is finished.
    pub fn seconds(&self) -> Option<f64> {
        match &self.state {
            State::Finished(summary) => Some(summary.training_seconds + summary.measuring_seconds),
            _ => None,
        }
    }
}

fn state(place: &Path, config: Option<&Config>, record: Option<&RunRecord>) -> State {
    // First, so that a run that ends meanwhile is not taken for one that was broken off.
    let is_running = RunDirectory::is_being_written(place);
    let Ok(directory) = RunDirectory::open(place) else {
        return match RunDirectory::check(place, false) {
            _ if is_running => State::Running,
            Ok(()) => State::NotBegun,
            Err(error) => State::Unusable(error.to_string()),
        };
    };
    if let Some(difference) = config.and_then(|config| difference(&directory, config)) {
        return State::Unusable(difference);
    }
    if directory.is_finished() {
        return match directory.read_json::<Summary>("summary.json") {
            Ok(summary) => State::Finished(Box::new(summary)),
            Err(error) => State::Unusable(error.to_string()),
        };
    }
    let reason = |record: &RunRecord| record.reason.clone().unwrap_or_default();
    match record {
        _ if is_running => State::Running,
        Some(record) if record.is_final || record.status == Status::Diverged => {
            State::Diverged(reason(record))
        }
        Some(record) if record.status == Status::Failed => State::Failed(reason(record)),
        _ => State::BrokenOff,
    }
}

/// What makes the run in a directory another one than that of a config.
fn difference(directory: &RunDirectory, config: &Config) -> Option<String> {
    let path = directory.path().display();
    let there = match config::load(&directory.config_file(), &[], &measure::names()) {
        Ok(there) => there,
        Err(error) => return Some(error.to_string()),
    };
    let difference = train::difference(config, &there)?;
    Some(format!("{path} holds a run with {difference}"))
}
