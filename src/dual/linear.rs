//! Matrix products.

use super::Dual;
use super::arithmetic::bilinear;
use crate::kernel;
use burn::tensor::Tensor;

impl<const D: usize> Dual<D> {
    /// Matrix product over the last two dimensions: `(AB)˙ = ȦB + AḂ`.
    pub fn matmul(self, other: Self) -> Self {
        bilinear(self, other, Tensor::matmul)
    }

    /// Adds a vector along the last dimension: `[.., n] + [n]`.
    pub fn add_bias(self, bias: Dual<1>) -> Self {
        let mut shape = [1; D];
        shape[D - 1] = bias.dims()[0];
        self + bias.reshape(shape)
    }

    /// The fully connected layer `x Wᵀ + b` of PyTorch's `nn.Linear` over the last dimension.
    ///
    /// `self` is `[.., inputs]`, `weight` is `[outputs, inputs]`, `bias` is `[outputs]`; the
    /// result is `[.., outputs]`.
    pub fn linear(self, weight: Dual<2>, bias: Option<Dual<1>>) -> Self {
        let mut dims = self.dims();
        let [outputs, inputs] = weight.dims();
        let rows = dims[..D - 1].iter().product();
        dims[D - 1] = outputs;
        // As one matrix: a product per sample would give the weight one gradient per sample.
        let output = bilinear(self.reshape([rows, inputs]), weight, kernel::linear);
        let output = match bias {
            Some(bias) => output.add_bias(bias),
            None => output,
        };
        output.reshape(dims)
    }
}
