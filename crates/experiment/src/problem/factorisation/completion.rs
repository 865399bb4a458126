//! Completion of a matrix of which some numbers are known, and the completion of least nuclear norm.

use super::{hadamard, inner, nuclear_norm};
use crate::experiment::ExperimentError;
use crate::problem::{dense, draw};
use crate::random::StreamRng;
use faer::{Mat, MatRef, Scale};
use rand::RngExt;

/// A matrix of which some entries are known.
#[derive(Clone, Debug)]
pub struct Completion {
    /// All of it.
    pub truth: Mat<f64>,
    /// 1 where an entry is known, else 0.
    pub mask: Mat<f64>,
}

impl Completion {
    /// A square Gaussian matrix of this rank, with entries of variance one, each of which is known with a chance of
    /// `share`.
    pub fn low_rank(rng: &mut StreamRng, size: usize, rank: usize, share: f64) -> Self {
        let factors = [0, 1].map(|_| draw::gaussian(rng, size, rank));
        let truth = &factors[0] * factors[1].transpose() * Scale(1.0 / (rank as f64).sqrt());
        let known: Vec<f64> = (0..size * size)
            .map(|_| f64::from(rng.random::<f64>() < share))
            .collect();
        let mask = Mat::from_fn(size, size, |i, j| known[i * size + j]);
        Self { truth, mask }
    }

    /// What is wrong with `found` where the truth is known, and zero elsewhere.
    pub fn residual(&self, found: MatRef<f64>) -> Mat<f64> {
        Mat::from_fn(found.nrows(), found.ncols(), |i, j| {
            self.mask[(i, j)] * (found[(i, j)] - self.truth[(i, j)])
        })
    }

    /// The known entries, and zero elsewhere.
    pub fn known(&self) -> Mat<f64> {
        hadamard(self.mask.as_ref(), self.truth.as_ref())
    }

    /// The error on the known entries, as a share of their norm.
    pub fn misfit(&self, found: MatRef<f64>) -> f64 {
        self.residual(found).norm_l2() / self.known().norm_l2()
    }

    /// The error on the unknown entries, as a share of their norm.
    pub fn error(&self, found: MatRef<f64>) -> f64 {
        let hidden = Mat::from_fn(self.mask.nrows(), self.mask.ncols(), |i, j| {
            1.0 - self.mask[(i, j)]
        });
        let wrong = hadamard(hidden.as_ref(), (found - &self.truth).as_ref());
        wrong.norm_l2() / hadamard(hidden.as_ref(), self.truth.as_ref()).norm_l2()
    }
}

/// A completion of least nuclear norm.
#[derive(Clone, Debug)]
pub struct LeastNuclear {
    /// It, which agrees with all known entries.
    pub matrix: Mat<f64>,
    /// Its nuclear norm.
    pub norm: f64,
    /// By how much that may exceed the least: its distance from the value of a feasible point of the dual problem.
    pub gap: f64,
}

/// The completion of least nuclear norm, by the alternating direction method (Boyd et al. 2011) until the gap to the
/// dual problem `max ⟨Λ, Y⟩` over `Λ` on the known entries with singular values up to one is below `tolerance`
/// (relative) or there were `steps` steps.
///
/// # Errors
///
/// [`ExperimentError`] where singular values cannot be found.
pub fn least_nuclear_norm(
    problem: &Completion,
    (steps, tolerance): (usize, f64),
) -> Result<LeastNuclear, ExperimentError> {
    let known = problem.known();
    // The threshold, on the scale of the matrix.
    let threshold = nuclear_norm(known.as_ref())? / (4.0 * known.nrows() as f64);
    let (rows, columns) = (known.nrows(), known.ncols());
    let mut feasible = known.clone();
    let mut dual = Mat::<f64>::zeros(rows, columns);
    let mut best: Option<LeastNuclear> = None;
    for step in 0..steps {
        let low = shrink((&feasible - &dual).as_ref(), threshold)?;
        let sum = &low + &dual;
        feasible = Mat::from_fn(rows, columns, |i, j| {
            if problem.mask[(i, j)] > 0.0 {
                known[(i, j)]
            } else {
                sum[(i, j)]
            }
        });
        dual = sum - &feasible;
        if step % 10 == 9 || step + 1 == steps {
            let norm = nuclear_norm(feasible.as_ref())?;
            let certificate = hadamard(problem.mask.as_ref(), dual.as_ref()) * Scale(-1.0);
            let largest = dense::singular_values(certificate.as_ref())?
                .first()
                .copied()
                .unwrap_or(0.0);
            let value = inner(certificate.as_ref(), known.as_ref()) / largest;
            let gap = norm - value;
            if best.as_ref().is_none_or(|best| gap < best.gap) {
                best = Some(LeastNuclear {
                    matrix: feasible.clone(),
                    norm,
                    gap,
                });
            }
            if gap < tolerance * norm {
                break;
            }
        }
    }
    best.ok_or_else(|| ExperimentError::because("the least nuclear norm needs at least one step"))
}

/// The matrix with all singular values less by `threshold`, and none below zero.
fn shrink(matrix: MatRef<f64>, threshold: f64) -> Result<Mat<f64>, ExperimentError> {
    let svd = matrix.thin_svd().map_err(|_| {
        ExperimentError::because("the singular values of a matrix could not be found")
    })?;
    let values = svd.S().column_vector();
    let scaled = Mat::from_fn(matrix.nrows(), values.nrows(), |i, j| {
        svd.U()[(i, j)] * (values[j] - threshold).max(0.0)
    });
    Ok(scaled * svd.V().transpose())
}
