//! Traces and norms from random quadratic forms.

use super::budget::{FEWEST_VALUES, Moments, Probing, sample};
use super::deflation::Deflation;
use super::sphere::Squares;
use super::vector::{axpy, random_signs};
use super::{Estimate, Interrupt, LinearError, LinearOperator, ProbeOptions, Spending, dot, norm};
use crate::random::StreamRng;
use crate::statistics::{coverage_factor, mean};
use std::cell::RefCell;

/// What one probe `z` of the remainder `R` says.
#[derive(Clone, Copy, Debug)]
struct Probe {
    /// `zᵀRz`.
    form: f64,
    /// `‖Rz‖²`.
    square: f64,
    /// `‖Rz − mz‖²` with `m = zᵀRz / d`, which is `‖Rz‖² − (zᵀRz)² / d` without their cancelling.
    about: f64,
    /// The same of `R²`, of the first probes.
    about_square: Option<f64>,
}

/// Probes of a single operator from which an error can be told, because its variance is known.
const FEWEST: usize = 6;

/// Probes that are multiplied twice, for the variance of the squared norm.
const TWICE: usize = 6;

/// Of those, the fewest from which that variance can be told.
const FEWEST_TWICE: usize = 4;

/// A budget is spent on them by a fourth.
const SHARE_OF_TWICE: usize = 4;

/// The trace and the Frobenius norm of a symmetric operator, from the same products.
///
/// In a few leading directions both are exact (`deflation`), and of the remainder `R`, in `d` dimensions, they
/// are means over random directions on a sphere: `zᵀRz` (Hutchinson 1990) and `‖Rz‖²`. Their variances follow from
/// the law of `z` (`sphere`), with `M = R` and `M = R²`; the latter costs a second product of some probes.
#[derive(Clone, Debug)]
pub struct Traces {
    trace: f64,
    square: f64,
    rest: f64,
    probes: Vec<Probe>,
    /// For probes that were multiplied twice, what is left of `‖R²z‖²` about its mean, and `‖Rz‖²`.
    twice: Vec<(f64, f64)>,
    rounding: f64,
    tolerance: f64,
    /// Matrix-vector products used.
    pub matvecs: usize,
}

impl Traces {
    /// `tr A`.
    pub fn trace(&self) -> Estimate {
        let (forms, about) = (self.numbers(|p| p.form), self.numbers(|p| p.about));
        let squares = Squares::of(&about);
        let error = squares.standard_error(&forms, self.rest) * squares.widening();
        self.estimate(self.trace + mean_or_zero(&forms), error)
    }

    /// `‖A‖_F`, the root of an estimate of its square, which is too small on average by an eighth of the relative
    /// variance.
    pub fn frobenius_norm(&self) -> Estimate {
        let forms = self.numbers(|p| p.square);
        let root = (self.square + mean_or_zero(&forms)).max(0.0).sqrt();
        if root == 0.0 || forms.is_empty() {
            return self.estimate(root, 0.0);
        }
        let squares = Squares::by_quotient(&self.twice, &forms);
        let of_root = squares.standard_error(&forms, self.rest) / (2.0 * root);
        let value = root + of_root * of_root / (2.0 * root);
        self.estimate(value, of_root * squares.widening())
    }

    fn numbers(&self, pick: fn(&Probe) -> f64) -> Vec<f64> {
        self.probes.iter().map(pick).collect()
    }

    /// No error is below the rounding of the products.
    fn estimate(&self, value: f64, error: f64) -> Estimate {
        let rounding = self.rounding * value.abs();
        let standard_error = match self.probes.len() {
            0 => 0.0,
            _ if error < rounding => rounding,
            _ => error,
        };
        Estimate {
            value,
            standard_error,
            converged: standard_error <= self.tolerance * value.abs(),
            matvecs: self.matvecs,
        }
    }
}

/// What numbers of probes add; nothing where nothing is left to chance.
fn mean_or_zero(numbers: &[f64]) -> f64 {
    match numbers {
        [] => 0.0,
        numbers => mean(numbers),
    }
}

fn told_twice<'a>(probes: impl Iterator<Item = &'a Probe>) -> Vec<(f64, f64)> {
    probes
        .filter_map(|probe| Some((probe.about_square?, probe.square)))
        .collect()
}

/// `‖Mz − mz‖²` with `m = form / d`, from `Mz`.
fn about(mut product: Vec<f64>, form: f64, rest: f64, vector: &[f64]) -> f64 {
    axpy(-form / rest, vector, &mut product);
    dot(&product, &product)
}

/// Estimates trace and Frobenius norm together; as many probes are drawn as those of the two need that are
/// `wanted`, a function of the estimates that tells a relative error.
///
/// # Errors
///
/// [`LinearError`] from the operator, where it has dimension 0, or where the budget is too small to tell an
/// error.
pub fn traces(
    operator: &mut dyn LinearOperator,
    rng: &mut StreamRng,
    options: ProbeOptions,
    interrupt: Interrupt<'_>,
    wanted: impl Fn(&Traces) -> f64,
) -> Result<Traces, LinearError> {
    probed(operator, rng, options, interrupt, TWICE, wanted)
}

fn probed(
    operator: &mut dyn LinearOperator,
    rng: &mut StreamRng,
    options: ProbeOptions,
    interrupt: Interrupt<'_>,
    twice: usize,
    wanted: impl Fn(&Traces) -> f64,
) -> Result<Traces, LinearError> {
    let mut spending = Spending::new(options.budget, interrupt);
    spending.require(fewest_matvecs(twice))?;
    let deflation = Deflation::krylov(&mut [operator], options.leading, rng, &mut spending)?;
    remainder(
        operator,
        &deflation,
        rng,
        options,
        &mut spending,
        twice,
        wanted,
    )
}

/// The smallest budget in which the basis has its share, and the fewest probes theirs.
fn fewest_matvecs(twice: usize) -> usize {
    match twice {
        0 => FEWEST * 5 / 3,
        _ => FEWEST_TWICE * SHARE_OF_TWICE,
    }
}

/// Probes what a deflation has left.
fn remainder(
    operator: &mut dyn LinearOperator,
    deflation: &Deflation,
    rng: &mut StreamRng,
    options: ProbeOptions,
    spending: &mut Spending<'_>,
    twice: usize,
    wanted: impl Fn(&Traces) -> f64,
) -> Result<Traces, LinearError> {
    let mut traces = Traces {
        trace: deflation.trace(0),
        square: deflation.product(0, 0),
        rest: deflation.rest() as f64,
        probes: Vec::new(),
        twice: Vec::new(),
        rounding: operator.precision().of_products(),
        tolerance: options.tolerance,
        matvecs: spending.matvecs,
    };
    if deflation.rest() == 0 {
        return Ok(traces);
    }
    let rest = traces.rest;
    let probing = Probing {
        matvecs: 1,
        fewest: FEWEST,
        twice: (twice, 1),
    };
    let sampled = sample(
        spending,
        options,
        probing,
        |spending, place| {
            let vector = deflation.probe(rng);
            let product = deflation.remainder(operator, &vector, spending)?;
            let (form, square) = (dot(&vector, &product), dot(&product, &product));
            let mut about_square = None;
            let share = spending.expected() / SHARE_OF_TWICE;
            if place < twice.min(share) && spending.allows(1) {
                let again = deflation.remainder(operator, &product, spending)?;
                about_square = Some(about(again, square, rest, &vector));
            }
            Ok::<_, LinearError>(Probe {
                form,
                square,
                about: about(product, form, rest, &vector),
                about_square,
            })
        },
        |pilot| {
            wanted(&Traces {
                probes: pilot.to_vec(),
                twice: told_twice(pilot.iter()),
                ..traces.clone()
            })
        },
    )?;
    traces.twice = told_twice(sampled.pilot.iter().chain(&sampled.probes));
    traces.probes = sampled.probes;
    traces.matvecs = spending.matvecs;
    if traces.twice.len() < twice.min(FEWEST_TWICE).min(traces.probes.len()) {
        let (allowed, fewest) = (
            traces.matvecs,
            fewest_matvecs(twice).max(traces.matvecs + 1),
        );
        return Err(LinearError::TooFewProducts { allowed, fewest });
    }
    Ok(traces)
}

fn of_trace(traces: &Traces) -> f64 {
    traces.trace().relative_error()
}

/// Estimates `tr A`; see [`Traces`].
///
/// # Errors
///
/// As [`traces`].
pub fn hutchinson(
    operator: &mut dyn LinearOperator,
    rng: &mut StreamRng,
    options: ProbeOptions,
    interrupt: Interrupt<'_>,
) -> Result<Estimate, LinearError> {
    Ok(probed(operator, rng, options, interrupt, 0, of_trace)?.trace())
}

/// Estimates `tr A` by Hutch++ (Meyer, Musco, Musco & Woodruff 2021, algorithm 1): the trace on the range of a
/// sketch of `rank` products exactly, the rest as [`hutchinson`] does. It costs `2·rank` before the first probe.
///
/// # Errors
///
/// As [`traces`].
pub fn hutch_plus_plus(
    operator: &mut dyn LinearOperator,
    rank: usize,
    rng: &mut StreamRng,
    options: ProbeOptions,
    interrupt: Interrupt<'_>,
) -> Result<Estimate, LinearError> {
    let mut spending = Spending::new(options.budget, interrupt);
    spending.require(fewest_matvecs(0))?;
    let deflation = Deflation::sketch(operator, rank, rng, &mut spending)?;
    let traces = remainder(
        operator,
        &deflation,
        rng,
        options,
        &mut spending,
        0,
        of_trace,
    )?;
    Ok(traces.trace())
}

/// Estimates `‖A‖_F`; see [`Traces`].
///
/// # Errors
///
/// As [`traces`].
pub fn frobenius_norm(
    operator: &mut dyn LinearOperator,
    rng: &mut StreamRng,
    options: ProbeOptions,
    interrupt: Interrupt<'_>,
) -> Result<Estimate, LinearError> {
    let wanted = |traces: &Traces| traces.frobenius_norm().relative_error();
    Ok(traces(operator, rng, options, interrupt, wanted)?.frobenius_norm())
}

/// The diagonal of a matrix, estimated entry by entry.
#[derive(Clone, Debug)]
pub struct DiagonalEstimate {
    /// The mean of `z ⊙ Az`.
    pub values: Vec<f64>,
    /// The standard error of each entry.
    pub standard_errors: Vec<f64>,
    /// Whether the norm of the standard errors reached the tolerance, as a share of the norm of the
    /// values. Single entries may be less certain.
    pub converged: bool,
    /// Matrix-vector products used.
    pub matvecs: usize,
}

impl DiagonalEstimate {
    fn of(entries: &[Moments], matvecs: usize, tolerance: f64) -> Self {
        // As many probes for each.
        let count = entries.first().map_or(0, |entry| entry.count);
        let factor = coverage_factor(count as f64 - 1.0);
        let errors = entries.iter().map(|entry| factor * entry.standard_error());
        let mut estimate = Self {
            values: entries.iter().map(|entry| entry.mean).collect(),
            standard_errors: errors.collect(),
            converged: false,
            matvecs,
        };
        estimate.converged = estimate.relative_error() <= tolerance;
        estimate
    }

    /// The norm of the errors over that of the values.
    fn relative_error(&self) -> f64 {
        match norm(&self.standard_errors) {
            0.0 => 0.0,
            error => error / norm(&self.values),
        }
    }
}

/// Estimates the diagonal as the mean of `z ⊙ Az` over random signs (Bekas, Kokiopoulou & Saad
/// 2007). Needs memory for five vectors of the dimension.
///
/// # Errors
///
/// As [`traces`].
pub fn diagonal(
    operator: &mut dyn LinearOperator,
    rng: &mut StreamRng,
    options: ProbeOptions,
    interrupt: Interrupt<'_>,
) -> Result<DiagonalEstimate, LinearError> {
    let dimension = operator.dimension();
    if dimension == 0 {
        return Err(LinearError::Empty);
    }
    let mut spending = Spending::new(options.budget, interrupt);
    spending.require(FEWEST_VALUES)?;
    let nothing = || vec![Moments::default(); dimension];
    // All probes would be as large as many networks: only what they add up to is kept.
    let entries = RefCell::new(nothing());
    let probing = Probing {
        matvecs: 1,
        fewest: FEWEST_VALUES,
        twice: (0, 0),
    };
    sample(
        &mut spending,
        options,
        probing,
        |spending, _| {
            let signs = random_signs(dimension, rng);
            spending.spend()?;
            let product = operator.apply(&signs)?;
            let mut entries = entries.borrow_mut();
            for ((entry, sign), value) in entries.iter_mut().zip(&signs).zip(&product) {
                entry.add(sign * value);
            }
            Ok::<_, LinearError>(())
        },
        |_| {
            let pilot = entries.replace(nothing());
            DiagonalEstimate::of(&pilot, 0, options.tolerance).relative_error()
        },
    )?;
    let entries = entries.into_inner();
    Ok(DiagonalEstimate::of(
        &entries,
        spending.matvecs,
        options.tolerance,
    ))
}

#[cfg(test)]
mod tests {
    use super::super::testing::operators::{Dense, rotated};
    use super::super::{Budget, Interrupt};
    use super::*;
    use crate::random::Streams;

    fn rng(seed: u64) -> StreamRng {
        Streams::new(seed).stream("probes", 0)
    }

    fn ones(dimension: usize) -> Dense {
        Dense {
            dimension,
            entries: vec![1.0; dimension * dimension],
        }
    }

    fn power_law(dimension: u32, exponent: f64) -> Vec<f64> {
        (1..=dimension)
            .map(|i| f64::from(i).powf(-exponent))
            .collect()
    }

    fn within(max_matvecs: usize) -> ProbeOptions {
        ProbeOptions {
            budget: Budget {
                max_matvecs: Some(max_matvecs),
                max_seconds: None,
            },
            ..ProbeOptions::default()
        }
    }

    #[test]
    fn leading_directions_that_are_all_there_are_leave_nothing_to_chance() {
        let mut matrix = Dense::diagonal(&[1.0, -2.0, 5.0]);
        let options = ProbeOptions::default();
        let never = Interrupt::never();
        let traces = traces(&mut matrix, &mut rng(0), options, never, of_trace).unwrap();
        let (trace, size) = (traces.trace(), traces.frobenius_norm());
        assert!((trace.value - 4.0).abs() < 1e-13 && trace.standard_error == 0.0);
        assert!((size.value - 30f64.sqrt()).abs() < 1e-13 && size.standard_error == 0.0);
        assert!(trace.converged && trace.matvecs == 3);
    }

    #[test]
    fn a_multiple_of_the_identity_has_no_variance() {
        let mut matrix = rotated(&[2.5; 40]);
        let options = ProbeOptions::default();
        let estimate = hutchinson(&mut matrix, &mut rng(0), options, Interrupt::never()).unwrap();
        // One Krylov vector, eight probes of the pilot, and the fewest that count.
        assert_eq!(estimate.matvecs, 1 + 8 + 16);
        assert!((estimate.value - 100.0).abs() < 1e-10);
        assert!(estimate.standard_error <= 1e-14 * 100.0 && estimate.converged);
    }

    #[test]
    fn the_standard_error_is_that_of_the_closed_form_variance() {
        // A single eigenvalue of 4 in dimension 4: variance 2 · 4/6 · (16 − 4) = 16 per probe.
        let options = ProbeOptions::fixed(4000);
        let estimate = hutchinson(&mut ones(4), &mut rng(3), options, Interrupt::never()).unwrap();
        let expected = (16.0f64 / 4000.0).sqrt();
        assert!((estimate.standard_error / expected - 1.0).abs() < 0.05);
        assert!((estimate.value - 4.0).abs() < 4.0 * expected);
        assert!(!estimate.converged, "a tolerance of 0 is never reached");
    }

    #[test]
    fn hutch_plus_plus_is_exact_on_low_rank_and_beats_hutchinson_on_a_decaying_spectrum() {
        let never = Interrupt::never();
        let (mut matrix, options) = (ones(6), ProbeOptions::fixed(6));
        let estimate = hutch_plus_plus(&mut matrix, 2, &mut rng(0), options, never).unwrap();
        assert!((estimate.value - 6.0).abs() < 1e-10 && estimate.standard_error < 1e-10);

        // Eigenvalues 1/i² in a rotated basis, 60 products each.
        let spectrum = power_law(100, 2.0);
        let truth: f64 = spectrum.iter().sum();
        let mut errors = [0.0, 0.0];
        for seed in 0..20 {
            let mut matrix = rotated(&spectrum);
            let (few, many) = (ProbeOptions::fixed(20), ProbeOptions::fixed(60));
            let plain = hutchinson(&mut matrix, &mut rng(seed), many, never).unwrap();
            let better = hutch_plus_plus(&mut matrix, 20, &mut rng(seed), few, never).unwrap();
            assert!(better.matvecs <= 60);
            errors[0] += (plain.value - truth).powi(2);
            errors[1] += (better.value - truth).powi(2);
        }
        assert!(errors[1] < 0.1 * errors[0], "{errors:?}");
    }

    #[test]
    fn the_number_of_probes_is_what_the_tolerance_takes() {
        // Ten equal outliers, of which a Krylov space sees one direction: nine squares of normal numbers
        // leave √(2/9) of relative error, (0.42/0.05)² · 1.5 probes or so.
        let mut matrix = rotated(&[vec![11.0; 10], vec![0.0; 70]].concat());
        let options = ProbeOptions::default();
        let never = Interrupt::never();
        let (mut converged, mut matvecs) = (0, 0);
        for seed in 0..50 {
            let found = hutchinson(&mut matrix, &mut rng(seed), options, never).unwrap();
            converged += usize::from(found.converged);
            matvecs += found.matvecs;
        }
        assert!(converged > 35, "{converged} of 50");
        assert!((60..140).contains(&(matvecs / 50)), "{}", matvecs / 50);
    }

    #[test]
    fn diagonal_entries_have_errors_of_the_right_size() {
        let options = ProbeOptions::fixed(3000);
        let estimate = diagonal(&mut ones(3), &mut rng(4), options, Interrupt::never()).unwrap();
        assert!(!estimate.converged, "a tolerance of 0 is never reached");
        assert_eq!(estimate.matvecs, 3000);
        for (value, error) in estimate.values.iter().zip(&estimate.standard_errors) {
            // Variance of an entry: the sum of the squares of its row off the diagonal, 2.
            assert!((error / (2.0f64 / 3000.0).sqrt() - 1.0).abs() < 0.1);
            assert!((value - 1.0).abs() < 4.0 * error);
        }
    }

    #[test]
    fn a_diagonal_takes_as_many_probes_as_a_pilot_tells() {
        let never = Interrupt::never();
        let mut exact = Dense::diagonal(&[1.0, -2.0, 5.0]);
        let options = ProbeOptions::default();
        let estimate = diagonal(&mut exact, &mut rng(0), options, never).unwrap();
        assert!(estimate.converged && estimate.matvecs == 8 + 16);
        assert_eq!(estimate.values, [1.0, -2.0, 5.0]);

        // Errors of √3 beside ones: (√3/0.4)² · 1.5 probes, somewhat more for a pilot of few.
        let options = ProbeOptions {
            tolerance: 0.4,
            ..options
        };
        let estimate = diagonal(&mut ones(4), &mut rng(0), options, never).unwrap();
        assert!(
            (24..100).contains(&estimate.matvecs),
            "{}",
            estimate.matvecs
        );
        assert!(estimate.converged);
    }

    #[test]
    fn budgets_are_kept_and_too_small_ones_refused() {
        let never = Interrupt::never();
        let mut matrix = rotated(&power_law(30, 1.0));
        for allowed in 16..60 {
            let options = within(allowed);
            let wanted = |traces: &Traces| traces.frobenius_norm().relative_error();
            let found = traces(&mut matrix, &mut rng(0), options, never, wanted).unwrap();
            assert!(found.matvecs <= allowed && found.matvecs + 40 > allowed);
            let plus = hutch_plus_plus(&mut matrix, 10, &mut rng(0), options, never).unwrap();
            assert!(plus.matvecs <= allowed);
        }
        let refusal = LinearError::TooFewProducts {
            allowed: 9,
            fewest: 10,
        };
        let found = hutchinson(&mut matrix, &mut rng(0), within(9), never);
        assert_eq!(found.unwrap_err(), refusal);
        // The norm needs some probes to be multiplied twice.
        let refusal = LinearError::TooFewProducts {
            allowed: 15,
            fewest: 16,
        };
        let found = traces(&mut matrix, &mut rng(0), within(15), never, of_trace);
        assert_eq!(found.unwrap_err(), refusal);
        let hasty = ProbeOptions {
            budget: Budget {
                max_matvecs: None,
                max_seconds: Some(0.0),
            },
            ..ProbeOptions::default()
        };
        let found = hutchinson(&mut matrix, &mut rng(0), hasty, never);
        assert!(matches!(
            found.unwrap_err(),
            LinearError::TooFewProducts { .. }
        ));
        assert!(diagonal(&mut matrix, &mut rng(0), hasty, never).is_err());
    }

    #[test]
    fn the_zero_operator_has_trace_zero_without_nan() {
        let mut zero = rotated(&[0.0; 30]);
        let never = Interrupt::never();
        let found = traces(
            &mut zero,
            &mut rng(0),
            ProbeOptions::default(),
            never,
            of_trace,
        );
        let found = found.unwrap();
        let (trace, size) = (found.trace(), found.frobenius_norm());
        assert_eq!(
            (trace.value, trace.standard_error, trace.converged),
            (0.0, 0.0, true)
        );
        assert_eq!((size.value, size.standard_error), (0.0, 0.0));
        let options = ProbeOptions::default();
        let found = hutch_plus_plus(&mut zero, 2, &mut rng(0), options, never).unwrap();
        assert_eq!(found.value, 0.0);
    }
}
