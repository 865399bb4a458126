//! Matrix products.

use super::Dual;
use super::arithmetic::{bilinear, bilinear_by};
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
        self.linear_by(weight, bias, kernel::linear)
    }

    /// As [`Dual::linear`], where the product of the values themselves may be known from elsewhere.
    pub fn linear_by(
        self,
        weight: Dual<2>,
        bias: Option<Dual<1>>,
        of_values: impl FnOnce(Tensor<2>, Tensor<2>) -> Tensor<2>,
    ) -> Self {
        let mut dims = self.dims();
        let [outputs, inputs] = weight.dims();
        let rows = dims[..D - 1].iter().product();
        dims[D - 1] = outputs;
        // As one matrix: a product per sample would give the weight one gradient per sample.
        let input = self.reshape([rows, inputs]);
        let output = bilinear_by(input, weight, kernel::linear, of_values);
        let output = match bias {
            Some(bias) => output.add_bias(bias),
            None => output,
        };
        output.reshape(dims)
    }
}
