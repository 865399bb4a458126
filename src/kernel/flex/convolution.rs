//! Convolutions of Flex tensors.

use super::tensors::{Stored, numbers, tensor};
use crate::kernel::convolution::{self, Geometry};
use crate::kernel::simd::Instructions;
use burn::backend::TensorMetadata;
use burn::backend::flex::FlexTensor;

/// The geometry the kernels can compute; the rest, and every error, is Burn's.
pub fn geometry(
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

pub fn forward<E: Stored>(
    geometry: &Geometry,
    input: &FlexTensor,
    weight: &FlexTensor,
) -> FlexTensor {
    let result = convolution::forward::<E>(
        Instructions::best(),
        geometry,
        numbers(&input.to_contiguous()),
        numbers(&weight.to_contiguous()),
    );
    tensor(result, geometry.output())
}

pub fn input_gradient<E: Stored>(
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

pub fn weight_gradient<E: Stored>(
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
