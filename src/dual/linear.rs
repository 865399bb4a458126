//! Matrix products.

use super::Dual;
use super::arithmetic::add_tangents;

impl<const D: usize> Dual<D> {
    /// Matrix product over the last two dimensions: `(AB)˙ = ȦB + AḂ`.
    pub fn matmul(self, other: Self) -> Self {
        let left = self
            .tangent
            .map(|tangent| tangent.matmul(other.value.clone()));
        let right = other
            .tangent
            .map(|tangent| self.value.clone().matmul(tangent));
        let value = self.value.matmul(other.value);
        let tangent = add_tangents(left, right, value.dims());
        Self { value, tangent }
    }

    /// Adds a vector along the last dimension: `[.., n] + [n]`.
    pub fn add_bias(self, bias: Dual<1>) -> Self {
        let mut shape = [1; D];
        shape[D - 1] = bias.dims()[0];
        self + bias.reshape(shape)
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

impl Dual<3> {
    /// The fully connected layer at every token: `[batch, tokens, inputs]` to
    /// `[batch, tokens, outputs]`.
    pub fn linear(self, weight: Dual<2>, bias: Option<Dual<1>>) -> Self {
        let [batch, tokens, inputs] = self.dims();
        let [outputs, _] = weight.dims();
        // As one matrix: a product per sample would give the weight one gradient per sample.
        self.reshape([batch * tokens, inputs])
            .linear(weight, bias)
            .reshape([batch, tokens, outputs])
    }
}
