//! Errors of means of quadratic forms over a sphere.
//!
//! For `z` uniform on the sphere of radius `√d` in `d` dimensions and any symmetric `M`, the mean of `zᵀMz` is `tr M`
//! and `Var zᵀMz = 2d/(d+2) · (tr M² − (tr M)²/d)`. There `tr M²` is the mean of `‖Mz‖²`, so that a second product tells
//! the variance of a form from the law of `z`. The spread of the forms themselves would tell it worse: of few
//! eigenvalues they come from a skewed law, and spread least where their mean is too small.

use crate::statistics::{coverage_factor, mean, variance};

/// The mean of `‖Mz − mz‖²` with `m = zᵀMz / d`, which is `‖Mz‖² − (zᵀMz)² / d` without their cancelling, and how
/// certain it is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Squares {
    mean: f64,
    /// The variance of the mean over its square.
    relative_variance: f64,
}

impl Squares {
    /// From every probe.
    pub fn of(values: &[f64]) -> Self {
        let all = mean(values);
        let variance = variance(values) / values.len() as f64;
        Self {
            mean: all,
            relative_variance: relative(variance, all),
        }
    }

    /// From some probes, which tell it beside a number that every probe has: the quotient of the two, times the
    /// mean of that number over all. What the two have in common is then as certain as many probes make it.
    pub fn by_quotient(told: &[(f64, f64)], of_all: &[f64]) -> Self {
        let count = told.len() as f64;
        let [square, beside] = [|pair: &(f64, f64)| pair.0, |pair: &(f64, f64)| pair.1]
            .map(|pick| told.iter().map(pick).sum::<f64>() / count);
        let all = Self::of(of_all);
        if square == 0.0 || beside == 0.0 {
            return Self::of(&[0.0; 2]);
        }
        let quotient = square / beside;
        let left = told.iter().map(|(a, b)| (a - quotient * b).powi(2));
        let of_quotient = left.sum::<f64>() / (count - 1.0) / count;
        Self {
            mean: quotient * all.mean,
            relative_variance: all.relative_variance + relative(of_quotient, square),
        }
    }

    /// The standard error of the mean of forms in `rest` dimensions.
    pub fn standard_error(&self, forms: &[f64], rest: f64) -> f64 {
        let count = forms.len() as f64;
        // The mean of squares is that much above the square of the mean.
        let about = self.mean + variance(forms) * (count - 1.0) / count / rest;
        (2.0 * rest / (rest + 2.0) * about / count).sqrt()
    }

    /// By how much that error is widened, because it is itself uncertain: it has as many degrees of freedom as a
    /// chi-square that spreads as the mean of squares does (Satterthwaite 1946).
    pub fn widening(&self) -> f64 {
        coverage_factor(2.0 / self.relative_variance)
    }
}

fn relative(variance: f64, mean: f64) -> f64 {
    match variance {
        0.0 => 0.0,
        variance => variance / (mean * mean),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_error_of_a_mean_of_forms_is_that_of_the_law() {
        // M = diag(2, 0, 0): tr M² − (tr M)²/3 = 4 − 4/3, times 6/5, over the two forms of equal value.
        let squares = Squares::of(&[8.0 / 3.0; 2]);
        let error = squares.standard_error(&[2.0; 2], 3.0);
        assert!((error - (6.0f64 / 5.0 * (8.0 / 3.0) / 2.0).sqrt()).abs() < 1e-15);
        assert_eq!(squares.widening(), 1.0);
        // What forms spread was taken off the squares: 2 · (1/2) / 3.
        let more = squares.standard_error(&[1.0, 3.0], 3.0);
        assert!((more - (6.0f64 / 5.0 * 3.0 / 2.0).sqrt()).abs() < 1e-15);
    }

    #[test]
    fn a_quotient_that_is_the_same_for_all_is_as_certain_as_what_stands_beside() {
        let of_all = [1.0, 2.0, 6.0, 3.0];
        let found = Squares::by_quotient(&[(10.0, 1.0), (20.0, 2.0)], &of_all);
        let beside = Squares::of(&of_all);
        assert_eq!(found.mean, 30.0);
        assert_eq!(found.relative_variance, beside.relative_variance);
        assert_eq!(beside.relative_variance, 14.0 / 3.0 / 4.0 / 9.0);
    }

    #[test]
    fn a_quotient_that_varies_adds_its_own_variance() {
        // 3 ± 1 beside 1: (1 + 1) / 1 / 2 over 9.
        let found = Squares::by_quotient(&[(2.0, 1.0), (4.0, 1.0)], &[1.0; 5]);
        assert_eq!((found.mean, found.relative_variance), (3.0, 1.0 / 9.0));
        assert!(found.widening() > 1.0);
        let nothing = Squares::by_quotient(&[(0.0, 0.0); 3], &[0.0; 4]);
        assert_eq!(nothing.standard_error(&[0.0; 4], 9.0), 0.0);
        assert_eq!(nothing.widening(), 1.0);
    }

    #[test]
    fn from_a_single_probe_nothing_is_told() {
        assert!(Squares::of(&[1.0]).standard_error(&[1.0], 3.0).is_nan());
        let single = Squares::by_quotient(&[(1.0, 1.0)], &[1.0, 2.0]);
        assert!(single.widening().is_nan());
    }
}
