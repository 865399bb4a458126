//! To be written.

use super::Experiment;

/// All of this subject, in the order in which they are read.
pub static EXPERIMENTS: &[&dyn Experiment] = &[];
