//! Descent on the factors of a matrix.

use super::{Completion, hadamard, inner};
use crate::problem::draw;
use crate::random::StreamRng;
use faer::{Mat, Scale};

/// Two factors of a matrix `UVᵀ`.
#[derive(Clone, Debug)]
pub struct Factors {
    /// `U`.
    pub u: Mat<f64>,
    /// `V`.
    pub v: Mat<f64>,
}

/// How gradient descent on factors chooses its step.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Step {
    /// A constant one.
    Constant(f64),
    /// The one of least loss along the gradient.
    ExactLineSearch,
}

impl Factors {
    /// Gaussian factors of this many columns, with entries of standard deviation `scale`.
    pub fn gaussian(rng: &mut StreamRng, size: usize, width: usize, scale: f64) -> Self {
        let [u, v] = [0, 1].map(|_| draw::gaussian(rng, size, width) * Scale(scale));
        Self { u, v }
    }

    /// `UVᵀ`.
    pub fn product(&self) -> Mat<f64> {
        &self.u * self.v.transpose()
    }

    /// Gradient descent on `½‖P(UVᵀ − truth)‖²`, with `P` the known entries, until the misfit is below `tolerance` or
    /// there were `steps` steps.
    pub fn descend(&mut self, problem: &Completion, rule: Step, (steps, tolerance): (usize, f64)) {
        let goal = tolerance * problem.known().norm_l2();
        for _ in 0..steps {
            let residual = problem.residual(self.product().as_ref());
            if residual.norm_l2() < goal {
                break;
            }
            let pull = Self {
                u: &residual * &self.v,
                v: residual.transpose() * &self.u,
            };
            let step = match rule {
                Step::Constant(step) => step,
                Step::ExactLineSearch => self.best_step(problem, &residual, &pull),
            };
            self.u -= pull.u * Scale(step);
            self.v -= pull.v * Scale(step);
        }
    }

    /// The step of least loss: along the gradient the loss is a polynomial of degree four.
    pub(super) fn best_step(&self, problem: &Completion, residual: &Mat<f64>, pull: &Self) -> f64 {
        let mask = problem.mask.as_ref();
        let first = &pull.u * self.v.transpose() + &self.u * pull.v.transpose();
        let first = hadamard(mask, first.as_ref());
        let second = hadamard(mask, pull.product().as_ref());
        let product = |a: &Mat<f64>, b: &Mat<f64>| inner(a.as_ref(), b.as_ref());
        // ‖R − sF + s²S‖² = r − 2s RF + s²(F² + 2 RS) − 2s³ FS + s⁴ S².
        let [b, c] = [
            product(residual, &first),
            product(&first, &first) + 2.0 * product(residual, &second),
        ];
        let [d, e] = [product(&first, &second), product(&second, &second)];
        let value = |s: f64| s * (-2.0 * b + s * (c + s * (-2.0 * d + s * e)));
        // The derivative over two: −b + c s − 3 d s² + 2 e s³.
        let roots = cubic_roots([-b, c, -3.0 * d, 2.0 * e]);
        roots
            .into_iter()
            .min_by(|x, y| value(*x).total_cmp(&value(*y)))
            .unwrap_or(0.0)
    }
}

/// The real roots of `a + bx + cx² + dx³` with `d > 0` (Cardano; Viète where there are three).
pub(super) fn cubic_roots([a, b, c, d]: [f64; 4]) -> Vec<f64> {
    let shift = c / (3.0 * d);
    let p = b / d - 3.0 * shift * shift;
    let q = 2.0 * shift.powi(3) - shift * b / d + a / d;
    let discriminant = (q / 2.0).powi(2) + (p / 3.0).powi(3);
    if discriminant > 0.0 {
        // The cube root that does not cancel.
        let large = -(q / 2.0) - (q / 2.0).signum() * discriminant.sqrt();
        let root = large.cbrt();
        return vec![root - p / (3.0 * root) - shift];
    }
    let size = 2.0 * (-p / 3.0).sqrt();
    let angle = (3.0 * q / (p * size)).clamp(-1.0, 1.0).acos() / 3.0;
    let turn = 2.0 * std::f64::consts::PI / 3.0;
    (0..3)
        .map(|k| size * (angle - turn * f64::from(k)).cos() - shift)
        .collect()
}
