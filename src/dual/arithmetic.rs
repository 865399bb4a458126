//! Elementwise sums, products, quotients and roots.
//!
//! Operands broadcast: where one has length 1 along a dimension, it is repeated along the other's.

use super::Dual;
use burn::tensor::Tensor;
use std::ops::{Add, Div, Mul, Sub};

/// Adds two optional tangents, `None` being zero, and gives the sum the shape of its value, which
/// a tangent alone has not where its operand was broadcast.
pub(super) fn add_tangents<const D: usize>(
    left: Option<Tensor<D>>,
    right: Option<Tensor<D>>,
    dims: [usize; D],
) -> Option<Tensor<D>> {
    let sum = match (left, right) {
        (Some(left), Some(right)) => return Some(left + right),
        (left, None) => left,
        (None, right) => right,
    };
    sum.map(|tangent| match tangent.dims() == dims {
        true => tangent,
        false => tangent.expand(dims),
    })
}

/// A product that is linear in either factor: `(ab)˙ = ȧb + aḃ`.
pub(super) fn bilinear<const A: usize, const B: usize, const C: usize>(
    left: Dual<A>,
    right: Dual<B>,
    product: impl Fn(Tensor<A>, Tensor<B>) -> Tensor<C>,
) -> Dual<C> {
    bilinear_by(left, right, &product, &product)
}

/// As [`bilinear`], where the product of the values themselves may be known from elsewhere.
pub(super) fn bilinear_by<const A: usize, const B: usize, const C: usize>(
    left: Dual<A>,
    right: Dual<B>,
    product: impl Fn(Tensor<A>, Tensor<B>) -> Tensor<C>,
    of_values: impl FnOnce(Tensor<A>, Tensor<B>) -> Tensor<C>,
) -> Dual<C> {
    let by_left = left.tangent.map(|it| product(it, right.value.clone()));
    let by_right = right.tangent.map(|it| product(left.value.clone(), it));
    let value = of_values(left.value, right.value);
    let tangent = add_tangents(by_left, by_right, value.dims());
    Dual { value, tangent }
}

/// The difference of two optional tangents, in the shape of its value.
fn subtract_tangents<const D: usize>(
    left: Option<Tensor<D>>,
    right: Option<Tensor<D>>,
    dims: [usize; D],
) -> Option<Tensor<D>> {
    match (left, right) {
        (Some(left), Some(right)) => Some(left - right),
        (left, right) => add_tangents(left, right.map(Tensor::neg), dims),
    }
}

impl<const D: usize> Add for Dual<D> {
    type Output = Self;

    /// Elementwise sum.
    fn add(self, other: Self) -> Self {
        let value = self.value + other.value;
        let tangent = add_tangents(self.tangent, other.tangent, value.dims());
        Self { value, tangent }
    }
}

impl<const D: usize> Sub for Dual<D> {
    type Output = Self;

    /// Elementwise difference.
    fn sub(self, other: Self) -> Self {
        let value = self.value - other.value;
        let tangent = subtract_tangents(self.tangent, other.tangent, value.dims());
        Self { value, tangent }
    }
}

impl<const D: usize> Mul for Dual<D> {
    type Output = Self;

    /// Elementwise product: `(ab)˙ = ȧb + aḃ`.
    fn mul(self, other: Self) -> Self {
        bilinear(self, other, Tensor::mul)
    }
}

impl<const D: usize> Div for Dual<D> {
    type Output = Self;

    /// Elementwise quotient: `q = a/b`, `q̇ = (ȧ − qḃ) / b`.
    fn div(self, other: Self) -> Self {
        let value = self.value / other.value.clone();
        let right = other.tangent.map(|tangent| tangent.mul(value.clone()));
        let tangent = subtract_tangents(self.tangent, right, value.dims())
            .map(|numerator| numerator / other.value);
        Self { value, tangent }
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

    /// Multiplies elementwise by constants, such as a dropout mask.
    pub fn mask(self, factors: Tensor<D>) -> Self {
        self.linear_map(|tensor| tensor * factors.clone())
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

    /// Elementwise square root of positive numbers: `(√a)˙ = ȧ / 2√a`.
    pub fn sqrt(self) -> Self {
        let value = self.value.sqrt();
        let tangent = self
            .tangent
            .map(|tangent| tangent / value.clone().mul_scalar(2.0));
        Self { value, tangent }
    }

    /// Elementwise reciprocal: `(1/a)˙ = −ȧ / a²`.
    pub fn reciprocal(self) -> Self {
        let value = self.value.recip();
        let tangent = self
            .tangent
            .map(|tangent| (tangent * (value.clone() * value.clone())).neg());
        Self { value, tangent }
    }

    /// Elementwise inverse square root of positive numbers: `(a^−½)˙ = −½ a^−³ᐟ² ȧ`.
    pub fn inverse_sqrt(self) -> Self {
        let value = self.value.sqrt().recip();
        let tangent = self.tangent.map(|tangent| {
            let cube = value.clone() * value.clone() * value.clone();
            (tangent * cube).mul_scalar(-0.5)
        });
        Self { value, tangent }
    }
}
