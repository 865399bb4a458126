//! Ritz pairs: what a small projected matrix says of a large one.

use nalgebra::{DMatrix, DVector, SymmetricEigen};

/// An approximate eigenpair of a symmetric operator `A` with its error.
#[derive(Clone, Debug)]
pub struct Eigenpair {
    /// The Rayleigh quotient λ of the vector, signed. Some true eigenvalue lies within
    /// `residual · scale` of it (Parlett, "The Symmetric Eigenvalue Problem", theorem 4.5.1).
    pub value: f64,
    /// The vector, of norm 1.
    pub vector: Vec<f64>,
    /// `‖Av − λv‖ / ‖A‖`.
    pub residual: f64,
    /// `‖A‖` as far as the search has seen it: the largest magnitude of its Ritz values.
    pub scale: f64,
    /// Whether the residual is below the tolerance.
    pub converged: bool,
}

/// Which pairs are wanted, and how well.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wanted {
    pub largest: usize,
    pub above: Option<f64>,
    pub tolerance: f64,
    pub smallest: usize,
    pub smallest_tolerance: f64,
}

impl Wanted {
    /// The tolerance at the end of the largest (`sign` 1) or the smallest values.
    pub fn tolerance_at(&self, sign: f64) -> f64 {
        if sign > 0.0 {
            self.tolerance
        } else {
            self.smallest_tolerance
        }
    }
}

/// Ritz values in descending order, with vectors and residuals in the coordinates of a basis.
pub(super) struct Ritz {
    pub values: Vec<f64>,
    /// The vectors, as columns.
    pub vectors: DMatrix<f64>,
    /// `Av − λv`, as columns.
    pub rests: DMatrix<f64>,
    /// The norms of the rests, with what rounding makes uncertain.
    pub residuals: Vec<f64>,
}

impl Ritz {
    /// The largest magnitude among the values: what residuals and tolerances are relative to. An
    /// eigenvalue that is 0 can then converge as well as any other.
    pub fn scale(&self) -> f64 {
        let sizes = self.values.iter().map(|value| value.abs());
        sizes.fold(0.0, f64::max)
    }

    /// How many values lie above a threshold.
    pub fn count_above(&self, threshold: Option<f64>) -> usize {
        threshold.map_or(0, |threshold| {
            self.values.partition_point(|value| *value > threshold)
        })
    }

    /// How many of the largest values must have converged.
    pub fn largest_wanted(&self, wanted: &Wanted) -> usize {
        wanted.largest.max(self.count_above(wanted.above))
    }

    /// Whether the pair at `index` has converged.
    pub fn has_converged(&self, index: usize, tolerance: f64) -> bool {
        self.residuals[index] <= tolerance * self.scale()
    }

    /// The places of the pairs that are wanted: from the largest down, then from the smallest up.
    pub fn places(&self, wanted: &Wanted) -> (Vec<usize>, Vec<usize>) {
        let count = self.values.len();
        let largest = self.largest_wanted(wanted).min(count);
        let smallest = (0..wanted.smallest.min(count)).map(|k| count - 1 - k);
        ((0..largest).collect(), smallest.collect())
    }

    /// The first wanted pair that has not converged.
    pub fn first_unconverged(&self, wanted: &Wanted) -> Option<usize> {
        let (largest, smallest) = self.places(wanted);
        let is_open = |tolerance| move |index: &usize| !self.has_converged(*index, tolerance);
        let first = largest.into_iter().find(is_open(wanted.tolerance));
        let other_end = || {
            smallest
                .into_iter()
                .find(is_open(wanted.smallest_tolerance))
        };
        first.or_else(other_end)
    }

    /// Whether there are as many pairs as are wanted, and all of these have converged.
    pub fn satisfies(&self, wanted: &Wanted) -> bool {
        wanted.largest.max(wanted.smallest) <= self.values.len()
            && self.first_unconverged(wanted).is_none()
    }

    /// The residual of the pair at `index`.
    pub fn rest(&self, index: usize) -> DVector<f64> {
        self.rests.column(index).into_owned()
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
