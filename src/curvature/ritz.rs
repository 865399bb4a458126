//! Ritz pairs: what a small projected matrix says of a large one.

use nalgebra::{DMatrix, SymmetricEigen};

/// An approximate eigenpair with its error.
#[derive(Clone, Debug)]
pub struct Eigenpair {
    /// The Ritz value λ, signed. Some true eigenvalue lies within `residual · |λ|` of it.
    pub value: f64,
    /// The Ritz vector, of norm 1.
    pub vector: Vec<f64>,
    /// `‖Av − λv‖ / |λ|`.
    pub residual: f64,
    /// Whether the residual is below the tolerance.
    pub converged: bool,
}

/// Which pairs are wanted, and how well.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wanted {
    pub largest: usize,
    pub above: Option<f64>,
    pub smallest: usize,
    pub tolerance: f64,
}

/// Ritz values in descending order, with absolute residuals and coordinates in a basis.
pub(super) struct Ritz {
    pub values: Vec<f64>,
    pub residuals: Vec<f64>,
    pub coordinates: Vec<Vec<f64>>,
}

impl Ritz {
    /// `‖Av − λv‖ / |λ|`; 0 for an exact pair, an exact zero eigenvalue included.
    pub fn relative_residual(&self, index: usize) -> f64 {
        let residual = self.residuals[index];
        if residual == 0.0 {
            return 0.0;
        }
        residual / self.values[index].abs()
    }

    /// How many values lie above a threshold.
    pub fn count_above(&self, threshold: Option<f64>) -> usize {
        threshold.map_or(0, |threshold| {
            self.values.partition_point(|value| *value > threshold)
        })
    }

    /// Whether a value and its residual are so far below the largest value that no further step
    /// could make the one small relative to the other.
    fn is_tiny(&self, index: usize) -> bool {
        let size = self
            .values
            .iter()
            .fold(0.0f64, |size, value| size.max(value.abs()));
        self.residuals[index].max(self.values[index].abs()) <= 1e-6 * size
    }

    /// How many of the largest values must have converged. The first value below the threshold must
    /// be certain too, or it may still rise above it.
    pub fn largest_wanted(&self, wanted: &Wanted) -> usize {
        let above = wanted
            .above
            .map_or(0, |_| self.count_above(wanted.above) + 1);
        wanted.largest.max(above)
    }

    /// Whether the pair at `index` has converged.
    pub fn has_converged(&self, index: usize, tolerance: f64) -> bool {
        self.relative_residual(index) <= tolerance
    }

    /// Whether no further step is needed for what is wanted.
    pub fn satisfies(&self, wanted: &Wanted) -> bool {
        let count = self.values.len();
        let done =
            |index: usize| self.has_converged(index, wanted.tolerance) || self.is_tiny(index);
        let largest = self.largest_wanted(wanted);
        largest.max(wanted.smallest) <= count
            && (0..largest).all(done)
            && (0..wanted.smallest).all(|k| done(count - 1 - k))
    }

    /// The pair at `index`, with the vector that `combine` makes of its coordinates.
    pub fn pair(
        &self,
        index: usize,
        tolerance: f64,
        combine: impl Fn(&[f64]) -> Vec<f64>,
    ) -> Eigenpair {
        Eigenpair {
            value: self.values[index],
            vector: combine(&self.coordinates[index]),
            residual: self.relative_residual(index),
            converged: self.has_converged(index, tolerance),
        }
    }
}

/// Eigenvalues of a small symmetric matrix, largest first, and their eigenvectors as columns.
pub(super) fn eigen_descending(matrix: DMatrix<f64>) -> (Vec<f64>, DMatrix<f64>) {
    let eigen = SymmetricEigen::new(matrix);
    let mut order: Vec<usize> = (0..eigen.eigenvalues.len()).collect();
    order.sort_by(|&a, &b| eigen.eigenvalues[b].total_cmp(&eigen.eigenvalues[a]));
    let values = order.iter().map(|&i| eigen.eigenvalues[i]).collect();
    (values, eigen.eigenvectors.select_columns(&order))
}
