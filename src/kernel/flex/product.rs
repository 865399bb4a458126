//! Products of Flex matrices.

use super::tensors::{Stored, tensor};
use crate::kernel::product::{StridedMatrix, product};
use burn::backend::flex::FlexTensor;

/// The product of two matrices; none where they are not of rank 2, do not fit, or are stored
/// backwards.
pub fn multiply<E: Stored>(left: &FlexTensor, right: &FlexTensor) -> Option<FlexTensor> {
    let (left, right) = (matrix::<E>(left)?, matrix::<E>(right)?);
    let shape = [left.rows(), right.columns()];
    Some(tensor(product(left, right)?, shape))
}

fn matrix<E: Stored>(tensor: &FlexTensor) -> Option<StridedMatrix<'_, E>> {
    let layout = tensor.layout();
    let numbers = tensor.storage::<E>().get(layout.start_offset()..)?;
    let size = layout.shape().as_slice().try_into().ok()?;
    StridedMatrix::new(numbers, size, layout.strides().try_into().ok()?)
}
