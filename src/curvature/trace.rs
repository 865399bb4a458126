//! Traces and norms from random quadratic forms.

use super::basis::Basis;
use super::budget::{Moments, draw, verdict};
use super::operator::product_rounding;
use super::vector::{random_signs, scale};
use super::{
    CurvatureError, Estimate, Interrupt, LinearOperator, ProbeOptions, Spending, dot, norm,
};
use crate::random::StreamRng;

/// Estimates `tr A` as the mean of `zᵀAz` over random signs `z` (Hutchinson 1990): unbiased, with
/// variance `2 Σ_{i≠j} A_ij²` per probe, so exact for a diagonal matrix.
///
/// # Errors
///
/// [`CurvatureError`] from the operator, or where it has dimension 0.
pub fn hutchinson(
    operator: &mut dyn LinearOperator,
    rng: &mut StreamRng,
    options: ProbeOptions,
    interrupt: Interrupt<'_>,
) -> Result<Estimate, CurvatureError> {
    mean_form(operator, rng, options, interrupt, dot)
}

/// Estimates `tr A` by Hutch++ (Meyer, Musco, Musco & Woodruff 2021, algorithm 1): the trace on the
/// range of a sketch of `rank` products exactly, the rest by Hutchinson's estimator. For spectra
/// that decay it needs the square root of the products; it costs `2·rank` before the first probe.
///
/// # Errors
///
/// As [`hutchinson`].
pub fn hutch_plus_plus(
    operator: &mut dyn LinearOperator,
    rank: usize,
    rng: &mut StreamRng,
    options: ProbeOptions,
    interrupt: Interrupt<'_>,
) -> Result<Estimate, CurvatureError> {
    let dimension = nonzero(operator)?;
    let mut spending = Spending::new(options.budget, interrupt);
    let mut basis = Basis::new(operator.precision());
    let mut captured = 0.0;
    for _ in 0..rank.min(dimension) {
        if !spending.allows(3) {
            break;
        }
        spending.spend()?;
        let mut vector = operator.apply(&random_signs(dimension, rng))?;
        let size = norm(&vector);
        let (_, length) = basis.orthogonalise(&mut vector);
        // What is left of a product in the span of the earlier ones is rounding error.
        if length > 100.0 * product_rounding(operator.precision()) * size {
            scale(1.0 / length, &mut vector);
            basis.push(&vector);
            let vector = basis.newest();
            spending.spend()?;
            captured += dot(&vector, &operator.apply(&vector)?);
        }
    }
    if basis.len() == dimension {
        return Ok(Estimate {
            value: captured,
            standard_error: 0.0,
            converged: true,
            matvecs: spending.matvecs,
        });
    }
    draw(&mut spending, options, 1, captured, |spending| {
        let mut signs = random_signs(dimension, rng);
        basis.orthogonalise(&mut signs);
        spending.spend()?;
        Ok(dot(&signs, &operator.apply(&signs)?))
    })
}

/// Estimates `‖A‖_F² = tr A²` as the mean of `‖Az‖²`.
///
/// # Errors
///
/// As [`hutchinson`].
pub fn squared_frobenius_norm(
    operator: &mut dyn LinearOperator,
    rng: &mut StreamRng,
    options: ProbeOptions,
    interrupt: Interrupt<'_>,
) -> Result<Estimate, CurvatureError> {
    mean_form(operator, rng, options, interrupt, |_, product| {
        dot(product, product)
    })
}

/// The mean of a form `f(z, Az)` over random signs `z`.
fn mean_form(
    operator: &mut dyn LinearOperator,
    rng: &mut StreamRng,
    options: ProbeOptions,
    interrupt: Interrupt<'_>,
    form: impl Fn(&[f64], &[f64]) -> f64,
) -> Result<Estimate, CurvatureError> {
    let dimension = nonzero(operator)?;
    let mut spending = Spending::new(options.budget, interrupt);
    draw(&mut spending, options, 1, 0.0, |spending| {
        let signs = random_signs(dimension, rng);
        spending.spend()?;
        Ok(form(&signs, &operator.apply(&signs)?))
    })
}

/// Estimates `tr(AB)` of two symmetric operators as the mean of `(Az)·(Bz)`.
///
/// # Errors
///
/// As [`hutchinson`].
pub fn trace_of_product(
    first: &mut dyn LinearOperator,
    second: &mut dyn LinearOperator,
    rng: &mut StreamRng,
    options: ProbeOptions,
    interrupt: Interrupt<'_>,
) -> Result<Estimate, CurvatureError> {
    let dimension = nonzero(first)?;
    let mut spending = Spending::new(options.budget, interrupt);
    draw(&mut spending, options, 2, 0.0, |spending| {
        let signs = random_signs(dimension, rng);
        spending.spend()?;
        let left = first.apply(&signs)?;
        spending.spend()?;
        Ok(dot(&left, &second.apply(&signs)?))
    })
}

/// The diagonal of a matrix, estimated entry by entry.
#[derive(Clone, Debug)]
pub struct DiagonalEstimate {
    /// The mean of `z ⊙ Az`.
    pub values: Vec<f64>,
    /// The standard error of each entry; infinite from a single probe.
    pub standard_errors: Vec<f64>,
    /// Whether the norm of the standard errors reached the tolerance, as a share of the norm of the
    /// values. Single entries may be less certain.
    pub converged: bool,
    /// Matrix-vector products used.
    pub matvecs: usize,
}

/// Estimates the diagonal as the mean of `z ⊙ Az` over random signs (Bekas, Kokiopoulou & Saad
/// 2007). Needs memory for five vectors of the dimension.
///
/// # Errors
///
/// As [`hutchinson`].
pub fn diagonal(
    operator: &mut dyn LinearOperator,
    rng: &mut StreamRng,
    options: ProbeOptions,
    interrupt: Interrupt<'_>,
) -> Result<DiagonalEstimate, CurvatureError> {
    let dimension = nonzero(operator)?;
    let mut spending = Spending::new(options.budget, interrupt);
    let mut entries = vec![Moments::default(); dimension];
    loop {
        let signs = random_signs(dimension, rng);
        spending.spend()?;
        let product = operator.apply(&signs)?;
        for ((entry, sign), value) in entries.iter_mut().zip(&signs).zip(&product) {
            entry.add(sign * value);
        }
        let root_of_squares = |number: fn(&Moments) -> f64| {
            entries
                .iter()
                .map(|entry| number(entry).powi(2))
                .sum::<f64>()
                .sqrt()
        };
        let is_within = || {
            let error = root_of_squares(Moments::standard_error);
            error <= options.tolerance * root_of_squares(|entry| entry.mean)
        };
        if let Some(converged) = verdict(spending.matvecs, options, spending.allows(1), is_within) {
            return Ok(DiagonalEstimate {
                values: entries.iter().map(|entry| entry.mean).collect(),
                standard_errors: entries.iter().map(Moments::standard_error).collect(),
                converged,
                matvecs: spending.matvecs,
            });
        }
    }
}

fn nonzero(operator: &dyn LinearOperator) -> Result<usize, CurvatureError> {
    match operator.dimension() {
        0 => Err(CurvatureError::Empty),
        dimension => Ok(dimension),
    }
}

#[cfg(test)]
mod tests {
    use super::super::test_operators::Dense;
    use super::super::{Budget, Interrupt};
    use super::*;
    use crate::random::Streams;

    fn rng(seed: u64) -> StreamRng {
        Streams::new(seed).stream("probes", 0)
    }

    fn fixed(probes: usize) -> ProbeOptions {
        ProbeOptions {
            min_probes: probes,
            max_probes: probes,
            tolerance: 0.0,
            budget: Budget::default(),
        }
    }

    fn ones(dimension: usize) -> Dense {
        Dense {
            dimension,
            entries: vec![1.0; dimension * dimension],
        }
    }

    #[test]
    fn a_diagonal_matrix_has_no_variance() {
        let mut matrix = Dense::diagonal(&[1.0, -2.0, 5.0]);
        let options = ProbeOptions::default();
        let estimate = hutchinson(&mut matrix, &mut rng(0), options, Interrupt::never()).unwrap();
        assert_eq!((estimate.value, estimate.standard_error), (4.0, 0.0));
        assert!(estimate.converged);
        assert_eq!(estimate.matvecs, 16);
    }

    #[test]
    fn the_standard_error_is_that_of_the_closed_form_variance() {
        // Off-diagonal entries of 1 in dimension 4: variance 2 · 12 = 24 per probe.
        let estimate =
            hutchinson(&mut ones(4), &mut rng(3), fixed(4000), Interrupt::never()).unwrap();
        let expected = (24.0f64 / 4000.0).sqrt();
        assert!((estimate.standard_error / expected - 1.0).abs() < 0.1);
        assert!((estimate.value - 4.0).abs() < 4.0 * expected);
        assert!(!estimate.converged, "a tolerance of 0 is never reached");
    }

    #[test]
    fn hutch_plus_plus_is_exact_on_low_rank_and_beats_hutchinson_on_a_decaying_spectrum() {
        let estimate =
            hutch_plus_plus(&mut ones(6), 2, &mut rng(0), fixed(4), Interrupt::never()).unwrap();
        assert!((estimate.value - 6.0).abs() < 1e-10 && estimate.standard_error < 1e-10);

        // Eigenvalues 1/i² in a rotated basis, 60 products each.
        let mut errors = [0.0, 0.0];
        for seed in 0..20 {
            let mut matrix = super::super::test_operators::rotated(
                &(1..=100)
                    .map(|i| 1.0 / f64::from(i * i))
                    .collect::<Vec<_>>(),
            );
            let truth: f64 = (1..=100).map(|i| 1.0 / f64::from(i * i)).sum();
            let never = Interrupt::never();
            let plain = hutchinson(&mut matrix, &mut rng(seed), fixed(60), never).unwrap();
            let better =
                hutch_plus_plus(&mut matrix, 20, &mut rng(seed), fixed(20), never).unwrap();
            assert!(better.matvecs <= 60);
            errors[0] += (plain.value - truth).powi(2);
            errors[1] += (better.value - truth).powi(2);
        }
        assert!(errors[1] < 0.1 * errors[0], "{errors:?}");
    }

    #[test]
    fn the_frobenius_norm_and_the_trace_of_a_product_are_estimated_without_bias() {
        let never = Interrupt::never();
        let mut matrix = Dense {
            dimension: 2,
            entries: vec![2.0, 1.0, 1.0, -3.0],
        };
        let norm = squared_frobenius_norm(&mut matrix, &mut rng(1), fixed(2000), never).unwrap();
        assert!((norm.value - 15.0).abs() < 4.0 * norm.standard_error + 1e-9);
        let mut other = Dense::diagonal(&[1.0, 10.0]);
        let product =
            trace_of_product(&mut matrix, &mut other, &mut rng(2), fixed(2000), never).unwrap();
        assert!((product.value + 28.0).abs() < 4.0 * product.standard_error + 1e-9);
        assert_eq!(product.matvecs, 4000);
    }

    #[test]
    fn diagonal_entries_have_errors_of_the_right_size() {
        let estimate =
            diagonal(&mut ones(3), &mut rng(4), fixed(3000), Interrupt::never()).unwrap();
        assert!(!estimate.converged, "a tolerance of 0 is never reached");
        assert_eq!(estimate.matvecs, 3000);
        for (value, error) in estimate.values.iter().zip(&estimate.standard_errors) {
            // Variance of an entry: the sum of the squares of its row off the diagonal, 2.
            assert!((error / (2.0f64 / 3000.0).sqrt() - 1.0).abs() < 0.1);
            assert!((value - 1.0).abs() < 4.0 * error);
        }
    }

    #[test]
    fn a_diagonal_converges_when_its_errors_are_small_beside_it() {
        let never = Interrupt::never();
        let mut exact = Dense::diagonal(&[1.0, -2.0, 5.0]);
        let options = ProbeOptions::default();
        let estimate = diagonal(&mut exact, &mut rng(0), options, never).unwrap();
        assert!(estimate.converged && estimate.matvecs == 16);
        assert_eq!(estimate.values, [1.0, -2.0, 5.0]);

        let options = ProbeOptions {
            tolerance: 0.2,
            ..options
        };
        let estimate = diagonal(&mut ones(4), &mut rng(0), options, never).unwrap();
        assert!(estimate.converged && estimate.matvecs > 16);
        let error: f64 = estimate.standard_errors.iter().map(|e| e * e).sum();
        let size: f64 = estimate.values.iter().map(|value| value * value).sum();
        assert!(error.sqrt() <= 0.2 * size.sqrt());
    }

    #[test]
    fn budgets_end_a_diagonal_and_hutch_plus_plus_honestly() {
        let never = Interrupt::never();
        for (max_matvecs, max_seconds, made) in [(Some(7), None, 7), (None, Some(0.0), 1)] {
            let options = ProbeOptions {
                budget: Budget {
                    max_matvecs,
                    max_seconds,
                },
                ..ProbeOptions::default()
            };
            let estimate = diagonal(&mut ones(9), &mut rng(0), options, never).unwrap();
            assert_eq!((estimate.matvecs, estimate.converged), (made, false));

            let mut matrix = super::super::test_operators::rotated(&[1.0; 9]);
            let estimate = hutch_plus_plus(&mut matrix, 20, &mut rng(0), options, never).unwrap();
            assert_eq!((estimate.matvecs, estimate.converged), (made, false));
            assert!(estimate.value.is_finite());
        }
    }

    #[test]
    fn a_budget_ends_an_estimate_honestly() {
        let options = ProbeOptions {
            budget: Budget {
                max_matvecs: Some(5),
                max_seconds: None,
            },
            ..ProbeOptions::default()
        };
        let estimate = hutchinson(&mut ones(4), &mut rng(0), options, Interrupt::never()).unwrap();
        assert_eq!(estimate.matvecs, 5);
        assert!(!estimate.converged);
        let options = ProbeOptions {
            budget: Budget {
                max_matvecs: None,
                max_seconds: Some(0.0),
            },
            ..ProbeOptions::default()
        };
        let estimate = hutchinson(&mut ones(4), &mut rng(0), options, Interrupt::never()).unwrap();
        assert_eq!(estimate.matvecs, 1);
        assert!(estimate.standard_error.is_infinite());
    }

    #[test]
    fn the_zero_operator_has_trace_zero_without_nan() {
        let mut zero = Dense::diagonal(&[0.0; 4]);
        let never = Interrupt::never();
        let estimate = hutchinson(&mut zero, &mut rng(0), ProbeOptions::default(), never).unwrap();
        assert_eq!((estimate.value, estimate.converged), (0.0, true));
        let estimate =
            hutch_plus_plus(&mut zero, 2, &mut rng(0), ProbeOptions::default(), never).unwrap();
        assert_eq!(estimate.value, 0.0);
    }
}
