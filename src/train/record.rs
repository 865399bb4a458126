//! How a run came about and what it came to: `run.json` and `summary.json`.

use super::{Divergence, Problem, TrainError};
use crate::data::Source;
use crate::measure::Measurement;
use crate::reparam::MapKind;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::process::Command;

/// What became of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// It is being trained, or was killed.
    Running,
    /// It came to its end.
    Finished,
    /// It came to its end, and what it ended at is no solution: the reason is in the record and in
    /// the summary.
    Degenerate,
    /// The user stopped it; it can be resumed.
    Interrupted,
    /// Its training left the finite numbers.
    Diverged,
    /// It could not go on, for another reason.
    Failed,
}

/// `run.json`: how a run came about.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunRecord {
    /// The command line.
    pub command: Vec<String>,
    /// This program's version.
    pub version: String,
    /// The tensor library's version.
    pub burn: String,
    /// The git revision of the working folder, if it has one.
    pub git_revision: Option<String>,
    /// The backend.
    pub backend: String,
    /// The device's name.
    pub device: String,
    /// Threads the processor offers.
    pub threads: usize,
    /// The files the data came from, with their SHA-256.
    pub data: Vec<DataFile>,
    /// When the run began, in UTC.
    pub started: String,
    /// When it ended, in UTC.
    pub ended: Option<String>,
    /// What became of it.
    pub status: Status,
    /// Why it ended, or what is wrong with its end.
    pub reason: Option<String>,
    /// Where it left the finite numbers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub divergence: Option<Divergence>,
    /// The resolved config it was made with, which tells whether `config.toml` still is.
    #[serde(default)]
    pub config: Option<toml::Table>,
}

/// A data file of a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DataFile {
    /// Its place below the data folder.
    pub name: String,
    /// Its digest.
    pub sha256: String,
}

impl From<&Source> for DataFile {
    fn from(source: &Source) -> Self {
        Self {
            name: source.name.clone(),
            sha256: source.sha256.clone(),
        }
    }
}

/// `summary.json`: the end of a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// The run's name.
    pub run: String,
    /// Its seed.
    pub seed: u64,
    /// Optimizer steps made.
    pub steps: u64,
    /// The same in epochs.
    pub epochs: f64,
    /// Why training ended.
    pub stopped_by: String,
    /// The training loss at the end, over all training samples.
    #[serde(default)]
    pub train_loss: Option<f64>,
    /// The part of its last step that a run went that ended by its training loss, so that this is
    /// the target; none for a whole step.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_step_part: Option<f64>,
    /// Why the end is no solution to speak of, such as a network whose units are all dead.
    #[serde(default)]
    pub degenerate: Option<String>,
    /// The number of parameters.
    pub parameters: usize,
    /// The maps of the parameters that leave the network's function alone.
    #[serde(default = "every_map")]
    pub maps: Vec<MapKind>,
    /// The learning rate of the last step.
    pub learning_rate: f64,
    /// Seconds in optimizer steps.
    pub training_seconds: f64,
    /// Seconds in measurements.
    pub measuring_seconds: f64,
    /// Seconds in preparing compute kernels, on a graphics card.
    pub preparing_seconds: Option<f64>,
    /// The SHA-256 of `model.safetensors`.
    #[serde(default)]
    pub model_sha256: Option<String>,
    /// The last measurements.
    pub measurements: Vec<Measurement>,
}

/// What is assumed of a run that does not say which maps its network has.
fn every_map() -> Vec<MapKind> {
    MapKind::ALL.to_vec()
}

impl RunRecord {
    /// The record of a run that begins now.
    pub fn begin(problem: &Problem) -> Self {
        Self {
            command: std::env::args().collect(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            burn: "0.22.1".to_owned(),
            git_revision: git_revision(),
            backend: problem.config.backend.to_string(),
            device: problem.compute().device_name().to_owned(),
            threads: std::thread::available_parallelism().map_or(1, usize::from),
            data: problem.sources().iter().map(DataFile::from).collect(),
            started: now(),
            ended: None,
            status: Status::Running,
            reason: None,
            divergence: None,
            config: problem.config.to_toml().parse().ok(),
        }
    }

    /// Notes that the run goes on.
    pub fn go_on(&mut self) {
        self.status = Status::Running;
        self.reason = None;
        self.ended = None;
    }

    /// Notes that the user stopped the run.
    pub fn interrupt(&mut self) {
        self.end(Status::Interrupted, Some("stopped by the user".to_owned()));
    }

    /// Notes that the run came to its end.
    pub fn finish(&mut self, summary: &Summary) {
        match &summary.degenerate {
            None => self.end(Status::Finished, None),
            Some(reason) => self.end(Status::Degenerate, Some(reason.clone())),
        }
    }

    /// Notes that the run could not go on.
    pub fn fail(&mut self, error: &TrainError) {
        let status = match error {
            TrainError::Diverged(divergence) => {
                self.divergence = Some(divergence.clone());
                Status::Diverged
            }
            _ => Status::Failed,
        };
        self.end(status, Some(error.to_string()));
    }

    fn end(&mut self, status: Status, reason: Option<String>) {
        self.status = status;
        self.reason = reason;
        self.ended = Some(now());
    }

    /// Refuses to go on with other data than the run began with.
    ///
    /// # Errors
    ///
    /// A sentence naming the first file that differs.
    pub fn check_data(&self, problem: &Problem) -> Result<(), String> {
        let found: Vec<_> = problem.sources().iter().map(DataFile::from).collect();
        if let Some(file) = self.data.iter().find(|file| !found.contains(file)) {
            return Err(format!(
                "the run began with {} of SHA-256 {}, which is not what the data folder holds now; \
                 put that file back, or point --data-dir at it",
                file.name, file.sha256
            ));
        }
        match found.iter().find(|file| !self.data.contains(file)) {
            Some(file) => Err(format!(
                "the data folder now also holds {}, which the run did not begin with; move it away, \
                 or point --data-dir at the folder as it was",
                file.name
            )),
            None => Ok(()),
        }
    }
}

fn now() -> String {
    // Whole seconds: finer times say nothing about a run.
    let now = Timestamp::now();
    Timestamp::from_second(now.as_second())
        .unwrap_or(now)
        .to_string()
}

/// The revision checked out in the working folder, marked if files differ from it.
fn git_revision() -> Option<String> {
    let git = |arguments: &[&str]| {
        let output = Command::new("git").args(arguments).output().ok()?;
        output
            .status
            .success()
            .then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
    };
    let revision = git(&["rev-parse", "HEAD"])?;
    let is_clean = git(&["status", "--porcelain"])?.is_empty();
    Some(if is_clean {
        revision
    } else {
        format!("{revision} (modified)")
    })
}
