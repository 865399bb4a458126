//! The folder a run leaves behind.

use super::{Checkpoint, Row};
use crate::config::Config;
use crate::data::Source;
use crate::files::write_atomically;
use crate::measure::Measurement;
use crate::reparam::MapKind;
use serde::{Deserialize, Serialize};
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use thiserror::Error;

/// How many of the newest checkpoints are kept.
const CHECKPOINTS: usize = 2;

/// The files of a run; the config, which makes a folder a run, is the last.
const FILES: [&str; 5] = [
    "summary.json",
    "model.safetensors",
    "metrics.jsonl",
    "run.json",
    "config.toml",
];

/// The file whose lock says that a run is being written to.
const LOCK: &str = ".lock";

/// Why a run directory cannot be used.
#[derive(Debug, Error)]
pub enum DirectoryError {
    /// There is a run already.
    #[error(
        "{0} already holds a run: continue it with `lab train --resume {0}`, replace it with --force, \
         or choose another place with --out or --set name=..."
    )]
    Exists(String),
    /// The folder holds something that is no run, which `--force` must not delete.
    #[error(
        "{0} exists and is not a run directory (it has no config.toml); choose another place with --out"
    )]
    Foreign(String),
    /// A folder that is not a run directory where one is needed.
    #[error("{path} is not a run directory: {reason}")]
    NotARun {
        /// The folder.
        path: String,
        /// What is missing or wrong.
        reason: String,
    },
    /// The folder cannot be made.
    #[error("the run directory {path} cannot be made: {source}; choose another place with --out")]
    Create {
        /// The folder.
        path: String,
        /// Why.
        source: io::Error,
    },
    /// Another process is writing to the run.
    #[error("{0} is being written to by another process; wait for it or stop it first")]
    Busy(String),
    /// The file system refused.
    #[error("{path}: {source}")]
    Io {
        /// The file or folder.
        path: String,
        /// Why.
        source: io::Error,
    },
}

/// What became of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// It is being trained, or was killed.
    Running,
    /// It came to its end.
    Finished,
    /// The user stopped it; it can be resumed.
    Interrupted,
    /// It could not go on.
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
    /// Why it ended.
    pub reason: Option<String>,
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
    /// Why the network has learned nothing that flatness could be told of (dead units, outputs that
    /// do not depend on the sample, a loss above the constant predictor's); none for a sound one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub degenerate: Option<String>,
    /// The last measurements.
    pub measurements: Vec<Measurement>,
}

/// What is assumed of a run that does not say which maps its network has.
fn every_map() -> Vec<MapKind> {
    MapKind::ALL.to_vec()
}

/// The files of one run.
#[derive(Debug)]
pub struct RunDirectory {
    path: PathBuf,
    /// Held while the run is written to; the system lets go of it when the process ends.
    lock: Option<File>,
}

impl RunDirectory {
    /// The place of a run below an output folder: `<out>/<name>/seed-<n>`.
    pub fn place(out: &Path, config: &Config) -> PathBuf {
        out.join(&config.name).join(format!("seed-{}", config.seed))
    }

    /// Refuses a place that is taken; changes nothing.
    ///
    /// # Errors
    ///
    /// [`DirectoryError::Exists`] without `force`, [`DirectoryError::Foreign`] even with it.
    pub fn check(path: &Path, force: bool) -> Result<(), DirectoryError> {
        let is_run = path.join("config.toml").exists();
        let occupied = fs::read_dir(path)
            .is_ok_and(|entries| entries.flatten().any(|entry| entry.file_name() != LOCK));
        if path.is_file() || (occupied && !is_run) {
            return Err(DirectoryError::Foreign(display(path)));
        }
        if occupied && !force {
            return Err(DirectoryError::Exists(display(path)));
        }
        Ok(())
    }

    /// Makes the folder, replacing an earlier run only with `force`, and writes the resolved
    /// config into it.
    ///
    /// # Errors
    ///
    /// As [`RunDirectory::check`], or the file system's.
    pub fn create(path: &Path, config: &Config, force: bool) -> Result<Self, DirectoryError> {
        Self::check(path, force)?;
        if force && path.join("config.toml").exists() {
            // Nobody else may be writing to what is deleted.
            let _lock = lock(path)?;
            remove_run(path)?;
        }
        fs::create_dir_all(path).map_err(|source| DirectoryError::Create {
            path: display(path),
            source,
        })?;
        let directory = Self {
            path: path.to_owned(),
            lock: Some(lock(path)?),
        };
        // The config first: it is what makes the folder a run.
        directory.write("config.toml", config.to_toml().as_bytes())?;
        let checkpoints = directory.checkpoints();
        fs::create_dir_all(&checkpoints).map_err(|source| io_error(&checkpoints, source))?;
        Ok(directory)
    }

    /// Opens an existing run.
    ///
    /// # Errors
    ///
    /// [`DirectoryError::NotARun`] where the folder has no `config.toml`.
    pub fn open(path: &Path) -> Result<Self, DirectoryError> {
        if !path.join("config.toml").is_file() {
            let reason = if path.exists() {
                "it has no config.toml"
            } else {
                "there is no such folder"
            };
            return Err(DirectoryError::NotARun {
                path: display(path),
                reason: reason.to_owned(),
            });
        }
        Ok(Self {
            path: path.to_owned(),
            lock: None,
        })
    }

    /// Opens an existing run to go on with it; nobody else can meanwhile.
    ///
    /// # Errors
    ///
    /// As [`RunDirectory::open`]; [`DirectoryError::Busy`] where another process writes to it.
    pub fn open_for_writing(path: &Path) -> Result<Self, DirectoryError> {
        let mut directory = Self::open(path)?;
        directory.lock = Some(lock(path)?);
        let checkpoints = directory.checkpoints();
        fs::create_dir_all(&checkpoints).map_err(|source| io_error(&checkpoints, source))?;
        Ok(directory)
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether the run came to its end: its summary and its weights are there.
    pub fn is_finished(&self) -> bool {
        self.path.join("summary.json").exists() && self.model_file().exists()
    }

    /// The bytes of `metrics.jsonl`.
    pub fn metrics_length(&self) -> u64 {
        fs::metadata(self.metrics_file()).map_or(0, |metadata| metadata.len())
    }

    /// The resolved config's file.
    pub fn config_file(&self) -> PathBuf {
        self.path.join("config.toml")
    }

    /// The final weights' file.
    pub fn model_file(&self) -> PathBuf {
        self.path.join("model.safetensors")
    }

    fn checkpoints(&self) -> PathBuf {
        self.path.join("checkpoints")
    }

    fn metrics_file(&self) -> PathBuf {
        self.path.join("metrics.jsonl")
    }

    /// Writes a file of the run in one piece.
    ///
    /// # Errors
    ///
    /// The file system's.
    pub fn write(&self, name: &str, bytes: &[u8]) -> Result<(), DirectoryError> {
        let path = self.path.join(name);
        write_atomically(&path, bytes).map_err(|source| io_error(&path, source))
    }

    /// Writes a file of the run as JSON.
    ///
    /// # Errors
    ///
    /// The file system's.
    pub fn write_json<T: Serialize>(&self, name: &str, value: &T) -> Result<(), DirectoryError> {
        let mut bytes = serde_json::to_vec_pretty(value).map_err(|error| DirectoryError::Io {
            path: display(&self.path.join(name)),
            source: error.into(),
        })?;
        bytes.push(b'\n');
        self.write(name, &bytes)
    }

    /// Reads a JSON file of the run.
    ///
    /// # Errors
    ///
    /// [`DirectoryError::NotARun`] where it is missing or not what was expected.
    pub fn read_json<T: for<'de> Deserialize<'de>>(&self, name: &str) -> Result<T, DirectoryError> {
        let path = self.path.join(name);
        let not_a_run = |reason: String| DirectoryError::NotARun {
            path: display(&self.path),
            reason: format!("{name}: {reason}"),
        };
        let text = fs::read_to_string(&path).map_err(|error| not_a_run(error.to_string()))?;
        serde_json::from_str(&text).map_err(|error| not_a_run(error.to_string()))
    }

    /// Appends rows to `metrics.jsonl` in one write; returns its new length.
    ///
    /// # Errors
    ///
    /// The file system's.
    pub fn append_rows(&self, rows: &[Row]) -> Result<u64, DirectoryError> {
        let path = self.metrics_file();
        let mut text = String::new();
        for row in rows {
            let line = serde_json::to_string(row).map_err(|error| io_error(&path, error.into()))?;
            text.push_str(&line);
            text.push('\n');
        }
        let append = || -> io::Result<u64> {
            let mut file = OpenOptions::new().create(true).append(true).open(&path)?;
            file.write_all(text.as_bytes())?;
            file.flush()?;
            Ok(file.metadata()?.len())
        };
        append().map_err(|source| io_error(&path, source))
    }

    /// Cuts `metrics.jsonl` back to a length it once had.
    ///
    /// # Errors
    ///
    /// The file system's, or [`DirectoryError::NotARun`] where it is shorter than that.
    pub fn truncate_rows(&self, length: u64) -> Result<(), DirectoryError> {
        let path = self.metrics_file();
        let file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&path)
            .map_err(|source| io_error(&path, source))?;
        let found = file
            .metadata()
            .map_err(|source| io_error(&path, source))?
            .len();
        if found < length {
            return Err(DirectoryError::NotARun {
                path: display(&self.path),
                reason: format!(
                    "metrics.jsonl has {found} bytes, the checkpoint was made with {length}"
                ),
            });
        }
        file.set_len(length)
            .and_then(|()| file.sync_all())
            .map_err(|source| io_error(&path, source))
    }

    /// Saves a checkpoint and removes all but the newest few.
    ///
    /// # Errors
    ///
    /// The file system's.
    pub fn save_checkpoint(&self, checkpoint: &Checkpoint) -> Result<(), DirectoryError> {
        let folder = self.checkpoints();
        let path = folder.join(Checkpoint::file_name(checkpoint.step));
        let metrics = self.metrics_file();
        // The rows the checkpoint counts on must be on the disk before it is.
        if let Ok(file) = File::open(&metrics) {
            file.sync_all()
                .map_err(|source| io_error(&metrics, source))?;
        }
        let bytes = checkpoint
            .encode()
            .map_err(|reason| io_error(&path, io::Error::other(reason)))?;
        write_atomically(&path, &bytes).map_err(|source| io_error(&path, source))?;
        for old in Checkpoint::files(&folder).iter().skip(CHECKPOINTS) {
            fs::remove_file(old).map_err(|source| io_error(old, source))?;
        }
        Ok(())
    }

    /// The checkpoint files, newest first.
    pub fn checkpoint_files(&self) -> Vec<PathBuf> {
        Checkpoint::files(&self.checkpoints())
    }
}

/// Deletes what a run consists of, the config last, and nothing else that may lie beside it.
fn remove_run(path: &Path) -> Result<(), DirectoryError> {
    let checkpoints = path.join("checkpoints");
    if checkpoints.exists() {
        fs::remove_dir_all(&checkpoints).map_err(|source| io_error(&checkpoints, source))?;
    }
    for name in FILES {
        let file = path.join(name);
        if file.exists() {
            fs::remove_file(&file).map_err(|source| io_error(&file, source))?;
        }
    }
    Ok(())
}

/// Takes the run for this process.
fn lock(path: &Path) -> Result<File, DirectoryError> {
    let place = path.join(LOCK);
    let file = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .open(&place)
        .map_err(|source| io_error(&place, source))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(DirectoryError::Busy(display(path))),
        // A file system without locks protects nobody, and must not keep anybody from working.
        Err(TryLockError::Error(_)) => Ok(file),
    }
}

fn display(path: &Path) -> String {
    path.display().to_string()
}

fn io_error(path: &Path, source: io::Error) -> DirectoryError {
    DirectoryError::Io {
        path: display(path),
        source,
    }
}
