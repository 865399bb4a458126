//! Landscapes whose critical points, Hessians and constants are known in closed form: the top eigenvector of a matrix,
//! and the Rayleigh quotient. Both are written in the eigenbasis of their matrix, which a rotation does not change.

use super::vector::{add, square};
use crate::problem::draw;
use crate::random::StreamRng;
use faer::Mat;
use rand::RngExt;

/// A point of the ball around the origin, evenly distributed in it.
pub fn in_ball(rng: &mut StreamRng, dimensions: usize, radius: f64) -> Vec<f64> {
    let direction = draw::on_sphere(rng, dimensions);
    let radius = radius * rng.random::<f64>().powf(1.0 / dimensions as f64);
    (0..dimensions)
        .map(|index| radius * direction[index])
        .collect()
}

/// `f(x) = ¼‖M − xxᵀ‖²` with a symmetric `M` that is given by its eigenvalues (Arora et al., eq. 6.6).
#[derive(Clone, Debug)]
pub struct TopEigenvector {
    /// The eigenvalues λ of `M`, in descending order, none negative.
    pub eigenvalues: Vec<f64>,
}

impl TopEigenvector {
    /// `f(x)`.
    pub fn value(&self, x: &[f64]) -> f64 {
        let all: f64 = self.eigenvalues.iter().map(|value| value * value).sum();
        (all - 2.0 * self.form(x) + square(x).powi(2)) / 4.0
    }

    /// The least value of `f`: a quarter of the sum of the squares of all eigenvalues but the first.
    pub fn least(&self) -> f64 {
        self.eigenvalues[1..]
            .iter()
            .map(|value| value * value)
            .sum::<f64>()
            / 4.0
    }

    /// `∇f(x) = (xxᵀ − M)x` (eq. 6.7).
    pub fn gradient(&self, x: &[f64]) -> Vec<f64> {
        let radius = square(x);
        self.eigenvalues
            .iter()
            .zip(x)
            .map(|(value, x)| (radius - value) * x)
            .collect()
    }

    /// `∇²f(x) = ‖x‖²I + 2xxᵀ − M` (eq. 6.7).
    pub fn hessian(&self, x: &[f64]) -> Mat<f64> {
        let radius = square(x);
        Mat::from_fn(x.len(), x.len(), |row, column| {
            let diagonal = if row == column {
                radius - self.eigenvalues[row]
            } else {
                0.0
            };
            diagonal + 2.0 * x[row] * x[column]
        })
    }

    /// The critical points: the origin, and `√λᵢ·vᵢ` for each eigenvalue; their negatives are left out.
    pub fn critical_points(&self) -> Vec<Vec<f64>> {
        let dimensions = self.eigenvalues.len();
        let along = |index: usize| {
            let mut point = vec![0.0; dimensions];
            point[index] = self.eigenvalues[index].sqrt();
            point
        };
        std::iter::once(vec![0.0; dimensions])
            .chain((0..dimensions).map(along))
            .collect()
    }

    /// The eigenvalues of the Hessian at `√λᵢ·vᵢ`, ascending: `2λᵢ` along `vᵢ` and `λᵢ − λⱼ` along the others.
    pub fn spectrum_at(&self, index: usize) -> Vec<f64> {
        let here = self.eigenvalues[index];
        let of = |(other, value): (usize, &f64)| {
            if other == index {
                2.0 * here
            } else {
                here - value
            }
        };
        let mut spectrum: Vec<f64> = self.eigenvalues.iter().enumerate().map(of).collect();
        spectrum.sort_by(f64::total_cmp);
        spectrum
    }

    /// By how much the gradient changes at most with the point, in the ball of a radius around the origin: the largest
    /// size of an eigenvalue of the Hessian there.
    pub fn gradient_lipschitz(&self, radius: f64) -> f64 {
        let least = self
            .eigenvalues
            .iter()
            .copied()
            .fold(f64::INFINITY, f64::min);
        self.eigenvalues[0].max(3.0 * radius * radius - least)
    }

    /// The same of the Hessian: `6·radius`, as `‖xxᵀ − yyᵀ‖ ≤ (‖x‖ + ‖y‖)‖x − y‖`.
    pub fn hessian_lipschitz(&self, radius: f64) -> f64 {
        6.0 * radius
    }

    /// One step of gradient descent.
    pub fn descend(&self, x: &mut [f64], step: f64) {
        let gradient = self.gradient(x);
        add(x, -step, &gradient);
    }

    fn form(&self, x: &[f64]) -> f64 {
        self.eigenvalues
            .iter()
            .zip(x)
            .map(|(value, x)| value * x * x)
            .sum()
    }
}

/// `L(w) = wᵀAw/wᵀw` with a symmetric `A` that is given by its eigenvalues: a loss that the length of `w` does not
/// change.
#[derive(Clone, Debug)]
pub struct RayleighQuotient {
    /// The eigenvalues of `A`.
    pub eigenvalues: Vec<f64>,
}

impl RayleighQuotient {
    /// `L(w)`.
    pub fn value(&self, w: &[f64]) -> f64 {
        let form: f64 = self
            .eigenvalues
            .iter()
            .zip(w)
            .map(|(value, w)| value * w * w)
            .sum();
        form / square(w)
    }

    /// The least value.
    pub fn least(&self) -> f64 {
        self.eigenvalues
            .iter()
            .copied()
            .fold(f64::INFINITY, f64::min)
    }

    /// `∇L(w) = 2(A − L(w)I)w/‖w‖²`.
    pub fn gradient(&self, w: &[f64]) -> Vec<f64> {
        let (value, radius) = (self.value(w), square(w));
        let of = |(eigenvalue, w): (&f64, &f64)| 2.0 * (eigenvalue - value) * w / radius;
        self.eigenvalues.iter().zip(w).map(of).collect()
    }

    /// `∇²L(w) = 2(A − L I − w∇Lᵀ − ∇L wᵀ)/‖w‖²`.
    pub fn hessian(&self, w: &[f64]) -> Mat<f64> {
        let (value, radius, gradient) = (self.value(w), square(w), self.gradient(w));
        Mat::from_fn(w.len(), w.len(), |row, column| {
            let diagonal = if row == column {
                self.eigenvalues[row] - value
            } else {
                0.0
            };
            2.0 * (diagonal - w[row] * gradient[column] - gradient[row] * w[column]) / radius
        })
    }

    /// ρ, the largest size of an eigenvalue of the Hessian on the unit sphere: twice the spread of the eigenvalues of
    /// `A`, which the first and the last eigenvector attain.
    pub fn smoothness(&self) -> f64 {
        let largest = self
            .eigenvalues
            .iter()
            .copied()
            .fold(f64::NEG_INFINITY, f64::max);
        2.0 * (largest - self.least())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::problem::dense;
    use crate::problem::vector::{distance, norm, normals};
    use crate::random::Streams;

    fn difference(f: impl Fn(&[f64]) -> Vec<f64>, x: &[f64], hessian: &Mat<f64>) -> f64 {
        let size = 1e-5;
        let mut largest: f64 = 0.0;
        for column in 0..x.len() {
            let moved = |by: f64| {
                let mut x = x.to_vec();
                x[column] += by;
                f(&x)
            };
            let (above, below) = (moved(size), moved(-size));
            for row in 0..x.len() {
                let slope = (above[row] - below[row]) / (2.0 * size);
                largest = largest.max((slope - hessian[(row, column)]).abs());
            }
        }
        largest
    }

    #[test]
    fn derivatives_agree_with_differences() {
        let mut rng = Streams::new(0).stream("test", 0);
        let x = normals(&mut rng, 3);
        let top = TopEigenvector {
            eigenvalues: vec![5.0, 3.0, 1.0],
        };
        let rayleigh = RayleighQuotient {
            eigenvalues: vec![5.0, 3.0, 1.0],
        };
        assert!(difference(|x| top.gradient(x), &x, &top.hessian(&x)) < 1e-8);
        let off = difference(|x| rayleigh.gradient(x), &x, &rayleigh.hessian(&x));
        assert!(off < 1e-6, "{off}");
        // The gradients against the values, column by column of a 1 × n "Hessian".
        for index in 0..3 {
            let moved = |by: f64| {
                let mut x = x.clone();
                x[index] += by;
                (top.value(&x), rayleigh.value(&x))
            };
            let (above, below) = (moved(1e-5), moved(-1e-5));
            assert!(((above.0 - below.0) / 2e-5 - top.gradient(&x)[index]).abs() < 1e-7);
            assert!(((above.1 - below.1) / 2e-5 - rayleigh.gradient(&x)[index]).abs() < 1e-8);
        }
    }

    #[test]
    fn spectra_at_critical_points_are_the_golden_ones() {
        let top = TopEigenvector {
            eigenvalues: vec![5.0, 3.0, 1.0],
        };
        let golden = [[2.0, 4.0, 10.0], [-2.0, 2.0, 6.0], [-4.0, -2.0, 2.0]];
        for (index, golden) in golden.iter().enumerate() {
            let point = &top.critical_points()[index + 1];
            assert!(norm(&top.gradient(point)) < 1e-14);
            let found = dense::eigenvalues(top.hessian(point).as_ref()).unwrap();
            for (found, golden) in found.iter().zip(golden) {
                assert!((found - golden).abs() < 1e-12);
            }
            assert_eq!(top.spectrum_at(index).len(), 3);
            assert!(distance(&top.spectrum_at(index), golden) < 1e-12);
        }
        assert!((top.value(&top.critical_points()[1]) - top.least()).abs() < 1e-12);
    }

    #[test]
    fn points_of_a_ball_fill_it_evenly() {
        let mut rng = Streams::new(1).stream("test", 0);
        let inside = (0..4_000)
            .filter(|_| norm(&in_ball(&mut rng, 3, 2.0)) < 1.0)
            .count();
        // An eighth of the volume, within four standard errors.
        assert!((inside as f64 / 4_000.0 - 0.125).abs() < 0.021, "{inside}");
    }
}
