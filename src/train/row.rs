//! One line of `metrics.jsonl`.

use crate::linear::Precision;
use crate::measure::Measurement;
use serde::{Deserialize, Serialize};

/// A measurement with the run and the moment it belongs to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Row {
    /// The run's name.
    pub run: String,
    /// The run's seed.
    pub seed: u64,
    /// Optimizer steps made before the measurement; not known of weights trained elsewhere.
    pub step: Option<u64>,
    /// The same in epochs; whole at the end of an epoch.
    pub epoch: Option<f64>,
    /// What was measured.
    #[serde(flatten)]
    pub measurement: Measurement,
    /// The floating-point type of the computation.
    pub dtype: Precision,
}
