//! The operations on Burn's processor backend, Flex.

use super::convolution::{self, Geometry};
use super::elementwise;
use super::operation::{Kernels, options};
use super::simd::{Element, Instructions};
use burn::backend::flex::FlexTensor;
use burn::backend::ops::{FloatTensorOps, ModuleOps};
use burn::backend::tensor::FloatTensor;
use burn::backend::{Flex, TensorMetadata};
use burn::tensor::{DType, TensorData};

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
            DType::F32 => map(input, elementwise::tanh),
            _ => Self::float_tanh(input),
        }
    }

    fn exp(input: FloatTensor<Self>) -> FloatTensor<Self> {
        match input.dtype() {
            DType::F32 => map(input, elementwise::exp),
            _ => Self::float_exp(input),
        }
    }

    fn erf(input: FloatTensor<Self>) -> FloatTensor<Self> {
        match input.dtype() {
            DType::F32 => map(input, elementwise::erf),
            _ => Self::float_erf(input),
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

/// A type that Flex stores and the kernels compute in.
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

/// Applies a function to every number, in place where no other tensor shares them.
fn map(input: FlexTensor, function: impl Fn(f32) -> f32 + Copy + Sync) -> FlexTensor {
    let mut dense = input.to_contiguous();
    drop(input);
    if let Some(values) = dense.try_storage_mut::<f32>() {
        elementwise::apply(Instructions::best(), function, values);
        return dense;
    }
    let values = elementwise::map(Instructions::best(), function, numbers(&dense));
    FlexTensor::from_data(TensorData::new(values, dense.shape()))
}

/// The numbers of a contiguous tensor.
fn numbers<E: Stored>(tensor: &FlexTensor) -> &[E] {
    &tensor.storage::<E>()[..tensor.shape().num_elements()]
}

fn tensor<E: Stored>(values: Vec<E>, shape: [usize; 4]) -> FlexTensor {
    FlexTensor::from_data(TensorData::new(values, shape))
}
