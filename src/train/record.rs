//! How a run came about: the making of `run.json`.

use super::Problem;
use super::run_directory::{DataFile, RunRecord, Status};
use jiff::Timestamp;
use std::process::Command;

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
        }
    }

    /// Notes that the run has ended.
    pub fn end(&mut self, status: Status, reason: Option<String>) {
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
