//! The tangent kernel against closed forms and an independent program.

use super::tangent::TangentKernel;
use crate::measure::testing::fixture::{Fixture, INPUTS, SAMPLES, assert_close};
use crate::measure::{FailureKind, Session, Subject, names};
use crate::model::Activation;
use crate::reparam::MapKind;
use nalgebra::DMatrix;

const NAMES: [&str; 4] = [
    "kernel.drift",
    "kernel.distance",
    "kernel.alignment",
    "kernel.alignment.change",
];

#[test]
fn at_the_start_nothing_has_moved() {
    let mut fixture = Fixture::new(&[5], 3, Activation::Relu, true);
    fixture.initial = fixture.values.clone();
    let rows = fixture.measure(&NAMES);
    for place in [0, 1, 3] {
        assert_eq!(rows[place].value, Some(0.0), "{rows:?}");
        assert_eq!(rows[place].kind_of_error(), Some("exact"));
    }
    assert!(NAMES.iter().all(|name| names().contains(name)));
}

/// `z = Wx + b` has the kernel `(x·x' + 1) δ` whatever `W` is.
#[test]
fn a_linear_model_has_a_kernel_that_does_not_move() {
    let fixture = Fixture::new(&[], 3, Activation::Linear, true);
    let rows = fixture.measure(&NAMES);
    assert_eq!(rows[0].value, Some(0.0));
    let inputs: Vec<&[f64]> = fixture.inputs.chunks(INPUTS).collect();
    let entry = |i: usize, j: usize| 3.0 * (1.0 + crate::linear::dot(inputs[i], inputs[j]));
    let kernel = TangentKernel::new(
        DMatrix::from_fn(SAMPLES, SAMPLES, entry),
        1,
        Some(fixture.labels.clone()),
    );
    assert_close(rows[2].value.unwrap(), kernel.alignment().unwrap(), 1e-12);
}

#[test]
fn a_kernel_that_grows_drifts_and_keeps_its_shape() {
    let entries = DMatrix::from_row_slice(2, 2, &[2.0, 1.0, 1.0, 3.0]);
    let start = TangentKernel::new(entries.clone(), 1, Some(vec![0, 1]));
    let now = TangentKernel::new(3.0 * entries, 1, Some(vec![0, 1]));
    assert_close(now.drift(&start).unwrap(), 2.0, 1e-14);
    assert!(now.distance(&start).unwrap() < 1e-30);
    let other = TangentKernel::new(
        DMatrix::from_row_slice(2, 2, &[1.0, 0.0, 0.0, 0.0]),
        1,
        Some(vec![0, 1]),
    );
    assert_close(
        other.distance(&start).unwrap(),
        1.0 - 2.0 / 15f64.sqrt(),
        1e-14,
    );
}

#[test]
fn the_kernel_of_the_labels_is_aligned_with_them() {
    let labels = vec![0, 0, 1, 2, 1];
    let same = |i: usize, j: usize| f64::from(u8::from(labels[i] == labels[j]));
    let kernel = TangentKernel::new(
        DMatrix::from_fn(5, 5, same).add_scalar(0.5),
        1,
        Some(labels.clone()),
    );
    assert_close(kernel.alignment().unwrap(), 1.0, 1e-14);
    let one_class = TangentKernel::new(DMatrix::identity(2, 2), 1, Some(vec![1, 1]));
    assert!(
        one_class
            .alignment()
            .unwrap_err()
            .reason
            .contains("one class")
    );
}

/*
The expected numbers are what NumPy gives:

import numpy as np
number = lambda i, a, m: ((i * a) % m - m // 2) / (m - 1)
x = np.array([number(i, 29, 13) for i in range(32)]).reshape(8, 4)
y = np.arange(8) % 3
def jacobian(t):
    w, b, v = t[:20].reshape(5, 4), t[20:25], t[25:40].reshape(3, 5)
    rows = []
    for s in x:
        h = np.tanh(w @ s + b)
        for k in range(3):
            d = v[k] * (1 - h ** 2)
            g = np.zeros((3, 5)); g[k] = h
            rows.append(np.concatenate([np.outer(d, s).ravel(), d, g.ravel(), np.eye(3)[k]]))
    return np.array(rows)
kernels = [j @ j.T for j in (jacobian(np.array([number(i, 37, 11) for i in range(43)])),
                             jacobian(np.array([number(i, 17, 7) for i in range(43)])))]
k, k0 = kernels
center = np.eye(8) - 1 / 8
def alignment(k):
    s = sum(k[c::3, c::3] for c in range(3))
    s, l = center @ s @ center, center @ (y[:, None] == y) @ center
    return (s * l).sum() / np.linalg.norm(s) / np.linalg.norm(l)
print(np.linalg.norm(k - k0) / np.linalg.norm(k0), 1 - (k * k0).sum() / np.linalg.norm(k) / np.linalg.norm(k0),
      alignment(k), alignment(k) - alignment(k0))
*/
#[test]
fn kernels_are_those_of_numpy() {
    let number =
        |i: usize, a: usize, m: usize| ((i * a % m) as f64 - (m / 2) as f64) / (m - 1) as f64;
    let mut fixture = Fixture::new(&[5], 3, Activation::Tanh, true);
    fixture.values = (0..43).map(|i| number(i, 37, 11)).collect();
    fixture.initial = (0..43).map(|i| number(i, 17, 7)).collect();
    fixture.inputs = (0..SAMPLES * INPUTS).map(|i| number(i, 29, 13)).collect();
    for (name, expected) in NAMES.iter().zip(EXPECTED) {
        assert_close(fixture.value(name), expected, 1e-11);
    }
}

const EXPECTED: [f64; 4] = [
    0.19605371008427802,
    0.019125659158271358,
    0.13356843146169198,
    -0.04675585658367512,
];

#[test]
fn a_budget_takes_fewer_samples_and_too_small_a_one_is_refused() {
    let fixture = Fixture::new(&[5], 3, Activation::Relu, true);
    let with = |most: usize| {
        let rows = fixture.measure_as(&["kernel.drift"], |mut subject| {
            subject.budget.max_matvecs = Some(most);
            subject
        });
        rows[0].clone()
    };
    let row = with(30);
    assert_eq!((row.samples, row.matvecs), (Some(5), Some(30)));
    assert_eq!(with(11).failure.unwrap().kind, FailureKind::Budget);
    assert_eq!(fixture.row("kernel.drift").samples, Some(SAMPLES));
}

#[test]
fn the_start_is_needed_and_isometries_are_survived() {
    let fixture = Fixture::new(&[5], 3, Activation::Relu, true);
    let rows = fixture.measure_as(&NAMES, |subject| Subject {
        initial: None,
        ..subject
    });
    assert!(rows[0].reason().unwrap().contains("starting point"));
    assert!(rows[2].value.is_some());
    let (parameters, train) = (fixture.parameters(), fixture.chunks(3));
    let subject = Subject {
        initial: Some(&fixture.initial),
        ..crate::measure::testing::fixture::subject(&fixture.objective, &parameters, &train)
    };
    let mut session = Session::new(subject);
    let mut rng = crate::random::Streams::new(0).stream("test", 0);
    let network = fixture.objective.network();
    for kind in [MapKind::Permutation, MapKind::LayerRescaling] {
        let map = crate::reparam::build(network, kind, &mut rng).unwrap();
        let measures = crate::measure::testing::fixture::measures(&NAMES);
        let report = session.under(&map, &measures).unwrap();
        assert!(report.passed(), "{report:?}");
    }
}
