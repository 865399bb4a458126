//! The checkpoints in a run directory.

use super::error::{display, io_error};
use super::{Checkpoint, DirectoryError, RunDirectory};
use crate::files::{sync_folder, write_atomically};
use crate::linear::Precision;
use crate::model::Blueprint;
use std::fmt;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

/// A checkpoint that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Skipped {
    /// The file.
    pub path: PathBuf,
    /// Why.
    pub reason: String,
}

impl fmt::Display for Skipped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: skipped: {}", self.path.display(), self.reason)
    }
}

/// From where a run goes on.
#[derive(Clone, Debug)]
pub struct Newest {
    /// The newest checkpoint that can be used; none for a run killed before its first one, which starts
    /// over.
    pub checkpoint: Option<Checkpoint>,
    /// Newer ones that cannot.
    pub skipped: Vec<Skipped>,
}

impl RunDirectory {
    /// The newest checkpoint of a run with this config and model whose rows are still there.
    ///
    /// # Errors
    ///
    /// [`DirectoryError::NoCheckpoint`] where there are some and none can be used.
    pub fn newest_checkpoint(
        &self,
        config: &str,
        model: &Blueprint,
        precision: Precision,
    ) -> Result<Newest, DirectoryError> {
        let mut skipped = Vec::new();
        for path in self.checkpoint_files() {
            match self.usable_checkpoint(&path, config, model, precision) {
                Ok(found) => {
                    let checkpoint = Some(found);
                    return Ok(Newest {
                        checkpoint,
                        skipped,
                    });
                }
                Err(reason) => skipped.push(Skipped { path, reason }),
            }
        }
        if skipped.is_empty() {
            let checkpoint = None;
            return Ok(Newest {
                checkpoint,
                skipped,
            });
        }
        let reason = |Skipped { path, reason }: &Skipped| {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            format!("{name}: {reason}")
        };
        let reasons: Vec<String> = skipped.iter().map(reason).collect();
        Err(DirectoryError::NoCheckpoint {
            path: display(self.path()),
            reasons: reasons.join("; "),
        })
    }

    /// The checkpoint in a file of this run, with this config and model.
    ///
    /// # Errors
    ///
    /// Why it cannot be used.
    pub fn checkpoint(
        &self,
        path: &Path,
        config: &str,
        model: &Blueprint,
        precision: Precision,
    ) -> Result<Checkpoint, Skipped> {
        self.usable_checkpoint(path, config, model, precision)
            .map_err(|reason| Skipped {
                path: path.to_owned(),
                reason,
            })
    }

    fn usable_checkpoint(
        &self,
        path: &Path,
        config: &str,
        model: &Blueprint,
        precision: Precision,
    ) -> Result<Checkpoint, String> {
        let bytes = fs::read(path).map_err(|error| error.to_string())?;
        let checkpoint = Checkpoint::decode(&bytes, model, precision)?;
        if checkpoint.config != config {
            return Err("it was made with another config than config.toml holds now".to_owned());
        }
        let (found, needed) = (self.metrics_length(), checkpoint.metrics_length);
        if found < needed {
            return Err(format!(
                "metrics.jsonl has {found} bytes, it was made with {needed}"
            ));
        }
        Ok(checkpoint)
    }

    /// All checkpoints of a run with this config and model, oldest first, and those that cannot be used.
    pub fn all_checkpoints(
        &self,
        config: &str,
        model: &Blueprint,
        precision: Precision,
    ) -> (Vec<Checkpoint>, Vec<Skipped>) {
        let (mut found, mut skipped) = (Vec::new(), Vec::new());
        for path in self.checkpoint_files().into_iter().rev() {
            match self.usable_checkpoint(&path, config, model, precision) {
                Ok(checkpoint) => found.push(checkpoint),
                Err(reason) => skipped.push(Skipped { path, reason }),
            }
        }
        (found, skipped)
    }

    /// Saves a checkpoint.
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
                .and_then(|()| sync_folder(self.path()))
                .map_err(|source| io_error(&metrics, source))?;
        }
        let bytes = checkpoint
            .encode()
            .map_err(|reason| io_error(&path, io::Error::other(reason)))?;
        write_atomically(&path, &bytes).map_err(|source| io_error(&path, source))
    }

    /// Removes all checkpoints but the newest so many and those whose step is chosen.
    ///
    /// # Errors
    ///
    /// The file system's.
    pub fn drop_checkpoints(
        &self,
        newest: usize,
        is_chosen: impl Fn(u64) -> bool,
    ) -> Result<(), DirectoryError> {
        for old in self.checkpoint_files().iter().skip(newest) {
            if !Checkpoint::step_of(old).is_some_and(&is_chosen) {
                fs::remove_file(old).map_err(|source| io_error(old, source))?;
            }
        }
        Ok(())
    }

    /// Makes the checkpoints of runs with these fingerprints, of whose states they are as well, those of a run with
    /// another; any others stay as they are.
    ///
    /// # Errors
    ///
    /// The file system's. Each file is replaced whole.
    pub fn readdress_checkpoints(&self, from: &[&str], to: &str) -> Result<(), DirectoryError> {
        for path in self.checkpoint_files() {
            let bytes = fs::read(&path).map_err(|source| io_error(&path, source))?;
            let mut known = from.iter().filter(|from| **from != to);
            let found = known.find_map(|from| Checkpoint::readdressed(bytes.clone(), from, to));
            if let Some(bytes) = found {
                write_atomically(&path, &bytes).map_err(|source| io_error(&path, source))?;
            }
        }
        Ok(())
    }

    /// The step of the newest checkpoint, with the epoch where a row tells it; whether it can be used is another matter.
    pub fn newest_step(&self) -> Option<(u64, Option<f64>)> {
        let files = self.checkpoint_files();
        let step = Checkpoint::step_of(files.first()?)?;
        let rows = self.rows().unwrap_or_default().rows;
        let epoch = rows.iter().find(|row| row.step == Some(step));
        Some((step, epoch.and_then(|row| row.epoch)))
    }

    /// The checkpoint files, newest first.
    pub fn checkpoint_files(&self) -> Vec<PathBuf> {
        Checkpoint::files(&self.checkpoints())
    }
}
