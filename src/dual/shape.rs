//! Changes of shape: linear maps that move elements and change none.

use super::Dual;
use burn::tensor::Tensor;

impl<const D: usize> Dual<D> {
    /// The same elements in another shape.
    pub fn reshape<const E: usize>(self, shape: [usize; E]) -> Dual<E> {
        self.linear_map(|tensor| tensor.reshape(shape))
    }

    /// Reorders the dimensions: dimension `i` of the result is dimension `axes[i]`.
    pub fn permute(self, axes: [usize; D]) -> Self {
        self.linear_map(|tensor| tensor.permute(axes))
    }

    /// Swaps two dimensions.
    pub fn swap_dims(self, first: usize, second: usize) -> Self {
        self.linear_map(|tensor| tensor.swap_dims(first, second))
    }

    /// Swaps the last two dimensions: the transpose of every matrix.
    pub fn transpose(self) -> Self {
        self.swap_dims(D - 2, D - 1)
    }

    /// The `length` elements from `start` on along one dimension.
    pub fn narrow(self, dim: usize, start: usize, length: usize) -> Self {
        self.linear_map(|tensor| tensor.narrow(dim, start, length))
    }

    /// Repeats the dimensions of length 1 to reach `shape`.
    pub fn expand(self, shape: [usize; D]) -> Self {
        self.linear_map(|tensor| tensor.expand(shape))
    }

    /// Joins tensors along one dimension; at least one is needed.
    pub fn cat(parts: Vec<Self>, dim: usize) -> Self {
        let reached = parts.iter().any(|part| part.tangent.is_some());
        let tangent = reached.then(|| {
            let tangents = parts.iter().map(|part| match &part.tangent {
                Some(tangent) => tangent.clone(),
                None => part.value.zeros_like(),
            });
            Tensor::cat(tangents.collect(), dim)
        });
        let values = parts.into_iter().map(|part| part.value).collect();
        Self {
            value: Tensor::cat(values, dim),
            tangent,
        }
    }
}
