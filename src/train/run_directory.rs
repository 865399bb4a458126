//! The folder a run leaves behind.

use super::{Checkpoint, Row};
use crate::config::{Config, ConfigError};
use crate::files::{partial, sync_folder, write_atomically};
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
    /// The run has not come to its end.
    #[error("{0} is not finished: finish it with `lab train --resume {0}`")]
    Unfinished(String),
    /// Training could not go on.
    #[error(
        "{path} has no solution, because its training failed: {reason}. `lab train --resume {path}` \
         tries again from its last checkpoint"
    )]
    Failed {
        /// The folder.
        path: String,
        /// Why.
        reason: String,
    },
    /// Training left the finite numbers.
    #[error(
        "{path} has no solution and cannot be resumed: {reason}, and train it anew with --force"
    )]
    Diverged {
        /// The folder.
        path: String,
        /// Where and how.
        reason: String,
    },
    /// The config is not the one that the run was made with.
    #[error(
        "{path}/config.toml was changed after the run began: {changes}. A run keeps its config: put \
         that back, or train another run with the new one: `lab train --config {path}/config.toml \
         --out DIR`"
    )]
    Edited {
        /// The folder.
        path: String,
        /// The keys with both values.
        changes: String,
    },
    /// The weights are not those that the run ended with.
    #[error(
        "{path}/model.safetensors is not what the run ended with: its SHA-256 is {found}, the run's \
         {expected}. Put the run's weights back, or delete the file and let `lab train --resume \
         {path}` make it again; other weights are measured by `lab measure --model FILE --config FILE`"
    )]
    Weights {
        /// The folder.
        path: String,
        /// The digest of the file.
        found: String,
        /// The digest in the summary.
        expected: String,
    },
    /// The config cannot be read any more.
    #[error(transparent)]
    Config(#[from] ConfigError),
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
        // What a process leaves that was killed before it had written the config.
        let begun = partial(&path.join("config.toml"));
        let counts = |entry: &Path| !entry.ends_with(LOCK) && entry != begun;
        let occupied = fs::read_dir(path)
            .is_ok_and(|entries| entries.flatten().any(|entry| counts(&entry.path())));
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
        // What a process leaves that was killed while it wrote.
        remove_partial(path)?;
        directory.forget_old_checkpoints()?;
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
            let before = file.metadata()?.len();
            file.write_all(text.as_bytes()).inspect_err(|_| {
                // No torn line for a reader to stumble over; a resumed run cuts it off in any case.
                let _ = file.set_len(before);
            })?;
            Ok(before + text.len() as u64)
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
                .and_then(|()| sync_folder(&self.path))
                .map_err(|source| io_error(&metrics, source))?;
        }
        let bytes = checkpoint
            .encode()
            .map_err(|reason| io_error(&path, io::Error::other(reason)))?;
        write_atomically(&path, &bytes).map_err(|source| io_error(&path, source))?;
        self.forget_old_checkpoints()
    }

    /// Removes all but the newest few.
    fn forget_old_checkpoints(&self) -> Result<(), DirectoryError> {
        for old in self.checkpoint_files().iter().skip(CHECKPOINTS) {
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
    remove_partial(path)?;
    for name in FILES {
        let file = path.join(name);
        if file.exists() {
            fs::remove_file(&file).map_err(|source| io_error(&file, source))?;
        }
    }
    Ok(())
}

/// Deletes the files that a killed process had not finished writing.
fn remove_partial(path: &Path) -> Result<(), DirectoryError> {
    let files = FILES.iter().map(|name| path.join(name));
    let checkpoints = Checkpoint::partial_files(&path.join("checkpoints"));
    for file in files.map(|file| partial(&file)).chain(checkpoints) {
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

pub(super) fn display(path: &Path) -> String {
    path.display().to_string()
}

pub(super) fn io_error(path: &Path, source: io::Error) -> DirectoryError {
    DirectoryError::Io {
        path: display(path),
        source,
    }
}
