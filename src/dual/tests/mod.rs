//! Every rule against an independent reference: hyper-dual scalars, which know nothing of tensors
//! or of reverse mode.

pub(crate) mod hyper;

use super::{Dual, cross_entropy, exponential, half_square, logistic};
use crate::backend::{Compute, Precision, read};
use burn::tensor::Tensor;
use hyper::{Hyper, Real};

const TOLERANCE: f64 = 1e-9;

fn tensor<const D: usize>(values: &[f64], shape: [usize; D]) -> Tensor<D> {
    Compute::cpu(Precision::F64).tensor(values, shape)
}

/// Deterministic numbers in (-1.5, 1.5), none of them near 0, so ReLU is smooth there.
fn numbers(count: usize, seed: u64) -> Vec<f64> {
    (0..count as u64)
        .map(|i| {
            let x = ((i + 1) * (2 * seed + 7919) * 104_729 % 10_007) as f64 / 10_007.0;
            let x = 3.0 * x - 1.5;
            if x.abs() < 0.05 { x + 0.2 } else { x }
        })
        .collect()
}

/// The tangent of `rule` and the gradient of that tangent (a Hessian-vector product) against
/// hyper-dual numbers, for a rule that maps six numbers to a sum.
fn check(rule: impl Fn(Dual<2>) -> Dual<2>, reference: impl Fn(&[Hyper]) -> Hyper) {
    let (x, v) = (numbers(6, 1), numbers(6, 2));
    let leaf = tensor(&x, [2, 3]).autodiff().require_grad();
    let direction = tensor(&v, [2, 3]).autodiff();
    let result = rule(Dual::new(leaf.clone(), Some(direction))).sum();
    let slope = result.tangent.unwrap();
    // A piecewise linear rule has a constant slope, which no reverse pass can reach.
    let product = if slope.is_tracked() {
        read(&leaf.grad(&slope.backward()).unwrap()).unwrap()
    } else {
        vec![0.0; 6]
    };

    let plain = read(&rule(Dual::constant(tensor(&x, [2, 3]))).sum().value).unwrap()[0];
    for (i, product) in product.into_iter().enumerate() {
        let arguments: Vec<Hyper> = (0..6)
            .map(|j| Hyper::new(x[j], v[j], f64::from(u8::from(i == j))))
            .collect();
        let expected = reference(&arguments);
        let scale = 1.0 + expected.second.abs();
        assert!((plain - expected.value).abs() < TOLERANCE * (1.0 + expected.value.abs()));
        let slope = read(&slope).unwrap()[0];
        assert!(
            (slope - expected.first).abs() < TOLERANCE * (1.0 + expected.first.abs()),
            "tangent {slope} against {}",
            expected.first
        );
        assert!(
            (product - expected.second).abs() < TOLERANCE * scale,
            "second derivative {} against {}",
            product,
            expected.second
        );
    }
}

/// Weights that make a sum of linear outputs sensitive to each of them.
fn weighted(values: impl IntoIterator<Item = Hyper>) -> Hyper {
    let weights = numbers(6, 5);
    values
        .into_iter()
        .zip(weights)
        .fold(Hyper::real(0.0), |sum, (value, weight)| {
            sum + value * Hyper::real(weight)
        })
}

fn weigh(dual: Dual<2>) -> Dual<2> {
    let dims = dual.dims();
    dual * Dual::constant(tensor(&numbers(6, 5)[..dims[0] * dims[1]], dims))
}

#[test]
fn elementwise_rules() {
    check(
        |x| weigh(x.relu()),
        |x| weighted(x.iter().map(|x| x.relu())),
    );
    check(
        |x| weigh(x.tanh()),
        |x| weighted(x.iter().map(|x| x.tanh())),
    );
    check(
        |x| weigh(x.gelu()),
        |x| weighted(x.iter().map(|x| x.gelu())),
    );
    check(|x| weigh(x.exp()), |x| weighted(x.iter().map(|x| x.exp())));
    check(
        |x| weigh(x.softplus()),
        |x| weighted(x.iter().map(|x| x.softplus())),
    );
    check(
        |x| weigh(x.square()),
        |x| weighted(x.iter().map(|&x| x * x)),
    );
}

#[test]
fn arithmetic_rules() {
    let two = Hyper::real(2.0);
    check(
        |x| weigh((x.clone() * x.clone() + x.clone()) * x.clone().scale(2.0) - x.shift(3.0)),
        |x| {
            weighted(
                x.iter()
                    .map(|&x| (x * x + x) * (two * x) - (x + Hyper::real(3.0))),
            )
        },
    );
    check(
        |x| x.square().mean().reshape([1, 1]),
        |x| x.iter().fold(Hyper::real(0.0), |sum, &x| sum + x * x) * Hyper::real(1.0 / 6.0),
    );
    check(
        |x| weigh(x.square().sum_dim(1)),
        |x| {
            let rows = x
                .chunks(3)
                .map(|row| row[0] * row[0] + row[1] * row[1] + row[2] * row[2]);
            weighted(rows)
        },
    );
}

#[test]
fn matrix_rules() {
    // xᵀx of a 2×3 matrix, and the same through a reshape.
    let gram = |x: &[Hyper]| {
        let entry = |i: usize, j: usize| x[i] * x[j] + x[i + 3] * x[j + 3];
        (0..9).fold(Hyper::real(0.0), |sum, k| {
            let value = entry(k / 3, k % 3);
            sum + value * value
        })
    };
    check(|x| x.clone().transpose().matmul(x).square(), gram);
    check(
        |x| {
            let flat = x.reshape([6]).reshape([2, 3]);
            flat.clone().transpose().matmul(flat).square()
        },
        gram,
    );
}

#[test]
fn a_linear_layer_differentiates_input_weight_and_bias() {
    // The six numbers are a 2×2 weight and a bias; the input depends on the bias too.
    let rule = |x: Dual<2>| {
        let flat = x.reshape([6]);
        let pick = |from: usize, to: usize| Dual::<1> {
            value: flat.value.clone().narrow(0, from, to - from),
            tangent: flat
                .tangent
                .clone()
                .map(|tangent| tangent.narrow(0, from, to - from)),
        };
        let weight = pick(0, 4).reshape([2, 2]);
        let bias = pick(4, 6);
        let input = bias.clone().reshape([1, 2]);
        input.linear(weight, Some(bias)).square()
    };
    check(rule, |x| {
        let first = x[4] * x[0] + x[5] * x[1] + x[4];
        let second = x[4] * x[2] + x[5] * x[3] + x[5];
        first * first + second * second
    });
}

#[test]
fn losses() {
    let one_hot = [0.0, 1.0, 0.0, 0.0, 0.0, 1.0];
    let signs: Vec<f64> = one_hot.iter().map(|t| 2.0 * t - 1.0).collect();
    let sum = |terms: &mut dyn Iterator<Item = Hyper>| {
        terms.fold(Hyper::real(0.0), |sum, term| sum + term)
    };
    check(
        |x| cross_entropy(x, tensor(&one_hot, [2, 3])),
        |x| {
            let row = |row: &[Hyper], label: usize| {
                (row[0].exp() + row[1].exp() + row[2].exp()).ln() - row[label]
            };
            row(&x[..3], 1) + row(&x[3..], 2)
        },
    );
    check(
        |x| half_square(x, tensor(&one_hot, [2, 3])),
        |x| {
            let half = Hyper::real(0.5);
            sum(&mut x.iter().zip(one_hot).map(|(&x, t)| {
                let error = x - Hyper::real(t);
                half * error * error
            }))
        },
    );
    check(
        |x| logistic(x, tensor(&signs, [2, 3])),
        |x| {
            sum(&mut x
                .iter()
                .zip(&signs)
                .map(|(&x, &t)| (Hyper::real(-t) * x).softplus()))
        },
    );
    check(
        |x| exponential(x, tensor(&signs, [2, 3])),
        |x| {
            sum(&mut x
                .iter()
                .zip(&signs)
                .map(|(&x, &t)| (Hyper::real(-t) * x).exp()))
        },
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

#[test]
fn a_constant_has_no_tangent() {
    let constant = Dual::constant(tensor(&numbers(6, 1), [2, 3]));
    let result = (constant.clone().relu() * constant.clone().gelu())
        .linear(constant, None)
        .log_softmax();
    assert!(result.tangent.is_none());
}
