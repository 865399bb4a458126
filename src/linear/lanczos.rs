//! Extreme eigenpairs by the Lanczos process with full reorthogonalisation.

use super::certainty::{Certainty, Step, doubt};
use super::ritz::Wanted;
use super::search::{Check, Search};
use super::{Budget, Eigenpair, Interrupt, LinearError, LinearOperator, Spending};
use crate::random::StreamRng;

/// What to look for and when to stop.
#[derive(Clone, Copy, Debug)]
pub struct LanczosOptions {
    /// How many of the largest eigenpairs must converge.
    pub largest: usize,
    /// Also look for every eigenvalue above this, however many there are.
    pub above: Option<f64>,
    /// How many of the smallest (most negative) eigenpairs must converge.
    pub smallest: usize,
    /// The residual `‖Av − λv‖ / ‖A‖` below which one of the largest pairs has converged.
    pub tolerance: f64,
    /// The same of the smallest pairs. They may be far smaller than `‖A‖`, and their sign matters.
    pub smallest_tolerance: f64,
    /// Matrix-vector products always made: from a start close to an eigenvector, enough for a
    /// larger eigenvalue to show itself.
    pub min_matvecs: usize,
    /// Matrix-vector products never exceeded, those at the end included; the process also ends at the
    /// dimension.
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
            smallest_tolerance: 1e-4,
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
            tolerance: self.tolerance,
            smallest: self.smallest,
            smallest_tolerance: self.smallest_tolerance,
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
    /// An estimate, from below, of the eigenvalue after the last of the largest; none where the search has seen nothing
    /// of it.
    pub next: Option<f64>,
    /// Whether everything asked for has converged, and none is missing as far as [`lanczos`] is sure of
    /// it. Where it is not sure, no pair after the first of an end counts as converged.
    pub complete: bool,
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
/// converged eigenvalues appear (Parlett, "The Symmetric Eigenvalue Problem", §13.8), and the small
/// problem is that of all inner products with the vectors as they are stored, not of a three-term
/// recurrence. Every pair returned is multiplied once more at the end, as far as the budget allows: its
/// value and its residual are those of that product.
///
/// Where several pairs from one end or all above a threshold are wanted, the process goes on from new
/// random vectors, in the complement of all earlier ones, until an eigenvalue that is missing above the
/// last of them by more than the tolerance would have shown itself with probability 0.99 at each such
/// start. So multiple eigenvalues are found as often as they occur. Of a single pair only this is sure: it
/// is a pair of the operator, and no vector multiplied has a larger Rayleigh quotient. Another eigenvalue
/// larger by a share `x` can hide in a mixture with probability of about `0.6 · tolerance / x`.
///
/// Memory for `k` products of dimension `n`: the basis of at most `k` vectors and one for each new start in
/// the precision of the products (`4n` bytes each in f32), two working vectors of `8n` bytes, and `8n` for
/// each pair returned.
///
/// # Errors
///
/// [`LinearError`] from the operator, where it has dimension 0, or where it is positive semi-definite
/// and has a negative Ritz value.
pub fn lanczos(
    operator: &mut dyn LinearOperator,
    start: Option<&[f64]>,
    rng: &mut StreamRng,
    options: LanczosOptions,
    interrupt: Interrupt<'_>,
) -> Result<Spectrum, LinearError> {
    let mut search = Search::new(operator)?;
    let mut certainty = Certainty::new();
    let mut spending = Spending::new(options.budget, interrupt);
    let wanted = options.wanted();
    let reserved = options.largest + options.smallest;
    let first = start.and_then(|start| search.towards(start.to_vec()));
    let mut next = match first {
        Some(direction) => Some(Step::Aside(direction)),
        None => search.random(rng).map(Step::Random),
    };
    let mut is_sure = true;
    while let Some(step) = next {
        let direction = certainty.note(step, search.model.products());
        spending.spend()?;
        search.multiply(operator, direction)?;
        let made = search.model.products();
        if made + reserved >= options.max_matvecs || !spending.allows(1 + reserved) {
            is_sure = made >= search.dimension;
            break;
        }
        next = match search.onward() {
            Some(direction) if made < options.min_matvecs || !is_checkpoint(made) => {
                Some(Step::Onward(direction))
            }
            _ => advance(&mut search, &mut certainty, &wanted, rng),
        };
    }
    let ritz = search.ritz();
    let (largest, smallest) = ritz.places(&wanted);
    let mut check = Check {
        below: f64::INFINITY,
        max_matvecs: options.max_matvecs,
        spending: &mut spending,
        tolerance: options.tolerance,
    };
    let next = ritz.values.get(largest.len()).copied();
    let mut largest = search.pairs(operator, &ritz, &largest, &mut check)?;
    check.tolerance = options.smallest_tolerance;
    let mut smallest = search.pairs(operator, &ritz, &smallest, &mut check)?;
    largest.sort_by(|a, b| b.value.total_cmp(&a.value));
    smallest.sort_by(|a, b| a.value.total_cmp(&b.value));
    if !is_sure {
        doubt(&mut largest);
        doubt(&mut smallest);
    }
    Ok(Spectrum {
        complete: is_sure && largest.iter().chain(&smallest).all(|pair| pair.converged),
        largest,
        smallest,
        next,
        matvecs: spending.matvecs,
    })
}

/// Convergence is tested at every step while the small problem is cheap, then at every fifth.
fn is_checkpoint(steps: usize) -> bool {
    steps <= 40 || steps.is_multiple_of(5)
}

/// What to multiply next: along the residual of the first wanted pair that has not converged, and once all
/// have, what makes sure that none is missing. None once that is so, or everything has been multiplied.
fn advance(
    search: &mut Search,
    certainty: &mut Certainty,
    wanted: &Wanted,
    rng: &mut StreamRng,
) -> Option<Step> {
    let ritz = search.ritz();
    if ritz.satisfies(wanted) {
        return certainty.next(search, &ritz, wanted, rng);
    }
    let rest = ritz.first_unconverged(wanted).map(|index| ritz.rest(index));
    let direction = match rest {
        Some(rest) if !search.has_one_way() => search.outward(&rest).map(Step::Aside),
        _ => search.onward().map(Step::Onward),
    };
    direction.or_else(|| search.random(rng).map(Step::Random))
}

#[cfg(test)]
mod tests {
    use super::super::norm;
    use super::super::testing::operators::{Dense, rotated};
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
                smallest_tolerance: 1e-10,
                min_matvecs: 1,
                max_matvecs: 63,
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
        assert_eq!(result.unwrap_err(), LinearError::Empty);
    }
}
