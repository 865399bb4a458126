//! Slices: the loss along lines and planes through a solution, and from one solution to another. A slice is data; a figure and
//! a table are made of it.
//!
//! What slices show depends on the parameterisation. In random filter-normalised directions they survive the rescaling of a
//! whole layer and of what a normalisation divides out; along eigenvectors of the Hessian they survive permutations only. A
//! plane is a plane: that it is flat says nothing of the other directions.

mod direction;
mod figure;
mod matching;
mod records;
mod surface;
#[cfg(test)]
mod tests;
mod trajectory;

pub use direction::{Direction, Eigenvalue, Kind, Point, random};
pub use matching::match_weights;
pub use surface::{Barrier, Statistics, Surface, Value, barrier};
pub use trajectory::Way;

use crate::linear::{Precision, dot, norm};
use serde::Serialize;

/// The loss to second order about the centre of a slice.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Quadratic {
    /// The loss there.
    pub loss: f64,
    /// The slopes along the directions.
    pub slopes: Vec<f64>,
    /// `uᵀHv` of all pairs of directions; of an eigenvector its eigenvalue.
    pub curvatures: Vec<Vec<f64>>,
    /// The eigenvalues of the directions that are eigenvectors, with what they may be off by. Other curvatures are exact
    /// products.
    pub eigenvalues: Vec<Option<Eigenvalue>>,
}

impl Quadratic {
    /// `L + Σ gᵢ aᵢ + ½ Σ aᵢ Hᵢⱼ aⱼ`.
    pub fn at(&self, coordinates: &[f64]) -> f64 {
        let slope = dot(&self.slopes, coordinates);
        let rows = self.curvatures.iter().map(|row| dot(row, coordinates));
        let products: Vec<f64> = rows.collect();
        self.loss + slope + 0.5 * dot(&products, coordinates)
    }

    /// By how much it may be off at a place because eigenvalues are: `½ Σ rᵢ aᵢ²` with their residuals `r`.
    pub fn error_at(&self, coordinates: &[f64]) -> f64 {
        let pairs = self.eigenvalues.iter().zip(coordinates);
        pairs
            .filter_map(|(eigenvalue, a)| Some(0.5 * eigenvalue.as_ref()?.residual * a * a))
            .sum()
    }
}

/// What a slice goes along.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Axis {
    /// The kind of direction.
    pub direction: Kind,
    /// Which of its kind.
    pub number: usize,
    /// What it is called.
    pub label: String,
    /// How the direction is scaled.
    pub scaling: &'static str,
    /// The Euclidean norm of one unit along it.
    pub norm: f64,
    /// The share of the variation of a trajectory that lies along it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub share: Option<f64>,
    /// The places.
    pub places: Vec<f64>,
}

impl Axis {
    /// The axis along a direction.
    pub fn new(direction: &Direction, places: Vec<f64>) -> Self {
        Self {
            direction: direction.kind,
            number: direction.number,
            label: direction.label(),
            scaling: direction.kind.scaling(),
            norm: norm(&direction.vector),
            share: direction.share,
            places,
        }
    }
}

/// Values under one heading.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Series {
    /// The heading; empty where there is only one.
    pub label: String,
    /// Row by row: the first coordinate changes first.
    pub values: Vec<Value>,
    /// The barrier between two solutions.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub barrier: Option<Barrier>,
}

/// A point of the way that training went, in the plane of a slice.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Stop {
    /// Steps made.
    pub step: u64,
    /// Where the nearest point of the plane is.
    pub coordinates: Vec<f64>,
    /// How far from the plane it lies.
    pub outside: f64,
    /// The loss at the point itself, which is not that of the plane.
    pub loss: Option<f64>,
}

/// What a slice was taken over.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Taken {
    /// The name of the run.
    pub run: String,
    /// Its seed.
    pub seed: u64,
    /// Its steps.
    pub step: Option<u64>,
    /// The run that is interpolated to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub second: Option<String>,
    /// Training or test samples.
    pub part: &'static str,
    /// How many.
    pub samples: usize,
    /// The unit of the loss.
    pub unit: &'static str,
    /// By which statistics layers normalise; none for a network without any.
    pub normalisation: Option<String>,
    /// The precision of the computation.
    pub dtype: Precision,
    /// The seed of random directions and orders.
    pub direction_seed: u64,
}

/// The loss along a line or over a plane.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Slice {
    /// What it was taken over.
    pub taken: Taken,
    /// One axis or two.
    pub axes: Vec<Axis>,
    /// The cosine of the angle between the two directions.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cosine: Option<f64>,
    /// The loss to second order.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub quadratic: Option<Quadratic>,
    /// The way of training.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub way: Vec<Stop>,
    /// What else there is to know, in sentences.
    pub notes: Vec<String>,
    /// The values.
    pub series: Vec<Series>,
}

/// The cosine of the angle between two directions.
pub fn cosine(directions: &[Direction]) -> Option<f64> {
    let [first, second] = directions else {
        return None;
    };
    let lengths = norm(&first.vector) * norm(&second.vector);
    Some(dot(&first.vector, &second.vector) / lengths)
}

/// So many places at equal distances from one end of a range to the other, both included. A place that rounding leaves
/// beside a whole number is put there, so that 0 and 1 are what they are.
pub fn places([low, high]: [f64; 2], count: usize) -> Vec<f64> {
    let step = (high - low) / (count.max(2) - 1) as f64;
    let place = |index: usize| {
        let place = if index + 1 == count {
            high
        } else {
            low + step * index as f64
        };
        let is_whole = (place - place.round()).abs() < 1e-9 * step.abs();
        if is_whole { place.round() } else { place }
    };
    (0..count).map(place).collect()
}

/// All pairs of places, the first changing first; of one axis its places.
pub fn grid(axes: &[Axis]) -> Vec<Vec<f64>> {
    let along = |index: usize| axes.get(index).map(|axis| axis.places.clone());
    let Some(second) = along(1) else {
        let first = along(0).unwrap_or_default();
        return first.into_iter().map(|place| vec![place]).collect();
    };
    let first = along(0).unwrap_or_default();
    let row = |b: f64| first.iter().map(move |a| vec![*a, b]);
    second.into_iter().flat_map(row).collect()
}
