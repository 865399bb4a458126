//! Training: from a checked config and loaded data to a finished run directory.
//!
//! What a run does next (`next`, data), a step (`gradient`, `step`), measuring (`hooks`, `measuring`)
//! and what is kept (`state`, `persistence`) know nothing of each other; `engine` carries decisions out.

mod average;
mod batches;
mod crossing;
mod degenerate;
mod engine;
mod error;
mod events;
mod extend;
mod finish;
mod gradient;
mod hooks;
mod launch;
mod losses;
mod measuring;
mod next;
mod observer;
mod persistence;
mod plan;
mod prepare;
mod problem;
mod rate;
mod recall;
mod state;
mod step;
mod telling;
#[cfg(test)]
mod testing;
mod timing;

pub use engine::Outcome;
pub use error::TrainError;
pub use extend::{ExtendError, Extended, extend};
pub use gradient::{GradientOracle, Position};
pub use hooks::{Ahead, Due, HookPlan, Scope};
pub use launch::{BrokenOff, Found, ResumeError, Run, reopen};
pub use next::Ending;
pub use observer::Observer;
pub(crate) use plan::difference;
pub use plan::{Action, Existing, Planned, Refusal, plan};
pub use problem::{Problem, ProblemError};
pub use recall::{Recall, Recalled};
pub use timing::{Cost, cost};
