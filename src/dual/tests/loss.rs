//! Losses, one number per sample.

use super::hyper::{Hyper, Real};
use super::{check, tensor};
use crate::backend::read;
use crate::dual::{Dual, cross_entropy, exponential, half_square, logistic};

const ONE_HOT: [f64; 6] = [0.0, 1.0, 0.0, 0.0, 0.0, 1.0];

/// A loss that adds a term for each output and its target.
fn terms(targets: &[f64], term: impl Fn(Hyper, f64) -> Hyper) -> impl Fn(&[Hyper]) -> Vec<Hyper> {
    move |x| {
        let terms: Vec<Hyper> = x.iter().zip(targets).map(|(&x, &t)| term(x, t)).collect();
        terms
            .chunks(3)
            .map(|row| row.iter().copied().sum())
            .collect()
    }
}

#[test]
fn losses() {
    let signs: Vec<f64> = ONE_HOT.iter().map(|t| 2.0 * t - 1.0).collect();
    check(
        [2, 3],
        |x| cross_entropy(x, tensor(&ONE_HOT, [2, 3])),
        |x| {
            let row = |row: &[Hyper], label: usize| {
                (row[0].exp() + row[1].exp() + row[2].exp()).ln() - row[label]
            };
            vec![row(&x[..3], 1), row(&x[3..], 2)]
        },
    );
    check(
        [2, 3],
        |x| half_square(x, tensor(&ONE_HOT, [2, 3])),
        terms(&ONE_HOT, |x, t| {
            let error = x - Hyper::real(t);
            Hyper::real(0.5) * error * error
        }),
    );
    check(
        [2, 3],
        |x| logistic(x, tensor(&signs, [2, 3])),
        terms(&signs, |x, t| (Hyper::real(-t) * x).softplus()),
    );
    check(
        [2, 3],
        |x| exponential(x, tensor(&signs, [2, 3])),
        terms(&signs, |x, t| (Hyper::real(-t) * x).exp()),
    );
}

#[test]
fn extreme_outputs_stay_finite() {
    let large = Dual::new(
        tensor(&[800.0, -800.0], [1, 2]),
        Some(tensor(&[1.0, 1.0], [1, 2])),
    );
    let loss = cross_entropy(large.clone(), tensor(&[0.0, 1.0], [1, 2]));
    assert_eq!(read(&loss.value).unwrap(), [1600.0]);
    let loss = logistic(large, tensor(&[-1.0, 1.0], [1, 2]));
    assert_eq!(read(&loss.value).unwrap(), [1600.0]);
    assert!(read(&loss.tangent.unwrap()).unwrap()[0].is_finite());
}
