//! Elementwise non-linearities.

use super::Dual;
use super::derivative::with_slope;
use crate::kernel;
use std::f64::consts::{FRAC_1_SQRT_2, PI};

impl<const D: usize> Dual<D> {
    /// `max(x, 0)`, with derivative 0 at 0.
    pub fn relu(self) -> Self {
        let tangent = self.tangent.map(|tangent| {
            // The slope as numbers: on the processor products are vectorised and masked fills are
            // not, which takes a quarter off a Hessian-vector product of a wide network.
            let dtype = tangent.dtype();
            let slope = self.value.clone().greater_scalar(0.0).float().cast(dtype);
            tangent * slope
        });
        Self {
            value: kernel::relu(self.value),
            tangent,
        }
    }

    /// Hyperbolic tangent: `ẏ = (1 − y²) ẋ`.
    pub fn tanh(self) -> Self {
        let value = kernel::tanh(self.value);
        let tangent = self.tangent.map(|tangent| {
            let slope = (value.clone() * value.clone()).neg().add_scalar(1.0);
            tangent * slope
        });
        Self { value, tangent }
    }

    /// The Gaussian error linear unit in its exact form, `x Φ(x)` with Φ the normal distribution
    /// function: `ẏ = (Φ(x) + x φ(x)) ẋ` (Hendrycks & Gimpel 2016, eq. 2).
    pub fn gelu(self) -> Self {
        // Not the library's own GELU: on some backends its reverse pass is that of the tanh
        // approximation, off by up to 9e-4 from the slope of what its forward pass computes.
        let x = self.value.clone().without_autodiff();
        let distribution = kernel::erf(x.clone().mul_scalar(FRAC_1_SQRT_2))
            .add_scalar(1.0)
            .mul_scalar(0.5);
        let value = x.clone() * distribution.clone();
        if self.tangent.is_none() && !self.value.is_tracked() {
            return Self::constant(value);
        }
        let square = x.clone() * x.clone();
        let density =
            kernel::exp(square.clone().mul_scalar(-0.5)).mul_scalar(1.0 / (2.0 * PI).sqrt());
        let slope = distribution + x * density.clone();
        let tangent = self.tangent.map(|tangent| {
            let curvature = || density * square.neg().add_scalar(2.0);
            tangent * with_slope(slope.clone(), self.value.clone(), curvature)
        });
        Self {
            value: with_slope(value, self.value, || slope),
            tangent,
        }
    }

    /// `log(1 + eˣ)`, without overflow: `ẏ = σ(x) ẋ`.
    ///
    /// With `e = exp(−|x|)` the value is `max(x, 0) + log1p(e)`, the slope `σ` is 1 or `e` over `1 + e`, and
    /// its own slope `e / (1 + e)²`: each is exact to a few units in the last place however small it is,
    /// which the library's formulas in `log(1 + e)` and `1 − σ` are not.
    pub fn softplus(self) -> Self {
        let x = self.value.clone().without_autodiff();
        let small = kernel::exp(x.clone().abs().neg());
        let value = kernel::relu(x.clone()) + kernel::log1p(small.clone());
        if self.tangent.is_none() && !self.value.is_tracked() {
            return Self::constant(value);
        }
        let is_positive = x.clone().greater_scalar(0.0).float().cast(x.dtype());
        let total = small.clone().add_scalar(1.0);
        let larger = small.clone() + is_positive * small.clone().neg().add_scalar(1.0);
        let slope = larger / total.clone();
        let tangent = self.tangent.map(|tangent| {
            let curvature = || small / (total.clone() * total);
            tangent * with_slope(slope.clone(), self.value.clone(), curvature)
        });
        Self {
            value: with_slope(value, self.value, || slope),
            tangent,
        }
    }

    /// Elementwise exponential: `ẏ = eˣ ẋ`.
    pub fn exp(self) -> Self {
        let value = kernel::exp(self.value);
        let tangent = self.tangent.map(|tangent| tangent * value.clone());
        Self { value, tangent }
    }
}
