//! Elementwise functions of Flex tensors.

use super::tensors::{CHUNK, Stored, change, change_by};
use crate::kernel::elementwise;
use crate::kernel::simd::Instructions;
use burn::backend::flex::FlexTensor;

/// `function` of every number.
pub fn apply<E: Stored>(
    input: FlexTensor,
    function: impl Fn(E) -> E + Copy + Send + Sync,
) -> FlexTensor {
    let instructions = Instructions::best();
    change(input, CHUNK, |values| {
        elementwise::apply(instructions, function, values)
    })
}

/// `max(x, 0)`.
pub fn rectified<E: Stored>(input: FlexTensor) -> FlexTensor {
    let zero = E::from_f64(0.0);
    // Not a number stays what it is.
    apply(input, move |x: E| if x <= zero { zero } else { x })
}

/// The gradient where the output is positive, 0 elsewhere.
pub fn rectified_gradient<E: Stored>(output: &FlexTensor, gradient: FlexTensor) -> FlexTensor {
    let (instructions, zero) = (Instructions::best(), E::from_f64(0.0));
    change_by(gradient, output, CHUNK, |gradient, output| {
        elementwise::apply_by(
            instructions,
            |g, y: E| if y <= zero { zero } else { g },
            gradient,
            output,
        );
    })
}
