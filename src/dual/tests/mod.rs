//! Every rule against an independent reference: hyper-dual scalars, which know nothing of tensors
//! or of reverse mode.

mod attention;
mod constant;
mod convolution;
mod elementwise;
pub(crate) mod hyper;
mod linear;
mod loss;
mod normalisation;
mod pooling;
mod reduction;
mod shape;
mod softmax;

use super::Dual;
use crate::backend::{Compute, Precision, read};
use burn::tensor::Tensor;
use hyper::Hyper;

const TOLERANCE: f64 = 1e-10;

fn tensor<const D: usize>(values: &[f64], shape: [usize; D]) -> Tensor<D> {
    Compute::cpu(Precision::F64).tensor(values, shape)
}

/// A tensor of [`numbers`].
fn numbered<const D: usize>(shape: [usize; D], seed: u64) -> Tensor<D> {
    tensor(&numbers(shape.iter().product(), seed), shape)
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

/// Checks a rule, summed with weights that make the sum sensitive to each output: the value, its
/// gradient, the tangent, and the gradient of the tangent (a Hessian-vector product).
fn check<const D: usize, const E: usize>(
    shape: [usize; D],
    rule: impl Fn(Dual<D>) -> Dual<E>,
    reference: impl Fn(&[Hyper]) -> Vec<Hyper>,
) {
    let count: usize = shape.iter().product();
    let (x, v) = (numbers(count, 1), numbers(count, 2));
    let weighted = |x: Dual<D>| {
        let outputs = rule(x);
        let weights = numbered(outputs.dims(), 5);
        (outputs * Dual::constant(weights)).sum()
    };
    let leaf = tensor(&x, shape).autodiff().require_grad();
    let gradient_of = |scalar: &Tensor<1>| {
        // A piecewise linear rule has a constant slope, which no reverse pass can reach.
        match scalar.is_tracked() {
            true => read(&leaf.grad(&scalar.backward()).unwrap()).unwrap(),
            false => vec![0.0; count],
        }
    };
    let gradient = gradient_of(&weighted(Dual::constant(leaf.clone())).value);
    let direction = tensor(&v, shape).autodiff();
    let result = weighted(Dual::new(leaf.clone(), Some(direction)));
    let slope = result.tangent.unwrap();
    let product = gradient_of(&slope);
    let untracked = weighted(Dual::constant(tensor(&x, shape)));

    for i in 0..count {
        let arguments: Vec<Hyper> = (0..count)
            .map(|j| Hyper::new(x[j], v[j], f64::from(u8::from(i == j))))
            .collect();
        let outputs = reference(&arguments);
        let weights = numbers(outputs.len(), 5);
        let expected: Hyper = outputs
            .into_iter()
            .zip(weights)
            .map(|(output, weight)| output * Hyper::real(weight))
            .sum();
        close("value", read(&untracked.value).unwrap()[0], expected.value);
        close("value", read(&result.value).unwrap()[0], expected.value);
        close("gradient", gradient[i], expected.other);
        close("tangent", read(&slope).unwrap()[0], expected.first);
        close("second derivative", product[i], expected.second);
    }
}

fn close(what: &str, found: f64, expected: f64) {
    assert!(
        (found - expected).abs() < TOLERANCE * (1.0 + expected.abs()),
        "{what} {found} against {expected}"
    );
}

/// Compares a tensor with numbers from elsewhere, printed to 13 digits.
fn same<const D: usize>(found: &Tensor<D>, expected: &[f64]) {
    let found = read(found).unwrap();
    assert_eq!(found.len(), expected.len());
    for (found, expected) in found.into_iter().zip(expected) {
        close("value", found, *expected);
    }
}

/// Part of a flat tensor in a shape of its own.
fn part<const D: usize>(flat: &Dual<1>, start: usize, shape: [usize; D]) -> Dual<D> {
    let count = shape.iter().product();
    flat.clone().narrow(0, start, count).reshape(shape)
}

/// The value without its tangent, still tracked by reverse mode: the counterpart of [`Hyper::held`].
fn held<const D: usize>(dual: Dual<D>) -> Dual<D> {
    Dual::constant(dual.value)
}
