//! Linear regression with fewer rows than weights, and the geometries in which descent moves: potentials of mirror
//! descent, quadratic parameterisations, their flows, and the interpolants that they should end at.

mod descent;
mod flow;
mod interpolant;
mod parameterisation;
mod potential;
#[cfg(test)]
mod tests;

pub use descent::{
    Schedule, exponentiated_gradient, mirror_descent, projected_gradient, steepest_descent,
};
pub use flow::{flow, mirror_flow};
pub use interpolant::{Projection, least_absolute, nearest_interpolant};
pub use parameterisation::Parameterisation;
pub use potential::{Potential, map, norm, power_map};

use super::{dense, draw};
use crate::random::StreamRng;
use faer::{Col, ColRef, Mat};
use rand::RngExt;

/// Rows `x` with targets `y`.
#[derive(Clone, Debug)]
pub struct Regression {
    /// A row for each sample.
    pub x: Mat<f64>,
    /// A target for each sample.
    pub y: Col<f64>,
}

impl Regression {
    /// Gaussian rows whose targets are those of `weights`, without noise.
    pub fn gaussian(rng: &mut StreamRng, samples: usize, weights: &Col<f64>) -> Self {
        let x = draw::gaussian(rng, samples, weights.nrows());
        let y = &x * weights;
        Self { x, y }
    }

    /// `Xw − y`.
    pub fn residual(&self, w: ColRef<f64>) -> Col<f64> {
        &self.x * w - &self.y
    }

    /// The gradient of `½‖Xw − y‖²`.
    pub fn gradient(&self, w: ColRef<f64>) -> Col<f64> {
        self.x.transpose() * self.residual(w)
    }

    /// `‖Xw − y‖ / ‖y‖`.
    pub fn misfit(&self, w: ColRef<f64>) -> f64 {
        self.residual(w).norm_l2() / self.y.norm_l2()
    }
}

/// Weights of which the first `support` are between 1/2 and 3/2, with random signs where they may be negative, and all
/// others zero.
pub fn sparse(rng: &mut StreamRng, features: usize, support: usize, is_signed: bool) -> Col<f64> {
    Col::from_fn(features, |index| {
        let size = rng.random_range(0.5..1.5);
        let sign = draw::sign(rng);
        match (index < support, is_signed) {
            (false, _) => 0.0,
            (true, false) => size,
            (true, true) => size * sign,
        }
    })
}

/// Two points in three dimensions (Gunasekar, Lee, Soudry & Srebro 2018, "Characterizing implicit bias in terms of
/// optimization geometry", example 2).
pub fn two_points() -> Regression {
    let rows = [[1.0, 1.0, 1.0], [1.0, 2.0, 0.0]];
    Regression {
        x: Mat::from_fn(2, 3, |row, column| rows[row][column]),
        y: dense::column(&[1.0, 10.0]),
    }
}
