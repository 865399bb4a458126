//! Training: from a checked config and loaded data to a finished run directory.

mod batches;
mod checkpoint;
mod condition;
mod degenerate;
mod error;
#[cfg(test)]
mod fuzz;
mod hooks;
mod losses;
mod problem;
mod record;
mod row;
mod run;
mod run_directory;

pub use checkpoint::Checkpoint;
pub use condition::Finished;
pub use error::{Divergence, TrainError};
pub use hooks::{Due, HookPlan, Scope};
pub use problem::{Problem, ProblemError};
pub use record::{DataFile, RunRecord, Status, Summary};
pub use row::Row;
pub use run::{Ending, Observer, Outcome, Run};
pub use run_directory::{DirectoryError, RunDirectory};
