//! How a run came about and what became of it: `run.json`.

use super::provenance::{BURN, REVISION, VERSION, revision_of_folder};
use super::{DirectoryError, Divergence, Summary};
use crate::config::Config;
use crate::data::Source;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

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
    /// The git revision that it was built from.
    #[serde(default = "unknown")]
    pub revision: String,
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
    /// The most memory its process has held, in bytes, where the system tells.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub peak_memory: Option<u64>,
    /// Whether it would end so again from any checkpoint.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_final: bool,
    /// Where it left the finite numbers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub divergence: Option<Divergence>,
    /// The learning rate of its first batch size, before any schedule, where it follows the batch size
    /// (`learning_rate_rule`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub effective_learning_rate: Option<f64>,
    /// What was done to it after it had ended, oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub later: Vec<Later>,
    /// The resolved config it was made with, which tells whether `config.toml` still is.
    #[serde(default)]
    pub config: Option<toml::Table>,
}

/// Something that was done to a run after it had ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Later {
    /// What.
    pub what: Change,
    /// The command line.
    pub command: Vec<String>,
    /// The version of this program.
    pub version: String,
    /// The git revision that it was built from.
    pub revision: String,
    /// When, in UTC.
    pub at: String,
}

/// What was done to a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Change {
    /// So many rows were added to it.
    Measured(usize),
    /// It was gone on with from this step, to an end that was further away than its first one.
    Extended(u64),
}

impl Later {
    /// What this command does now.
    pub fn now(what: Change) -> Self {
        Self {
            what,
            command: std::env::args().collect(),
            version: VERSION.to_owned(),
            revision: REVISION.to_owned(),
            at: now(),
        }
    }
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

impl RunRecord {
    /// The record of a run that begins now, with this config and these data, on a device.
    pub fn begin(config: &Config, sources: &[Source], device: &str) -> Self {
        Self {
            command: std::env::args().collect(),
            version: VERSION.to_owned(),
            revision: REVISION.to_owned(),
            burn: BURN.to_owned(),
            git_revision: revision_of_folder(),
            backend: config.backend.to_string(),
            device: device.to_owned(),
            threads: std::thread::available_parallelism().map_or(1, usize::from),
            data: sources.iter().map(DataFile::from).collect(),
            started: now(),
            ended: None,
            status: Status::Running,
            reason: None,
            peak_memory: None,
            is_final: false,
            divergence: None,
            effective_learning_rate: None,
            later: Vec::new(),
            config: config.to_toml().parse().ok(),
        }
    }

    /// Notes that the run goes on.
    pub fn go_on(&mut self) {
        self.status = Status::Running;
        self.is_final = false;
        self.reason = None;
        self.ended = None;
    }

    /// Notes that the run goes on to another end, from a step that it has made.
    pub fn extend(&mut self, config: &Config, from: u64) {
        self.go_on();
        // What was measured at the old end is no part of the longer run.
        self.later
            .retain(|later| !matches!(later.what, Change::Measured(_)));
        self.later.push(Later::now(Change::Extended(from)));
        self.config = config.to_toml().parse().ok();
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

    /// Notes that the run could not go on, and whether it would fail again.
    pub fn fail(&mut self, reason: String, is_final: bool) {
        self.is_final = is_final;
        self.end(Status::Failed, Some(reason));
    }

    /// Notes that training left the finite numbers.
    pub fn diverge(&mut self, divergence: Divergence) {
        self.is_final = true;
        self.end(Status::Diverged, Some(divergence.to_string()));
        self.divergence = Some(divergence);
    }

    /// The version that began the run, and any others that added to it later.
    pub fn versions(&self) -> String {
        let mut versions = vec![self.version.as_str()];
        for Later { version, .. } in &self.later {
            if !versions.contains(&version.as_str()) {
                versions.push(version);
            }
        }
        versions.join(", later ")
    }

    /// Whether the record says how the run ended, at its end.
    pub fn is_closed(&self) -> bool {
        matches!(self.status, Status::Finished | Status::Degenerate)
    }

    fn end(&mut self, status: Status, reason: Option<String>) {
        self.status = status;
        self.reason = reason;
        self.ended = Some(now());
        // Of a run that went on, the process that held the most.
        self.peak_memory = self.peak_memory.max(peak_memory());
    }

    /// Refuses to go on with other data than the run began with.
    ///
    /// # Errors
    ///
    /// [`DirectoryError::OtherData`], naming the first file that differs.
    pub fn check_data(&self, sources: &[Source]) -> Result<(), DirectoryError> {
        let found: Vec<_> = sources.iter().map(DataFile::from).collect();
        if let Some(file) = self.data.iter().find(|file| !found.contains(file)) {
            return Err(DirectoryError::OtherData(format!(
                "the run began with {} of SHA-256 {}, which is not what the data folder holds now; \
                 put that file back, or point --data-dir at it",
                file.name, file.sha256
            )));
        }
        match found.iter().find(|file| !self.data.contains(file)) {
            Some(file) => Err(DirectoryError::OtherData(format!(
                "the data folder now also holds {}, which the run did not begin with; move it away, \
                 or point --data-dir at the folder as it was",
                file.name
            ))),
            None => Ok(()),
        }
    }
}

/// What is assumed of a record that does not say what built its program.
fn unknown() -> String {
    "unknown".to_owned()
}

/// The most memory this process has held, in bytes.
#[cfg(unix)]
fn peak_memory() -> Option<u64> {
    // SAFETY: all zeros are a valid `rusage`, which the call only writes to.
    let usage = unsafe {
        let mut usage: libc::rusage = std::mem::zeroed();
        (libc::getrusage(libc::RUSAGE_SELF, &raw mut usage) == 0).then_some(usage)
    }?;
    // Bytes on Apple's systems, kilobytes elsewhere.
    let unit = if cfg!(target_vendor = "apple") {
        1
    } else {
        1024
    };
    u64::try_from(usage.ru_maxrss).ok().map(|size| size * unit)
}

#[cfg(not(unix))]
fn peak_memory() -> Option<u64> {
    None
}

fn now() -> String {
    // Whole seconds: finer times say nothing about a run.
    let now = Timestamp::now();
    Timestamp::from_second(now.as_second())
        .unwrap_or(now)
        .to_string()
}
