//! Why a run directory cannot be used, and what to do about it.

use crate::config::ConfigError;
use crate::files::said;
use std::io;
use std::path::Path;
use thiserror::Error;

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
    #[error("the run directory {path} cannot be made: {}; choose another place with --out", said(.source))]
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
    /// Training failed, and would fail again: it left the finite numbers, say.
    #[error(
        "{path} has no solution and cannot be resumed: {reason}, and train it anew with --force"
    )]
    Hopeless {
        /// The folder.
        path: String,
        /// Where and how.
        reason: String,
    },
    /// A file of the run cannot be read.
    #[error("{path}/{file} cannot be read: {reason}. {remedy}")]
    Damaged {
        /// The folder.
        path: String,
        /// The file.
        file: String,
        /// What is wrong with it.
        reason: String,
        /// What to do.
        remedy: String,
    },
    /// A line of the rows is none.
    #[error(
        "{path}, line {line}, is no row: {reason}. Rows are not read around damage; if the run is \
         finished, its last measurements are in summary.json too"
    )]
    DamagedRow {
        /// The file.
        path: String,
        /// The line, from 1.
        line: usize,
        /// What is wrong with it.
        reason: String,
    },
    /// No checkpoint of a run can be used.
    #[error(
        "none of the checkpoints in {path} can be used ({reasons}); to start the run over, train it again \
         with --force"
    )]
    NoCheckpoint {
        /// The folder.
        path: String,
        /// The files, each with its reason.
        reasons: String,
    },
    /// The data are not those that the run began with.
    #[error("{0}")]
    OtherData(String),
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
        "{path}/{file} is not what the run ended with: its SHA-256 is {found}, the run's {expected}. Put the \
         run's weights back, or delete {delete} and let `lab train --resume \
         {path}` make it again; other weights are measured by `lab measure --model FILE --config FILE`"
    )]
    Weights {
        /// The folder.
        path: String,
        /// The file in it.
        file: &'static str,
        /// What to delete so that the run is gone on with.
        delete: &'static str,
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
    #[error("{path}: {}", said(.source))]
    Io {
        /// The file or folder.
        path: String,
        /// Why.
        source: io::Error,
    },
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
