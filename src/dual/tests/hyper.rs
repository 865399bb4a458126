//! Hyper-dual numbers `a + bε₁ + cε₂ + dε₁ε₂`, `ε₁² = ε₂² = 0`: exact second derivatives of scalar
//! programs (Fike & Alonso, AIAA 2011-886).

use std::iter::Sum;
use std::ops::{Add, Div, Mul, Sub};

/// The scalar functions a reference network needs.
pub(crate) trait Real:
    Copy + Add<Output = Self> + Sub<Output = Self> + Mul<Output = Self> + Div<Output = Self>
{
    fn exp(self) -> Self;
    fn ln_1p(self) -> Self;
    fn sqrt(self) -> Self;
    fn relu(self) -> Self;
    fn tanh(self) -> Self;
    fn gelu(self) -> Self;
    fn softplus(self) -> Self;
}

/// A value, its derivatives along two directions, and the mixed second derivative.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Hyper {
    pub value: f64,
    pub first: f64,
    pub other: f64,
    pub second: f64,
}

impl Hyper {
    pub fn new(value: f64, first: f64, other: f64) -> Self {
        Self {
            value,
            first,
            other,
            second: 0.0,
        }
    }

    pub fn real(value: f64) -> Self {
        Self::new(value, 0.0, 0.0)
    }

    /// The number without its derivative along the first direction: what reverse mode still sees
    /// and no tangent reaches.
    pub fn held(self) -> Self {
        Self {
            first: 0.0,
            second: 0.0,
            ..self
        }
    }

    /// Applies a function given its value and its first two derivatives here.
    fn chain(self, value: f64, slope: f64, curvature: f64) -> Self {
        Self {
            value,
            first: slope * self.first,
            other: slope * self.other,
            second: slope * self.second + curvature * self.first * self.other,
        }
    }
}

impl Add for Hyper {
    type Output = Self;
    fn add(self, b: Self) -> Self {
        Self {
            value: self.value + b.value,
            first: self.first + b.first,
            other: self.other + b.other,
            second: self.second + b.second,
        }
    }
}

impl Sub for Hyper {
    type Output = Self;
    fn sub(self, b: Self) -> Self {
        self + b * Hyper::real(-1.0)
    }
}

impl Mul for Hyper {
    type Output = Self;
    fn mul(self, b: Self) -> Self {
        Self {
            value: self.value * b.value,
            first: self.first * b.value + self.value * b.first,
            other: self.other * b.value + self.value * b.other,
            second: self.second * b.value
                + self.first * b.other
                + self.other * b.first
                + self.value * b.second,
        }
    }
}

impl Div for Hyper {
    type Output = Self;
    fn div(self, b: Self) -> Self {
        let value = self.value / b.value;
        let first = (self.first - value * b.first) / b.value;
        let other = (self.other - value * b.other) / b.value;
        let rest = first * b.other + other * b.first + value * b.second;
        Self {
            value,
            first,
            other,
            second: (self.second - rest) / b.value,
        }
    }
}

impl Sum for Hyper {
    fn sum<I: Iterator<Item = Self>>(numbers: I) -> Self {
        numbers.fold(Self::real(0.0), |sum, number| sum + number)
    }
}

impl Real for Hyper {
    fn exp(self) -> Self {
        let e = self.value.exp();
        self.chain(e, e, e)
    }

    fn ln_1p(self) -> Self {
        let slope = 1.0 / (1.0 + self.value);
        self.chain(self.value.ln_1p(), slope, -slope * slope)
    }

    fn sqrt(self) -> Self {
        let root = self.value.sqrt();
        self.chain(root, 0.5 / root, -0.25 / (root * self.value))
    }

    fn relu(self) -> Self {
        let slope = f64::from(u8::from(self.value > 0.0));
        self.chain(self.value.max(0.0), slope, 0.0)
    }

    fn tanh(self) -> Self {
        let t = self.value.tanh();
        self.chain(t, 1.0 - t * t, -2.0 * t * (1.0 - t * t))
    }

    fn gelu(self) -> Self {
        let x = self.value;
        let distribution = 0.5 * (1.0 + erf(x / std::f64::consts::SQRT_2));
        let density = (-0.5 * x * x).exp() / (2.0 * std::f64::consts::PI).sqrt();
        self.chain(
            x * distribution,
            distribution + x * density,
            density * (2.0 - x * x),
        )
    }

    fn softplus(self) -> Self {
        let sigmoid = 1.0 / (1.0 + (-self.value).exp());
        self.chain(
            self.value.max(0.0) + (-self.value.abs()).exp().ln_1p(),
            sigmoid,
            sigmoid * (1.0 - sigmoid),
        )
    }
}

/// The error function by its Maclaurin series, exact to rounding for the arguments of the tests.
fn erf(x: f64) -> f64 {
    let mut term = x;
    let mut sum = x;
    for n in 1..120 {
        let n = f64::from(n);
        term *= -x * x / n;
        sum += term / (2.0 * n + 1.0);
    }
    sum * 2.0 / std::f64::consts::PI.sqrt()
}
