//! The operations as an extension of Burn's backends.

// NdArray is offered as a second opinion; Flex is the default.
#![allow(deprecated)]

use super::{composed, composed_loss};
use burn::backend::ops::{ConvOptions, FloatTensorOps};
use burn::backend::tensor::FloatTensor;
use burn::backend::{Backend, Cube, NdArray, TensorMetadata, backend_extension};
use burn::tensor::DType;

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

    /// The product of two matrices.
    fn product(left: FloatTensor<Self>, right: FloatTensor<Self>) -> FloatTensor<Self> {
        Self::float_matmul(left, right)
    }

    /// See [`linear`](super::linear).
    fn linear_map(input: FloatTensor<Self>, weight: FloatTensor<Self>) -> FloatTensor<Self> {
        Self::product(input, Self::float_transpose(weight))
    }

    /// See [`linear_known`](super::linear_known).
    fn linear_map_known(
        _input: FloatTensor<Self>,
        _weight: FloatTensor<Self>,
        output: FloatTensor<Self>,
    ) -> FloatTensor<Self> {
        output
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

    /// See [`log1p`](super::log1p).
    fn log1p(input: FloatTensor<Self>) -> FloatTensor<Self> {
        Self::float_log1p(input)
    }

    /// See [`cross_entropy`](super::cross_entropy()).
    fn cross_entropy(outputs: FloatTensor<Self>, targets: FloatTensor<Self>) -> FloatTensor<Self> {
        composed_loss::losses::<Self>(outputs, targets)
    }

    /// The gradient of the sum of [`Kernels::cross_entropy`] in the outputs.
    fn cross_entropy_slopes(
        outputs: FloatTensor<Self>,
        targets: FloatTensor<Self>,
    ) -> FloatTensor<Self> {
        composed_loss::slopes::<Self>(outputs, targets)
    }

    /// See [`cross_entropy_along`](super::cross_entropy_along).
    fn cross_entropy_along(
        outputs: FloatTensor<Self>,
        directions: FloatTensor<Self>,
        targets: FloatTensor<Self>,
    ) -> FloatTensor<Self> {
        composed_loss::along::<Self>(outputs, directions, targets)
    }

    /// The gradient of the sum of [`Kernels::cross_entropy_along`] in the outputs: the Hessian of every
    /// row's loss times its directions.
    fn cross_entropy_curvature(
        outputs: FloatTensor<Self>,
        directions: FloatTensor<Self>,
        targets: FloatTensor<Self>,
    ) -> FloatTensor<Self> {
        composed_loss::curvature::<Self>(outputs, directions, targets)
    }

    /// See [`relu`](super::relu).
    fn rectified(input: FloatTensor<Self>) -> FloatTensor<Self> {
        Self::relu(input)
    }

    /// The gradient of [`Kernels::rectified`] in its input, for its output and the gradient there.
    fn rectified_gradient(
        output: FloatTensor<Self>,
        gradient: FloatTensor<Self>,
    ) -> FloatTensor<Self> {
        Self::relu_backward(output, gradient)
    }

    /// See [`channel_statistics`](super::channel_statistics).
    fn channel_statistics(input: FloatTensor<Self>) -> FloatTensor<Self> {
        composed::channel_statistics::<Self>(input)
    }

    /// See [`batch_norm`](super::batch_norm).
    fn batch_normalised(
        input: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        statistics: FloatTensor<Self>,
        epsilon: f64,
    ) -> FloatTensor<Self> {
        composed::batch_normalised::<Self>(input, weight, bias, statistics, epsilon)
    }

    /// `Σ ȳ` and `Σ ȳ (x − mean)` of every channel, `[2, channels, 1]`, for the gradient `ȳ` in the
    /// output of a batch normalisation.
    fn batch_norm_gradient_sums(
        input: FloatTensor<Self>,
        gradient: FloatTensor<Self>,
        statistics: FloatTensor<Self>,
    ) -> FloatTensor<Self> {
        composed::batch_norm_gradient_sums::<Self>(input, gradient, statistics)
    }

    /// The gradient of a batch normalisation in its input, through the statistics too
    /// (Ioffe & Szegedy 2015, sec. 3): `γ r (ȳ − mean(ȳ) − (x − m) r² mean(ȳ (x − m)))`.
    fn batch_norm_input_gradient(
        input: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        statistics: FloatTensor<Self>,
        gradient: FloatTensor<Self>,
        sums: FloatTensor<Self>,
        epsilon: f64,
    ) -> FloatTensor<Self> {
        composed::batch_norm_input_gradient::<Self>(
            input, weight, statistics, gradient, sums, epsilon,
        )
    }
}

/// The losses are few numbers, so they can be had in 64 bits.
impl Kernels for NdArray {
    fn cross_entropy(outputs: FloatTensor<Self>, targets: FloatTensor<Self>) -> FloatTensor<Self> {
        in_double([outputs, targets], |[outputs, targets]| {
            composed_loss::losses::<Self>(outputs, targets)
        })
    }

    fn cross_entropy_slopes(
        outputs: FloatTensor<Self>,
        targets: FloatTensor<Self>,
    ) -> FloatTensor<Self> {
        in_double([outputs, targets], |[outputs, targets]| {
            composed_loss::slopes::<Self>(outputs, targets)
        })
    }

    fn cross_entropy_along(
        outputs: FloatTensor<Self>,
        directions: FloatTensor<Self>,
        targets: FloatTensor<Self>,
    ) -> FloatTensor<Self> {
        let arguments = [outputs, directions, targets];
        in_double(arguments, |[outputs, directions, targets]| {
            composed_loss::along::<Self>(outputs, directions, targets)
        })
    }

    fn cross_entropy_curvature(
        outputs: FloatTensor<Self>,
        directions: FloatTensor<Self>,
        targets: FloatTensor<Self>,
    ) -> FloatTensor<Self> {
        let arguments = [outputs, directions, targets];
        in_double(arguments, |[outputs, directions, targets]| {
            composed_loss::curvature::<Self>(outputs, directions, targets)
        })
    }
}

impl Kernels for Cube {
    fn log1p(input: FloatTensor<Self>) -> FloatTensor<Self> {
        composed_loss::log1p::<Self>(input)
    }
}

/// A function in 64 bits, rounded to the type of its arguments.
fn in_double<const N: usize>(
    arguments: [FloatTensor<NdArray>; N],
    function: impl FnOnce([FloatTensor<NdArray>; N]) -> FloatTensor<NdArray>,
) -> FloatTensor<NdArray> {
    let own = arguments.first().map_or(DType::F64, TensorMetadata::dtype);
    let cast = |tensor, dtype: DType| NdArray::float_cast(tensor, dtype.into());
    let wide = arguments.map(|tensor| cast(tensor, DType::F64));
    cast(function(wide), own)
}

/// Burn's options of a convolution.
pub fn options(stride: usize, padding: usize) -> ConvOptions<2> {
    ConvOptions::new([stride; 2], [padding; 2], [1; 2], 1)
}
