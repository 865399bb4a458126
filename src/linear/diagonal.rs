//! Diagonals from random signs.

use super::budget::{FEWEST_VALUES, Moments, Probing, sample};
use super::vector::random_signs;
use super::{Interrupt, LinearError, LinearOperator, ProbeOptions, Spending, norm};
use crate::random::StreamRng;
use crate::statistics::coverage_factor;
use std::cell::RefCell;

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
/// As [`super::traces`].
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
    use super::super::testing::operators::Dense;
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
}
