//! Traces and norms from random quadratic forms.

use super::budget::{Probing, sample};
use super::deflation::Deflation;
use super::sphere::Squares;
use super::vector::axpy;
use super::{Estimate, Interrupt, LinearError, LinearOperator, ProbeOptions, Spending, dot};
use crate::random::StreamRng;
use crate::statistics::mean;

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

#[cfg(test)]
mod tests;
