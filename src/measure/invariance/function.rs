//! Whether two parameter vectors have the same function on the samples.

use crate::extremes::{larger, largest_size};
use crate::linear::Precision;
use crate::measure::Evaluated;
use serde::Serialize;

/// How many times as far as a random rounding of every parameter a map may move a number. The map
/// itself rounds every parameter it touches, and the sums of the layers round otherwise; neither
/// depends on the size of the map's factors, because a factor and its reciprocal act on either side
/// of one sum.
pub(super) const ROUNDING_FACTOR: f64 = 100.0;

/// The rounding of a number itself, in units of the precision's ε: a floor for numbers that a
/// rounding of the parameters happens not to move.
pub(super) const ROUNDING_FLOOR: f64 = 100.0;

/// How far the ε that normalisation adds to variances may move the function under a map that is
/// exact only up to it: ε over the variance of what is normalised, 1e-5 over 1e-3 or more. (The tokens
/// of a small transformer have a variance of that size, and its function moves by 4e-3.)
const EPSILON_EFFECT: f64 = 1e-2;

/// How many times as far as the function measures of it may move under such a map, relatively.
const EPSILON_FACTOR: f64 = 10.0;

/// What a network does on the samples.
#[derive(Clone, Debug)]
pub(super) struct Behaviour {
    outputs: Vec<f64>,
    margins: Vec<f64>,
    loss: f64,
}

/// How far rounding moves a network's outputs, margins and loss.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Sensitivity {
    outputs: f64,
    margins: f64,
    loss: f64,
}

impl Behaviour {
    pub fn of(evaluated: &Evaluated) -> Self {
        Self {
            outputs: evaluated.outputs().to_vec(),
            // Without classes outputs alone tell functions apart.
            margins: evaluated.margins().unwrap_or_default().to_vec(),
            loss: evaluated.mean_loss(),
        }
    }

    /// The largest change of an output and of a margin, and the change of the mean loss.
    pub fn distance(&self, other: &Self) -> Sensitivity {
        let pairs = |a: &[f64], b: &[f64]| largest_size(a.iter().zip(b).map(|(a, b)| a - b));
        Sensitivity {
            outputs: pairs(&self.outputs, &other.outputs),
            margins: pairs(&self.margins, &other.margins),
            loss: (self.loss - other.loss).abs(),
        }
    }
}

impl Sensitivity {
    /// Takes the larger of two changes of each number.
    pub fn widen(&mut self, other: Self) {
        self.outputs = larger(self.outputs, other.outputs);
        self.margins = larger(self.margins, other.margins);
        self.loss = larger(self.loss, other.loss);
    }
}

/// What may move the function under a map.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tolerance {
    /// How far rounding moves it.
    pub sensitivity: Sensitivity,
    /// The precision of the numbers.
    pub precision: Precision,
    /// Whether the map is exact, or only up to the ε of normalisation.
    pub is_exact: bool,
}

/// A change and the most that round-off explains, both relative to the size of what changed.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Change {
    /// How far it moved.
    pub moved: f64,
    /// How far rounding moves it.
    pub allowed: f64,
}

impl Change {
    fn new(moved: f64, rounding: f64, size: f64, tolerance: Tolerance) -> Self {
        // Where everything is 0 and stays 0, there is nothing to be relative to.
        let size = if size > 0.0 { size } else { 1.0 };
        let floor = ROUNDING_FLOOR * tolerance.precision.epsilon();
        let epsilon = if tolerance.is_exact {
            0.0
        } else {
            EPSILON_EFFECT
        };
        Self {
            moved: moved / size,
            allowed: ROUNDING_FACTOR * rounding / size + floor + epsilon,
        }
    }

    fn is_round_off(self) -> bool {
        self.moved <= self.allowed
    }
}

/// Whether a map left the function alone, on the training samples.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct FunctionCheck {
    /// The largest change of an output, relative to the largest output.
    pub outputs: Change,
    /// The largest change of a margin, relative to the largest margin.
    pub margins: Change,
    /// The change of the mean loss, relative to it.
    pub loss: Change,
    /// Whether the map is exact, or only up to the ε of normalisation.
    pub is_exact: bool,
}

impl FunctionCheck {
    pub(super) fn compare(before: &Behaviour, after: &Behaviour, tolerance: Tolerance) -> Self {
        let moved = before.distance(after);
        let rounding = tolerance.sensitivity;
        let size = |values: &[f64]| largest_size(values.iter().copied());
        let change = |moved, rounding, size| Change::new(moved, rounding, size, tolerance);
        Self {
            outputs: change(moved.outputs, rounding.outputs, size(&before.outputs)),
            margins: change(moved.margins, rounding.margins, size(&before.margins)),
            loss: change(moved.loss, rounding.loss, before.loss.abs()),
            is_exact: tolerance.is_exact,
        }
    }

    /// How far measures may move, relatively, because the function itself did.
    pub(super) fn slack(&self) -> f64 {
        let moved = [self.outputs, self.margins, self.loss].map(|change| change.moved);
        let moved = largest_size(moved);
        if self.is_exact {
            0.0
        } else {
            EPSILON_FACTOR * moved
        }
    }

    /// Whether nothing moved by more than rounding explains.
    pub fn is_same(&self) -> bool {
        [self.outputs, self.margins, self.loss]
            .into_iter()
            .all(Change::is_round_off)
    }
}
