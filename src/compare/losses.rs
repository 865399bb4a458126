//! At what training losses groups are compared: curvature falls with the loss, so solutions at
//! different losses differ in flatness for that reason alone.

use super::cell::{deviation, find};
use super::{FinishedRun, Group};
use crate::statistics::{mean, standard_error};
use serde::Serialize;

/// The training losses that the runs of a group ended at.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Losses {
    /// The mean over runs.
    pub mean: f64,
    /// Its standard error over runs; none of one run.
    pub error: Option<f64>,
    /// The standard deviation over runs; none of one run.
    pub deviation: Option<f64>,
    /// The smallest.
    pub min: f64,
    /// The largest.
    pub max: f64,
}

/// How far the training losses of groups may lie apart, relative to the larger, to be called equal.
const TOLERANCE: f64 = 0.02;

/// How the training losses of the groups stand to each other.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Matching {
    /// All within 2 % of each other.
    Equal,
    /// Further apart, but no further than their errors.
    WithinErrors,
    /// Further apart than that.
    Unequal,
    /// Not known for every group.
    Unknown,
}

impl Matching {
    /// Whether a difference in flatness may be more than one in training progress.
    pub fn allows_conclusions(self) -> bool {
        matches!(self, Self::Equal | Self::WithinErrors)
    }
}

impl Losses {
    /// Whether the runs of the group lie further apart than groups may that are called equal.
    pub fn are_scattered(&self) -> bool {
        self.max - self.min > TOLERANCE * self.max.abs()
    }

    /// Those of a group; none where a run has none.
    pub(super) fn of(runs: &[&FinishedRun]) -> Option<Self> {
        let of_run = |run: &&FinishedRun| {
            let measured = || find(run, "loss.train")?.value;
            run.summary.train_loss.or_else(measured)
        };
        let losses: Vec<f64> = runs.iter().map(of_run).collect::<Option<_>>()?;
        Some(Self {
            mean: mean(&losses),
            error: (losses.len() > 1).then(|| standard_error(&losses)),
            deviation: deviation(&losses),
            min: losses.iter().copied().fold(f64::INFINITY, f64::min),
            max: losses.iter().copied().fold(f64::NEG_INFINITY, f64::max),
        })
    }
}

impl Matching {
    /// How two groups' training losses stand to each other, and how far they lie apart, relative to the larger.
    pub(super) fn of(a: &Losses, b: &Losses) -> (Self, f64) {
        let distance = (a.mean - b.mean).abs();
        let error = a.error.unwrap_or(0.0).hypot(b.error.unwrap_or(0.0));
        let larger = a.mean.abs().max(b.mean.abs());
        let apart = if larger > 0.0 { distance / larger } else { 0.0 };
        let matching = match () {
            () if apart <= TOLERANCE => Self::Equal,
            () if distance <= error => Self::WithinErrors,
            () => Self::Unequal,
        };
        (matching, apart)
    }

    /// The same of groups of runs.
    pub(super) fn of_runs(a: &[&FinishedRun], b: &[&FinishedRun]) -> Self {
        let losses = Losses::of(a).zip(Losses::of(b));
        losses.map_or(Self::Unknown, |(a, b)| Self::of(&a, &b).0)
    }
}

/// How the groups' training losses stand to each other, and how far the furthest two lie apart,
/// relative to the larger.
pub(super) fn matching(groups: &[Group]) -> (Matching, f64) {
    let losses: Option<Vec<Losses>> = groups.iter().map(|group| group.training_loss).collect();
    let Some(losses) = losses else {
        return (Matching::Unknown, 0.0);
    };
    let mut worst = (Matching::Equal, 0.0);
    for (index, a) in losses.iter().enumerate() {
        for b in &losses[..index] {
            let (matching, apart) = Matching::of(a, b);
            if matching > worst.0 {
                worst.0 = matching;
            }
            worst.1 = f64::max(worst.1, apart);
        }
    }
    worst
}
