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

/// `−log softmax(z)` at a label, as `log1p` of what the other classes have.
fn log_share(z: &[Hyper], label: usize) -> Hyper {
    let others = (0..z.len()).filter(|&class| class != label);
    let shares: Hyper = others.map(|class| (z[class] - z[label]).exp()).sum();
    shares.ln_1p()
}

#[test]
fn losses() {
    let signs: Vec<f64> = ONE_HOT.iter().map(|t| 2.0 * t - 1.0).collect();
    check(
        [2, 3],
        |x| cross_entropy(x, tensor(&ONE_HOT, [2, 3])),
        |x| vec![log_share(&x[..3], 1), log_share(&x[3..], 2)],
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

/// Targets may weigh samples: all derivatives are those of the weighted loss.
#[test]
fn a_cross_entropy_is_linear_in_its_targets() {
    let weights = [0.0, 2.5, 0.0, 0.0, 0.0, 0.25];
    let mixed = [0.5, 0.25, 0.25, 0.0, 1.0, 0.5];
    for targets in [weights, mixed] {
        check(
            [2, 3],
            |x| cross_entropy(x, tensor(&targets, [2, 3])),
            |x| {
                let rows = x.chunks(3).zip(targets.chunks(3));
                let loss = |(z, t): (&[Hyper], &[f64])| {
                    (0..3)
                        .map(|label| Hyper::real(t[label]) * log_share(z, label))
                        .sum()
                };
                rows.map(loss).collect()
            },
        );
    }
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
