//! Traces and norms from random quadratic forms.

use super::budget::{FEWEST_VALUES, Moments, Probing, sample};
use super::deflation::Deflation;
use super::vector::{axpy, random_signs};
use super::{Estimate, Interrupt, LinearError, LinearOperator, ProbeOptions, Spending, dot, norm};
use crate::random::StreamRng;
use crate::statistics::{coverage_factor, mean, variance};
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

/// The trace and the Frobenius norm of a symmetric operator, from the same products.
///
/// In a few leading directions both are exact (`deflation`), and of the remainder `R`, in `d` dimensions, they
/// are means over random directions on a sphere: `zᵀRz` (Hutchinson 1990) and `‖Rz‖²`. Their variances are not
/// estimated from the spread of these numbers, which for a remainder of few eigenvalues come from a skewed law
/// and spread least where their mean is too small. They follow from the law of `z`:
/// `Var zᵀMz = 2d/(d+2) · (tr M² − (tr M)²/d)` for `M = R` and `M = R²`. There `tr M²` is the mean of `‖Mz‖²`; of
/// `R²`, which costs a second product, the quotient of `‖R²z‖²` and `‖Rz‖²` over some probes times the mean of `‖Rz‖²`
/// over all.
#[derive(Clone, Debug)]
pub struct Traces {
    trace: f64,
    square: f64,
    rest: f64,
    probes: Vec<Probe>,
    /// What is left of `tr R⁴` about its mean, over `tr R²`.
    quotient: f64,
    rounding: f64,
    tolerance: f64,
    /// Matrix-vector products used.
    pub matvecs: usize,
}

impl Traces {
    /// `tr A`.
    pub fn trace(&self) -> Estimate {
        let (forms, about) = (self.numbers(|p| p.form), self.numbers(|p| p.about));
        let error = self.error(&forms, mean_or_zero(&about));
        self.estimate(self.trace + mean_or_zero(&forms), error, &about)
    }

    /// `‖A‖_F`, the root of an estimate of its square, which is too small on average by an eighth of the relative
    /// variance.
    pub fn frobenius_norm(&self) -> Estimate {
        let squares = self.numbers(|p| p.square);
        let square = mean_or_zero(&squares);
        let root = (self.square + square).max(0.0).sqrt();
        if root == 0.0 {
            return self.estimate(0.0, 0.0, &squares);
        }
        let of_root = self.error(&squares, self.quotient * square) / (2.0 * root);
        self.estimate(root + of_root * of_root / (2.0 * root), of_root, &squares)
    }

    fn numbers(&self, pick: fn(&Probe) -> f64) -> Vec<f64> {
        self.probes.iter().map(pick).collect()
    }

    /// The error of a mean of forms `zᵀMz`, with the mean of `‖Mz‖² − (zᵀMz)²/d`.
    fn error(&self, forms: &[f64], about: f64) -> f64 {
        let count = forms.len() as f64;
        if count < 2.0 {
            return 0.0;
        }
        // The mean of squares is that much above the square of the mean.
        let about = about + variance(forms) * (count - 1.0) / count / self.rest;
        (2.0 * self.rest / (self.rest + 2.0) * about / count).sqrt()
    }

    /// The estimate with its error, which is as uncertain as the mean of the numbers it comes from: as many degrees
    /// of freedom as a chi-square of that spread has (Satterthwaite 1946). No error is below the rounding of the
    /// products.
    fn estimate(&self, value: f64, error: f64, from: &[f64]) -> Estimate {
        let mean = mean_or_zero(from);
        let degrees = 2.0 * from.len() as f64 * mean * mean / variance(from);
        let widened = match degrees.is_finite() {
            true => error * coverage_factor(degrees),
            false => error,
        };
        let standard_error = match self.probes.len() {
            0 => 0.0,
            _ => widened.max(self.rounding * value.abs()),
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

/// The quotient of the sums of what is left of `R²` about its mean and of `‖Rz‖²`, from the probes that tell it.
fn quotient<'a>(probes: impl Iterator<Item = &'a Probe>) -> f64 {
    let told = probes.filter_map(|probe| Some((probe.about_square?, probe.square)));
    let (about, square) = told.fold((0.0, 0.0), |sum, (about, square)| {
        (sum.0 + about, sum.1 + square)
    });
    if square > 0.0 { about / square } else { 0.0 }
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
    spending.require(fewest_matvecs())?;
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

/// The smallest budget in which the basis has its share, and [`FEWEST`] probes theirs.
fn fewest_matvecs() -> usize {
    FEWEST * 5 / 3
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
        quotient: 0.0,
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
            if place < twice.min(spending.expected() / 4) && spending.allows(1) {
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
                quotient: quotient(pilot.iter()),
                ..traces.clone()
            })
        },
    )?;
    traces.quotient = quotient(sampled.pilot.iter().chain(&sampled.probes));
    traces.probes = sampled.probes;
    traces.matvecs = spending.matvecs;
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
    spending.require(fewest_matvecs())?;
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
    use super::super::test_operators::{Dense, rotated};
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

    /// How far estimates lie from the truth, over seeds.
    #[derive(Default)]
    struct Coverage {
        seeds: f64,
        within: [f64; 2],
        bias: f64,
        square: f64,
        most: f64,
    }

    impl Coverage {
        fn add(&mut self, estimate: Estimate, truth: f64) {
            let error = estimate.value - truth;
            let distance = error.abs() / estimate.standard_error;
            self.seeds += 1.0;
            self.within[0] += f64::from(u8::from(distance <= 1.0));
            self.within[1] += f64::from(u8::from(distance <= 2.0));
            self.bias += error;
            self.square += error * error;
            self.most = self.most.max(distance);
        }

        /// Refuses what 400 seeds tell from 68 % and 95 % within 3 and 2 points, three of their own
        /// standard deviations allowed, and a mean that is off by more than four of its errors.
        fn check(&self, what: &str) {
            let share = self.within.map(|within| within / self.seeds);
            let bias = self.bias / self.square.sqrt();
            let report = format!(
                "{what}: {:.3} within 1, {:.3} within 2, farthest {:.1}, bias {bias:+.1}",
                share[0], share[1], self.most
            );
            println!("{report}");
            let slack = |share: f64| 3.0 * (share * (1.0 - share) / self.seeds).sqrt();
            assert!((share[0] - 0.68).abs() <= 0.03 + slack(0.68), "{report}");
            assert!((share[1] - 0.95).abs() <= 0.02 + slack(0.95), "{report}");
            assert!(bias.abs() < 4.0 && self.most < 10.0, "{report}");
        }
    }

    #[test]
    fn errors_cover_what_they_say_on_every_spectrum_and_within_every_budget() {
        const SEEDS: u64 = 400;
        let flat: Vec<f64> = (0..60).map(|i| 0.5 + f64::from(i) / 60.0).collect();
        let outlier = [vec![50.0], flat.clone()].concat();
        let spectra = [
            ("flat", flat),
            ("one outlier", outlier),
            ("power law 1", power_law(80, 1.0)),
            ("power law 2", power_law(60, 2.0)),
            ("repeated", [vec![11.0; 10], vec![0.01; 50]].concat()),
        ];
        let budgets = [ProbeOptions::default(), within(12), within(30)];
        for (name, spectrum) in spectra {
            let trace: f64 = spectrum.iter().sum();
            let size = spectrum.iter().map(|x| x * x).sum::<f64>().sqrt();
            let mut matrix = rotated(&spectrum);
            for options in budgets {
                let [mut traces_of, mut norms, mut sketched] =
                    [(); 3].map(|()| Coverage::default());
                for seed in 0..SEEDS {
                    let never = Interrupt::never();
                    let found = traces(&mut matrix, &mut rng(seed), options, never, of_trace);
                    let found = found.unwrap();
                    traces_of.add(found.trace(), trace);
                    norms.add(found.frobenius_norm(), size);
                    let rng = &mut rng(SEEDS + seed);
                    let found = hutch_plus_plus(&mut matrix, 10, rng, options, never).unwrap();
                    sketched.add(found, trace);
                }
                let budget = options.budget.max_matvecs;
                traces_of.check(&format!("{name}, {budget:?}, trace"));
                norms.check(&format!("{name}, {budget:?}, norm"));
                sketched.check(&format!("{name}, {budget:?}, Hutch++"));
            }
        }
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
        for allowed in 10..60 {
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
