//! Training: from a checked config and loaded data to a finished run directory.

mod batches;
mod checkpoint;
mod error;
#[cfg(test)]
mod fuzz;
mod hooks;
mod problem;
mod record;
mod row;
mod run;
mod run_directory;

pub use checkpoint::Checkpoint;
pub use error::TrainError;
pub use hooks::{Due, HookPlan, Scope};
pub use problem::{Problem, ProblemError};
pub use row::Row;
pub use run::{Ending, Observer, Outcome, Run};
pub use run_directory::{DataFile, DirectoryError, RunDirectory, RunRecord, Status, Summary};
