//! Coordinates for displacements, in which the set that is searched is a unit ball or a cube.

use super::landscape::Landscape;
use crate::linear::{Spending, axpy, dot};
use crate::measure::failure::{Failure, FailureKind};
use crate::random::StreamRng;

/// How coordinates `u` make a displacement `δ`.
pub(super) enum Chart {
    /// `δ = r u`.
    Uniform(f64),
    /// `δ_i = s_i u_i`.
    Scaled(Vec<f64>),
    /// `δ = Σ_j u_j a_j`.
    Span(Vec<Vec<f64>>),
}

impl Chart {
    /// The number of coordinates, of displacements of length `dimension`.
    pub fn coordinates(&self, dimension: usize) -> usize {
        match self {
            Self::Uniform(_) | Self::Scaled(_) => dimension,
            Self::Span(columns) => columns.len(),
        }
    }

    /// The displacement at some coordinates.
    pub fn displacement(&self, coordinates: &[f64]) -> Vec<f64> {
        match self {
            Self::Uniform(radius) => coordinates.iter().map(|u| radius * u).collect(),
            Self::Scaled(scale) => coordinates.iter().zip(scale).map(|(u, s)| s * u).collect(),
            Self::Span(columns) => {
                let length = columns.first().map_or(0, Vec::len);
                let mut sum = vec![0.0; length];
                for (u, column) in coordinates.iter().zip(columns) {
                    axpy(*u, column, &mut sum);
                }
                sum
            }
        }
    }

    /// The slopes along the coordinates, from the gradient in the displacement.
    pub fn pull_back(&self, gradient: &[f64]) -> Vec<f64> {
        match self {
            Self::Uniform(radius) => gradient.iter().map(|g| radius * g).collect(),
            Self::Scaled(scale) => gradient.iter().zip(scale).map(|(g, s)| s * g).collect(),
            Self::Span(columns) => columns.iter().map(|column| dot(column, gradient)).collect(),
        }
    }
}

/// A function that is climbed.
pub(super) trait Maximand {
    /// Its value.
    fn value(&mut self, point: &[f64]) -> Result<f64, Failure>;

    /// Its value and gradient.
    fn value_and_gradient(&mut self, point: &[f64]) -> Result<(f64, Vec<f64>), Failure>;

    /// The slopes of a random linear function, in a direction in which the function may well curve.
    fn random_slopes(&mut self) -> Result<Vec<f64>, Failure>;

    /// Whether the budget allows so many further values or gradients.
    fn allows(&self, passes: usize) -> bool;
}

/// The change of the loss in the coordinates of a chart.
pub(super) struct Charted<'a, 'b> {
    pub landscape: &'a Landscape<'b>,
    pub chart: &'a Chart,
    pub spending: &'a mut Spending<'b>,
    pub rng: &'a mut StreamRng,
}

impl Maximand for Charted<'_, '_> {
    fn value(&mut self, point: &[f64]) -> Result<f64, Failure> {
        self.landscape
            .change(&self.chart.displacement(point), self.spending)
    }

    fn value_and_gradient(&mut self, point: &[f64]) -> Result<(f64, Vec<f64>), Failure> {
        let displacement = self.chart.displacement(point);
        let found = self
            .landscape
            .change_and_gradient(&displacement, self.spending);
        match found {
            Ok((value, gradient)) => Ok((value, self.chart.pull_back(&gradient))),
            // Somewhere else it may well be.
            Err(failure) if failure.kind == FailureKind::NotFinite => {
                Ok((f64::NAN, vec![0.0; point.len()]))
            }
            Err(failure) => Err(failure),
        }
    }

    fn random_slopes(&mut self) -> Result<Vec<f64>, Failure> {
        let slopes = self.landscape.random_slopes(self.rng, self.spending)?;
        Ok(self.chart.pull_back(&slopes))
    }

    fn allows(&self, passes: usize) -> bool {
        self.spending.allows(passes)
    }
}
