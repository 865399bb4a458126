//! Sweeps: a file that expands to numbered runs, and what is known of them.
//!
//! From file to plan everything is data: the file as it is written (`file`), the points that its arms and axes span
//! (`axes`), what makes their lengths (`matching`) and learning rates (`tuning`) comparable, and the tasks with their
//! configs (`plan`). What became of a member is read off its run directory (`state`): nothing else keeps state. What
//! runs tasks (`launch`) knows commands, not what they do.

mod axes;
mod directory;
mod error;
mod file;
mod forecast;
pub(crate) mod launch;
mod matching;
mod plan;
mod state;
mod tuning;

pub use axes::{Arm, Setting};
pub use directory::{Change, Listed, Listing, SweepDirectory};
pub use error::SweepError;
pub use file::{Matching, RateRule, Slurm, SweepFile};
pub use forecast::Forecast;
pub use plan::{Base, Member, Sweep, Task};
pub use state::{MemberState, State};
pub use tuning::Tuned;
