//! What a run leaves on the disk: its folder, its record, its rows, its checkpoints, and what they say
//! about it. Training writes them; everybody reads them back.

mod addendum;
mod checkpoint;
mod checkpoints;
mod condition;
mod directory;
mod divergence;
mod error;
mod event;
mod provenance;
mod record;
mod rows;
mod summary;
#[cfg(test)]
mod tests;

pub use addendum::Addendum;
pub use checkpoint::{Checkpoint, Seconds};
pub use checkpoints::{Newest, Skipped};
pub use condition::Finished;
pub use directory::RunDirectory;
pub use divergence::Divergence;
pub use error::DirectoryError;
pub use event::{EVENT, Event, EventMemory, LambdaMax, Occurrence, OverTheLine, Side};
pub use provenance::{BURN, REVISION, VERSION};
pub use record::{Change, DataFile, Later, RunRecord, Status};
pub use rows::{Following, Row, Rows, now};
pub use summary::Summary;
