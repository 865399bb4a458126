//! Where descent goes when the loss has no smallest value, and what the norm of its steps has to do with it.

mod squares;
mod stagewise;

use super::Experiment;

pub use squares::SteepestDescentOnSquares;
pub use stagewise::StagewiseAndTheLasso;

/// All of this subject, in the order in which they are read.
pub static EXPERIMENTS: &[&dyn Experiment] = &[&SteepestDescentOnSquares, &StagewiseAndTheLasso];
