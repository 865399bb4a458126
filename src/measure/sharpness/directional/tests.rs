//! Against all batches of a small network, and against dense matrices.

use crate::curvature::Matrix;
use crate::linear::LinearOperator;
use crate::measure::testing::fixture::{Fixture, SAMPLES, assert_close, subject};
use crate::measure::{FailureKind, Session, Subject};
use crate::model::Activation;
use crate::objective::Chunks;
use crate::random::Streams;
use nalgebra::{DMatrix, DVector};

/// The run's batch size.
const BATCH: usize = 2;

fn fixture() -> Fixture {
    Fixture::new(&[6], 3, Activation::Tanh, true)
}

/// Gradient and Hessian of the mean loss over the samples at these places.
fn derivatives(fixture: &Fixture, places: &[usize]) -> (DVector<f64>, DMatrix<f64>) {
    let (parameters, train) = (fixture.parameters(), fixture.chunks(3));
    let (batch, labels) = train.pick(places, fixture.objective.compute());
    let train = Chunks::from_batches(vec![batch], labels);
    let subject = subject(&fixture.objective, &parameters, &train);
    let mut operator = subject.operator(Matrix::Hessian);
    let length = fixture.values.len();
    let columns: Vec<_> = (0..length)
        .map(|place| {
            let mut axis = vec![0.0; length];
            axis[place] = 1.0;
            DVector::from_vec(operator.apply(&axis).unwrap())
        })
        .collect();
    let gradient = DVector::from_vec(subject.gradient().unwrap());
    (gradient, DMatrix::from_columns(&columns))
}

fn form(matrix: &DMatrix<f64>, vector: &DVector<f64>) -> f64 {
    vector.dot(&(matrix * vector))
}

fn all() -> Vec<usize> {
    (0..SAMPLES).collect()
}

/// All batches of two.
fn pairs() -> Vec<[usize; BATCH]> {
    let first = 0..SAMPLES;
    first
        .flat_map(|a| (a + 1..SAMPLES).map(move |b| [a, b]))
        .collect()
}

#[test]
fn directional_sharpness_is_a_quotient_of_forms() {
    let fixture = fixture();
    let (gradient, hessian) = derivatives(&fixture, &all());
    let expected = form(&hessian, &gradient) / gradient.norm_squared();
    assert_close(fixture.value("sharpness.directional"), expected, 1e-10);
    // Of a batch of all samples it is batch sharpness as well, and interaction-aware sharpness.
    let names = [
        "sharpness.batch",
        "sharpness.batch.pooled",
        "sharpness.interaction",
    ];
    let rows = fixture.measure_as(&names, |mut subject| {
        subject.batch_size = Some(SAMPLES);
        subject
    });
    for row in rows {
        assert_close(row.value.unwrap(), expected, 1e-10);
    }
}

/// Estimates lie from the exact number as far as they say they do.
fn assert_estimated(fixture: &Fixture, name: &str, expected: f64) {
    const SEEDS: u64 = 12;
    let deviations = (0..SEEDS).map(|seed| {
        let rows = fixture.measure_as(&[name], |mut subject| {
            subject.streams = Streams::new(seed);
            subject
        });
        let (value, error) = (rows[0].value.unwrap(), rows[0].stderr().unwrap());
        assert!(error < 0.2 * expected.abs(), "{name}: {value} ± {error}");
        ((value - expected) / error).powi(2)
    });
    let spread = (deviations.sum::<f64>() / SEEDS as f64).sqrt();
    assert!(
        (0.4..1.6).contains(&spread),
        "{name}: {spread} standard errors"
    );
}

#[test]
fn batch_sharpness_is_a_mean_over_batches() {
    let fixture = fixture();
    let of_pair = |places: &[usize; BATCH]| {
        let (gradient, hessian) = derivatives(&fixture, places);
        form(&hessian, &gradient) / gradient.norm_squared()
    };
    let pairs = pairs();
    let expected = pairs.iter().map(of_pair).sum::<f64>() / pairs.len() as f64;
    let (gradient, hessian) = derivatives(&fixture, &all());
    let directional = form(&hessian, &gradient) / gradient.norm_squared();
    assert!(
        (expected / directional - 1.0).abs() > 0.2,
        "{expected} {directional}"
    );
    assert_estimated(&fixture, "sharpness.batch", expected);
    assert_estimated(&fixture, "stability.batch", 0.05 * expected);
}

/// At a rate of 2 over it, what steps along the gradients of batches change of the loss of their own batches is of third
/// order on average, whatever it is for each.
#[test]
fn pooled_batch_sharpness_is_a_ratio_of_means_over_batches() {
    let fixture = fixture();
    let (mut above, mut below, mut ratios) = (0.0, 0.0, 0.0);
    let pairs = pairs();
    for places in &pairs {
        let (gradient, hessian) = derivatives(&fixture, places);
        let (curved, square) = (form(&hessian, &gradient), gradient.norm_squared());
        above += curved;
        below += square;
        ratios += curved / square / pairs.len() as f64;
    }
    let expected = above / below;
    assert!(
        (expected / ratios - 1.0).abs() > 1e-3,
        "{expected} {ratios}"
    );
    assert_estimated(&fixture, "sharpness.batch.pooled", expected);
}

#[test]
fn interaction_aware_sharpness_is_that_of_the_second_moment_of_batch_gradients() {
    let fixture = fixture();
    let (_, hessian) = derivatives(&fixture, &all());
    let (mut above, mut below) = (0.0, 0.0);
    for places in pairs() {
        let (gradient, _) = derivatives(&fixture, &places);
        above += form(&hessian, &gradient);
        below += gradient.norm_squared();
    }
    assert_estimated(&fixture, "sharpness.interaction", above / below);
    let (mean, _) = derivatives(&fixture, &all());
    let noise = all()
        .into_iter()
        .map(|place| derivatives(&fixture, &[place]).0 - &mean);
    let (above, below) = noise.fold((0.0, 0.0), |(above, below), noise| {
        (above + form(&hessian, &noise), below + noise.norm_squared())
    });
    assert_estimated(&fixture, "sharpness.interaction.noise", above / below);
}

#[test]
fn the_noise_of_a_batch_is_that_of_all_batches() {
    let fixture = fixture();
    let (mean, _) = derivatives(&fixture, &all());
    let pairs = pairs();
    let squares = pairs.iter().map(|places| {
        let (gradient, _) = derivatives(&fixture, places);
        (gradient - &mean).norm_squared()
    });
    let trace = squares.sum::<f64>() / pairs.len() as f64;
    assert_close(fixture.value("noise.trace.batch"), trace, 1e-10);
    let square = mean.norm_squared();
    assert_close(
        fixture.value("noise.signal"),
        square / (square + trace),
        1e-10,
    );
}

#[test]
fn a_batch_of_unknown_size_has_no_sharpness() {
    let fixture = fixture();
    let (parameters, train) = (fixture.parameters(), fixture.chunks(3));
    let subject = Subject {
        batch_size: None,
        ..subject(&fixture.objective, &parameters, &train)
    };
    for row in Session::new(subject)
        .measure(&[
            "sharpness.batch",
            "sharpness.batch.pooled",
            "sharpness.interaction",
            "noise.tail_index",
        ])
        .unwrap()
    {
        assert_eq!(row.failure.unwrap().kind, FailureKind::NotKnown);
    }
}
