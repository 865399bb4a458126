//! How a command ends.

use crate::backend::BackendError;
use crate::compare::CompareError;
use crate::config::ConfigError;
use crate::data::DataError;
use crate::params::store::WeightsError;
use crate::plot::PlotError;
use crate::run::DirectoryError;
use crate::sweep::SweepError;
use crate::train::{ExtendError, ProblemError, Refusal, ResumeError, TrainError};
use crate::weights::{ConfigOrForeign, ForeignError};
use std::any::Any;
use thiserror::Error;

/// The exit codes of the program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExitCode {
    /// Everything asked for was done.
    Success,
    /// The run failed.
    Failed,
    /// The user's input is wrong.
    BadInput,
    /// The user interrupted; a checkpoint was saved.
    Interrupted,
}

impl From<ExitCode> for u8 {
    fn from(code: ExitCode) -> Self {
        match code {
            ExitCode::Success => 0,
            ExitCode::Failed => 1,
            ExitCode::BadInput => 2,
            ExitCode::Interrupted => 130,
        }
    }
}

impl From<ExitCode> for std::process::ExitCode {
    fn from(code: ExitCode) -> Self {
        u8::from(code).into()
    }
}

/// Why a command could not be carried out.
#[derive(Debug, Error)]
pub enum CommandError {
    /// A config is wrong.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// Data is missing or damaged, or could not be fetched.
    #[error(transparent)]
    Data(#[from] DataError),
    /// A backend does not answer.
    #[error(transparent)]
    Backend(#[from] BackendError),
    /// Weights do not fit.
    #[error(transparent)]
    Weights(#[from] WeightsError),
    /// Weights from elsewhere cannot be used.
    #[error(transparent)]
    Foreign(#[from] ForeignError),
    /// A run directory is taken, missing or cannot be written.
    #[error(transparent)]
    Directory(#[from] DirectoryError),
    /// Training failed.
    #[error(transparent)]
    Train(#[from] TrainError),
    /// Runs cannot be compared.
    #[error(transparent)]
    Compare(#[from] CompareError),
    /// Runs cannot be drawn.
    #[error(transparent)]
    Plot(#[from] PlotError),
    /// A sweep cannot be had.
    #[error(transparent)]
    Sweep(SweepError),
    /// Anything else that is for the user to mend.
    #[error("{0}")]
    Input(String),
    /// Anything else that went wrong.
    #[error("{0}")]
    Other(String),
}

impl From<ProblemError> for CommandError {
    fn from(error: ProblemError) -> Self {
        match error {
            ProblemError::Config(error) => error.into(),
            ProblemError::Data(error) => error.into(),
            ProblemError::Backend(error) => error.into(),
            error @ (ProblemError::TooLarge { .. }
            | ProblemError::Patch { .. }
            | ProblemError::TooManyStages { .. }
            | ProblemError::Map { .. }
            | ProblemError::Block { .. }
            | ProblemError::Frozen { .. }
            | ProblemError::NothingOfBlocks { .. }
            | ProblemError::LonelyValue { .. }) => CommandError::Input(error.to_string()),
        }
    }
}

impl From<ConfigOrForeign> for CommandError {
    fn from(error: ConfigOrForeign) -> Self {
        match error {
            ConfigOrForeign::Config(error) => error.into(),
            ConfigOrForeign::Foreign(error) => error.into(),
        }
    }
}

impl From<ResumeError> for CommandError {
    fn from(error: ResumeError) -> Self {
        match error {
            ResumeError::Problem(error) => error.into(),
            ResumeError::Directory(error) => error.into(),
        }
    }
}

impl From<ExtendError> for CommandError {
    fn from(error: ExtendError) -> Self {
        match error {
            ExtendError::Config(error) => error.into(),
            ExtendError::Problem(error) => error.into(),
            ExtendError::Directory(error) => error.into(),
            error => CommandError::Input(error.to_string()),
        }
    }
}

impl From<SweepError> for CommandError {
    fn from(error: SweepError) -> Self {
        match error {
            SweepError::Data(error) => error.into(),
            SweepError::Directory(error) => error.into(),
            error => Self::Sweep(error),
        }
    }
}

impl From<Refusal> for CommandError {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Directory(error) => error.into(),
            Refusal::Config(error) => error.into(),
            refusal @ Refusal::OtherConfig { .. } => CommandError::Input(refusal.to_string()),
        }
    }
}

impl CommandError {
    /// The exit code this failure ends the program with.
    pub fn exit_code(&self) -> ExitCode {
        let is_input = match self {
            CommandError::Config(_)
            | CommandError::Backend(_)
            | CommandError::Weights(_)
            | CommandError::Foreign(_)
            | CommandError::Compare(_)
            | CommandError::Plot(_)
            | CommandError::Input(_) => true,
            CommandError::Data(error) => error.is_input(),
            CommandError::Sweep(error) => error.is_input(),
            CommandError::Directory(error) | CommandError::Train(TrainError::Directory(error)) => {
                // What a run has written so far is there, and it goes on once there is room.
                !matches!(error, DirectoryError::Io { .. })
            }
            CommandError::Train(_) | CommandError::Other(_) => false,
        };
        if is_input {
            ExitCode::BadInput
        } else {
            ExitCode::Failed
        }
    }
}

/// What a panic of a library said, in one line.
pub fn panic_message(payload: &(dyn Any + Send)) -> String {
    let text = payload
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| payload.downcast_ref::<&str>().copied())
        .unwrap_or("no message");
    format!(
        "a library stopped unexpectedly: {}",
        text.lines().next().unwrap_or_default()
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::Divergence;

    #[test]
    fn exit_codes_are_the_documented_ones() {
        let codes = [
            ExitCode::Success,
            ExitCode::Failed,
            ExitCode::BadInput,
            ExitCode::Interrupted,
        ];
        assert_eq!(codes.map(u8::from), [0, 1, 2, 130]);
    }

    #[test]
    fn what_the_user_can_mend_is_bad_input() {
        let taken = DirectoryError::Exists("runs/a".to_owned());
        assert_eq!(CommandError::from(taken).exit_code(), ExitCode::BadInput);
        let diverged = TrainError::Diverged(Divergence {
            what: "the training loss".to_owned(),
            step: 1,
            epoch: 0.5,
            learning_rate: 10.0,
            last_finite_loss: None,
            lambda_max: None,
            over_the_line: None,
        });
        assert_eq!(CommandError::from(diverged).exit_code(), ExitCode::Failed);
    }
}
