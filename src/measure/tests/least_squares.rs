//! Least squares on the digits: a convex loss of low rank, each eigenvalue of whose Hessian occurs ten
//! times, against the covariance of the data.

use crate::backend::{BackendKind, Compute, Precision};
use crate::data::digits;
use crate::measure::testing::fixture::{digits_of, subject, uniform};
use crate::measure::{Measurement, Session};
use crate::model::{Mlp, MlpShape};
use crate::objective::{Chunks, Loss, Objective};
use crate::params::Parameters;
use crate::random::Streams;
use nalgebra::{DMatrix, SymmetricEigen};
use std::sync::Arc;

const PIXELS: usize = 64;
const CLASSES: usize = 10;
const LEARNING_RATE: f64 = 0.15;

struct LeastSquares {
    objective: Objective,
    parameters: Parameters,
    train: Chunks,
    /// Eigenvalues of the mean of `x xᵀ` with `x` a sample's pixels and 1, largest first.
    truth: Vec<f64>,
}

impl LeastSquares {
    fn on(backend: BackendKind, precision: Precision) -> Self {
        let (images, _) = digits::split().unwrap();
        let samples = images.len();
        let inputs: Vec<f64> = images
            .pixels
            .iter()
            .map(|&pixel| f64::from(pixel) / 16.0)
            .collect();
        let rows = DMatrix::from_fn(samples, PIXELS + 1, |row, column| match column {
            PIXELS => 1.0,
            pixel => inputs[row * PIXELS + pixel],
        });
        let eigen = SymmetricEigen::new(rows.tr_mul(&rows) / samples as f64);
        let mut truth: Vec<f64> = eigen.eigenvalues.iter().copied().collect();
        truth.sort_by(|a, b| b.total_cmp(a));

        let compute = Compute::open(backend, precision).unwrap();
        let network = Mlp::new(MlpShape::new(PIXELS, &[], CLASSES));
        let objective = Objective::new(Arc::new(network), Loss::Square, compute);
        let layout = objective.network().layout();
        let values = uniform(&mut Streams::new(3).stream("test", 0), layout.len());
        let parameters = Parameters::from_host(layout, &values, objective.compute());
        Self {
            train: digits_of(&objective),
            parameters,
            objective,
            truth,
        }
    }

    fn measure(&self, seed: u64, names: &[&str]) -> Vec<Measurement> {
        self.measure_at(seed, LEARNING_RATE, names)
    }

    fn measure_at(&self, seed: u64, rate: f64, names: &[&str]) -> Vec<Measurement> {
        let mut subject = subject(&self.objective, &self.parameters, &self.train);
        subject.streams = Streams::new(seed);
        subject.learning_rate = Some(rate);
        Session::new(subject).measure(names).unwrap()
    }
}

/// A row that has converged to a value within the error it states, and states a small one.
fn assert_is(row: &Measurement, expected: f64, seed: u64) {
    let value = row.value.unwrap_or_else(|| panic!("{row:?}"));
    let error = row.absolute_residual().unwrap();
    assert!(
        row.converged == Some(true) && row.residual().unwrap() <= 1e-3,
        "{seed}: {row:?}"
    );
    let rounding = 1e-6 * row.scale().unwrap_or(value);
    assert!(
        (value - expected).abs() <= error + rounding,
        "{seed}: {expected} {row:?}"
    );
}

fn check_both_ends(backend: BackendKind, precision: Precision, seeds: std::ops::Range<u64>) {
    let problem = LeastSquares::on(backend, precision);
    let largest = problem.truth[0];
    assert!((largest - 11.40).abs() < 0.01, "{largest}");
    for seed in seeds {
        let names = [
            "hessian.lambda_max",
            "hessian.lambda_min",
            "stability.gd",
            "ggn.lambda_max",
        ];
        let rows = problem.measure(seed, &names);
        assert_is(&rows[0], largest, seed);
        assert_is(&rows[1], problem.truth[PIXELS], seed);
        assert_is(&rows[2], 0.5 * LEARNING_RATE * largest, seed);
        assert_is(&rows[3], largest, seed);
    }
}

#[test]
fn both_ends_of_the_spectrum_are_right_in_either_precision() {
    check_both_ends(BackendKind::Cpu, Precision::F32, 0..12);
    check_both_ends(BackendKind::NdArray, Precision::F32, 0..3);
    check_both_ends(BackendKind::Cpu, Precision::F64, 0..3);
}

/// `cargo test --release --lib least_squares -- --ignored`
#[test]
#[ignore = "takes a minute"]
fn both_ends_of_the_spectrum_are_right_for_forty_seeds() {
    check_both_ends(BackendKind::Cpu, Precision::F32, 0..40);
    check_both_ends(BackendKind::NdArray, Precision::F32, 0..40);
}

#[test]
fn every_eigenvalue_is_found_ten_times() {
    let problem = LeastSquares::on(BackendKind::Cpu, Precision::F32);
    let largest = problem.truth[0];
    for seed in 0..4 {
        let names = [
            "hessian.lambda_2",
            "hessian.lambda_3",
            "hessian.lambda_4",
            "hessian.lambda_5",
        ];
        for row in &problem.measure(seed, &names) {
            assert_is(row, largest, seed);
        }
        // The next one, 1.5 / 0.15 = 10 away, is below the threshold.
        let tracked = &problem.measure(seed, &["stability.tracked"])[0];
        assert_eq!(
            (tracked.value, tracked.converged),
            (Some(10.0), Some(true)),
            "{tracked:?}"
        );
    }
}

/// Ten equal eigenvalues of 11.4, then others of 1.5 and less.
#[test]
fn more_than_five_are_followed_near_the_line() {
    let problem = LeastSquares::on(BackendKind::Cpu, Precision::F32);
    let names = [
        "stability.line",
        "stability.eigenvalue_1",
        "stability.eigenvalue_10",
        "stability.above_line",
        "stability.eigenvalue_6",
        "stability.eigenvalue_11",
    ];
    let far = problem.measure_at(0, 0.1, &names);
    // Three quarters of the line are 15: only the first five.
    assert_eq!((far[0].value, far[3].value), (Some(20.0), Some(0.0)));
    assert!((far[1].value.unwrap() / problem.truth[0] - 1.0).abs() < 1e-3);
    assert!(far[2].reason().unwrap().contains("0 eigenvalues lie above"));
    assert!(far[1].note.is_none() && far[4].value.is_none());
    // Here they are 10, and the line is above; at a larger rate it is below.
    for (rate, above) in [(0.15, 0.0), (0.2, 10.0)] {
        let near = problem.measure_at(0, rate, &names);
        assert!((near[2].value.unwrap() / problem.truth[0] - 1.0).abs() < 0.01);
        assert!(near[2].note.is_none() && near[5].value.is_none());
        assert_eq!(near[3].value, Some(above), "{near:?}");
        assert!(near[3].bound().is_none());
    }
    // At a rate at which all that are not 0 lie above the line there are more than are followed.
    let below = problem.measure_at(0, 1e6, &names);
    assert!(
        below[5].note.as_ref().unwrap().contains("may be more"),
        "{below:?}"
    );
    assert_eq!(below[3].value, Some(20.0));
    assert!(below[3].bound().is_some());
}
