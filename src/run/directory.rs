//! The folder a run leaves behind.

use super::error::{display, io_error};
use super::{Checkpoint, DirectoryError};
use crate::config::Config;
use crate::files::{Together, partial, sync_folder, write_atomically};
use crate::measure::Weights;
use serde::{Deserialize, Serialize};
use std::fs::{self, File, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};

/// The files of a run; the config, which makes a folder a run, is the last.
const FILES: [&str; 6] = [
    "summary.json",
    "model.safetensors",
    "average.safetensors",
    "metrics.jsonl",
    "run.json",
    "config.toml",
];

/// The file whose lock says that a run is being written to.
const LOCK: &str = ".lock";

/// The name of the file of the last weights, or of their average.
pub(super) fn weights_name(weights: Weights) -> &'static str {
    match weights {
        Weights::Last => "model.safetensors",
        Weights::Average => "average.safetensors",
    }
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
        // On a full disk, say, nothing is left of what was begun.
        let mut together = Together::default();
        let refused = |source| DirectoryError::Create {
            path: display(path),
            source,
        };
        together.folder(path).map_err(refused)?;
        let is_locked_first = !path.join(LOCK).exists();
        let directory = Self {
            path: path.to_owned(),
            lock: Some(lock(path)?),
        };
        if is_locked_first {
            together.made(&path.join(LOCK));
        }
        let file = directory.config_file();
        // Another process may have made this run, whole, before the lock was this one's.
        if file.exists() {
            together.keep();
            return Err(DirectoryError::Exists(display(path)));
        }
        // The config first: it is what makes the folder a run.
        let config = config.to_toml();
        together.file(&file, config.as_bytes()).map_err(refused)?;
        together.folder(&directory.checkpoints()).map_err(refused)?;
        together.keep();
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
        Ok(directory)
    }

    /// Whether a process is writing to the run at a place, where there may be none.
    pub fn is_being_written(path: &Path) -> bool {
        // A lock that is shared is no writer's, so those who ask do not disturb each other.
        let file = File::open(path.join(LOCK));
        file.is_ok_and(|file| matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock)))
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether the run came to its end: its summary and its weights are there.
    pub fn is_finished(&self) -> bool {
        self.path.join("summary.json").exists() && self.model_file().exists()
    }

    /// The resolved config's file.
    pub fn config_file(&self) -> PathBuf {
        self.path.join("config.toml")
    }

    /// The final weights' file.
    pub fn model_file(&self) -> PathBuf {
        self.weights_file(Weights::Last)
    }

    /// The file of the last weights of a finished run, or of their average.
    pub fn weights_file(&self, weights: Weights) -> PathBuf {
        self.path.join(weights_name(weights))
    }

    pub(super) fn checkpoints(&self) -> PathBuf {
        self.path.join("checkpoints")
    }

    /// Deletes what a run leaves at its end, the summary first: it is then one that was broken off.
    ///
    /// # Errors
    ///
    /// The file system's.
    pub fn remove_end(&self) -> Result<(), DirectoryError> {
        for name in &FILES[..3] {
            let file = self.path.join(name);
            if file.exists() {
                fs::remove_file(&file).map_err(|source| io_error(&file, source))?;
            }
        }
        sync_folder(&self.path).map_err(|source| io_error(&self.path, source))
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
    /// [`DirectoryError::Damaged`] where it is missing or not what was expected, with what to do.
    pub fn read_json<T: for<'de> Deserialize<'de>>(&self, name: &str) -> Result<T, DirectoryError> {
        let damaged = |reason: String| {
            let path = display(&self.path);
            // A run without a summary goes on from its last checkpoint, and writes both.
            let made_again = format!(
                "delete {path}/summary.json and let `lab train --resume {path}` make it again from the last \
                 checkpoint"
            );
            DirectoryError::Damaged {
                remedy: match name {
                    "summary.json" => format!("Put a copy back, or {made_again}"),
                    _ => format!("Put a copy back, or {made_again}, and {name} with it"),
                },
                file: name.to_owned(),
                reason,
                path,
            }
        };
        let text =
            fs::read_to_string(self.path.join(name)).map_err(|error| damaged(error.to_string()))?;
        serde_json::from_str(&text).map_err(|error| damaged(error.to_string()))
    }
}

/// Deletes what a run consists of, the config last, and nothing else that may lie beside it.
fn remove_run(path: &Path) -> Result<(), DirectoryError> {
    let checkpoints = path.join("checkpoints");
    if checkpoints.exists() {
        fs::remove_dir_all(&checkpoints).map_err(|source| io_error(&checkpoints, source))?;
    }
    // Pictures of a solution that is there no more.
    let slices = path.join("slices");
    if slices.exists() {
        fs::remove_dir_all(&slices).map_err(|source| io_error(&slices, source))?;
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
