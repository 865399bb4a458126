//! Extreme eigenpairs by the Lanczos process with full reorthogonalisation.

use super::basis::Basis;
use super::operator::product_rounding;
use super::ritz::{Ritz, Wanted, eigen_descending};
use super::vector::{random_normal, scale};
use super::{Budget, CurvatureError, Eigenpair, Interrupt, LinearOperator, Spending, norm};
use crate::random::StreamRng;
use nalgebra::DMatrix;

/// What to look for and when to stop.
#[derive(Clone, Copy, Debug)]
pub struct LanczosOptions {
    /// How many of the largest eigenpairs must converge.
    pub largest: usize,
    /// Also look for every eigenvalue above this, however many there are.
    pub above: Option<f64>,
    /// How many of the smallest (most negative) eigenpairs must converge.
    pub smallest: usize,
    /// The relative residual `‖Av − λv‖ / |λ|` below which a pair has converged.
    pub tolerance: f64,
    /// Matrix-vector products always made: from a start close to an eigenvector, enough for a
    /// larger eigenvalue to show itself.
    pub min_matvecs: usize,
    /// Matrix-vector products never exceeded; the process also ends at the dimension.
    pub max_matvecs: usize,
    /// Bounds set by the user.
    pub budget: Budget,
}

impl Default for LanczosOptions {
    fn default() -> Self {
        Self {
            largest: 1,
            above: None,
            smallest: 0,
            tolerance: 1e-3,
            min_matvecs: 4,
            max_matvecs: 100,
            budget: Budget::default(),
        }
    }
}

impl LanczosOptions {
    fn wanted(&self) -> Wanted {
        Wanted {
            largest: self.largest,
            above: self.above,
            smallest: self.smallest,
            tolerance: self.tolerance,
        }
    }
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

impl Spectrum {
    /// The pairs found at either end, largest magnitude first. Complete to as many as were asked
    /// for at each end.
    pub fn by_magnitude(&self) -> Vec<&Eigenpair> {
        let mut pairs: Vec<&Eigenpair> = self.largest.iter().chain(&self.smallest).collect();
        pairs.sort_by(|a, b| b.value.abs().total_cmp(&a.value.abs()));
        pairs
    }
}

/// Runs the Lanczos process from `start` (a previous eigenvector, say) or from a random vector.
///
/// Every new vector is orthogonalised against all earlier ones, so no spurious copies of
/// converged eigenvalues appear (Parlett, "The Symmetric Eigenvalue Problem", §13.8). When the
/// vectors so far span an invariant subspace the process goes on in its complement, so that
/// multiple eigenvalues are found as often as they occur.
///
/// Memory for `k` products of dimension `n`: the basis of `k` vectors in the precision of the products
/// (`4kn` bytes in f32), two working vectors of `8n` bytes, and `8n` for each pair returned.
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
    let mut process = Process::start(operator, start, rng);
    let mut spending = Spending::new(options.budget, interrupt);
    let limit = options.max_matvecs.clamp(1, dimension);
    loop {
        spending.spend()?;
        process.step(operator)?;
        let steps = process.steps();
        let finished = steps >= limit || !spending.allows(1);
        if finished || (steps >= options.min_matvecs && is_checkpoint(steps)) {
            let ritz = process.ritz();
            if finished || ritz.satisfies(&options.wanted()) {
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
    /// Relative rounding error of one product.
    rounding: f64,
    basis: Basis,
    diagonal: Vec<f64>,
    off_diagonal: Vec<f64>,
    remainder: Vec<f64>,
    remainder_norm: f64,
}

impl Process {
    fn start(operator: &dyn LinearOperator, start: Option<&[f64]>, rng: &mut StreamRng) -> Self {
        let dimension = operator.dimension();
        let usable = |vector: &&[f64]| {
            let length = norm(vector);
            vector.len() == dimension && length > 0.0 && length.is_finite()
        };
        let mut first = match start.filter(usable) {
            Some(vector) => vector.to_vec(),
            None => random_normal(dimension, rng),
        };
        let length = norm(&first);
        scale(1.0 / length, &mut first);
        let mut basis = Basis::new(operator.precision());
        basis.push(&first);
        Self {
            dimension,
            rounding: product_rounding(operator.precision()),
            basis,
            diagonal: Vec::new(),
            off_diagonal: Vec::new(),
            remainder: Vec::new(),
            remainder_norm: 0.0,
        }
    }

    fn steps(&self) -> usize {
        self.diagonal.len()
    }

    /// Multiplies the newest basis vector and splits the product into its part in the basis and a
    /// remainder orthogonal to it.
    fn step(&mut self, operator: &mut dyn LinearOperator) -> Result<(), CurvatureError> {
        let newest = self.basis.newest();
        let mut product = operator.apply(&newest)?;
        self.diagonal.push(super::dot(&newest, &product));
        (_, self.remainder_norm) = self.basis.orthogonalise(&mut product);
        self.remainder = product;
        Ok(())
    }

    /// Adds the remainder's direction to the basis; where there is none, a random direction in the
    /// complement. False once the basis spans the whole space.
    fn extend(&mut self, rng: &mut StreamRng) -> bool {
        if self.basis.len() >= self.dimension {
            return false;
        }
        let length = self.remainder_norm;
        if length > self.negligible() {
            let mut next = std::mem::take(&mut self.remainder);
            scale(1.0 / length, &mut next);
            self.off_diagonal.push(length);
            self.basis.push(&next);
            return true;
        }
        let mut next = random_normal(self.dimension, rng);
        let (_, length) = self.basis.orthogonalise(&mut next);
        if length == 0.0 {
            return false;
        }
        scale(1.0 / length, &mut next);
        self.off_diagonal.push(0.0);
        self.basis.push(&next);
        true
    }

    /// The size of the entries of the tridiagonal matrix.
    fn size(&self) -> f64 {
        self.diagonal
            .iter()
            .chain(&self.off_diagonal)
            .fold(0.0, |size: f64, value| size.max(value.abs()))
    }

    /// Below this a remainder is rounding error of a product of this operator's size.
    fn negligible(&self) -> f64 {
        10.0 * self.rounding * self.size()
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
        let (values, vectors) = eigen_descending(matrix);
        let remainder = if self.remainder_norm > self.negligible() {
            self.remainder_norm
        } else {
            0.0
        };
        let floor = self.rounding * self.size();
        Ritz {
            // In exact arithmetic the residual is the first term; rounding of the products adds what
            // no further step can remove.
            residuals: vectors
                .column_iter()
                .map(|vector| (remainder * vector[steps - 1].abs()).hypot(floor))
                .collect(),
            coordinates: vectors
                .column_iter()
                .map(|vector| vector.iter().copied().collect())
                .collect(),
            values,
        }
    }

    fn spectrum(&self, ritz: &Ritz, options: &LanczosOptions) -> Spectrum {
        let steps = self.steps();
        let pair = |index| ritz.pair(index, options.tolerance, |x| self.basis.combine(x));
        let largest = options
            .largest
            .max(ritz.count_above(options.above))
            .min(steps);
        Spectrum {
            largest: (0..largest).map(pair).collect(),
            smallest: (0..options.smallest.min(steps))
                .map(|k| pair(steps - 1 - k))
                .collect(),
            matvecs: steps,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::test_operators::{Dense, rotated};
    use super::super::vector::axpy;
    use super::*;
    use crate::random::Streams;

    fn run(matrix: &mut Dense, options: LanczosOptions) -> Spectrum {
        let mut rng = Streams::new(0).stream("probes", 0);
        lanczos(matrix, None, &mut rng, options, Interrupt::never()).unwrap()
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
                ..Default::default()
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
        assert!(spectrum.largest[0].residual < 1e-12);
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
    fn every_eigenvalue_above_a_threshold_is_found() {
        let mut eigenvalues: Vec<f64> = (0..50).map(|i| f64::from(i) / 50.0).collect();
        eigenvalues.extend([3.0, 4.0, 5.0, 6.0]);
        let spectrum = run(
            &mut rotated(&eigenvalues),
            LanczosOptions {
                above: Some(2.5),
                ..Default::default()
            },
        );
        let values: Vec<f64> = spectrum.largest.iter().map(|pair| pair.value).collect();
        assert_eq!(values.len(), 4, "{values:?}");
        for (value, expected) in values.iter().zip([6.0, 5.0, 4.0, 3.0]) {
            assert!((value - expected).abs() < 1e-4, "{values:?}");
        }
    }

    #[test]
    fn the_largest_magnitudes_are_picked_from_both_ends() {
        let options = LanczosOptions {
            largest: 2,
            smallest: 2,
            ..Default::default()
        };
        let spectrum = run(&mut rotated(&[-9.0, 1.0, 2.0, 3.0, 8.0, -0.5]), options);
        let values: Vec<f64> = spectrum
            .by_magnitude()
            .iter()
            .map(|pair| pair.value)
            .collect();
        assert!((values[0] + 9.0).abs() < 1e-9 && (values[1] - 8.0).abs() < 1e-9);
    }

    #[test]
    fn a_budget_ends_the_process_honestly() {
        let eigenvalues: Vec<f64> = (1..=50).map(|i| f64::from(i).sqrt()).collect();
        let options = LanczosOptions {
            budget: Budget {
                max_matvecs: Some(3),
                max_seconds: None,
            },
            ..Default::default()
        };
        let spectrum = run(&mut rotated(&eigenvalues), options);
        assert_eq!(spectrum.matvecs, 3);
        assert!(!spectrum.largest[0].converged && spectrum.largest[0].residual > 1e-3);
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
