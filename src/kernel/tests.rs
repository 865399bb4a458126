//! The operations against Burn's own, on every processor backend.

use super::{
    batch_norm, channel_statistics, conv2d, erf, exp, linear, linear_known, relu, softmax, tanh,
};
use crate::backend::{BackendKind, Compute, Precision, read};
use crate::random::Streams;
use burn::tensor::ops::ConvOptions;
use burn::tensor::{Tensor, activation, module};
use rand::RngExt;
use std::f64::consts::FRAC_2_SQRT_PI;

/// The backends on the processor, with the rounding to be expected of a sum of a few products.
const PROCESSORS: [(BackendKind, Precision, f64); 3] = [
    (BackendKind::Cpu, Precision::F64, 1e-13),
    (BackendKind::Cpu, Precision::F32, 1e-5),
    (BackendKind::NdArray, Precision::F64, 1e-13),
];

fn uniform(compute: &Compute, shape: [usize; 4], counter: u64) -> Tensor<4> {
    let mut rng = Streams::new(0).stream("kernel", counter);
    let count: usize = shape.iter().product();
    let values: Vec<f64> = (0..count).map(|_| rng.random::<f64>() - 0.5).collect();
    compute.tensor(&values, shape)
}

fn library_conv2d(x: Tensor<4>, w: Tensor<4>, stride: usize, padding: usize) -> Tensor<4> {
    let options = ConvOptions::new([stride; 2], [padding; 2], [1; 2], 1);
    module::conv2d(x, w, None, options)
}

fn compute(kind: BackendKind, precision: Precision) -> Compute {
    Compute::open(kind, precision).expect("processor backends open")
}

fn assert_close<const D: usize>(left: &Tensor<D>, right: &Tensor<D>, tolerance: f64) {
    assert_eq!(left.dims(), right.dims());
    let [left, right] = [left, right].map(|tensor| read(tensor).expect("readable"));
    for (left, right) in left.iter().zip(&right) {
        assert!((left - right).abs() <= tolerance, "{left} and {right}");
    }
}

#[test]
fn convolution_and_its_gradients_are_those_of_the_library() {
    for (kind, precision, tolerance) in PROCESSORS {
        let compute = compute(kind, precision);
        let input = uniform(&compute, [5, 3, 9, 8], 0);
        let weight = uniform(&compute, [6, 3, 3, 3], 1);
        let mask = uniform(&compute, [5, 6, 5, 4], 2).autodiff();
        let all = |convolution: fn(Tensor<4>, Tensor<4>, usize, usize) -> Tensor<4>| {
            let x = input.clone().autodiff().require_grad();
            let w = weight.clone().autodiff().require_grad();
            let y = convolution(x.clone(), w.clone(), 2, 1);
            let gradients = (y.clone() * mask.clone()).sum().backward();
            let of = |leaf: &Tensor<4>| leaf.grad(&gradients).expect("a gradient");
            [y.without_autodiff(), of(&x), of(&w)]
        };
        for (ours, theirs) in all(conv2d).iter().zip(&all(library_conv2d)) {
            assert_close(ours, theirs, tolerance);
        }
    }
}

#[test]
fn a_linear_map_and_its_gradients_are_those_of_the_product_of_matrices() {
    for (kind, precision, tolerance) in PROCESSORS {
        let compute = compute(kind, precision);
        let matrix = |rows, columns, counter| {
            uniform(&compute, [1, 1, rows, columns], counter).reshape([rows, columns])
        };
        let (input, weight) = (matrix(5, 7, 0), matrix(3, 7, 1));
        let mask = matrix(5, 3, 2).autodiff();
        let all = |map: fn(Tensor<2>, Tensor<2>) -> Tensor<2>| {
            let x = input.clone().autodiff().require_grad();
            let w = weight.clone().autodiff().require_grad();
            let y = map(x.clone(), w.clone());
            let gradients = (y.clone() * mask.clone()).sum().backward();
            let of = |leaf: &Tensor<2>| leaf.grad(&gradients).expect("a gradient");
            [y.without_autodiff(), of(&x), of(&w)]
        };
        let expected = all(|x, w| x.matmul(w.transpose()));
        for (ours, theirs) in all(linear).iter().zip(&expected) {
            assert_close(ours, theirs, tolerance);
        }

        // A product that is known has the gradients of one that is computed.
        let known = all(|x, w| {
            let output = linear(x.clone().without_autodiff(), w.clone().without_autodiff());
            linear_known(x, w, output.autodiff())
        });
        for (ours, theirs) in known.iter().zip(&all(linear)) {
            assert_close(ours, theirs, 0.0);
        }

        // A factor that is a constant has no gradient and does not hinder the other's.
        let leaf = weight.clone().autodiff().require_grad();
        let output = linear(input.clone().autodiff(), leaf.clone());
        let gradients = (output * mask.clone()).sum().backward();
        let found = leaf.grad(&gradients).expect("a gradient");
        assert_close(&found, &expected[2], tolerance);
        let leaf = input.clone().autodiff().require_grad();
        let output = linear(leaf.clone(), weight.clone().autodiff());
        let gradients = (output * mask.clone()).sum().backward();
        let found = leaf.grad(&gradients).expect("a gradient");
        assert_close(&found, &expected[1], tolerance);
        assert!(!linear(input.clone(), weight.clone()).is_tracked());
    }
}

#[test]
fn a_tensor_that_is_not_tracked_is_a_constant() {
    let compute = compute(BackendKind::Cpu, Precision::F64);
    let input = uniform(&compute, [2, 2, 5, 5], 0);
    let weight = uniform(&compute, [3, 2, 3, 3], 1);
    let plain = conv2d(input.clone(), weight.clone(), 1, 1);
    assert!(!plain.is_tracked());

    // Neither a tensor outside the graph nor one inside it without a gradient hinders the other.
    let leaf = weight.clone().autodiff().require_grad();
    for constant in [input.clone(), input.clone().autodiff()] {
        let output = conv2d(constant, leaf.clone(), 1, 1);
        assert!(output.is_tracked());
        let gradients = output.clone().sum().backward();
        let expected = library_conv2d(input.clone().autodiff(), leaf.clone(), 1, 1);
        let expected = leaf.grad(&expected.sum().backward()).expect("a gradient");
        assert_close(
            &leaf.grad(&gradients).expect("a gradient"),
            &expected,
            1e-13,
        );
        assert_close(&output.without_autodiff(), &plain, 0.0);
    }
}

#[test]
fn views_of_tensors_are_read_in_their_order() {
    let compute = compute(BackendKind::Cpu, Precision::F64);
    let input = uniform(&compute, [6, 2, 5, 7], 0);
    let weight = uniform(&compute, [2, 3, 3, 3], 1);
    let view = input.narrow(0, 1, 3).swap_dims(2, 3);
    let turned = weight.swap_dims(0, 1);
    let copied = |tensor: &Tensor<4>| {
        let values = read(tensor).expect("readable");
        compute.tensor(&values, tensor.dims())
    };
    let expected = conv2d(copied(&view), copied(&turned), 1, 1);
    assert_close(&conv2d(view, turned, 1, 1), &expected, 0.0);
}

/// A function of `x`, and its value and slope in closed form.
type Elementwise = (fn(Tensor<1>) -> Tensor<1>, fn(f64) -> [f64; 2]);

const ELEMENTWISE: [Elementwise; 3] = [
    (tanh, |x| [x.tanh(), 1.0 - x.tanh().powi(2)]),
    (exp, |x| [x.exp(), x.exp()]),
    (erf, |x| {
        let slope = FRAC_2_SQRT_PI * (-x * x).exp();
        [statrs::function::erf::erf(x), slope]
    }),
];

#[test]
fn elementwise_functions_have_their_slopes() {
    for (kind, precision, tolerance) in [
        // The reference of the error function is good to 2e-11 only.
        (BackendKind::Cpu, Precision::F64, 1e-10),
        (BackendKind::Cpu, Precision::F32, 1e-6),
        (BackendKind::NdArray, Precision::F32, 1e-6),
    ] {
        let compute = compute(kind, precision);
        let points: Vec<f64> = (-10..=10).map(|i| f64::from(i) / 8.0).collect();
        for (function, closed_form) in ELEMENTWISE {
            let leaf = compute
                .tensor(&points, [points.len()])
                .autodiff()
                .require_grad();
            let output = function(leaf.clone());
            let gradients = output.clone().sum().backward();
            let slopes = leaf.grad(&gradients).expect("a gradient");
            for (index, tensor) in [output.without_autodiff(), slopes].iter().enumerate() {
                let exact: Vec<f64> = points.iter().map(|&x| closed_form(x)[index]).collect();
                let scale = exact.iter().fold(1.0, |size: f64, x| size.max(x.abs()));
                let exact = compute.tensor(&exact, [points.len()]);
                assert_close(tensor, &exact, tolerance * scale);
            }
        }
    }
}

#[test]
fn elementwise_functions_leave_shared_numbers_alone() {
    let compute = compute(BackendKind::Cpu, Precision::F32);
    let input: Tensor<1> = compute.tensor(&[0.5, -1.0, 2.0, 3.0], [4]);
    let view = input.clone().narrow(0, 1, 2);
    for (function, closed_form) in ELEMENTWISE {
        let output = read(&function(view.clone())).expect("readable");
        assert_eq!(output.len(), 2);
        assert!((output[1] - closed_form(2.0)[0]).abs() < 1e-6);
        assert_eq!(read(&input).expect("readable"), [0.5, -1.0, 2.0, 3.0]);
        // A tensor no one else holds is overwritten, to the same effect.
        assert_eq!(
            read(&function(view.clone() + 0.0)).expect("readable"),
            output
        );
    }
}

#[test]
fn softmax_and_its_gradient_are_those_of_the_library() {
    for (kind, precision, tolerance) in [
        (BackendKind::Cpu, Precision::F64, 1e-14),
        (BackendKind::Cpu, Precision::F32, 1e-6),
        (BackendKind::NdArray, Precision::F64, 1e-14),
    ] {
        let compute = compute(kind, precision);
        let input = uniform(&compute, [2, 3, 5, 18], 0).mul_scalar(10.0);
        let mask = uniform(&compute, [2, 3, 5, 18], 1).autodiff();
        let both = |function: fn(Tensor<4>) -> Tensor<4>| {
            let leaf = input.clone().autodiff().require_grad();
            let output = function(leaf.clone());
            let gradients = (output.clone() * mask.clone()).sum().backward();
            let gradient = leaf.grad(&gradients).expect("a gradient");
            [output.without_autodiff(), gradient]
        };
        let theirs = both(|x| activation::softmax(x, 3));
        for (ours, theirs) in both(softmax).iter().zip(&theirs) {
            assert_close(ours, theirs, tolerance);
        }
    }
}

const EPSILON: f64 = 1e-5;

/// Batch normalisation out of the library's operations.
fn library_batch_norm(input: Tensor<3>, weight: Tensor<3>, bias: Tensor<3>) -> Tensor<3> {
    let mean = |tensor: Tensor<3>| tensor.mean_dim(2).mean_dim(0);
    let centred = input.clone() - mean(input);
    let variance = mean(centred.clone() * centred.clone());
    centred / variance.add_scalar(EPSILON).sqrt() * weight + bias
}

fn own_batch_norm(input: Tensor<3>, weight: Tensor<3>, bias: Tensor<3>) -> Tensor<3> {
    let statistics = channel_statistics(input.clone()).autodiff();
    batch_norm(input, weight, bias, statistics, EPSILON)
}

#[test]
fn batch_norm_and_its_gradients_are_those_of_the_formula() {
    for (kind, precision, tolerance) in [
        (BackendKind::Cpu, Precision::F64, 1e-12),
        (BackendKind::Cpu, Precision::F32, 1e-4),
        (BackendKind::NdArray, Precision::F64, 1e-12),
    ] {
        let compute = compute(kind, precision);
        // Maps that fill whole registers, that do not, and that are too short for a kernel.
        for positions in [64, 37, 3] {
            let of = |shape, counter| uniform(&compute, shape, counter).squeeze_dim::<3>(3);
            let input = of([5, 4, positions, 1], 0).mul_scalar(3.0) + of([1, 4, 1, 1], 1);
            let (weight, bias) = (of([1, 4, 1, 1], 2), of([1, 4, 1, 1], 3));
            let mask = of([5, 4, positions, 1], 4).autodiff();
            let all = |function: fn(Tensor<3>, Tensor<3>, Tensor<3>) -> Tensor<3>| {
                let leaves = [&input, &weight, &bias];
                let leaves = leaves.map(|leaf| leaf.clone().autodiff().require_grad());
                let [x, w, b] = leaves.clone();
                let y = function(x, w, b);
                let gradients = (y.clone() * mask.clone()).sum().backward();
                let gradient = |leaf: &Tensor<3>| leaf.grad(&gradients).expect("a gradient");
                let [x, w, b] = [&leaves[0], &leaves[1], &leaves[2]].map(gradient);
                [y.without_autodiff(), x, w, b]
            };
            let theirs = all(library_batch_norm);
            for (ours, theirs) in all(own_batch_norm).iter().zip(&theirs) {
                assert_close(ours, theirs, tolerance);
            }
        }
    }
}

#[test]
fn statistics_of_channels_far_from_zero_lose_no_digits() {
    let compute = compute(BackendKind::Cpu, Precision::F32);
    // Exact in 32 bits: whole numbers about 10000, of variance 2/3.
    let values: Vec<f64> = (0..2 * 3 * 48).map(|i| f64::from(9999 + i % 3)).collect();
    let statistics = channel_statistics(compute.tensor(&values, [2, 3, 48]));
    for (index, value) in read(&statistics).expect("readable").into_iter().enumerate() {
        let expected = if index < 3 { 10_000.0 } else { 2.0 / 3.0 };
        assert!((value - expected).abs() < 1e-6 * expected, "{value}");
    }
}

#[test]
fn rectified_numbers_and_their_gradients_are_those_of_the_library() {
    for (kind, precision) in [
        (BackendKind::Cpu, Precision::F64),
        (BackendKind::Cpu, Precision::F32),
        (BackendKind::NdArray, Precision::F64),
    ] {
        let compute = compute(kind, precision);
        // More numbers than one thread takes.
        let input = uniform(&compute, [3, 8, 30, 30], 0);
        let mask = uniform(&compute, [3, 8, 30, 30], 1).autodiff();
        let both = |function: fn(Tensor<4>) -> Tensor<4>| {
            let leaf = input.clone().autodiff().require_grad();
            let output = function(leaf.clone());
            let gradients = (output.clone() * mask.clone()).sum().backward();
            let gradient = leaf.grad(&gradients).expect("a gradient");
            [output.without_autodiff(), gradient]
        };
        for (ours, theirs) in both(relu).iter().zip(&both(activation::relu)) {
            assert_close(ours, theirs, 0.0);
        }
        let edges = compute.tensor(&[-1.0, -0.0, 0.0, f64::NAN, f64::INFINITY], [5]);
        let edges = read(&relu(edges)).expect("readable");
        assert_eq!(edges[..3], [0.0; 3]);
        assert!(edges[3].is_nan() && edges[4] == f64::INFINITY);
    }
}
