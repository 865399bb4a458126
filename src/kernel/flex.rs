//! The operations on Burn's processor backend, Flex.

use super::buffer::changed;
use super::convolution::{self, Geometry};
use super::elementwise;
use super::operation::{Kernels, options};
use super::simd::{Element, Instructions};
use super::softmax::softmax;
use burn::backend::flex::FlexTensor;
use burn::backend::ops::{ActivationOps, FloatTensorOps, ModuleOps};
use burn::backend::tensor::FloatTensor;
use burn::backend::{Flex, TensorMetadata};
use burn::tensor::{DType, TensorData};
use rayon::prelude::*;

/// Numbers a thread takes at a time, at least.
const CHUNK: usize = 1 << 14;

impl Kernels for Flex {
    fn convolution(
        input: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        stride: usize,
        padding: usize,
    ) -> FloatTensor<Self> {
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
        match (geometry(&input, &weight, stride, padding), input.dtype()) {
            (Some(geometry), DType::F32) => weight_gradient::<f32>(&geometry, &input, &gradient),
            (Some(geometry), DType::F64) => weight_gradient::<f64>(&geometry, &input, &gradient),
            _ => Self::conv2d_weight_backward(input, weight, gradient, options(stride, padding)),
        }
    }

    fn tanh(input: FloatTensor<Self>) -> FloatTensor<Self> {
        match input.dtype() {
            DType::F32 => apply(input, elementwise::tanh),
            _ => Self::float_tanh(input),
        }
    }

    fn exp(input: FloatTensor<Self>) -> FloatTensor<Self> {
        match input.dtype() {
            DType::F32 => apply(input, elementwise::exp),
            _ => Self::float_exp(input),
        }
    }

    fn erf(input: FloatTensor<Self>) -> FloatTensor<Self> {
        match input.dtype() {
            DType::F32 => apply(input, elementwise::erf),
            _ => Self::float_erf(input),
        }
    }

    fn softmax_last(input: FloatTensor<Self>) -> FloatTensor<Self> {
        let shape = input.shape();
        let length = shape[shape.num_dims() - 1];
        match input.dtype() {
            DType::F32 if length > 0 => {
                let rows = CHUNK.div_ceil(length);
                let instructions = Instructions::best();
                change(input, rows * length, |values| {
                    softmax(instructions, values, length)
                })
            }
            _ => Self::softmax(input, shape.num_dims() - 1),
        }
    }
}

/// The geometry the kernels here can compute; the rest, and every error, is Burn's.
fn geometry(
    input: &FlexTensor,
    weight: &FlexTensor,
    stride: usize,
    padding: usize,
) -> Option<Geometry> {
    if input.dtype() != weight.dtype() {
        return None;
    }
    Geometry::new(
        input.shape().as_slice().try_into().ok()?,
        weight.shape().as_slice().try_into().ok()?,
        stride,
        padding,
    )
}

/// A floating-point type that Flex stores and the kernels compute in.
trait Stored: Element + burn::tensor::Element {}
impl Stored for f32 {}
impl Stored for f64 {}

fn forward<E: Stored>(geometry: &Geometry, input: &FlexTensor, weight: &FlexTensor) -> FlexTensor {
    let result = convolution::forward::<E>(
        Instructions::best(),
        geometry,
        numbers(&input.to_contiguous()),
        numbers(&weight.to_contiguous()),
    );
    tensor(result, geometry.output())
}

fn input_gradient<E: Stored>(
    geometry: &Geometry,
    gradient: &FlexTensor,
    weight: &FlexTensor,
) -> FlexTensor {
    let result = convolution::input_gradient::<E>(
        Instructions::best(),
        geometry,
        numbers(&gradient.to_contiguous()),
        numbers(&weight.to_contiguous()),
    );
    tensor(result, geometry.input)
}

fn weight_gradient<E: Stored>(
    geometry: &Geometry,
    input: &FlexTensor,
    gradient: &FlexTensor,
) -> FlexTensor {
    let result = convolution::weight_gradient::<E>(
        Instructions::best(),
        geometry,
        numbers(&input.to_contiguous()),
        numbers(&gradient.to_contiguous()),
    );
    tensor(result, geometry.weight)
}

fn apply(input: FlexTensor, function: impl Fn(f32) -> f32 + Copy + Send + Sync) -> FlexTensor {
    let instructions = Instructions::best();
    change(input, CHUNK, |values| {
        elementwise::apply(instructions, function, values)
    })
}

/// What `change` makes of every chunk of a tensor, in place where no other tensor shares its numbers.
fn change(
    input: FlexTensor,
    chunk: usize,
    change: impl Fn(&mut [f32]) + Send + Sync,
) -> FlexTensor {
    let mut dense = input.to_contiguous();
    drop(input);
    if let Some(values) = dense.try_storage_mut::<f32>() {
        values.par_chunks_mut(chunk).for_each(change);
        return dense;
    }
    let values = changed(numbers(&dense), chunk, change);
    FlexTensor::from_data(TensorData::new(values, dense.shape()))
}

/// The numbers of a contiguous tensor.
fn numbers<E: Stored>(tensor: &FlexTensor) -> &[E] {
    &tensor.storage::<E>()[..tensor.shape().num_elements()]
}

fn tensor<E: Stored>(values: Vec<E>, shape: [usize; 4]) -> FlexTensor {
    FlexTensor::from_data(TensorData::new(values, shape))
}
