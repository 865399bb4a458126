//! The softmax over the last dimension.

use super::Dual;
use crate::kernel;

impl<const D: usize> Dual<D> {
    /// The softmax over the last dimension, without overflow: `ṗ = p ∘ ẋ − p Σ p ẋ`.
    ///
    /// Entries lowered by a large finite mask (−10⁹) get probability 0; an infinite mask would
    /// make a fully masked row not a number.
    pub fn softmax(self) -> Self {
        let last = D - 1;
        let value = kernel::softmax(self.value);
        let tangent = self.tangent.map(|tangent| {
            let product = tangent * value.clone();
            let expected = product.clone().sum_dim(last);
            product - value.clone() * expected
        });
        Self { value, tangent }
    }
}
