//! Norms, their duals, and the direction of steepest descent in each.

use crate::problem::vector::inner;

/// A norm of vectors.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Norm {
    /// The sum of absolute values.
    One,
    /// Euclid's.
    Two,
    /// The largest absolute value.
    Infinity,
    /// `(Σ|x|^p)^(1/p)` with 1 < p < ∞.
    Power(f64),
}

impl Norm {
    /// Of a vector.
    pub fn of(self, vector: &[f64]) -> f64 {
        let largest = vector
            .iter()
            .fold(0.0f64, |largest, x| largest.max(x.abs()));
        match self {
            Self::Infinity => largest,
            Self::One => vector.iter().map(|x| x.abs()).sum(),
            Self::Two => inner(vector, vector).sqrt(),
            Self::Power(_) if largest == 0.0 => 0.0,
            Self::Power(p) => {
                let sum: f64 = vector.iter().map(|x| (x.abs() / largest).powf(p)).sum();
                largest * sum.powf(1.0 / p)
            }
        }
    }

    /// The norm that measures gradients: the largest `gᵀv` over `‖v‖ ≤ 1`.
    pub fn dual(self) -> Self {
        match self {
            Self::One => Self::Infinity,
            Self::Two => Self::Two,
            Self::Infinity => Self::One,
            Self::Power(p) => Self::Power(p / (p - 1.0)),
        }
    }

    /// The step of steepest descent, argmin ⟨g, v⟩ + ½‖v‖² (Boyd & Vandenberghe 2004, "Convex optimization", sec. 9.4).
    /// Where there are several, as of the sum of absolute values at a tie, the first coordinate is taken.
    pub fn steepest(self, gradient: &[f64]) -> Vec<f64> {
        let size = self.dual().of(gradient);
        let signed = |x: f64, size: f64| if x == 0.0 { 0.0 } else { -size * x.signum() };
        match self {
            Self::Two => gradient.iter().map(|x| -x).collect(),
            Self::Infinity => gradient.iter().map(|x| signed(*x, size)).collect(),
            Self::One => {
                let first = gradient.iter().position(|x| x.abs() == size);
                let of = |(index, x): (usize, &f64)| if Some(index) == first { -x } else { 0.0 };
                gradient.iter().enumerate().map(of).collect()
            }
            Self::Power(p) => {
                let power = 1.0 / (p - 1.0);
                let of = |x: f64| signed(x, size * (x.abs() / size).powf(power));
                gradient.iter().map(|x| of(*x)).collect()
            }
        }
    }
}
