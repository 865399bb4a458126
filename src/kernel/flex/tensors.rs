//! Flex tensors as slices of numbers.

use crate::kernel::simd::Element;
use crate::workers::changed;
use burn::backend::TensorMetadata;
use burn::backend::flex::FlexTensor;
use burn::tensor::TensorData;
use rayon::prelude::*;

/// Numbers a thread takes at a time, at least.
pub const CHUNK: usize = 1 << 14;

/// A floating-point type that Flex stores and the kernels compute in.
pub trait Stored: Element + burn::tensor::Element {}
impl Stored for f32 {}
impl Stored for f64 {}

/// What `change` makes of every chunk of a tensor, in place where no other tensor shares its numbers.
pub fn change<E: Stored>(
    input: FlexTensor,
    chunk: usize,
    change: impl Fn(&mut [E]) + Send + Sync,
) -> FlexTensor {
    change_chunks(input, chunk, |_, values| change(values))
}

/// The same with the chunk of another tensor of equal shape.
pub fn change_by<E: Stored>(
    input: FlexTensor,
    other: &FlexTensor,
    chunk: usize,
    change: impl Fn(&mut [E], &[E]) + Send + Sync,
) -> FlexTensor {
    let other = other.to_contiguous();
    let other = numbers(&other);
    change_chunks(input, chunk, |index, values: &mut [E]| {
        change(values, &other[index * chunk..][..values.len()]);
    })
}

fn change_chunks<E: Stored>(
    input: FlexTensor,
    chunk: usize,
    change: impl Fn(usize, &mut [E]) + Send + Sync,
) -> FlexTensor {
    let mut dense = input.to_contiguous();
    drop(input);
    let length = dense.shape().num_elements();
    if let Some(values) = dense.try_storage_mut::<E>() {
        let chunks = values[..length].par_chunks_mut(chunk).enumerate();
        chunks.for_each(|(index, values)| change(index, values));
        return dense;
    }
    let values = changed(numbers(&dense), chunk, change);
    FlexTensor::from_data(TensorData::new(values, dense.shape()))
}

/// The numbers of a contiguous tensor.
pub fn numbers<E: Stored>(tensor: &FlexTensor) -> &[E] {
    &tensor.storage::<E>()[..tensor.shape().num_elements()]
}

/// A tensor of these numbers.
pub fn tensor<E: Stored, const D: usize>(values: Vec<E>, shape: [usize; D]) -> FlexTensor {
    FlexTensor::from_data(TensorData::new(values, shape))
}
