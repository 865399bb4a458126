//! What a run came to: `summary.json`.

use super::Occurrence;
use crate::measure::Measurement;
use crate::reparam::MapKind;
use serde::{Deserialize, Serialize};

/// `summary.json`: the end of a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// The run's name.
    pub run: String,
    /// Its seed.
    pub seed: u64,
    /// Optimizer steps made.
    pub steps: u64,
    /// The same in epochs.
    pub epochs: f64,
    /// Why training ended.
    pub stopped_by: String,
    /// The training loss at the end, over all training samples.
    #[serde(default)]
    pub train_loss: Option<f64>,
    /// The part of its last step that a run went that ended by its training loss, so that this is
    /// the target; none for a whole step.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_step_part: Option<f64>,
    /// Why the end is no solution to speak of, such as a network whose units are all dead.
    #[serde(default)]
    pub degenerate: Option<String>,
    /// The number of parameters.
    pub parameters: usize,
    /// The maps of the parameters that leave the network's function alone.
    #[serde(default = "every_map")]
    pub maps: Vec<MapKind>,
    /// The learning rate of the last step.
    pub learning_rate: f64,
    /// Seconds in optimizer steps.
    pub training_seconds: f64,
    /// Seconds in measurements.
    pub measuring_seconds: f64,
    /// Seconds in preparing compute kernels, on a graphics card.
    pub preparing_seconds: Option<f64>,
    /// The SHA-256 of `model.safetensors`.
    #[serde(default)]
    pub model_sha256: Option<String>,
    /// The SHA-256 of `average.safetensors`, of a run that keeps an average of its weights.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub average_sha256: Option<String>,
    /// What has happened in the course of the run.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub events: Vec<Occurrence>,
    /// The last measurements.
    pub measurements: Vec<Measurement>,
}

/// What is assumed of a run that does not say which maps its network has.
fn every_map() -> Vec<MapKind> {
    MapKind::ALL.to_vec()
}
