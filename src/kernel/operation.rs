//! The operations as an extension of Burn's backends.

// NdArray is offered as a second opinion; Flex is the default.
#![allow(deprecated)]

use burn::backend::ops::ConvOptions;
use burn::backend::tensor::FloatTensor;
use burn::backend::{Backend, Cube, NdArray, TensorMetadata, backend_extension};

/// Operations that a backend may replace; by default each is Burn's own.
#[backend_extension(Flex, NdArray, Cube, Autodiff)]
pub trait Kernels: Backend {
    /// See [`conv2d`](super::conv2d).
    fn convolution(
        input: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        stride: usize,
        padding: usize,
    ) -> FloatTensor<Self> {
        Self::conv2d(input, weight, None, options(stride, padding))
    }

    /// The gradient of a convolution in its input, for the gradient in its output.
    fn convolution_input_gradient(
        input: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        gradient: FloatTensor<Self>,
        stride: usize,
        padding: usize,
    ) -> FloatTensor<Self> {
        Self::conv2d_x_backward(input, weight, gradient, options(stride, padding))
    }

    /// The gradient of a convolution in its weight, for the gradient in its output.
    fn convolution_weight_gradient(
        input: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        gradient: FloatTensor<Self>,
        stride: usize,
        padding: usize,
    ) -> FloatTensor<Self> {
        Self::conv2d_weight_backward(input, weight, gradient, options(stride, padding))
    }

    /// See [`tanh`](super::tanh).
    fn tanh(input: FloatTensor<Self>) -> FloatTensor<Self> {
        Self::float_tanh(input)
    }

    /// See [`exp`](super::exp).
    fn exp(input: FloatTensor<Self>) -> FloatTensor<Self> {
        Self::float_exp(input)
    }

    /// See [`erf`](super::erf).
    fn erf(input: FloatTensor<Self>) -> FloatTensor<Self> {
        Self::float_erf(input)
    }

    /// See [`softmax`](super::softmax()).
    fn softmax_last(input: FloatTensor<Self>) -> FloatTensor<Self> {
        let last = input.shape().num_dims() - 1;
        Self::softmax(input, last)
    }
}

impl Kernels for NdArray {}
impl Kernels for Cube {}

/// Burn's options of a convolution.
pub fn options(stride: usize, padding: usize) -> ConvOptions<2> {
    ConvOptions::new([stride; 2], [padding; 2], [1; 2], 1)
}
