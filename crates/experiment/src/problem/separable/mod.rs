//! Data that a linear predictor separates: exact largest margins in three norms, losses with an exponential tail, and
//! steepest descent on them with steps in proportion to 1/loss.
//!
//! Labels are taken into the rows, x ← yx, so that a predictor `w` is right of all where `Xw > 0`.

mod loss;
mod margin;
mod norm;
#[cfg(test)]
mod tests;

pub use loss::{Loss, Pull, step};
pub use margin::{
    HardMargin, hard_margin, least_norm_separator, margin_bound, nonnegative_least_squares,
};
pub use norm::Norm;

use super::vector::{add, inner};
use super::{dense, draw};
use crate::random::StreamRng;

/// Points with their labels taken into them.
#[derive(Clone, Debug, PartialEq)]
pub struct Points {
    numbers: Vec<f64>,
    dimension: usize,
}

impl Points {
    /// These rows, all of one length.
    pub fn new(rows: &[Vec<f64>]) -> Self {
        let dimension = rows.first().map_or(0, Vec::len);
        let numbers = rows.concat();
        Self { numbers, dimension }
    }

    /// How many numbers a point has.
    pub fn dimension(&self) -> usize {
        self.dimension
    }

    /// How many points there are.
    pub fn count(&self) -> usize {
        self.numbers.len() / self.dimension.max(1)
    }

    /// The points.
    pub fn rows(&self) -> impl Iterator<Item = &[f64]> {
        self.numbers.chunks_exact(self.dimension.max(1))
    }

    /// One of them.
    pub fn row(&self, index: usize) -> &[f64] {
        &self.numbers[index * self.dimension..(index + 1) * self.dimension]
    }

    /// `Xw`.
    pub fn margins(&self, w: &[f64]) -> Vec<f64> {
        self.rows().map(|row| inner(row, w)).collect()
    }

    /// The least of `Xw`.
    pub fn least_margin(&self, w: &[f64]) -> f64 {
        self.rows()
            .map(|row| inner(row, w))
            .fold(f64::INFINITY, f64::min)
    }

    /// `Xᵀp`.
    pub fn mix(&self, weights: &[f64]) -> Vec<f64> {
        let mut sum = vec![0.0; self.dimension];
        for (row, weight) in self.rows().zip(weights) {
            add(&mut sum, *weight, row);
        }
        sum
    }

    /// The largest norm of a point.
    pub fn radius(&self, norm: Norm) -> f64 {
        self.rows().map(|row| norm.of(row)).fold(0.0, f64::max)
    }
}

/// The angle between two vectors in degrees, exact for small ones too (Kahan 2006, "How futile are mindless assessments
/// of roundoff", section 12).
pub fn angle(a: &[f64], b: &[f64]) -> f64 {
    let (of_a, of_b) = (Norm::Two.of(a), Norm::Two.of(b));
    let squares = |sign: f64| -> f64 {
        a.iter()
            .zip(b)
            .map(|(a, b)| (a / of_a + sign * b / of_b).powi(2))
            .sum()
    };
    2.0 * squares(-1.0).sqrt().atan2(squares(1.0).sqrt()).to_degrees()
}

/// Standard normal points with the labels of a random direction, at least so far from its plane.
pub fn with_teacher(rng: &mut StreamRng, count: usize, dimension: usize, gap: f64) -> Points {
    let teacher = dense::numbers(draw::on_sphere(rng, dimension).as_ref());
    let mut rows = Vec::with_capacity(count);
    while rows.len() < count {
        let row = dense::numbers(draw::normals(rng, dimension).as_ref());
        let along = inner(&row, &teacher);
        if along.abs() >= gap {
            rows.push(row.iter().map(|x| x * along.signum()).collect());
        }
    }
    Points::new(&rows)
}
