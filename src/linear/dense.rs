//! Norms of matrices, spectral ones by the Lanczos process on `AᵀA`.

use crate::linear::{Interrupt, LanczosOptions, LinearError, LinearOperator, dot, lanczos, norm};
use crate::random::StreamRng;

/// The relative residual at which an eigenvalue of `AᵀA` has converged.
const TOLERANCE: f64 = 1e-6;

/// Products with `AᵀA` never exceeded; far more than spectra with a gap need.
const MOST_PRODUCTS: usize = 300;

/// The largest singular value of a linear map.
#[derive(Clone, Copy, Debug)]
pub struct SpectralNorm {
    /// The value.
    pub value: f64,
    /// A bound on its relative error, from the residual of `AᵀA`.
    pub residual: f64,
    /// Whether the residual is below the tolerance.
    pub converged: bool,
}

/// A matrix, row-major, on the host.
#[derive(Clone, Copy, Debug)]
pub struct DenseMatrix<'a> {
    /// `rows · columns` numbers.
    pub entries: &'a [f64],
    /// The length of a row.
    pub columns: usize,
}

impl<'a> DenseMatrix<'a> {
    /// The rows in order.
    pub fn rows(self) -> impl ExactSizeIterator<Item = &'a [f64]> {
        self.entries.chunks(self.columns)
    }

    /// The Frobenius norm.
    pub fn frobenius_norm(self) -> f64 {
        norm(self.entries)
    }

    /// The sum of the Euclidean norms of the rows: `‖Aᵀ‖₂,₁`.
    pub fn sum_of_row_norms(self) -> f64 {
        self.rows().map(norm).sum()
    }

    /// The spectral norm.
    ///
    /// # Errors
    ///
    /// [`LinearError`] for an empty matrix, one that is not finite, or where the user interrupts.
    pub fn spectral_norm(
        self,
        rng: &mut StreamRng,
        interrupt: Interrupt<'_>,
    ) -> Result<SpectralNorm, LinearError> {
        if self.entries.iter().any(|entry| !entry.is_finite()) {
            return Err(LinearError::NotFinite);
        }
        largest_singular_value(&mut Gram(self), rng, interrupt)
    }
}

/// The smaller of `AᵀA` and `AAᵀ`; they share their eigenvalues but for zeros.
struct Gram<'a>(DenseMatrix<'a>);

impl LinearOperator for Gram<'_> {
    fn dimension(&self) -> usize {
        self.0.columns.min(self.0.rows().len())
    }

    fn is_positive_semidefinite(&self) -> bool {
        true
    }

    fn apply(&mut self, vector: &[f64]) -> Result<Vec<f64>, LinearError> {
        let matrix = self.0;
        let product = if vector.len() == matrix.columns {
            let image: Vec<f64> = matrix.rows().map(|row| dot(row, vector)).collect();
            combination(matrix, &image)
        } else {
            let combined = combination(matrix, vector);
            matrix.rows().map(|row| dot(row, &combined)).collect()
        };
        match product.iter().all(|value| value.is_finite()) {
            true => Ok(product),
            false => Err(LinearError::NotFinite),
        }
    }
}

/// The sum of the rows with these weights.
fn combination(matrix: DenseMatrix<'_>, weights: &[f64]) -> Vec<f64> {
    let mut sum = vec![0.0; matrix.columns];
    for (row, weight) in matrix.rows().zip(weights) {
        for (sum, entry) in sum.iter_mut().zip(row) {
            *sum += weight * entry;
        }
    }
    sum
}

/// The root of the largest eigenvalue of `AᵀA`.
pub(crate) fn largest_singular_value(
    gram: &mut dyn LinearOperator,
    rng: &mut StreamRng,
    interrupt: Interrupt<'_>,
) -> Result<SpectralNorm, LinearError> {
    let options = LanczosOptions {
        tolerance: TOLERANCE,
        max_matvecs: MOST_PRODUCTS,
        ..LanczosOptions::default()
    };
    let spectrum = lanczos(gram, None, rng, options, interrupt)?;
    let pair = spectrum.largest.first().ok_or(LinearError::Empty)?;
    Ok(SpectralNorm {
        value: pair.value.max(0.0).sqrt(),
        // The relative error of a root is half that of the number under it.
        residual: 0.5 * pair.residual,
        converged: pair.converged,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Streams;
    use nalgebra::DMatrix;
    use rand::RngExt;

    fn random(count: usize, seed: u64) -> Vec<f64> {
        let mut rng = Streams::new(seed).stream("test", 0);
        (0..count).map(|_| rng.random_range(-1.0..1.0)).collect()
    }

    fn spectral(entries: &[f64], columns: usize) -> SpectralNorm {
        let mut rng = Streams::new(0).stream("probes", 0);
        DenseMatrix { entries, columns }
            .spectral_norm(&mut rng, Interrupt::never())
            .unwrap()
    }

    #[test]
    fn norms_of_a_matrix_are_those_of_its_singular_values() {
        for (rows, columns) in [(7, 4), (4, 7), (30, 25), (1, 6), (6, 1)] {
            let entries = random(rows * columns, 3);
            let dense = DMatrix::from_row_slice(rows, columns, &entries);
            let values = dense.singular_values();
            let found = spectral(&entries, columns);
            assert!((found.value / values.max() - 1.0).abs() < 1e-9);
            assert!(found.converged && found.residual < 1e-6);
            let matrix = DenseMatrix {
                entries: &entries,
                columns,
            };
            assert!((matrix.frobenius_norm() / values.norm() - 1.0).abs() < 1e-12);
        }
    }

    #[test]
    fn a_matrix_of_zeros_has_norm_zero_and_one_with_nan_has_none() {
        assert_eq!(spectral(&[0.0; 6], 2).value, 0.0);
        let mut rng = Streams::new(0).stream("probes", 0);
        let matrix = DenseMatrix {
            entries: &[1.0, f64::NAN],
            columns: 2,
        };
        let result = matrix.spectral_norm(&mut rng, Interrupt::never());
        assert!(matches!(result, Err(LinearError::NotFinite)));
    }
}
