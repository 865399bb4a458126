//! Representations against closed forms and an independent program.

use super::collapse::Classes;
use super::probe::Probe;
use super::rank::effective_rank;
use crate::backend::{Compute, Precision};
use crate::measure::testing::fixture::{
    Fixture, INPUTS, SAMPLES, assert_close, measure_tiny, subject,
};
use crate::measure::{Session, Subject, find};
use crate::model::{Activation, Normalisation, Pool};
use crate::objective::tests::tiny::Tiny;
use crate::random::Streams;
use nalgebra::DMatrix;
use rand::RngExt;

fn random(rows: usize, columns: usize, seed: u64) -> DMatrix<f64> {
    let mut rng = Streams::new(seed).stream("test", 0);
    DMatrix::from_fn(rows, columns, |_, _| rng.random_range(-1.0..1.0))
}

#[test]
fn the_effective_rank_counts_directions_that_are_equally_long() {
    // ± each of three unit vectors, about a common centre.
    let rows = DMatrix::from_fn(6, 5, |row, column| {
        let sign = if row % 2 == 0 { 1.0 } else { -1.0 };
        7.0 + if row / 2 == column { sign } else { 0.0 }
    });
    assert_close(effective_rank(&rows).unwrap(), 3.0, 1e-7);
    let line = DMatrix::from_fn(6, 5, |row, column| row as f64 * column as f64);
    assert_close(effective_rank(&line).unwrap(), 1.0, 1e-5);
    assert!(effective_rank(&DMatrix::from_element(4, 3, 2.0)).is_err());
}

#[test]
fn the_effective_rank_is_that_of_the_singular_values_whichever_side_is_longer() {
    for (rows, columns) in [(12, 5), (5, 12), (8, 8)] {
        let matrix = random(rows, columns, 1);
        let mut centred = matrix.clone();
        for mut column in centred.column_iter_mut() {
            let mean = column.mean();
            column.add_scalar_mut(-mean);
        }
        let values = centred.singular_values();
        let shares = values.iter().map(|value| value / values.sum());
        let entropy: f64 = shares
            .filter(|share| *share > 1e-9)
            .map(|p| -p * p.ln())
            .sum();
        assert_close(effective_rank(&matrix).unwrap(), entropy.exp(), 1e-6);
    }
}

/// Four classes at the corners of a simplex, two samples each, about a common centre.
fn simplex(apart: f64) -> (DMatrix<f64>, Vec<u8>) {
    let labels: Vec<u8> = (0..8).map(|row| row / 2).collect();
    let rows = DMatrix::from_fn(8, 4, |row, column| {
        let sign = if row % 2 == 0 { apart } else { -apart };
        3.0 + f64::from(u8::from(row / 2 == column)) + if column == 0 { sign } else { 0.0 }
    });
    (rows, labels)
}

#[test]
fn collapsed_classes_have_no_variability_and_lie_on_a_simplex() {
    let (rows, labels) = simplex(0.0);
    let classes = Classes::of(&rows, &labels).unwrap();
    assert!(classes.variability().unwrap() < 1e-25);
    assert!(classes.spread_of_norms().unwrap() < 1e-14);
    assert!(classes.spread_of_angles().unwrap() < 1e-14);
    // Weights along the centred means, of any size.
    let weights: Vec<f64> = classes
        .means
        .concat()
        .iter()
        .map(|mean| 5.0 * mean)
        .collect();
    assert!(classes.distance_from(&weights).unwrap() < 1e-14);
    let opposite: Vec<f64> = weights.iter().map(|weight| -weight).collect();
    assert_close(classes.distance_from(&opposite).unwrap(), 2.0, 1e-14);
}

#[test]
fn what_is_spread_within_a_class_counts_against_what_is_between() {
    let (rows, labels) = simplex(0.1);
    let classes = Classes::of(&rows, &labels).unwrap();
    // Σ_B has ¼ three times, Σ_W is 0.01 e e' with e the first axis, whose part between the means is ¾.
    assert_close(
        classes.variability().unwrap(),
        0.01 * 0.75 / 0.25 / 4.0,
        1e-12,
    );
    assert!(Classes::of(&rows, &[1; 8]).is_err());
}

#[test]
fn a_probe_reads_what_is_linear_from_either_form_of_its_equations() {
    let rows = random(40, 6, 2);
    let labels: Vec<u8> = rows
        .row_iter()
        .map(|row| u8::from(row[0] + row[1] > 0.0))
        .collect();
    let probe = Probe::fitted(&rows, &labels).unwrap();
    let right = probe
        .predictions(&rows)
        .iter()
        .zip(&labels)
        .filter(|(a, b)| a == b)
        .count();
    assert!(right >= 38, "{right}");
    // As many columns of zeros that the other form is used.
    let mut wide = DMatrix::zeros(40, 50);
    wide.columns_mut(0, 6).copy_from(&rows);
    let other = Probe::fitted(&wide, &labels).unwrap();
    assert_eq!(other.predictions(&wide), probe.predictions(&rows));
    assert!(Probe::fitted(&DMatrix::from_element(40, 2, 1.0), &labels).is_err());
}

/*
The expected numbers are what NumPy gives:

import numpy as np
number = lambda i, a, m: ((i * a) % m - m // 2) / (m - 1)
t = np.array([number(i, 37, 11) for i in range(43)])
x = np.array([number(i, 29, 13) for i in range(32)]).reshape(8, 4)
y = np.arange(8) % 3
w, b, v = t[:20].reshape(5, 4), t[20:25], t[25:40].reshape(3, 5)
h = np.tanh(x @ w.T + b)
s = np.linalg.svd(h - h.mean(0), compute_uv=False); s = s[s > 1e-9]; p = s / s.sum()
print("representation.effective_rank.1", np.exp(-(p * np.log(p)).sum()))
mu = np.array([h[y == c].mean(0) for c in range(3)])
m = mu - mu.mean(0)
sw = (h - mu[y]).T @ (h - mu[y]) / 8
sb = m.T @ m / 3
print("collapse.nc1", np.trace(sw @ np.linalg.pinv(sb, rcond=1e-10)) / 3)
n = np.linalg.norm(m, axis=1)
print("collapse.nc2.norms", n.std() / n.mean())
cos = (m @ m.T) / np.outer(n, n)
print("collapse.nc2.angles", np.mean([abs(cos[i, j] + 0.5) for i in range(3) for j in range(i)]))
print("collapse.nc3", np.linalg.norm(v / np.linalg.norm(v) - m / np.linalg.norm(m)))
*/
#[test]
fn measures_are_those_of_numpy() {
    let number =
        |i: usize, a: usize, m: usize| ((i * a % m) as f64 - (m / 2) as f64) / (m - 1) as f64;
    let mut fixture = Fixture::new(&[5], 3, Activation::Tanh, true);
    fixture.values = (0..43).map(|i| number(i, 37, 11)).collect();
    fixture.inputs = (0..SAMPLES * INPUTS).map(|i| number(i, 29, 13)).collect();
    for (name, expected) in EXPECTED {
        assert_close(fixture.value(name), expected, 1e-9);
    }
    let last = fixture.value("representation.effective_rank.last");
    assert_close(last, EXPECTED[0].1, 1e-9);
}

const EXPECTED: [(&str, f64); 5] = [
    ("representation.effective_rank.1", 3.1448246697836475),
    ("collapse.nc1", 5.041217949634917),
    ("collapse.nc2.norms", 0.15157514790877832),
    ("collapse.nc2.angles", 0.17942800562417724),
    ("collapse.nc3", 1.5650158209145806),
];

#[test]
fn patterns_change_where_units_change_sides() {
    let names = [
        "representation.pattern_change",
        "representation.pattern_change.1",
        "representation.pattern_change.2",
    ];
    let mut fixture = Fixture::new(&[6, 5], 3, Activation::Relu, true);
    fixture.initial = fixture.values.clone();
    for row in fixture.measure(&names) {
        assert_eq!(row.value, Some(0.0));
    }
    // All units of the second layer to the other side, and none of the first.
    for name in ["layers.1.weight", "layers.1.bias"] {
        fixture
            .block(name)
            .iter_mut()
            .for_each(|weight| *weight = -*weight);
    }
    let rows = fixture.measure(&names);
    let values: Vec<f64> = rows.iter().map(|row| row.value.unwrap()).collect();
    assert_eq!(values[1..], [0.0, 1.0]);
    assert_close(values[0], 5.0 / 11.0, 1e-15);
}

#[test]
fn what_a_network_does_not_have_is_refused_with_a_reason() {
    let tanh = Fixture::new(&[5], 3, Activation::Tanh, true);
    assert!(
        tanh.reason("representation.pattern_change")
            .contains("relu")
    );
    assert!(
        tanh.reason("representation.effective_rank.2")
            .contains("fewer than 2")
    );
    assert!(
        tanh.reason("representation.probe.1")
            .contains("no test samples")
    );
    let compute = Compute::cpu(Precision::F64);
    let transformer = Tiny::transformer(1, Pool::Class, Activation::Gelu, 0.0, &compute);
    let rows = measure_tiny(
        &transformer,
        &["representation.pattern_change", "collapse.nc1"],
    );
    assert!(rows[0].reason().unwrap().contains("another one"));
    assert!(rows[1].value.is_some());
    let batch = Tiny::mlp(
        Activation::Relu,
        Normalisation::Batch,
        crate::model::Init::He,
        &compute,
    );
    let rows = measure_tiny(&batch.by_batch(), &["collapse.nc1"]);
    let reason = rows[0].reason().unwrap();
    assert!(reason.contains("depends on the others"), "{reason}");
}

/// Of each sample and position, the units of the MLP within a block.
#[test]
fn the_units_of_a_transformer_are_those_within_its_blocks() {
    let compute = Compute::cpu(Precision::F64);
    let tiny = Tiny::transformer(2, Pool::Mean, Activation::Relu, 0.0, &compute);
    let (parameters, train) = (tiny.parameters(), tiny.chunks(4));
    let layout = parameters.layout();
    let mut initial = parameters.to_host().unwrap();
    // All units of the second block are on the other side, and the first block is not touched.
    for name in ["weight", "bias"] {
        let range = layout.range(&format!("encoder.layers.1.linear1.{name}"));
        initial[range.unwrap()]
            .iter_mut()
            .for_each(|weight| *weight = -*weight);
    }
    let subject = Subject {
        initial: Some(&initial),
        ..subject(&tiny.objective, &parameters, &train)
    };
    let names = ["", ".1", ".2", ".3"].map(|layer| format!("representation.pattern_change{layer}"));
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let rows = Session::new(subject).measure(&names).unwrap();
    let values: Vec<Option<f64>> = rows.iter().map(|row| row.value).collect();
    assert_eq!(values, [Some(0.5), Some(0.0), Some(1.0), None]);
    assert!(rows[3].reason().unwrap().contains("fewer than 3 blocks"));
}

/// In 32 bits the same numbers come of the same parameters, because they are computed in 64.
#[test]
fn the_precision_of_the_run_moves_nothing_but_the_parameters() {
    let [single, double] = [Precision::F32, Precision::F64].map(|precision| {
        let compute = Compute::cpu(precision);
        let tiny = Tiny::resnet(Activation::Relu, Normalisation::Batch, &compute);
        let rows = measure_tiny(
            &tiny,
            &[
                "collapse.nc2.angles",
                "representation.effective_rank.1",
                "representation.effective_rank.last",
            ],
        );
        rows.iter()
            .map(|row| row.value.unwrap())
            .collect::<Vec<_>>()
    });
    for (single, double) in single.iter().zip(&double) {
        assert_close(*single, *double, 1e-5);
    }
}

/// The features of a residual network are channels averaged over their pixels, one for each input of the output layer.
#[test]
fn probes_judge_on_test_samples_what_they_were_fitted_on_training_samples_for() {
    let fixture = Fixture::new(&[6], 3, Activation::Relu, true);
    let (parameters, train) = (fixture.parameters(), fixture.chunks(3));
    let test = fixture.chunks(5);
    let subject = Subject {
        test: Some(&test),
        ..crate::measure::testing::fixture::subject(&fixture.objective, &parameters, &train)
    };
    let row = Session::new(subject)
        .take(find("representation.probe.1").unwrap())
        .unwrap();
    let share = row.value.unwrap() * SAMPLES as f64;
    assert!(
        (share - share.round()).abs() < 1e-12 && row.stderr().unwrap() > 0.0,
        "{row:?}"
    );
    assert_eq!(
        row.note.as_deref(),
        Some("fitted on 8 training samples, judged on 8 test samples")
    );
}
