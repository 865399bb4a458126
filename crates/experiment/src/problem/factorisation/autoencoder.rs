//! A linear autoencoder with shared weights and dropout.

use super::inner;
use crate::experiment::ExperimentError;
use crate::problem::dense;
use faer::{Mat, MatRef, Scale};

/// The loss `‖M − UUᵀ‖² + λ Σ‖u_i‖⁴` of a linear autoencoder with tied weights and dropout in its hidden layer (Arora
/// et al., (11.11); Mianjy, Arora & Vidal 2018).
#[derive(Clone, Debug)]
pub struct Autoencoder {
    /// `M`, symmetric.
    pub matrix: Mat<f64>,
    /// `λ = p/(1 − p)` with `p` the rate of dropout.
    pub strength: f64,
}

impl Autoencoder {
    /// The loss.
    pub fn loss(&self, u: MatRef<f64>) -> f64 {
        let penalty: f64 = (0..u.ncols())
            .map(|j| u.col(j).squared_norm_l2().powi(2))
            .sum();
        (&self.matrix - u * u.transpose()).squared_norm_l2() + self.strength * penalty
    }

    /// Its gradient, `4(UUᵀ − M)U + 4λU diag(UᵀU)`.
    pub fn gradient(&self, u: MatRef<f64>) -> Mat<f64> {
        let pull = (u * u.transpose() - &self.matrix) * u;
        Mat::from_fn(u.nrows(), u.ncols(), |i, j| {
            4.0 * (pull[(i, j)] + self.strength * u[(i, j)] * u.col(j).squared_norm_l2())
        })
    }

    /// Its second derivative along `d`, twice.
    pub fn bend(&self, u: MatRef<f64>, d: MatRef<f64>) -> f64 {
        inner(self.curve(u, d).as_ref(), d)
    }

    /// Its second derivative along `d`.
    pub(super) fn curve(&self, u: MatRef<f64>, d: MatRef<f64>) -> Mat<f64> {
        let cross = d * u.transpose() + u * d.transpose();
        let pull = cross * u + (u * u.transpose() - &self.matrix) * d;
        Mat::from_fn(u.nrows(), u.ncols(), |i, j| {
            let size = u.col(j).squared_norm_l2();
            let along = dense::dot(u.col(j), d.col(j));
            4.0 * (pull[(i, j)] + self.strength * (size * d[(i, j)] + 2.0 * along * u[(i, j)]))
        })
    }

    /// The eigenvalues of its second derivative, ascending.
    ///
    /// # Errors
    ///
    /// [`ExperimentError`] where the factor is not finite.
    pub fn curvatures(&self, u: MatRef<f64>) -> Result<Vec<f64>, ExperimentError> {
        let (rows, columns) = (u.nrows(), u.ncols());
        let mut hessian = Mat::zeros(rows * columns, rows * columns);
        for index in 0..rows * columns {
            let unit = Mat::from_fn(rows, columns, |i, j| {
                f64::from(u8::from(j * rows + i == index))
            });
            let along = self.curve(u, unit.as_ref());
            for place in 0..rows * columns {
                hessian[(place, index)] = along[(place % rows, place / rows)];
            }
        }
        dense::eigenvalues(hessian.as_ref())
    }

    /// Where gradient descent ends from a start, with a step that halves whenever the loss would rise, once the
    /// gradient is below `10⁻¹¹` of the matrix or there were `steps` steps.
    pub fn descend(&self, start: Mat<f64>, steps: usize) -> Mat<f64> {
        let size = self.matrix.norm_l2();
        let (mut u, mut step) = (start, 0.1 / size);
        let mut height = self.loss(u.as_ref());
        for _ in 0..steps {
            let gradient = self.gradient(u.as_ref());
            if gradient.norm_l2() < 1e-11 * size.powf(1.5) {
                break;
            }
            let moved = &u - gradient * Scale(step);
            let loss = self.loss(moved.as_ref());
            if loss <= height * (1.0 + 1e-14) {
                (u, height, step) = (moved, loss, (step * 1.1).min(0.1 / size));
            } else {
                step /= 2.0;
            }
        }
        u
    }
}

/// How far each eigenvalue `λ₁ ≥ λ₂ ≥ …` sinks at the optimum of `‖M − X‖² + (λ/width)(tr X)²`: by `λρκ/(width + λρ)`,
/// with `κ` the mean of the first `ρ`, and `ρ` the largest number for which the last of them is above that (Mianjy,
/// Arora & Vidal 2018, Theorem 3.1). At most `width` of them are kept.
pub fn sinking(eigenvalues: &[f64], strength: f64, width: usize) -> f64 {
    let mut threshold = f64::INFINITY;
    let mut sum = 0.0;
    for (index, value) in eigenvalues.iter().take(width).enumerate() {
        sum += value;
        let at = strength * sum / (width as f64 + strength * (index as f64 + 1.0));
        if *value > at {
            threshold = at;
        }
    }
    threshold
}

/// The eigenvalues of the optimum, descending: each sunk as [`sinking`] says, none below zero, at most `width` kept.
pub fn sunk(eigenvalues: &[f64], strength: f64, width: usize) -> Vec<f64> {
    let by = sinking(eigenvalues, strength, width);
    let each = eigenvalues.iter().enumerate();
    each.map(|(index, value)| {
        if index < width {
            (value - by).max(0.0)
        } else {
            0.0
        }
    })
    .collect()
}
