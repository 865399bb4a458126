//! Matrix products.

use super::Dual;
use super::arithmetic::add_tangents;
use burn::tensor::Tensor;

impl Dual<2> {
    /// Matrix transpose.
    pub fn transpose(self) -> Self {
        self.linear_map(Tensor::transpose)
    }
}

impl<const D: usize> Dual<D> {
    /// Matrix product over the last two dimensions: `(AB)˙ = ȦB + AḂ`.
    pub fn matmul(self, other: Self) -> Self {
        let left = self
            .tangent
            .map(|tangent| tangent.matmul(other.value.clone()));
        let right = other
            .tangent
            .map(|tangent| self.value.clone().matmul(tangent));
        Self {
            value: self.value.matmul(other.value),
            tangent: add_tangents(left, right),
        }
    }

    /// Adds a vector along the last dimension: `[.., n] + [n]`.
    pub fn add_bias(self, bias: Dual<1>) -> Self {
        let mut shape = [1; D];
        shape[D - 1] = bias.dims()[0];
        let dims = self.dims();
        let tangent = match (self.tangent, bias.tangent) {
            (Some(left), Some(right)) => Some(left + right.reshape(shape)),
            (Some(left), None) => Some(left),
            (None, Some(right)) => Some(right.reshape(shape).expand(dims)),
            (None, None) => None,
        };
        Self {
            value: self.value + bias.value.reshape(shape),
            tangent,
        }
    }
}

impl Dual<2> {
    /// The fully connected layer `x Wᵀ + b` of PyTorch's `nn.Linear`.
    ///
    /// `self` is `[batch, inputs]`, `weight` is `[outputs, inputs]`, `bias` is `[outputs]`; the
    /// result is `[batch, outputs]`.
    pub fn linear(self, weight: Dual<2>, bias: Option<Dual<1>>) -> Self {
        let output = self.matmul(weight.transpose());
        match bias {
            Some(bias) => output.add_bias(bias),
            None => output,
        }
    }
}
