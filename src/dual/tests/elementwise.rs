//! Activations and arithmetic.

use super::hyper::{Hyper, Real};
use super::{check, held, part, tensor};
use crate::dual::Dual;

fn check_elementwise(rule: impl Fn(Dual<2>) -> Dual<2>, reference: impl Fn(Hyper) -> Hyper) {
    check([2, 3], rule, |x| x.iter().map(|&x| reference(x)).collect());
}

#[test]
fn activations() {
    check_elementwise(Dual::relu, Real::relu);
    check_elementwise(Dual::tanh, Real::tanh);
    check_elementwise(Dual::gelu, Real::gelu);
    check_elementwise(Dual::exp, Real::exp);
    check_elementwise(Dual::softplus, Real::softplus);
}

#[test]
fn powers() {
    let (one, half) = (Hyper::real(1.0), Hyper::real(0.5));
    check_elementwise(Dual::square, |x| x * x);
    check_elementwise(Dual::reciprocal, |x| one / x);
    check_elementwise(|x| x.square().shift(0.5).sqrt(), |x| (x * x + half).sqrt());
    check_elementwise(
        |x| x.square().shift(0.5).inverse_sqrt(),
        |x| one / (x * x + half).sqrt(),
    );
}

#[test]
fn sums_products_and_quotients() {
    check_elementwise(
        |x| (x.clone() * x.clone() + x.clone()) * x.clone().scale(2.0) - x.shift(3.0),
        |x| (x * x + x) * (Hyper::real(2.0) * x) - (x + Hyper::real(3.0)),
    );
    check_elementwise(|x| x.clone().exp() / x, |x| x.exp() / x);
    let mask = [2.0, 0.0, -1.0];
    check(
        [2, 3],
        |x| x.mask(tensor(&mask, [1, 3])).square(),
        |x| {
            let masked = |i: usize| x[i] * Hyper::real(mask[i % 3]);
            (0..6).map(|i| masked(i) * masked(i)).collect()
        },
    );
}

type Operation = (fn(Dual<2>, Dual<2>) -> Dual<2>, fn(Hyper, Hyper) -> Hyper);

/// A 2×3 matrix with a row, a column, and the two with each other; either tangent may be missing.
#[test]
fn operands_broadcast() {
    let operations: [Operation; 4] = [
        (|a, b| (a + b).exp(), |a, b| (a + b).exp()),
        (|a, b| (a - b).exp(), |a, b| (a - b).exp()),
        (|a, b| a * b, |a, b| a * b),
        (|a, b| a / b, |a, b| a / b),
    ];
    for (rule, reference) in operations {
        for (left, right) in [([2, 3], [1, 3]), ([2, 1], [2, 3]), ([2, 1], [1, 3])] {
            let second = left[0] * left[1];
            let count = second + right[0] * right[1];
            let at = |shape: [usize; 2], i: usize| {
                (i / 3).min(shape[0] - 1) * shape[1] + (i % 3).min(shape[1] - 1)
            };
            let expected = |x: &[Hyper], hold: fn(Hyper) -> Hyper, other: fn(Hyper) -> Hyper| {
                (0..6)
                    .map(|i| reference(hold(x[at(left, i)]), other(x[second + at(right, i)])))
                    .collect()
            };
            check(
                [count],
                |x| rule(part(&x, 0, left), part(&x, second, right)),
                |x| expected(x, |x| x, |x| x),
            );
            check(
                [count],
                |x| rule(held(part(&x, 0, left)), part(&x, second, right)),
                |x| expected(x, Hyper::held, |x| x),
            );
            check(
                [count],
                |x| rule(part(&x, 0, left), held(part(&x, second, right))),
                |x| expected(x, |x| x, Hyper::held),
            );
        }
    }
}
