//! Curvature: linear operators that are known only by their products with vectors, and what can be
//! read off them, each number with its error.
//!
//! Vectors live on the host in f64, whatever the precision of the products: inner products and
//! orthogonalisation then add no error of their own, and the estimators can be tested on any
//! matrix.

mod basis;
mod budget;
mod certainty;
mod davidson;
mod deflation;
mod density;
mod lanczos;
mod model;
mod operator;
mod pair;
#[cfg(test)]
mod properties;
mod ritz;
mod search;
mod trace;
mod transform;
mod vector;

pub(crate) use budget::draw;
pub use budget::{Budget, Estimate, ProbeOptions, Spending};
pub use davidson::{
    DavidsonOptions, LeadingPairs, Likeness, Recollection, Start, davidson, davidson_by_likeness,
};
pub use density::{Density, DensityOptions, spectral_density};
pub use lanczos::{LanczosOptions, Spectrum, lanczos};
pub(crate) use operator::sum_over_batches;
pub use operator::{CurvatureOperator, Matrix};
pub use pair::{Forms, PairedForms, paired_forms};
pub use ritz::Eigenpair;
pub use trace::{
    DiagonalEstimate, Traces, diagonal, frobenius_norm, hutch_plus_plus, hutchinson, traces,
};
pub use transform::{Conjugated, Restricted, Shifted};
pub(crate) use vector::{axpy, random_normal, random_signs, scale};
pub use vector::{dot, norm};

use crate::config::Precision;
use std::sync::atomic::{AtomicBool, Ordering};
use thiserror::Error;

/// A symmetric linear map `ℝⁿ → ℝⁿ`.
pub trait LinearOperator {
    /// The dimension `n`.
    fn dimension(&self) -> usize;

    /// The precision of the products; vectors derived from them are stored in it.
    fn precision(&self) -> Precision {
        Precision::F64
    }

    /// Whether no eigenvalue can be negative.
    fn is_positive_semidefinite(&self) -> bool {
        false
    }

    /// The product with a vector of length `n`.
    ///
    /// # Errors
    ///
    /// [`CurvatureError`] where the product cannot be computed or is not finite.
    fn apply(&mut self, vector: &[f64]) -> Result<Vec<f64>, CurvatureError>;
}

/// Why a curvature could not be measured.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum CurvatureError {
    /// A product held NaN or infinity.
    #[error("the matrix-vector product is not finite: the loss has overflowed or diverged here")]
    NotFinite,
    /// There is nothing to measure.
    #[error("the operator has dimension 0: the model has no parameters")]
    Empty,
    /// There are no samples to sum over.
    #[error("there are no samples to measure on")]
    NoSamples,
    /// Two evaluations of the same thing differ.
    #[error(
        "the same gradient evaluated twice differs by {difference} (relative): something in the \
         model is random or depends on the batch (dropout, normalisation by batch statistics)"
    )]
    NotDeterministic {
        /// The relative difference.
        difference: String,
    },
    /// Per-sample gradients were asked of a batch normalised by its own statistics.
    #[error(
        "a sample has no gradient of its own where its batch is normalised by its own statistics: \
         measure with norm_mode = \"eval\""
    )]
    Coupled,
    /// Remembered eigenvectors belong to an operator of another dimension.
    #[error(
        "a remembered eigenvector has {found} entries where {expected} are needed: it belongs to \
         another model"
    )]
    WrongLength {
        /// The length of the vectors of this operator.
        expected: usize,
        /// The length of the remembered one.
        found: usize,
    },
    /// A matrix that has no negative eigenvalues seems to have one.
    #[error(
        "the matrix is positive semi-definite, but has the Rayleigh quotient {lowest} beside {largest}: \
         its products are wrong by more than rounding"
    )]
    NotPositive {
        /// The smallest Rayleigh quotient.
        lowest: String,
        /// The largest.
        largest: String,
    },
    /// Eigenvectors that were found are not orthogonal.
    #[error(
        "the search for eigenvalues has lost its orthogonality (an inner product of {loss} between unit \
         vectors): pairs may be copies of each other"
    )]
    NotOrthogonal {
        /// The largest inner product between two of them.
        loss: String,
    },
    /// The budget ends before there are enough random probes to tell an error.
    #[error(
        "an estimate whose error can be trusted takes at least {fewest} matrix-vector products or passes \
         here, and the budget allows {allowed}: raise max_matvecs or max_seconds"
    )]
    TooFewProducts {
        /// Those the budget allows.
        allowed: usize,
        /// Those that would be enough.
        fewest: usize,
    },
    /// The device failed.
    #[error("{0}")]
    Device(String),
    /// The user interrupted the run.
    #[error("interrupted")]
    Interrupted,
}

/// A flag that asks long computations to stop at their next matrix-vector product.
#[derive(Clone, Copy, Debug)]
pub struct Interrupt<'a>(Option<&'a AtomicBool>);

impl<'a> Interrupt<'a> {
    /// Stops when the flag is raised.
    pub fn on(flag: &'a AtomicBool) -> Self {
        Self(Some(flag))
    }

    /// Never stops.
    pub fn never() -> Self {
        Self(None)
    }

    /// Whether to stop.
    pub fn is_raised(self) -> bool {
        self.0.is_some_and(|flag| flag.load(Ordering::Relaxed))
    }

    /// An error if the flag is raised.
    ///
    /// # Errors
    ///
    /// [`CurvatureError::Interrupted`].
    pub fn check(self) -> Result<(), CurvatureError> {
        if self.is_raised() {
            return Err(CurvatureError::Interrupted);
        }
        Ok(())
    }
}

#[cfg(test)]
pub(crate) mod test_operators {
    use super::{CurvatureError, LinearOperator};
    use crate::config::Precision;

    /// A dense symmetric matrix, row-major.
    pub struct Dense {
        pub dimension: usize,
        pub entries: Vec<f64>,
    }

    impl Dense {
        pub fn diagonal(values: &[f64]) -> Self {
            let dimension = values.len();
            let mut entries = vec![0.0; dimension * dimension];
            for (i, value) in values.iter().enumerate() {
                entries[i * dimension + i] = *value;
            }
            Self { dimension, entries }
        }
    }

    /// A symmetric matrix with these eigenvalues whose eigenvectors are spread over all coordinates
    /// (the basis of the discrete cosine transform).
    pub fn rotated(eigenvalues: &[f64]) -> Dense {
        let n = eigenvalues.len();
        let q = |i: usize, m: usize| {
            let scale = if m == 0 { 1.0 } else { 2.0 };
            let angle = std::f64::consts::PI * (i as f64 + 0.5) * m as f64 / n as f64;
            (scale / n as f64).sqrt() * angle.cos()
        };
        let entries = (0..n * n)
            .map(|k| {
                (0..n)
                    .map(|m| q(k / n, m) * eigenvalues[m] * q(k % n, m))
                    .sum()
            })
            .collect();
        Dense {
            dimension: n,
            entries,
        }
    }

    impl LinearOperator for Dense {
        fn dimension(&self) -> usize {
            self.dimension
        }

        fn apply(&mut self, vector: &[f64]) -> Result<Vec<f64>, CurvatureError> {
            Ok(self
                .entries
                .chunks(self.dimension)
                .map(|row| row.iter().zip(vector).map(|(a, b)| a * b).sum())
                .collect())
        }
    }

    /// A dense symmetric matrix with products in f32, entries and sums included: symmetric up to rounding
    /// only, as the products of a network are.
    pub struct Single(Dense);

    impl Single {
        /// The entries are rounded.
        pub fn of(matrix: &Dense) -> Self {
            Self(Dense {
                dimension: matrix.dimension,
                entries: matrix
                    .entries
                    .iter()
                    .map(|&x| f64::from(x as f32))
                    .collect(),
            })
        }
    }

    impl LinearOperator for Single {
        fn dimension(&self) -> usize {
            self.0.dimension
        }

        fn precision(&self) -> Precision {
            Precision::F32
        }

        fn apply(&mut self, vector: &[f64]) -> Result<Vec<f64>, CurvatureError> {
            const LANES: usize = 8;
            let dimension = self.0.dimension;
            let rounded: Vec<f32> = vector.iter().map(|&x| x as f32).collect();
            let rows = self.0.entries.chunks(dimension);
            let product = rows.map(|row| {
                let mut sums = [0.0f32; LANES];
                for (place, (a, b)) in row.iter().zip(&rounded).enumerate() {
                    sums[place % LANES] += *a as f32 * b;
                }
                f64::from(sums.iter().sum::<f32>())
            });
            Ok(product.collect())
        }
    }
}
