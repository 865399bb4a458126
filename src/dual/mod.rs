//! Dual tensors: a value and, optionally, its directional derivative.
//!
//! A forward pass over dual tensors yields, beside every value `f(θ)`, the tangent
//! `Df(θ)·v` for the direction `v` that was attached to the parameters. The rules are written with
//! ordinary tensor operations, so one reverse pass over a tangent differentiates it once more:
//! reverse over forward gives the exact Hessian-vector product (Pearlmutter, "Fast exact
//! multiplication by the Hessian", Neural Computation 6(1), 1994).
//!
//! This module is the only place that knows how to differentiate forward. A dual tensor without a
//! tangent costs what the plain operation costs: every rule returns early.
//!
//! The rules are first-order exact wherever the operation is differentiable; at a kink (ReLU at 0)
//! the derivative is 0, the convention of the reverse pass.

mod activation;
mod arithmetic;
mod attention;
mod convolution;
mod derivative;
mod linear;
mod loss;
mod normalisation;
mod pooling;
mod reduction;
mod shape;
mod softmax;

#[cfg(test)]
pub(crate) mod tests;

pub use loss::{cross_entropy, exponential, half_square, logistic};
pub use normalisation::ChannelStatistics;

use burn::tensor::Tensor;

/// A tensor of rank `D` and its tangent, of the same shape, if any direction reaches it.
#[derive(Clone, Debug)]
pub struct Dual<const D: usize> {
    /// The value.
    pub value: Tensor<D>,
    /// The directional derivative of the value; `None` stands for zero.
    pub tangent: Option<Tensor<D>>,
}

impl<const D: usize> Dual<D> {
    /// A value no direction reaches (data, labels, masks).
    pub fn constant(value: Tensor<D>) -> Self {
        Self {
            value,
            tangent: None,
        }
    }

    /// A value with its tangent.
    pub fn new(value: Tensor<D>, tangent: Option<Tensor<D>>) -> Self {
        if let Some(tangent) = &tangent {
            debug_assert_eq!(
                value.dims(),
                tangent.dims(),
                "a tangent has its value's shape"
            );
        }
        Self { value, tangent }
    }

    /// The shape of the value.
    pub fn dims(&self) -> [usize; D] {
        self.value.dims()
    }

    /// Applies the same linear map to value and tangent.
    ///
    /// Right for maps without a constant term only: reshaping, transposing, summing, scaling.
    fn linear_map<const E: usize>(self, map: impl Fn(Tensor<D>) -> Tensor<E>) -> Dual<E> {
        Dual {
            value: map(self.value),
            tangent: self.tangent.map(map),
        }
    }
}
