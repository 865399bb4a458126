//! Norms of a network that can be computed by hand.

use super::super::fixture::{Fixture, assert_close};
use crate::config::Activation;

/// `W₁` has rows (3, 0, 0, 0) and (0, 4, 0, 0); `W₂` has rows (0, 2) and (1, 0).
fn by_hand() -> Fixture {
    let mut fixture = Fixture::new(&[2], 2, Activation::Relu, false);
    let weights = [3.0, 0.0, 0.0, 0.0, 0.0, 4.0, 0.0, 0.0];
    fixture.block("layers.0.weight").copy_from_slice(&weights);
    let weights = [0.0, 2.0, 1.0, 0.0];
    fixture.block("layers.1.weight").copy_from_slice(&weights);
    // The first layer starts from half of it, the second from 0 but for one weight.
    fixture.initial = fixture.values.iter().map(|value| 0.5 * value).collect();
    fixture.initial[8..].copy_from_slice(&[0.0, 0.0, 1.0, 0.0]);
    fixture
}

#[test]
fn norms_of_weights_are_those_of_their_definitions() {
    let fixture = by_hand();
    // Singular values 4, 3 and 2, 1; Frobenius norms 5 and √5.
    let complexity = 8.0 * ((7.0f64 / 4.0).powf(2.0 / 3.0) + 1.5f64.powf(2.0 / 3.0)).powf(1.5);
    let from_start = 8.0 * ((3.5f64 / 4.0).powf(2.0 / 3.0) + 1.0f64).powf(1.5);
    let expected = [
        ("norm.l2", 30.0f64.sqrt()),
        ("norm.parameters", 12.0),
        ("norm.frobenius.product", 125.0f64.sqrt()),
        ("norm.frobenius.sum", 30.0),
        ("norm.spectral.product", 8.0),
        ("norm.spectral.sum", 20.0),
        ("norm.spectral.max", 4.0),
        ("norm.stable_rank.sum", 25.0 / 16.0 + 5.0 / 4.0),
        ("norm.stable_rank.product", 125.0 / 64.0),
        ("norm.path", 11.0),
        ("norm.path.l2", 73.0f64.sqrt()),
        ("norm.spectral_complexity", complexity),
        ("norm.spectral_complexity.init", from_start),
        (
            "norm.pac_bayes_complexity",
            64.0 * (25.0 / 16.0 + 5.0 / 4.0),
        ),
        ("distance.init", (6.25f64 + 4.0).sqrt()),
        ("distance.init.relative", ((6.25f64 + 4.0) / 7.25).sqrt()),
        ("distance.init.frobenius", 2.0),
        ("distance.init.spectral", 2.0),
    ];
    for (name, expected) in expected {
        assert_close(fixture.value(name), expected, 1e-9);
    }
}

#[test]
fn a_block_has_norms_of_its_own() {
    let fixture = by_hand();
    let names = [
        "norm.l2",
        "norm.spectral.product",
        "norm.parameters",
        "distance.init",
    ];
    let rows = fixture.measure_as(&names, |mut subject| {
        subject.block = Some("layers.0");
        subject
    });
    let values: Vec<f64> = rows.iter().map(|row| row.value.unwrap()).collect();
    for (value, expected) in values.iter().zip([5.0, 4.0, 8.0, 2.5]) {
        assert_close(*value, expected, 1e-9);
    }
    let rows = fixture.measure_as(&["norm.path"], |mut subject| {
        subject.block = Some("layers.0");
        subject
    });
    assert!(rows[0].reason.as_ref().unwrap().contains("whole network"));
}

#[test]
fn spectral_norms_bring_their_residual() {
    let row = Fixture::new(&[6, 5], 3, Activation::Relu, true).row("norm.spectral.product");
    assert_eq!(row.converged, Some(true));
    assert!(row.residual.unwrap() < 1e-5);
}

#[test]
fn a_bias_has_no_weight_matrix_and_an_unknown_start_no_distance() {
    let fixture = Fixture::new(&[6], 3, Activation::Relu, true);
    let rows = fixture.measure_as(&["norm.spectral.max"], |mut subject| {
        subject.block = Some("layers.0.bias");
        subject
    });
    assert!(
        rows[0]
            .reason
            .as_ref()
            .unwrap()
            .contains("no weight matrix")
    );
    let names = [
        "distance.init",
        "distance.init.spectral",
        "norm.spectral_complexity.init",
    ];
    let rows = fixture.measure_as(&names, |mut subject| {
        subject.initial = None;
        subject
    });
    assert!(
        rows.iter()
            .all(|row| row.reason.as_ref().unwrap().contains("starting point"))
    );
}
