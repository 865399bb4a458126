//! Noise of linear regressions, whose per-sample gradients and Hessians are written out.

use crate::linear::Budget;
use crate::measure::testing::fixture::{Fixture, INPUTS, SAMPLES, assert_close};
use crate::model::Activation;
use crate::objective::Loss;
use crate::random::Streams;
use nalgebra::{DMatrix, DVector};

const OUTPUTS: usize = 3;
/// Repetitions of what is random.
const SEEDS: u64 = 12;

const LENGTH: usize = OUTPUTS * (INPUTS + 1);

/// The parts of a linear regression `z = Wx + b` on one-hot targets, by definition.
struct Regression {
    fixture: Fixture,
    gradients: Vec<DVector<f64>>,
    hessians: Vec<DMatrix<f64>>,
    loss: f64,
}

impl Regression {
    fn new() -> Self {
        let fixture = Fixture::with_loss(&[], OUTPUTS, Activation::Relu, true, Loss::Square);
        let (weights, biases) = fixture.values.split_at(OUTPUTS * INPUTS);
        let (mut gradients, mut hessians, mut loss) = (Vec::new(), Vec::new(), 0.0);
        for (x, &label) in fixture.inputs.chunks(INPUTS).zip(&fixture.labels) {
            // The place of a weight in the vector, and what it is multiplied with.
            let place = |output: usize, input: usize| match input {
                INPUTS => OUTPUTS * INPUTS + output,
                input => output * INPUTS + input,
            };
            let factor = |input: usize| if input == INPUTS { 1.0 } else { x[input] };
            let mut gradient = DVector::zeros(LENGTH);
            let mut hessian = DMatrix::zeros(LENGTH, LENGTH);
            for output in 0..OUTPUTS {
                let row = &weights[output * INPUTS..(output + 1) * INPUTS];
                let product: f64 = row.iter().zip(x).map(|(w, x)| w * x).sum();
                let target = f64::from(u8::from(output == usize::from(label)));
                let error = product + biases[output] - target;
                loss += 0.5 * error * error / SAMPLES as f64;
                for i in 0..=INPUTS {
                    gradient[place(output, i)] = error * factor(i);
                    for j in 0..=INPUTS {
                        hessian[(place(output, i), place(output, j))] = factor(i) * factor(j);
                    }
                }
            }
            gradients.push(gradient);
            hessians.push(hessian);
        }
        Self {
            fixture,
            gradients,
            hessians,
            loss,
        }
    }

    fn gradient(&self) -> DVector<f64> {
        self.gradients.iter().sum::<DVector<f64>>() / SAMPLES as f64
    }

    fn hessian(&self) -> DMatrix<f64> {
        self.hessians.iter().sum::<DMatrix<f64>>() / SAMPLES as f64
    }

    fn noise(&self) -> DMatrix<f64> {
        let mean = self.gradient();
        let deviations = self.gradients.iter().map(|gradient| gradient - &mean);
        let products = deviations.map(|deviation| &deviation * deviation.transpose());
        products.sum::<DMatrix<f64>>() / SAMPLES as f64
    }
}

#[test]
fn exact_measures_are_those_of_the_samples_gradients_and_hessians() {
    let regression = Regression::new();
    let fixture = &regression.fixture;
    let (gradient, noise) = (regression.gradient(), regression.noise());
    assert_close(fixture.value("noise.trace"), noise.trace(), 1e-12);
    let scale = noise.trace() / gradient.norm_squared();
    assert_close(fixture.value("noise.scale"), scale, 1e-12);
    let largest = noise.symmetric_eigenvalues().max();
    assert_close(fixture.value("noise.lambda_max"), largest, 1e-3);

    let mean = regression.hessian();
    let squares = regression.hessians.iter().map(|hessian| hessian * hessian);
    let covariance = squares.sum::<DMatrix<f64>>() / SAMPLES as f64 - &mean * &mean;
    let spread = covariance.symmetric_eigenvalues().max().sqrt();
    let row = fixture.row("noise.nonuniformity");
    assert_eq!(row.converged, Some(true));
    assert_close(row.value.unwrap(), spread, 1e-5);
}

#[test]
fn estimates_differ_from_the_dense_matrices_by_the_errors_they_state() {
    let regression = Regression::new();
    // The Gauss-Newton matrix of a linear model is its Hessian.
    let (noise, curvature) = (regression.noise(), regression.hessian());
    let gradient = regression.gradient();
    let product = (&noise * &curvature).trace();
    let loss = 2.0 * regression.loss;
    let along = gradient.dot(&(&curvature * &gradient));
    let expected = [
        ("noise.scale.curvature", product / along),
        (
            "noise.alignment_mu",
            product / (loss * curvature.norm_squared()),
        ),
        (
            "noise.alignment_alpha",
            product / (noise.norm() * curvature.norm()),
        ),
        (
            "noise.alignment_beta",
            noise.norm() / (loss * curvature.norm()),
        ),
    ];
    for (name, expected) in expected {
        let deviations = (0..SEEDS).map(|seed| {
            let rows = regression.fixture.measure_as(&[name], |mut subject| {
                subject.streams = Streams::new(seed);
                subject
            });
            let (value, error) = (rows[0].value.unwrap(), rows[0].stderr().unwrap());
            assert!(error < 0.2 * expected, "{name}: {value} ± {error}");
            ((value - expected) / error).powi(2)
        });
        let spread = (deviations.sum::<f64>() / SEEDS as f64).sqrt();
        assert!(
            (0.4..1.6).contains(&spread),
            "{name}: {spread} standard errors"
        );
    }
}

#[test]
fn noise_that_is_curvature_times_twice_the_loss_is_perfectly_aligned() {
    // Errors of ±1 on every input: Σ = G, L = ½, and the mean gradient is 0.
    let mut fixture = Fixture::with_loss(&[], 1, Activation::Relu, true, Loss::Square);
    fixture.values.fill(0.0);
    let half = fixture.inputs[..SAMPLES / 2 * INPUTS].to_vec();
    fixture.inputs = half.repeat(2);
    fixture.labels = vec![0, 0, 0, 0, 1, 1, 1, 1];
    for name in [
        "noise.alignment_mu",
        "noise.alignment_alpha",
        "noise.alignment_beta",
    ] {
        let row = fixture.row(name);
        assert_close(row.value.unwrap(), 1.0, 1e-12);
        assert!(row.stderr().unwrap() < 1e-12);
        assert_eq!(row.converged, Some(true));
    }
    let reason = fixture.reason("noise.scale");
    assert!(
        reason.contains("gradient is 0"),
        "no gradient, no scale: {reason}"
    );
}

#[test]
fn a_block_has_a_noise_of_its_own() {
    let regression = Regression::new();
    let noise = regression.noise();
    let of_biases: f64 = (OUTPUTS * INPUTS..LENGTH).map(|i| noise[(i, i)]).sum();
    let rows = regression
        .fixture
        .measure_as(&["noise.trace", "noise.nonuniformity"], |mut s| {
            s.block = Some("layers.0.bias");
            s
        });
    assert_close(rows[0].value.unwrap(), of_biases, 1e-12);
    // The covariance of one sample's Hessian is about the whole network, and its row says so.
    assert_eq!(
        rows[0].circumstances.block.as_deref(),
        Some("layers.0.bias")
    );
    assert_eq!(rows[1].circumstances.block, None);
    let whole = regression.fixture.value("noise.nonuniformity");
    assert_eq!(rows[1].value, Some(whole));
}

#[test]
fn a_budget_leaves_an_estimate_with_an_error() {
    let mut fixture = Regression::new().fixture;
    fixture.inputs = fixture.inputs.repeat(3);
    fixture.labels = fixture.labels.repeat(3);
    let rows = fixture.measure_as(&["noise.trace"], |mut subject| {
        subject.budget = Budget {
            max_matvecs: None,
            max_seconds: Some(0.0),
        };
        subject
    });
    assert_eq!(
        (rows[0].samples, rows[0].converged),
        (Some(12), Some(false))
    );
    assert!(rows[0].stderr().unwrap() > 0.0);
}
