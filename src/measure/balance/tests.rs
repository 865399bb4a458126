//! Balance and growth against closed forms and against steps.

use crate::backend::{Compute, Precision};
use crate::linear::{dot, norm};
use crate::measure::testing::fixture::{Fixture, assert_close, subject};
use crate::measure::{Measurement, Session, StepRule, Subject};
use crate::model::{Activation, Init, Normalisation, Pool};
use crate::objective::tests::tiny::{SAMPLES, Tiny};

fn cpu() -> Compute {
    Compute::cpu(Precision::F64)
}

#[test]
fn the_direction_is_aligned_where_the_gradient_is_along_the_parameters() {
    let fixture = Fixture::new(&[5], 3, Activation::Tanh, true);
    let (parameters, train) = (fixture.parameters(), fixture.chunks(3));
    let gradient = subject(&fixture.objective, &parameters, &train)
        .gradient()
        .unwrap();
    let expected = -dot(&fixture.values, &gradient) / (norm(&fixture.values) * norm(&gradient));
    assert_close(fixture.value("direction.alignment"), expected, 1e-12);
    let mut nothing = Fixture::new(&[5], 3, Activation::Tanh, true);
    nothing.values.fill(0.0);
    assert!(
        nothing
            .reason("direction.alignment")
            .contains("no direction")
    );
}

#[test]
fn the_balance_of_one_hidden_unit_is_the_difference_of_squares() {
    let mut fixture = Fixture::new(&[1], 2, Activation::Relu, true);
    fixture
        .block("layers.0.weight")
        .copy_from_slice(&[1.0, 2.0, 0.0, 0.0]);
    fixture.block("layers.0.bias").copy_from_slice(&[2.0]);
    fixture
        .block("layers.1.weight")
        .copy_from_slice(&[3.0, 4.0]);
    // Outgoing 25, incoming 1 + 4 + 4.
    for name in ["balance.layers", "balance.units"] {
        assert_close(fixture.value(name), 16.0 / 34.0, 1e-14);
    }
    fixture
        .block("layers.1.weight")
        .copy_from_slice(&[3.0, 0.0]);
    assert_eq!(fixture.value("balance.units"), 0.0);
}

#[test]
fn of_two_hidden_layers_the_less_balanced_counts_and_rotations_move_the_diagonal_alone() {
    let mut fixture = Fixture::new(&[2, 2], 2, Activation::Linear, false);
    fixture
        .block("layers.0.weight")
        .copy_from_slice(&[1.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0]);
    fixture
        .block("layers.1.weight")
        .copy_from_slice(&[1.0, 0.0, 0.0, 1.0]);
    fixture
        .block("layers.2.weight")
        .copy_from_slice(&[2.0, 0.0, 0.0, 1.0]);
    // diag(4, 1) against the identity.
    let expected = 3.0 / (17f64.sqrt() + 2f64.sqrt());
    assert_close(fixture.value("balance.layers"), expected, 1e-14);
    assert_close(fixture.value("balance.units"), expected, 1e-14);
    let (c, s) = (0.6, 0.8);
    fixture
        .block("layers.1.weight")
        .copy_from_slice(&[c, -s, s, c]);
    fixture
        .block("layers.2.weight")
        .copy_from_slice(&[2.0 * c, 2.0 * s, -s, c]);
    assert_close(fixture.value("balance.layers"), expected, 1e-14);
    assert!(fixture.value("balance.units") < 0.9 * expected);
}

/// What gradient flow conserves, a step of length `h` moves by `h²`; what it does not, by `h`.
#[test]
fn gradient_flow_conserves_balance_to_first_order() {
    let ratio = |activation, bias, name: &str| {
        let fixture = Fixture::new(&[5, 3], 3, activation, bias);
        let (parameters, train) = (fixture.parameters(), fixture.chunks(3));
        let gradient = subject(&fixture.objective, &parameters, &train)
            .gradient()
            .unwrap();
        let drift_after = |length: f64| {
            let steps = fixture.values.iter().zip(&gradient);
            let moved = Fixture {
                values: steps.map(|(value, slope)| value - length * slope).collect(),
                initial: fixture.values.clone(),
                ..Fixture::new(&[5, 3], 3, activation, bias)
            };
            moved.value(name)
        };
        drift_after(2e-4) / drift_after(1e-4)
    };
    for (activation, bias, name) in [
        (Activation::Linear, true, "balance.layers.drift"),
        (Activation::Linear, false, "balance.units.drift"),
        (Activation::Relu, true, "balance.units.drift"),
    ] {
        let ratio = ratio(activation, bias, name);
        assert!((ratio - 4.0).abs() < 0.02, "{activation} {name}: {ratio}");
    }
}

#[test]
fn balance_is_refused_where_nothing_is_conserved() {
    let relu = Fixture::new(&[5], 3, Activation::Relu, true);
    assert!(
        relu.reason("balance.layers.drift")
            .contains("balance.units.drift")
    );
    assert_eq!(
        Fixture {
            initial: relu.values.clone(),
            ..Fixture::new(&[5], 3, Activation::Relu, true)
        }
        .value("balance.units.drift"),
        0.0
    );
    let tanh = Fixture::new(&[5], 3, Activation::Tanh, true);
    assert!(tanh.reason("balance.units").contains("linear or relu"));
    let none = Fixture::new(&[], 3, Activation::Relu, true);
    assert!(none.reason("balance.units").contains("no hidden layer"));
    let transformer = Tiny::transformer(1, Pool::Mean, Activation::Relu, 0.0, &cpu());
    let rows = crate::measure::testing::fixture::measure_tiny(&transformer, &["balance.units"]);
    assert!(rows[0].reason().unwrap().contains("fully connected"));
}

/// Measures a network that is normalised by the batch, as a step of SGD over all samples sees it.
fn measured(
    tiny: &Tiny,
    names: &[&str],
    change: impl FnOnce(Subject<'_>) -> Subject<'_>,
) -> Vec<Measurement> {
    let (parameters, train) = (tiny.parameters(), tiny.chunks(SAMPLES));
    let plain = Subject {
        learning_rate: Some(0.1),
        step_rule: Some(StepRule::Descent {
            momentum: 0.0,
            is_nesterov: false,
            penalty: 0.05,
        }),
        batch_size: Some(SAMPLES),
        ..subject(&tiny.objective, &parameters, &train)
    };
    Session::new(change(plain)).measure(names).unwrap()
}

fn normalised() -> Tiny {
    Tiny::mlp(Activation::Relu, Normalisation::Batch, Init::He, &cpu()).by_batch()
}

/// Weights and biases of a layer in front of its normalisation.
fn layer(tiny: &Tiny, values: &[f64], index: usize) -> Vec<f64> {
    let layout = tiny.objective.network().layout();
    values[layout.range(&format!("layers.{index}")).unwrap()].to_vec()
}

#[test]
fn a_step_makes_scale_invariant_weights_grow_as_the_recursion_says() {
    let tiny = normalised();
    let gradient = tiny.gradient(&tiny.parameters());
    for index in 0..2 {
        let block = format!("layers.{index}");
        let names = [
            "scale_invariant.growth",
            "scale_invariant.effective_rate",
            "scale_invariant.orthogonality",
        ];
        let rows = measured(&tiny, &names, |subject| Subject {
            block: Some(match index {
                0 => "layers.0",
                _ => "layers.1",
            }),
            ..subject
        });
        let (weights, slopes) = (
            layer(&tiny, &tiny.values, index),
            layer(&tiny, &gradient, index),
        );
        let square = dot(&weights, &weights);
        let next = weights
            .iter()
            .zip(&slopes)
            .map(|(w, g)| w - 0.1 * (g + 0.05 * w));
        let next: Vec<f64> = next.collect();
        let (growth, cosine) = (rows[0].value.unwrap(), rows[2].value.unwrap());
        assert!(cosine < 1e-3, "{block}: {rows:?}");
        // What is left of w·g for the normalisation's epsilon.
        let rest = 2.0 * 0.1 * cosine * norm(&slopes) / norm(&weights);
        let grown = dot(&next, &next) / square - 1.0;
        assert!(
            (growth - grown).abs() <= 1.01 * rest + 1e-12,
            "{block}: {growth} {grown} {rest}"
        );
        assert_eq!(rows[0].kind_of_error(), Some("exact"));
        assert_close(rows[1].value.unwrap(), 0.1 / square, 1e-12);
    }
    let rows = measured(&tiny, &["scale_invariant.effective_rate"], |subject| {
        subject
    });
    let rate = |index| {
        0.1 / dot(
            &layer(&tiny, &tiny.values, index),
            &layer(&tiny, &tiny.values, index),
        )
    };
    assert_close(rows[0].value.unwrap(), f64::max(rate(0), rate(1)), 1e-12);
}

#[test]
fn mini_batches_tell_the_growth_with_an_error() {
    let tiny = normalised();
    let rows = measured(&tiny, &["scale_invariant.growth"], |subject| Subject {
        batch_size: Some(3),
        ..subject
    });
    assert!(rows[0].stderr().unwrap() > 0.0, "{rows:?}");
}

#[test]
fn growth_is_refused_outside_its_derivation() {
    let reason = |tiny: &Tiny, name: &str, change: fn(Subject<'_>) -> Subject<'_>| {
        measured(tiny, &[name], change)[0]
            .failure
            .clone()
            .unwrap()
            .reason
    };
    let momentum = reason(&normalised(), "scale_invariant.growth", |subject| Subject {
        step_rule: Some(StepRule::Descent {
            momentum: 0.9,
            is_nesterov: false,
            penalty: 0.0,
        }),
        ..subject
    });
    assert!(momentum.contains("without momentum"), "{momentum}");
    let running = Tiny::mlp(Activation::Relu, Normalisation::Batch, Init::He, &cpu());
    let running = reason(&running, "scale_invariant.orthogonality", |subject| subject);
    assert!(running.contains("norm_mode = batch"), "{running}");
    let plain = Tiny::mlp(Activation::Relu, Normalisation::None, Init::He, &cpu());
    let plain = reason(&plain, "scale_invariant.effective_rate", |subject| subject);
    assert!(plain.contains("normalisation"), "{plain}");
}

/// Layer normalisation has no mode, and the stream of a transformer is normalised by all that read it.
#[test]
fn layers_before_a_normalisation_of_each_sample_are_orthogonal_to_their_gradient() {
    let mlp = Tiny::mlp(Activation::Relu, Normalisation::Layer, Init::He, &cpu());
    let transformer = Tiny::transformer(2, Pool::Class, Activation::Gelu, 0.0, &cpu());
    for tiny in [mlp, transformer] {
        let rows = measured(&tiny, &["scale_invariant.orthogonality"], |subject| subject);
        assert!(rows[0].value.unwrap() < 0.05, "{rows:?}");
    }
}
