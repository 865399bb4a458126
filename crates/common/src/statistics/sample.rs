//! Values of a group, and how two groups are set against each other.

use serde::Serialize;

/// Values with the seeds they belong to, in ascending order of seeds.
pub type Sample = [(u64, f64)];

/// How a difference was tested.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Method {
    /// By the differences between runs of the same seed (paired t).
    Paired,
    /// By the two means and their spreads (Welch's t), with the degrees of freedom of the smaller
    /// group.
    Welch,
}

/// The fewest values of a group that say anything about other seeds: of two, the spread is known to
/// a factor of thirty.
pub const FEWEST: usize = 3;
