//! The trace from random quadratic forms.

use super::{CurvatureError, Interrupt, LinearOperator, dot};
use crate::random::StreamRng;
use rand::RngExt;

/// How long to sample.
#[derive(Clone, Copy, Debug)]
pub struct TraceOptions {
    /// Probes always drawn; at least 2, or there is no standard error.
    pub min_probes: usize,
    /// Probes never exceeded.
    pub max_probes: usize,
    /// Stop once the standard error is below this share of the estimate.
    pub tolerance: f64,
}

impl Default for TraceOptions {
    fn default() -> Self {
        Self {
            min_probes: 16,
            max_probes: 100,
            tolerance: 0.05,
        }
    }
}

/// An estimate of the trace.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TraceEstimate {
    /// The mean of the quadratic forms.
    pub value: f64,
    /// Its standard error: the sample standard deviation over `√probes`.
    pub standard_error: f64,
    /// Whether the standard error reached the tolerance.
    pub converged: bool,
    /// Matrix-vector products used, one per probe.
    pub matvecs: usize,
}

/// Estimates `tr A` as the mean of `zᵀAz` over random signs `z` (Hutchinson 1990): unbiased, with
/// variance `2 Σ_{i≠j} A_ij²` per probe, so exact for a diagonal matrix.
///
/// # Errors
///
/// [`CurvatureError`] from the operator, or where it has dimension 0.
pub fn hutchinson_trace(
    operator: &mut dyn LinearOperator,
    rng: &mut StreamRng,
    options: TraceOptions,
    interrupt: Interrupt<'_>,
) -> Result<TraceEstimate, CurvatureError> {
    let dimension = operator.dimension();
    if dimension == 0 {
        return Err(CurvatureError::Empty);
    }
    let mut moments = Moments::default();
    loop {
        interrupt.check()?;
        let signs: Vec<f64> = (0..dimension)
            .map(|_| if rng.random::<bool>() { 1.0 } else { -1.0 })
            .collect();
        let product = operator.apply(&signs)?;
        moments.add(dot(&signs, &product));
        let converged = moments.standard_error() <= options.tolerance * moments.mean.abs();
        let enough = moments.count >= options.min_probes.max(2);
        if (converged && enough) || moments.count >= options.max_probes.max(2) {
            return Ok(TraceEstimate {
                value: moments.mean,
                standard_error: moments.standard_error(),
                converged,
                matvecs: moments.count,
            });
        }
    }
}

/// Mean and spread of a stream of numbers (Welford 1962).
#[derive(Clone, Copy, Debug, Default)]
struct Moments {
    count: usize,
    mean: f64,
    squares: f64,
}

impl Moments {
    fn add(&mut self, value: f64) {
        self.count += 1;
        let delta = value - self.mean;
        self.mean += delta / self.count as f64;
        self.squares += delta * (value - self.mean);
    }

    fn standard_error(&self) -> f64 {
        let count = self.count as f64;
        (self.squares / (count - 1.0).max(1.0) / count).sqrt()
    }
}

#[cfg(test)]
mod tests {
    use super::super::test_operators::Dense;
    use super::*;
    use crate::random::Streams;

    fn trace(matrix: &mut Dense, seed: u64, options: TraceOptions) -> TraceEstimate {
        let mut rng = Streams::new(seed).stream("probes", 0);
        hutchinson_trace(matrix, &mut rng, options, Interrupt::never()).unwrap()
    }

    #[test]
    fn a_diagonal_matrix_has_no_variance() {
        let mut matrix = Dense::diagonal(&[1.0, -2.0, 5.0]);
        let estimate = trace(&mut matrix, 0, TraceOptions::default());
        assert_eq!(estimate.value, 4.0);
        assert_eq!(estimate.standard_error, 0.0);
        assert!(estimate.converged);
        assert_eq!(estimate.matvecs, 16);
    }

    #[test]
    fn the_standard_error_is_that_of_the_closed_form_variance() {
        // Off-diagonal entries of 1 in dimension 4: variance 2 · 12 = 24 per probe.
        let mut matrix = Dense {
            dimension: 4,
            entries: vec![1.0; 16],
        };
        let probes = 4000;
        let options = TraceOptions {
            min_probes: probes,
            max_probes: probes,
            tolerance: 0.0,
        };
        let estimate = trace(&mut matrix, 3, options);
        let expected = (24.0 / probes as f64).sqrt();
        assert!((estimate.standard_error / expected - 1.0).abs() < 0.1);
        assert!((estimate.value - 4.0).abs() < 4.0 * expected);
        assert!(!estimate.converged, "a tolerance of 0 is never reached");
    }
}
