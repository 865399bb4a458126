//! Two-dimensional convolution.

use super::Dual;
use super::arithmetic::bilinear;
use crate::kernel;

impl Dual<4> {
    /// The convolution of PyTorch's `nn.Conv2d` without bias: `(x ∗ w)˙ = ẋ ∗ w + x ∗ ẇ`.
    ///
    /// `self` is `[batch, inputs, height, width]` and `weight` `[outputs, inputs, rows, columns]`;
    /// `padding` zeros are added on each side. The result is `[batch, outputs, height', width']`
    /// with `height' = (height + 2 padding − rows) / stride + 1`, rounded down.
    pub fn conv2d(self, weight: Self, stride: usize, padding: usize) -> Self {
        bilinear(self, weight, |input, weight| {
            kernel::conv2d(input, weight, stride, padding)
        })
    }
}
