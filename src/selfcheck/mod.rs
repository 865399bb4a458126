//! Closed-form cases on the user's own backend: does this installation compute what it says?

mod cases;
mod functions;
mod networks;

use crate::backend::Compute;
use crate::linear::LinearError;
use serde::Serialize;

/// One comparison with a closed form.
#[derive(Clone, Debug, Serialize)]
pub struct Check {
    /// What is compared.
    pub name: String,
    /// The closed form.
    pub expected: f64,
    /// What came out.
    pub got: f64,
    /// `|got − expected|`, relative to `|expected|` where that is above 1.
    pub error: f64,
    /// The largest error that passes.
    pub tolerance: f64,
}

impl Check {
    fn new(name: &str, expected: f64, got: f64, tolerance: f64) -> Self {
        Self {
            name: name.to_owned(),
            expected,
            got,
            error: (got - expected).abs() / expected.abs().max(1.0),
            tolerance,
        }
    }

    /// Whether the error is within the tolerance; NaN never is.
    pub fn passed(&self) -> bool {
        self.error <= self.tolerance
    }
}

/// A case makes a few comparisons on a backend.
type Case = fn(&Compute) -> Result<Vec<Check>, LinearError>;

/// All cases.
const CASES: &[Case] = &[
    cases::linear_regression,
    cases::logistic_regression,
    cases::softmax_regression,
    cases::certain_sample,
    cases::rosenbrock,
    cases::rank_one_gauss_newton,
    cases::hutchinson_variance,
    cases::gradient_noise,
    networks::symmetry,
    networks::rescaling,
];

/// Runs every case.
///
/// # Errors
///
/// [`LinearError`] where a case could not be computed at all.
pub fn run(compute: &Compute) -> Result<Vec<Check>, LinearError> {
    let mut checks = Vec::new();
    for case in CASES {
        checks.extend(case(compute)?);
    }
    Ok(checks)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::linear::Precision;

    #[test]
    fn every_case_passes_in_both_precisions() {
        for precision in [Precision::F32, Precision::F64] {
            let checks = run(&Compute::cpu(precision)).unwrap();
            assert!(checks.len() > 25, "{}", checks.len());
            for check in checks {
                assert!(check.passed(), "{precision}: {check:?}");
            }
        }
    }

    #[test]
    fn a_wrong_number_or_none_fails() {
        assert!(Check::new("a", 2.0, 2.0 + 1e-9, 1e-8).passed());
        assert!(!Check::new("a", 2.0, 2.1, 1e-3).passed());
        assert!(!Check::new("a", 2.0, f64::NAN, 1e-3).passed());
        assert!(!Check::new("a", 0.0, 1e-3, 1e-4).passed());
    }
}
