//! What can be wrong with a sweep, one line each.

use crate::config::ConfigError;
use crate::data::DataError;
use crate::files::{is_full, said};
use crate::run::DirectoryError;
use std::io;
use thiserror::Error;

/// Why a sweep cannot be had.
#[derive(Debug, Error)]
pub enum SweepError {
    /// The file is not TOML, or has a key or a value that is not allowed.
    #[error("{file}: line {line}, column {column}: {message}")]
    Syntax {
        /// The file.
        file: String,
        /// Line, from 1.
        line: usize,
        /// Column in characters, from 1.
        column: usize,
        /// What is wrong.
        message: String,
    },
    /// Something that the file says is not allowed.
    #[error("{file}: {rule}")]
    Rule {
        /// The file.
        file: String,
        /// The key, what was found, what is allowed.
        rule: String,
    },
    /// The config that all members begin with is wrong.
    #[error("{file}: the base: {source}")]
    Base {
        /// The file of the sweep.
        file: String,
        /// What is wrong.
        source: Box<ConfigError>,
    },
    /// A member has no valid config.
    #[error("{file}: task {task} ({member}) has no valid config: {source}")]
    Member {
        /// The file of the sweep.
        file: String,
        /// Its number.
        task: usize,
        /// Its arm and seed.
        member: String,
        /// What is wrong.
        source: Box<ConfigError>,
    },
    /// A number that no task has.
    #[error("{file} has no task {task}: its {of} tasks are numbered from 0 to {}", of - 1)]
    NoTask {
        /// The file of the sweep.
        file: String,
        /// The number.
        task: usize,
        /// How many tasks there are.
        of: usize,
    },
    /// The file is another one now.
    #[error(
        "{file} is not what it was when the command was written: its fingerprint is {found}, the command says \
         {expected}. Its tasks may be others; write the commands again with `lab sweep list {file}`"
    )]
    Fingerprint {
        /// The file of the sweep.
        file: String,
        /// What it is.
        found: String,
        /// What it was.
        expected: String,
    },
    /// The folder holds another sweep.
    #[error("{0}")]
    Changed(String),
    /// A member was made by another version of this program.
    #[error(
        "{place} was made by lab {made}, this is lab {here}, and their numbers may differ: finish the sweep with lab \
         {made}, move its runs away, or choose another place with --out"
    )]
    MixedVersions {
        /// The run.
        place: String,
        /// The version that made it.
        made: String,
        /// This version.
        here: String,
    },
    /// A folder that is no sweep's.
    #[error("{path} is not the folder of a sweep: {reason}")]
    NotASweep {
        /// The folder.
        path: String,
        /// What is missing or wrong.
        reason: String,
    },
    /// The learning rate of an arm could not be tuned.
    #[error("the learning rate of {arm} could not be tuned: {reason}")]
    Tuning {
        /// The arm.
        arm: String,
        /// Why.
        reason: String,
    },
    /// The data that steps are counted over cannot be had.
    #[error(transparent)]
    Data(#[from] DataError),
    /// A run directory cannot be used.
    #[error(transparent)]
    Directory(#[from] DirectoryError),
    /// The file system refused.
    #[error("{path}: {}{}", said(.source), remedy(.source))]
    Io {
        /// The file or folder.
        path: String,
        /// Why.
        source: io::Error,
    },
    /// Slurm refused.
    #[error("{0}")]
    Slurm(String),
    /// There is no Slurm.
    #[error(
        "{command} cannot be run ({source}): is Slurm installed here? --launcher local runs a sweep on this machine, and \
         `lab sweep list FILE` prints the commands for any other engine"
    )]
    NoSlurm {
        /// The command.
        command: String,
        /// Why not.
        source: io::Error,
    },
}

/// What to do where a file cannot be written.
fn remedy(error: &io::Error) -> &'static str {
    match is_full(error) {
        true => "; make room there, or choose another place with --out",
        false => "",
    }
}

impl SweepError {
    /// Whether the user's input is wrong; otherwise it is a failure.
    pub fn is_input(&self) -> bool {
        !matches!(self, Self::Tuning { .. } | Self::Slurm(_))
    }

    pub(super) fn rule(file: &str, rule: impl Into<String>) -> Self {
        Self::Rule {
            file: file.to_owned(),
            rule: rule.into(),
        }
    }
}
