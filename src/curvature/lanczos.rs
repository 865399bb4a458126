//! Extreme eigenpairs by the Lanczos process with full reorthogonalisation.

use super::vector::{axpy, scale};
use super::{CurvatureError, Interrupt, LinearOperator, dot, norm};
use crate::random::StreamRng;
use nalgebra::{DMatrix, SymmetricEigen};
use rand_distr::{Distribution, StandardNormal};

/// What to look for and when to stop.
#[derive(Clone, Copy, Debug)]
pub struct LanczosOptions {
    /// How many of the largest eigenpairs must converge.
    pub largest: usize,
    /// How many of the smallest (most negative) eigenpairs must converge.
    pub smallest: usize,
    /// The relative residual `‖Av − λv‖ / |λ|` below which a pair has converged.
    pub tolerance: f64,
    /// Matrix-vector products always made: from a start close to an eigenvector, enough for a
    /// larger eigenvalue to show itself.
    pub min_matvecs: usize,
    /// Matrix-vector products never exceeded; the process also ends at the dimension.
    pub max_matvecs: usize,
}

impl Default for LanczosOptions {
    fn default() -> Self {
        Self {
            largest: 1,
            smallest: 0,
            tolerance: 1e-3,
            min_matvecs: 4,
            max_matvecs: 100,
        }
    }
}

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

/// The two ends of a spectrum.
#[derive(Clone, Debug)]
pub struct Spectrum {
    /// The largest eigenpairs, largest first.
    pub largest: Vec<Eigenpair>,
    /// The smallest eigenpairs, smallest first.
    pub smallest: Vec<Eigenpair>,
    /// Matrix-vector products used.
    pub matvecs: usize,
}

/// Runs the Lanczos process from `start` (a previous eigenvector, say) or from a random vector.
///
/// Every new vector is orthogonalised twice against all earlier ones, so no spurious copies of
/// converged eigenvalues appear (Parlett, "The Symmetric Eigenvalue Problem", §13.8). When the
/// vectors so far span an invariant subspace the process goes on in its complement, so that
/// multiple eigenvalues are found as often as they occur.
///
/// # Errors
///
/// [`CurvatureError`] from the operator, or where it has dimension 0.
pub fn lanczos(
    operator: &mut dyn LinearOperator,
    start: Option<&[f64]>,
    rng: &mut StreamRng,
    options: LanczosOptions,
    interrupt: Interrupt<'_>,
) -> Result<Spectrum, CurvatureError> {
    let dimension = operator.dimension();
    if dimension == 0 {
        return Err(CurvatureError::Empty);
    }
    let mut process = Process::start(dimension, start, rng);
    let limit = options.max_matvecs.clamp(1, dimension);
    loop {
        interrupt.check()?;
        process.step(operator)?;
        let steps = process.steps();
        let finished = steps >= limit;
        if finished || (steps >= options.min_matvecs && is_checkpoint(steps)) {
            let ritz = process.ritz();
            if finished || ritz.satisfies(&options) {
                return Ok(process.spectrum(&ritz, &options));
            }
        }
        if !process.extend(rng) {
            let ritz = process.ritz();
            return Ok(process.spectrum(&ritz, &options));
        }
    }
}

/// Convergence is tested at every step while the small problem is cheap, then at every fifth.
fn is_checkpoint(steps: usize) -> bool {
    steps <= 40 || steps.is_multiple_of(5)
}

/// The state of the process: an orthonormal basis and the tridiagonal matrix on it.
struct Process {
    dimension: usize,
    basis: Vec<Vec<f64>>,
    diagonal: Vec<f64>,
    off_diagonal: Vec<f64>,
    remainder: Vec<f64>,
}

impl Process {
    fn start(dimension: usize, start: Option<&[f64]>, rng: &mut StreamRng) -> Self {
        let usable = |vector: &&[f64]| {
            let length = norm(vector);
            vector.len() == dimension && length > 0.0 && length.is_finite()
        };
        let mut first = match start.filter(usable) {
            Some(vector) => vector.to_vec(),
            None => random_vector(dimension, rng),
        };
        let length = norm(&first);
        scale(1.0 / length, &mut first);
        Self {
            dimension,
            basis: vec![first],
            diagonal: Vec::new(),
            off_diagonal: Vec::new(),
            remainder: Vec::new(),
        }
    }

    fn steps(&self) -> usize {
        self.diagonal.len()
    }

    /// Multiplies the newest basis vector and splits the product into its part in the basis and a
    /// remainder orthogonal to it.
    fn step(&mut self, operator: &mut dyn LinearOperator) -> Result<(), CurvatureError> {
        let newest = &self.basis[self.basis.len() - 1];
        let mut product = operator.apply(newest)?;
        self.diagonal.push(dot(newest, &product));
        orthogonalise(&mut product, &self.basis);
        self.remainder = product;
        Ok(())
    }

    /// Adds the remainder's direction to the basis; where there is none, a random direction in the
    /// complement. False once the basis spans the whole space.
    fn extend(&mut self, rng: &mut StreamRng) -> bool {
        if self.basis.len() >= self.dimension {
            return false;
        }
        let length = norm(&self.remainder);
        if length > self.negligible() {
            let mut next = std::mem::take(&mut self.remainder);
            scale(1.0 / length, &mut next);
            self.off_diagonal.push(length);
            self.basis.push(next);
            return true;
        }
        let mut next = random_vector(self.dimension, rng);
        orthogonalise(&mut next, &self.basis);
        let length = norm(&next);
        if length == 0.0 {
            return false;
        }
        scale(1.0 / length, &mut next);
        self.off_diagonal.push(0.0);
        self.basis.push(next);
        true
    }

    /// Below this a remainder is rounding error of a product of this operator's size.
    fn negligible(&self) -> f64 {
        let size = self
            .diagonal
            .iter()
            .chain(&self.off_diagonal)
            .fold(0.0, |size: f64, value| size.max(value.abs()));
        size * 1e-14 * (self.dimension as f64).sqrt()
    }

    /// Solves the small tridiagonal problem.
    fn ritz(&self) -> Ritz {
        let steps = self.steps();
        let matrix = DMatrix::from_fn(steps, steps, |row, column| {
            if row == column {
                self.diagonal[row]
            } else if row.abs_diff(column) == 1 {
                self.off_diagonal[row.min(column)]
            } else {
                0.0
            }
        });
        let eigen = SymmetricEigen::new(matrix);
        let mut order: Vec<usize> = (0..steps).collect();
        order.sort_by(|&a, &b| eigen.eigenvalues[b].total_cmp(&eigen.eigenvalues[a]));
        let remainder = norm(&self.remainder);
        let remainder = if remainder > self.negligible() {
            remainder
        } else {
            0.0
        };
        Ritz {
            values: order.iter().map(|&i| eigen.eigenvalues[i]).collect(),
            residuals: order
                .iter()
                .map(|&i| remainder * eigen.eigenvectors[(steps - 1, i)].abs())
                .collect(),
            coordinates: order
                .iter()
                .map(|&i| eigen.eigenvectors.column(i).iter().copied().collect())
                .collect(),
        }
    }

    fn spectrum(&self, ritz: &Ritz, options: &LanczosOptions) -> Spectrum {
        let steps = self.steps();
        let pair = |index: usize| {
            let mut vector = vec![0.0; self.dimension];
            for (coordinate, basis) in ritz.coordinates[index].iter().zip(&self.basis) {
                axpy(*coordinate, basis, &mut vector);
            }
            let residual = ritz.relative_residual(index);
            Eigenpair {
                value: ritz.values[index],
                vector,
                residual,
                converged: residual <= options.tolerance,
            }
        };
        Spectrum {
            largest: (0..options.largest.min(steps)).map(pair).collect(),
            smallest: (0..options.smallest.min(steps))
                .map(|k| pair(steps - 1 - k))
                .collect(),
            matvecs: steps,
        }
    }
}

/// Ritz values in descending order, with absolute residuals and coordinates in the basis.
struct Ritz {
    values: Vec<f64>,
    residuals: Vec<f64>,
    coordinates: Vec<Vec<f64>>,
}

impl Ritz {
    /// `‖Av − λv‖ / |λ|`; 0 for an exact pair, an exact zero eigenvalue included.
    fn relative_residual(&self, index: usize) -> f64 {
        let residual = self.residuals[index];
        if residual == 0.0 {
            return 0.0;
        }
        residual / self.values[index].abs()
    }

    fn satisfies(&self, options: &LanczosOptions) -> bool {
        let steps = self.values.len();
        let converged = |index: usize| self.relative_residual(index) <= options.tolerance;
        options.largest.max(options.smallest) <= steps
            && (0..options.largest).all(converged)
            && (0..options.smallest).all(|k| converged(steps - 1 - k))
    }
}

fn random_vector(dimension: usize, rng: &mut StreamRng) -> Vec<f64> {
    (0..dimension).map(|_| StandardNormal.sample(rng)).collect()
}

/// Removes from `vector` its components along an orthonormal basis, twice: once leaves rounding
/// errors of the size of what was removed, twice is enough (Parlett, §6.9).
fn orthogonalise(vector: &mut [f64], basis: &[Vec<f64>]) {
    for _ in 0..2 {
        for direction in basis {
            let component = dot(direction, vector);
            axpy(-component, direction, vector);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::test_operators::Dense;
    use super::*;
    use crate::random::Streams;

    fn run(matrix: &mut Dense, options: LanczosOptions) -> Spectrum {
        let mut rng = Streams::new(0).stream("probes", 0);
        lanczos(matrix, None, &mut rng, options, Interrupt::never()).unwrap()
    }

    /// A symmetric matrix with the given eigenvalues in a rotated basis (a Householder reflection).
    fn rotated(eigenvalues: &[f64]) -> Dense {
        let n = eigenvalues.len();
        let mut reflector: Vec<f64> = (0..n).map(|i| 1.0 + i as f64).collect();
        let length = norm(&reflector);
        scale(1.0 / length, &mut reflector);
        let q =
            |i: usize, j: usize| f64::from(u8::from(i == j)) - 2.0 * reflector[i] * reflector[j];
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

    #[test]
    fn both_ends_of_a_known_spectrum_are_found_with_their_signs() {
        let eigenvalues: Vec<f64> = (0..60)
            .map(|i| if i == 0 { -7.0 } else { f64::from(i) / 10.0 })
            .collect();
        let mut matrix = rotated(&eigenvalues);
        let spectrum = run(
            &mut matrix,
            LanczosOptions {
                largest: 2,
                smallest: 1,
                tolerance: 1e-10,
                min_matvecs: 1,
                max_matvecs: 60,
            },
        );
        assert!((spectrum.largest[0].value - 5.9).abs() < 1e-9);
        assert!((spectrum.largest[1].value - 5.8).abs() < 1e-9);
        assert!((spectrum.smallest[0].value + 7.0).abs() < 1e-9);
        assert!(spectrum.largest.iter().all(|pair| pair.converged));
    }

    #[test]
    fn the_residual_is_the_true_one() {
        let eigenvalues: Vec<f64> = (1..=50).map(|i| f64::from(i).sqrt()).collect();
        let mut matrix = rotated(&eigenvalues);
        let spectrum = run(
            &mut matrix,
            LanczosOptions {
                max_matvecs: 12,
                ..Default::default()
            },
        );
        let pair = &spectrum.largest[0];
        let mut product = matrix.apply(&pair.vector).unwrap();
        axpy(-pair.value, &pair.vector, &mut product);
        let residual = norm(&product) / pair.value;
        assert!((pair.residual / residual - 1.0).abs() < 1e-6);
        assert!(pair.residual > 1e-3 && !pair.converged);
    }

    #[test]
    fn a_multiple_of_the_identity_ends_at_once_without_nan() {
        let spectrum = run(&mut Dense::diagonal(&[2.5; 6]), LanczosOptions::default());
        assert!((spectrum.largest[0].value - 2.5).abs() < 1e-14);
        assert_eq!(spectrum.largest[0].residual, 0.0);
        assert!(spectrum.largest[0].converged);
    }

    #[test]
    fn multiple_eigenvalues_are_found_as_often_as_they_occur() {
        let options = LanczosOptions {
            largest: 3,
            ..Default::default()
        };
        let spectrum = run(&mut Dense::diagonal(&[2.0, 2.0, 1.0, 0.0]), options);
        let values: Vec<f64> = spectrum.largest.iter().map(|pair| pair.value).collect();
        for (value, expected) in values.iter().zip([2.0, 2.0, 1.0]) {
            assert!((value - expected).abs() < 1e-9, "{values:?}");
        }
    }

    #[test]
    fn the_zero_operator_has_eigenvalue_zero_without_nan() {
        let spectrum = run(&mut Dense::diagonal(&[0.0; 5]), LanczosOptions::default());
        assert_eq!(spectrum.largest[0].value, 0.0);
        assert!(spectrum.largest[0].converged);
    }

    #[test]
    fn a_warm_start_near_the_wrong_eigenvector_still_finds_the_largest() {
        let mut eigenvalues = vec![0.1; 40];
        (eigenvalues[0], eigenvalues[1]) = (5.0, 6.0);
        let mut matrix = Dense::diagonal(&eigenvalues);
        let mut start = vec![1e-3; 40];
        start[0] = 1.0;
        let mut rng = Streams::new(0).stream("probes", 0);
        let spectrum = lanczos(
            &mut matrix,
            Some(&start),
            &mut rng,
            LanczosOptions::default(),
            Interrupt::never(),
        )
        .unwrap();
        assert!((spectrum.largest[0].value - 6.0).abs() < 1e-6);
        assert!(spectrum.matvecs <= 6, "{}", spectrum.matvecs);
    }

    #[test]
    fn a_dimension_of_zero_is_refused() {
        let mut rng = Streams::new(0).stream("probes", 0);
        let result = lanczos(
            &mut Dense::diagonal(&[]),
            None,
            &mut rng,
            LanczosOptions::default(),
            Interrupt::never(),
        );
        assert_eq!(result.unwrap_err(), CurvatureError::Empty);
    }
}
