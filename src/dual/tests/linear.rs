//! Matrix products and the fully connected layer.

use super::hyper::Hyper;
use super::{check, held, part};
use crate::dual::Dual;

/// xᵀx of a 2×3 matrix.
fn gram(x: &[Hyper]) -> Vec<Hyper> {
    (0..9)
        .map(|k| x[k / 3] * x[k % 3] + x[k / 3 + 3] * x[k % 3 + 3])
        .collect()
}

#[test]
fn matrix_products() {
    check([2, 3], |x| x.clone().transpose().matmul(x), gram);
    check(
        [2, 3],
        |x: Dual<2>| {
            let flat = x.reshape([6]).reshape([2, 3]);
            flat.clone().transpose().matmul(flat)
        },
        gram,
    );
}

#[test]
fn a_batch_of_products_with_one_tangent_missing() {
    let product = |x: &[Hyper], hold: fn(Hyper) -> Hyper, other: fn(Hyper) -> Hyper| {
        (0..4)
            .map(|n| {
                let (sample, row) = (n / 2, n % 2);
                (0..2)
                    .map(|k| hold(x[4 * sample + 2 * row + k]) * other(x[8 + 2 * sample + k]))
                    .sum()
            })
            .collect()
    };
    check(
        [12],
        |x| held(part(&x, 0, [2, 2, 2])).matmul(part(&x, 8, [2, 2, 1])),
        |x| product(x, Hyper::held, |x| x),
    );
    check(
        [12],
        |x| part(&x, 0, [2, 2, 2]).matmul(held(part(&x, 8, [2, 2, 1]))),
        |x| product(x, |x| x, Hyper::held),
    );
}

#[test]
fn a_linear_layer_differentiates_input_weight_and_bias() {
    // The six numbers are a 2×2 weight and a bias; the input depends on the bias too.
    let layer = |x: &[Hyper]| {
        let first = x[4] * x[0] + x[5] * x[1] + x[4];
        let second = x[4] * x[2] + x[5] * x[3] + x[5];
        vec![first * first, second * second]
    };
    check(
        [6],
        |x| {
            let bias = part(&x, 4, [2]);
            let input = bias.clone().reshape([1, 2]);
            input.linear(part(&x, 0, [2, 2]), Some(bias)).square()
        },
        layer,
    );
    check(
        [6],
        |x| {
            let bias = part(&x, 4, [2]);
            let input = bias.clone().reshape([1, 1, 2]);
            input.linear(part(&x, 0, [2, 2]), Some(bias)).square()
        },
        layer,
    );
}

#[test]
fn a_linear_layer_acts_on_every_token() {
    // A 1×2 weight on 2 samples of 3 tokens.
    check(
        [14],
        |x| part(&x, 2, [2, 3, 2]).linear(part(&x, 0, [1, 2]), None),
        |x| {
            x[2..]
                .chunks(2)
                .map(|token| token[0] * x[0] + token[1] * x[1])
                .collect()
        },
    );
}
