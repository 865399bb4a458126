//! The cross-entropy of Flex tensors.

use super::tensors::{CHUNK, Stored, numbers, tensor};
use crate::kernel::cross_entropy::{Exponential, Rows};
use crate::workers::filled;
use burn::backend::TensorMetadata;
use burn::backend::flex::FlexTensor;

/// The loss of every row, `[rows, 1]`.
pub fn losses<E: Stored + Exponential>(outputs: &FlexTensor, targets: &FlexTensor) -> FlexTensor {
    by_rows::<E>(outputs, targets, None, 1, |rows, _, losses| {
        rows.losses(losses)
    })
}

/// The gradient of every row's loss in its outputs.
pub fn slopes<E: Stored + Exponential>(outputs: &FlexTensor, targets: &FlexTensor) -> FlexTensor {
    let classes = outputs.shape()[1];
    by_rows::<E>(outputs, targets, None, classes, |rows, _, slopes| {
        rows.slopes(slopes)
    })
}

/// The derivative of every row's loss along its directions, `[rows, 1]`.
pub fn along<E: Stored + Exponential>(
    outputs: &FlexTensor,
    directions: &FlexTensor,
    targets: &FlexTensor,
) -> FlexTensor {
    by_rows::<E>(
        outputs,
        targets,
        Some(directions),
        1,
        |rows, v, derivatives| rows.along(v, derivatives),
    )
}

/// The Hessian of every row's loss in its outputs times its directions.
pub fn curvature<E: Stored + Exponential>(
    outputs: &FlexTensor,
    directions: &FlexTensor,
    targets: &FlexTensor,
) -> FlexTensor {
    let classes = outputs.shape()[1];
    by_rows::<E>(
        outputs,
        targets,
        Some(directions),
        classes,
        |rows, v, products| rows.curvature(v, products),
    )
}

/// `width` numbers for every row, from its outputs, its targets and its directions, if there are any.
fn by_rows<E: Stored + Exponential>(
    outputs: &FlexTensor,
    targets: &FlexTensor,
    directions: Option<&FlexTensor>,
    width: usize,
    fill: impl Fn(Rows<'_, E>, &[E], &mut [E]) + Sync + Send,
) -> FlexTensor {
    let [count, classes] = [outputs.shape()[0], outputs.shape()[1]];
    let [outputs, targets] = [outputs, targets].map(FlexTensor::to_contiguous);
    let directions = directions.map(FlexTensor::to_contiguous);
    let [outputs, targets] = [&outputs, &targets].map(numbers::<E>);
    let directions = directions.as_ref().map_or(&[][..], numbers::<E>);
    let at_once = CHUNK.div_ceil(classes);
    let values = filled(
        count * width,
        at_once * width,
        || (),
        |(), index, values: &mut [E]| {
            let first = index * at_once * classes;
            let end = first + values.len() / width * classes;
            let rows = Rows {
                outputs: &outputs[first..end],
                targets: &targets[first..end],
                classes,
            };
            fill(rows, directions.get(first..end).unwrap_or_default(), values);
        },
    );
    tensor(values, [count, width])
}
