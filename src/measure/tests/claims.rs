//! What measures claim to survive, tried on a network with ReLU.

use crate::measure::declaration::Measure;
use crate::measure::testing::fixture::Fixture;
use crate::measure::{Failure, Measurement, margin, noise, norm, run, stability};
use crate::model::Activation;
use crate::reparam::MapKind;

/// Two hidden layers of 6 and 5 units.
fn network() -> Fixture {
    Fixture::new(&[6, 5], 3, Activation::Relu, true)
}

fn scale(fixture: &mut Fixture, name: &str, factor: f64) {
    for value in fixture.block(name) {
        *value *= factor;
    }
}

/// Multiplies what goes into a unit of the first layer and divides what comes out of it.
fn scale_unit(fixture: &mut Fixture, unit: usize, factor: f64) {
    for weight in &mut fixture.block("layers.0.weight")[4 * unit..4 * (unit + 1)] {
        *weight *= factor;
    }
    fixture.block("layers.0.bias")[unit] *= factor;
    for weight in fixture
        .block("layers.1.weight")
        .iter_mut()
        .skip(unit)
        .step_by(6)
    {
        *weight /= factor;
    }
}

/// Exchanges two units of the first layer.
fn exchange(fixture: &mut Fixture, one: usize, other: usize) {
    let rows = fixture.block("layers.0.weight");
    (0..4).for_each(|input| rows.swap(4 * one + input, 4 * other + input));
    fixture.block("layers.0.bias").swap(one, other);
    let columns = fixture.block("layers.1.weight");
    (0..5).for_each(|output| columns.swap(6 * output + one, 6 * output + other));
}

fn moved_by(map: MapKind) -> Fixture {
    let mut fixture = network();
    match map {
        MapKind::LayerRescaling => {
            scale(&mut fixture, "layers.0.weight", 3.0);
            scale(&mut fixture, "layers.0.bias", 3.0);
            scale(&mut fixture, "layers.1.weight", 1.0 / 3.0);
        }
        MapKind::UnitRescaling => {
            scale_unit(&mut fixture, 1, 4.0);
            scale_unit(&mut fixture, 4, 0.5);
        }
        _ => exchange(&mut fixture, 1, 4),
    }
    fixture
}

/// Whether two rows agree to a few of the errors they state; none where neither has a value, which proves
/// nothing.
fn agree(before: &Measurement, after: &Measurement) -> Option<bool> {
    let (a, b) = match (before.value, after.value) {
        (Some(a), Some(b)) => (a, b),
        (None, None) => return None,
        _ => return Some(false),
    };
    let error = |row: &Measurement, value: f64| {
        let residual = row.absolute_residual().unwrap_or(0.0);
        // An attack halves its way to 1e-6; the errors of margins are about other samples.
        let chance = if row.matvecs.is_some() {
            row.stderr().unwrap_or(0.0)
        } else {
            0.0
        };
        4.0 * chance + 2.0 * residual + 2e-6 * value.abs()
    };
    Some((a - b).abs() <= error(before, a) + error(after, b))
}

fn measures() -> Vec<&'static Measure> {
    [
        margin::FAMILY,
        norm::FAMILY,
        noise::FAMILY,
        stability::FAMILY,
        run::FAMILY,
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// What has no value on the small network, so that its claims are not tried here.
const REFUSED: [&str; 41] = [
    "margin.class.3",
    "margin.class.4",
    "margin.class.5",
    "margin.class.6",
    "margin.class.7",
    "margin.class.8",
    "margin.class.9",
    "margin.homogeneous",
    "margin.hidden.3.p10",
    "margin.hidden.3.median",
    "margin.hidden.4.p10",
    "margin.hidden.4.median",
    "margin.input.p10",
    "margin.input.median",
    "stability.adam",
    "stability.eigenvalue_6",
    "stability.eigenvalue_7",
    "stability.eigenvalue_8",
    "stability.eigenvalue_9",
    "stability.eigenvalue_10",
    "stability.eigenvalue_11",
    "stability.eigenvalue_12",
    "stability.eigenvalue_13",
    "stability.eigenvalue_14",
    "stability.eigenvalue_15",
    "stability.eigenvalue_16",
    "stability.eigenvalue_17",
    "stability.eigenvalue_18",
    "stability.eigenvalue_19",
    "stability.eigenvalue_20",
    "stability.overlap",
    "stability.overlap_1",
    "stability.overlap_2",
    "stability.overlap_3",
    "stability.overlap_4",
    "stability.overlap_5",
    "stability.overlap_6",
    "stability.overlap_7",
    "stability.overlap_8",
    "stability.overlap_9",
    "stability.overlap_10",
];

#[test]
fn measures_survive_the_maps_they_claim_to() {
    let measures = measures();
    let names: Vec<&str> = measures.iter().map(|measure| measure.name).collect();
    let before = network().measure(&names);
    let refused = measures.iter().zip(&before);
    let refused = refused.filter(|(_, row)| row.value.is_none());
    let refused: Vec<&str> = refused.map(|(measure, _)| measure.name).collect();
    assert_eq!(refused, REFUSED);
    for map in [
        MapKind::LayerRescaling,
        MapKind::UnitRescaling,
        MapKind::Permutation,
    ] {
        let after = moved_by(map).measure(&names);
        for ((measure, before), after) in measures.iter().zip(&before).zip(&after) {
            match agree(before, after) {
                None => assert!(before.value.is_none()),
                Some(agree) if measure.survives(map) => {
                    assert!(agree, "{map}: {before:?} {after:?}");
                }
                Some(_) => {}
            }
        }
    }
}

#[test]
fn two_refusals_are_no_evidence_of_surviving() {
    let refusal = || Measurement::failed("margin.min", Failure::not_defined("there is none"));
    let found = || Measurement::exact("margin.min", 1.0);
    assert_eq!(agree(&refusal(), &refusal()), None);
    assert_eq!(agree(&found(), &refusal()), Some(false));
    assert_eq!(agree(&found(), &found()), Some(true));
}

#[test]
fn measures_of_scale_do_not_claim_to_survive_and_do_not() {
    let names = [
        "norm.l2",
        "norm.spectral.max",
        "noise.trace",
        "gradient.norm",
        "distance.init",
    ];
    let before = network().measure(&names);
    let after = moved_by(MapKind::LayerRescaling).measure(&names);
    for (before, after) in before.iter().zip(&after) {
        assert_eq!(agree(before, after), Some(false), "{before:?} {after:?}");
    }
}
