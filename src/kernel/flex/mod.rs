//! The operations on Burn's processor backend, Flex.
//!
//! Kernels compute in 32 or 64 bits; other types, and shapes that no kernel is made for, are Burn's.

mod batch_norm;
mod convolution;
mod cross_entropy;
mod elementwise;
mod product;
mod tensors;

use super::elementwise::{erf, exp, tanh};
use super::operation::{Kernels, options};
use super::simd::Instructions;
use super::softmax::softmax;
use super::{composed, composed_loss};
use batch_norm::maps;
use burn::backend::ops::{ActivationOps, FloatTensorOps, ModuleOps};
use burn::backend::tensor::FloatTensor;
use burn::backend::{Flex, TensorMetadata};
use burn::tensor::DType;
use convolution::geometry;
use product::multiply;

impl Kernels for Flex {
    fn convolution(
        input: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        stride: usize,
        padding: usize,
    ) -> FloatTensor<Self> {
        use convolution::forward;
        match (geometry(&input, &weight, stride, padding), input.dtype()) {
            (Some(geometry), DType::F32) => forward::<f32>(&geometry, &input, &weight),
            (Some(geometry), DType::F64) => forward::<f64>(&geometry, &input, &weight),
            _ => Self::conv2d(input, weight, None, options(stride, padding)),
        }
    }

    fn convolution_input_gradient(
        input: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        gradient: FloatTensor<Self>,
        stride: usize,
        padding: usize,
    ) -> FloatTensor<Self> {
        use convolution::input_gradient;
        match (geometry(&input, &weight, stride, padding), input.dtype()) {
            (Some(geometry), DType::F32) => input_gradient::<f32>(&geometry, &gradient, &weight),
            (Some(geometry), DType::F64) => input_gradient::<f64>(&geometry, &gradient, &weight),
            _ => Self::conv2d_x_backward(input, weight, gradient, options(stride, padding)),
        }
    }

    fn convolution_weight_gradient(
        input: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        gradient: FloatTensor<Self>,
        stride: usize,
        padding: usize,
    ) -> FloatTensor<Self> {
        use convolution::weight_gradient;
        match (geometry(&input, &weight, stride, padding), input.dtype()) {
            (Some(geometry), DType::F32) => weight_gradient::<f32>(&geometry, &input, &gradient),
            (Some(geometry), DType::F64) => weight_gradient::<f64>(&geometry, &input, &gradient),
            _ => Self::conv2d_weight_backward(input, weight, gradient, options(stride, padding)),
        }
    }

    fn product(left: FloatTensor<Self>, right: FloatTensor<Self>) -> FloatTensor<Self> {
        let product = match (left.dtype(), right.dtype()) {
            (DType::F32, DType::F32) => multiply::<f32>(&left, &right),
            (DType::F64, DType::F64) => multiply::<f64>(&left, &right),
            _ => None,
        };
        product.unwrap_or_else(|| Self::float_matmul(left, right))
    }

    fn tanh(input: FloatTensor<Self>) -> FloatTensor<Self> {
        match input.dtype() {
            DType::F32 => elementwise::apply(input, tanh),
            _ => Self::float_tanh(input),
        }
    }

    fn exp(input: FloatTensor<Self>) -> FloatTensor<Self> {
        match input.dtype() {
            DType::F32 => elementwise::apply(input, exp),
            _ => Self::float_exp(input),
        }
    }

    fn erf(input: FloatTensor<Self>) -> FloatTensor<Self> {
        match input.dtype() {
            DType::F32 => elementwise::apply(input, erf),
            _ => Self::float_erf(input),
        }
    }

    fn softmax_last(input: FloatTensor<Self>) -> FloatTensor<Self> {
        let shape = input.shape();
        let length = shape[shape.num_dims() - 1];
        match input.dtype() {
            DType::F32 if length > 0 => {
                let rows = tensors::CHUNK.div_ceil(length);
                let instructions = Instructions::best();
                tensors::change(input, rows * length, |values| {
                    softmax(instructions, values, length)
                })
            }
            _ => Self::softmax(input, shape.num_dims() - 1),
        }
    }

    fn cross_entropy(outputs: FloatTensor<Self>, targets: FloatTensor<Self>) -> FloatTensor<Self> {
        match (outputs.dtype(), targets.dtype()) {
            (DType::F32, DType::F32) => cross_entropy::losses::<f32>(&outputs, &targets),
            (DType::F64, DType::F64) => cross_entropy::losses::<f64>(&outputs, &targets),
            _ => composed_loss::losses::<Self>(outputs, targets),
        }
    }

    fn cross_entropy_slopes(
        outputs: FloatTensor<Self>,
        targets: FloatTensor<Self>,
    ) -> FloatTensor<Self> {
        match (outputs.dtype(), targets.dtype()) {
            (DType::F32, DType::F32) => cross_entropy::slopes::<f32>(&outputs, &targets),
            (DType::F64, DType::F64) => cross_entropy::slopes::<f64>(&outputs, &targets),
            _ => composed_loss::slopes::<Self>(outputs, targets),
        }
    }

    fn cross_entropy_along(
        outputs: FloatTensor<Self>,
        directions: FloatTensor<Self>,
        targets: FloatTensor<Self>,
    ) -> FloatTensor<Self> {
        match [&outputs, &directions, &targets].map(TensorMetadata::dtype) {
            [DType::F32, DType::F32, DType::F32] => {
                cross_entropy::along::<f32>(&outputs, &directions, &targets)
            }
            [DType::F64, DType::F64, DType::F64] => {
                cross_entropy::along::<f64>(&outputs, &directions, &targets)
            }
            _ => composed_loss::along::<Self>(outputs, directions, targets),
        }
    }

    fn cross_entropy_curvature(
        outputs: FloatTensor<Self>,
        directions: FloatTensor<Self>,
        targets: FloatTensor<Self>,
    ) -> FloatTensor<Self> {
        match [&outputs, &directions, &targets].map(TensorMetadata::dtype) {
            [DType::F32, DType::F32, DType::F32] => {
                cross_entropy::curvature::<f32>(&outputs, &directions, &targets)
            }
            [DType::F64, DType::F64, DType::F64] => {
                cross_entropy::curvature::<f64>(&outputs, &directions, &targets)
            }
            _ => composed_loss::curvature::<Self>(outputs, directions, targets),
        }
    }

    fn rectified(input: FloatTensor<Self>) -> FloatTensor<Self> {
        match input.dtype() {
            DType::F32 => elementwise::rectified::<f32>(input),
            DType::F64 => elementwise::rectified::<f64>(input),
            _ => Self::relu(input),
        }
    }

    fn rectified_gradient(
        output: FloatTensor<Self>,
        gradient: FloatTensor<Self>,
    ) -> FloatTensor<Self> {
        match output.dtype() {
            DType::F32 => elementwise::rectified_gradient::<f32>(&output, gradient),
            DType::F64 => elementwise::rectified_gradient::<f64>(&output, gradient),
            _ => Self::relu_backward(output, gradient),
        }
    }

    fn channel_statistics(input: FloatTensor<Self>) -> FloatTensor<Self> {
        match (maps(&input), input.dtype()) {
            (Some(maps), DType::F32) => batch_norm::statistics::<f32>(maps, &input),
            (Some(maps), DType::F64) => batch_norm::statistics::<f64>(maps, &input),
            _ => composed::channel_statistics::<Self>(input),
        }
    }

    fn batch_normalised(
        input: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        statistics: FloatTensor<Self>,
        epsilon: f64,
    ) -> FloatTensor<Self> {
        use batch_norm::normalised;
        let of_channels = [&weight, &bias, &statistics];
        match (maps(&input), input.dtype()) {
            (Some(maps), DType::F32) => normalised::<f32>(maps, &input, of_channels, epsilon),
            (Some(maps), DType::F64) => normalised::<f64>(maps, &input, of_channels, epsilon),
            _ => composed::batch_normalised::<Self>(input, weight, bias, statistics, epsilon),
        }
    }

    fn batch_norm_gradient_sums(
        input: FloatTensor<Self>,
        gradient: FloatTensor<Self>,
        statistics: FloatTensor<Self>,
    ) -> FloatTensor<Self> {
        use batch_norm::gradient_sums;
        match (maps(&input), input.dtype()) {
            (Some(maps), DType::F32) => gradient_sums::<f32>(maps, &input, &gradient, &statistics),
            (Some(maps), DType::F64) => gradient_sums::<f64>(maps, &input, &gradient, &statistics),
            _ => composed::batch_norm_gradient_sums::<Self>(input, gradient, statistics),
        }
    }

    fn batch_norm_input_gradient(
        input: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        statistics: FloatTensor<Self>,
        gradient: FloatTensor<Self>,
        sums: FloatTensor<Self>,
        epsilon: f64,
    ) -> FloatTensor<Self> {
        use batch_norm::input_gradient;
        let channels = [&weight, &statistics, &sums];
        match (maps(&input), input.dtype()) {
            (Some(maps), DType::F32) => {
                input_gradient::<f32>(maps, &input, gradient, channels, epsilon)
            }
            (Some(maps), DType::F64) => {
                input_gradient::<f64>(maps, &input, gradient, channels, epsilon)
            }
            _ => composed::batch_norm_input_gradient::<Self>(
                input, weight, statistics, gradient, sums, epsilon,
            ),
        }
    }
}
