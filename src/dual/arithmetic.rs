//! Sums, products, reductions and changes of shape.

use super::Dual;
use burn::tensor::Tensor;
use std::ops::{Add, Mul, Sub};

/// Adds two optional tangents, `None` being zero.
pub(super) fn add_tangents<const D: usize>(
    left: Option<Tensor<D>>,
    right: Option<Tensor<D>>,
) -> Option<Tensor<D>> {
    match (left, right) {
        (Some(left), Some(right)) => Some(left + right),
        (left, None) => left,
        (None, right) => right,
    }
}

impl<const D: usize> Add for Dual<D> {
    type Output = Self;

    /// Elementwise sum of two tensors of one shape.
    fn add(self, other: Self) -> Self {
        Self {
            value: self.value + other.value,
            tangent: add_tangents(self.tangent, other.tangent),
        }
    }
}

impl<const D: usize> Sub for Dual<D> {
    type Output = Self;

    /// Elementwise difference of two tensors of one shape.
    fn sub(self, other: Self) -> Self {
        Self {
            value: self.value - other.value,
            tangent: add_tangents(self.tangent, other.tangent.map(Tensor::neg)),
        }
    }
}

impl<const D: usize> Mul for Dual<D> {
    type Output = Self;

    /// Elementwise product of two tensors of one shape: `(ab)˙ = ȧb + aḃ`.
    fn mul(self, other: Self) -> Self {
        let left = self.tangent.map(|tangent| tangent * other.value.clone());
        let right = other.tangent.map(|tangent| tangent * self.value.clone());
        Self {
            value: self.value * other.value,
            tangent: add_tangents(left, right),
        }
    }
}

impl<const D: usize> Dual<D> {
    /// Multiplies by a constant.
    pub fn scale(self, factor: f64) -> Self {
        self.linear_map(|tensor| tensor.mul_scalar(factor))
    }

    /// Adds a constant to every element.
    pub fn shift(self, constant: f64) -> Self {
        Self {
            value: self.value.add_scalar(constant),
            tangent: self.tangent,
        }
    }

    /// The sum over all elements, as a tensor of one element.
    pub fn sum(self) -> Dual<1> {
        self.linear_map(Tensor::sum)
    }

    /// The mean over all elements, as a tensor of one element.
    pub fn mean(self) -> Dual<1> {
        self.linear_map(Tensor::mean)
    }

    /// The sum over one dimension, which is kept with length 1.
    pub fn sum_dim(self, dim: usize) -> Self {
        self.linear_map(|tensor| tensor.sum_dim(dim))
    }

    /// The same elements in another shape.
    pub fn reshape<const E: usize>(self, shape: [usize; E]) -> Dual<E> {
        self.linear_map(|tensor| tensor.reshape(shape))
    }

    /// Elementwise square: `(a²)˙ = 2aȧ`.
    pub fn square(self) -> Self {
        let tangent = self
            .tangent
            .map(|tangent| (tangent * self.value.clone()).mul_scalar(2.0));
        Self {
            value: self.value.clone() * self.value,
            tangent,
        }
    }
}
