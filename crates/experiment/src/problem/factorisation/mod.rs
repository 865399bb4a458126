//! Matrices as products of factors: completion by descent, its least nuclear norm, and what dropout of the columns adds.

mod autoencoder;
mod completion;
mod dropout;
mod factors;
#[cfg(test)]
mod tests;

pub use autoencoder::{Autoencoder, sinking, sunk};
pub use completion::{Completion, LeastNuclear, least_nuclear_norm};
pub use dropout::{dropout_by_enumeration, dropout_ridge, equalising_rotation};
pub use factors::{Factors, Step};

use super::dense;
use crate::experiment::ExperimentError;
use faer::{Mat, MatRef};

/// The product entry by entry.
pub fn hadamard(a: MatRef<f64>, b: MatRef<f64>) -> Mat<f64> {
    Mat::from_fn(a.nrows(), a.ncols(), |i, j| a[(i, j)] * b[(i, j)])
}

/// The sum of the singular values.
///
/// # Errors
///
/// [`ExperimentError`] where the matrix is not finite.
pub fn nuclear_norm(matrix: MatRef<f64>) -> Result<f64, ExperimentError> {
    Ok(dense::singular_values(matrix)?.into_iter().sum())
}

/// The exponential of the entropy of the singular values as shares of their sum: the rank, where they are equal (Roy &
/// Vetterli 2007, "The effective rank").
///
/// # Errors
///
/// [`ExperimentError`] where the matrix is not finite.
pub fn effective_rank(matrix: MatRef<f64>) -> Result<f64, ExperimentError> {
    let values = dense::singular_values(matrix)?;
    let sum: f64 = values.iter().sum();
    let entropy = values
        .iter()
        .map(|value| value / sum)
        .filter(|share| *share > 0.0);
    Ok(entropy.map(|share| -share * share.ln()).sum::<f64>().exp())
}

/// `Σ aᵢⱼ bᵢⱼ`.
pub fn inner(a: MatRef<f64>, b: MatRef<f64>) -> f64 {
    (0..a.ncols()).map(|j| dense::dot(a.col(j), b.col(j))).sum()
}
