//! What measures claim to survive, and that the others do not.

use super::{Ground, assert_close};
use crate::measure::catalogue;
use crate::model::Activation;
use crate::objective::Loss;
use crate::objective::tests::Case;
use crate::reparam::MapKind;

fn names() -> impl Iterator<Item = &'static crate::measure::Measure> {
    catalogue().filter(|measure| {
        let is_here =
            measure.name.starts_with("sharpness.") || measure.name.starts_with("pac_bayes.");
        // A subspace needs more parameters than the small network has; a spread may well be 0.
        let is_measured = !measure.name.contains("subspace") && !measure.name.ends_with(".spread");
        is_here && is_measured
    })
}

fn network() -> Case {
    Case::reference(Activation::Relu, Loss::CrossEntropy)
}

/// The network with its first layer times 64, the second's weights divided by 64. Powers of two, so
/// that the function is the same to the last bit.
fn rescaled() -> Ground {
    let case = network();
    let mut values = case.values.clone();
    values[..30].iter_mut().for_each(|x| *x *= 64.0);
    values[30..60].iter_mut().for_each(|x| *x /= 64.0);
    Ground::of(case).at(&values)
}

/// The network with the units of its first hidden layer in the reverse order.
fn permuted() -> Ground {
    let case = network();
    let mut values = case.values.clone();
    for unit in 0..6 {
        let other = 5 - unit;
        for input in 0..4 {
            values[4 * unit + input] = case.values[4 * other + input];
        }
        values[24 + unit] = case.values[24 + other];
        for row in 0..5 {
            values[30 + 6 * row + unit] = case.values[30 + 6 * row + other];
        }
    }
    Ground::of(case).at(&values)
}

fn with_initial(ground: Ground) -> Ground {
    Ground {
        initial: Some(vec![0.0; 83]),
        ..ground
    }
}

#[test]
fn what_claims_to_survive_rescaling_does_and_the_rest_moves() {
    let (before, after) = (
        with_initial(Ground::of(network())),
        with_initial(rescaled()),
    );
    for measure in names() {
        let (old, new) = (before.value(measure.name), after.value(measure.name));
        if measure.survives(MapKind::LayerRescaling) {
            // The same random numbers, so random estimates agree as well.
            assert!(
                (new - old).abs() < 1e-9 * old.abs(),
                "{}: {old} {new}",
                measure.name
            );
        } else {
            assert!(
                (new - old).abs() > 1e-3 * old.abs(),
                "{}: {old} {new}",
                measure.name
            );
        }
    }
}

#[test]
fn what_claims_to_survive_a_permutation_does() {
    let (before, after) = (
        with_initial(Ground::of(network())),
        with_initial(permuted()),
    );
    for measure in names().filter(|measure| measure.survives(MapKind::Permutation)) {
        let (old, new) = (before.measure(measure.name), after.measure(measure.name));
        let errors = old.stderr().unwrap_or(0.0) + new.stderr().unwrap_or(0.0);
        let (old, new) = (old.value.unwrap(), new.value.unwrap());
        let allowed = 4.0 * errors + 1e-9 * old.abs();
        assert!(
            (new - old).abs() <= allowed,
            "{}: {old} {new}",
            measure.name
        );
    }
}

#[test]
fn the_adaptive_rise_of_a_product_of_two_parameters_has_a_closed_form() {
    // ½(w₁w₂x − y)²: both parameters have the same slope per relative change, so each moves by
    // ρ/√2 of itself, whatever their ratio.
    for factor in [1.0, 8.0, 0.01] {
        let ground = Ground::product(0.5 * factor, 3.0 / factor, &[(2.0, 1.0)]);
        let growth: f64 = 1.0 + 0.5 / 2.0f64.sqrt();
        let expected = 0.5 * ((3.0 * growth * growth - 1.0f64).powi(2) - 4.0);
        assert_close(ground.value("sharpness.asam"), expected, 1e-12);
        let growth: f64 = 1.002;
        let expected = 0.5 * ((3.0 * growth * growth - 1.0f64).powi(2) - 4.0);
        assert_close(ground.value("sharpness.asam.linf"), expected, 1e-10);
        // H = [[(w₂x)², (2w₁w₂x − y)x], [.., (w₁x)²]].
        let curvature = 2.0 * 9.0 + 2.0 * 1.5 * (6.0 - 1.0) * 2.0;
        assert_close(
            ground.value("sharpness.relative_curvature"),
            curvature,
            1e-12,
        );
    }
}
