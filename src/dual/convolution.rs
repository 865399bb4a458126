//! Two-dimensional convolution.

use super::Dual;
use super::arithmetic::add_tangents;
use burn::tensor::Tensor;
use burn::tensor::module;
use burn::tensor::ops::ConvOptions;

impl Dual<4> {
    /// The convolution of PyTorch's `nn.Conv2d` without bias: `(x ∗ w)˙ = ẋ ∗ w + x ∗ ẇ`.
    ///
    /// `self` is `[batch, inputs, height, width]` and `weight` `[outputs, inputs, rows, columns]`;
    /// `padding` zeros are added on each side. The result is `[batch, outputs, height', width']`
    /// with `height' = (height + 2 padding − rows) / stride + 1`, rounded down.
    pub fn conv2d(self, weight: Self, stride: usize, padding: usize) -> Self {
        let left = self
            .tangent
            .map(|tangent| convolution(tangent, weight.value.clone(), stride, padding));
        let right = weight
            .tangent
            .map(|tangent| convolution(self.value.clone(), tangent, stride, padding));
        let value = convolution(self.value, weight.value, stride, padding);
        let tangent = add_tangents(left, right, value.dims());
        Self { value, tangent }
    }
}

/// The convolution of plain tensors, in the shapes of [`Dual::conv2d`].
fn convolution(input: Tensor<4>, weight: Tensor<4>, stride: usize, padding: usize) -> Tensor<4> {
    let options = ConvOptions::new([stride; 2], [padding; 2], [1; 2], 1);
    module::conv2d(input, weight, None, options)
}
