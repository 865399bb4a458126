//! What happens to a run at a step: told in rows of its own, `event.*`, and remembered for the rest of the run.

use crate::measure::Circumstances;
use serde::{Deserialize, Serialize};

/// What the names of all event rows begin with.
pub const EVENT: &str = "event.";

words! {
    /// What happens to a run, by the name of its row in `metrics.jsonl`. The row's `step` is the first at which it
    /// is known to have happened, and `since` the last at which it is known not to have.
    Event {
        /// Every training sample is classified right, at an evaluation, for the first time; the value is the
        /// training accuracy, 1.
        #[default]
        Interpolation = "event.interpolation",
        /// The measured curvature has risen above the line beyond which the run's update rule is not stable; the
        /// value is the curvature over that line.
        StabilityCrossingAbove = "event.stability_crossing.above",
        /// It has fallen below that line.
        StabilityCrossingBelow = "event.stability_crossing.below",
        /// The loss of a step is a multiple of what it was of late; the value is that multiple.
        LossSpike = "event.loss_spike",
        /// Training has left the finite numbers; the value is the last finite training loss.
        Divergence = "event.divergence",
    }
}

/// An event in the course of a run, in its summary: when it happened first, and how often.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Occurrence {
    /// What happened.
    pub event: Event,
    /// The first step at which it is known to have happened.
    pub first_step: u64,
    /// The last step before that at which it is known not to have, where one was looked at.
    pub since: Option<u64>,
    /// How often it has happened.
    pub times: u64,
    /// What the rows that decided it were taken under.
    #[serde(flatten)]
    pub circumstances: Circumstances,
}

/// What those who look out for events remember from step to step; a part of a checkpoint.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct EventMemory {
    /// The training losses of the last steps, oldest first.
    pub losses: Vec<f64>,
    /// Whether the last of them belongs to a spike.
    pub is_spiking: bool,
    /// Whether a spike has begun that nothing has been measured for yet.
    pub has_spiked: bool,
    /// The last evaluation at which a training sample was classified wrong.
    pub not_interpolating_at: Option<u64>,
    /// On which side of the line of stability the curvature lay last, by what it was measured under.
    pub sides: Vec<Side>,
    /// The largest eigenvalue of the Hessian, when it was last measured.
    pub lambda_max: Option<LambdaMax>,
    /// The curvature over the line of stability, when it was last measured.
    pub over_the_line: Option<OverTheLine>,
    /// What has happened so far.
    pub occurrences: Vec<Occurrence>,
}

/// A side of the line of stability.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Side {
    /// What the curvature was measured under.
    pub circumstances: Circumstances,
    /// When it was last found on this side.
    pub step: u64,
    /// Whether it is that above the line.
    pub is_above: bool,
}

/// The largest eigenvalue of the Hessian at a step.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct LambdaMax {
    /// Steps made by then.
    pub step: u64,
    /// The eigenvalue.
    pub value: f64,
}

/// The curvature that the steps of a run see, over the largest at which they are stable, at a step.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OverTheLine {
    /// Steps made by then.
    pub step: u64,
    /// 1 on the line.
    pub ratio: f64,
    /// The measure that told it.
    pub measure: String,
}

impl EventMemory {
    /// Notes that something has happened.
    pub fn note(
        &mut self,
        event: Event,
        step: u64,
        since: Option<u64>,
        circumstances: &Circumstances,
    ) {
        let mut known = self.occurrences.iter_mut();
        let found =
            known.find(|known| known.event == event && known.circumstances == *circumstances);
        match found {
            Some(known) => known.times += 1,
            None => self.occurrences.push(Occurrence {
                event,
                first_step: step,
                since,
                times: 1,
                circumstances: circumstances.clone(),
            }),
        }
    }

    /// Whether something has happened, whatever the circumstances.
    pub fn has_happened(&self, event: Event) -> bool {
        self.occurrences.iter().any(|known| known.event == event)
    }
}
