//! Functions that are climbed in tests.

use super::super::chart::Maximand;
use crate::linear::{dot, norm, random_normal};
use crate::measure::Failure;
use crate::random::{StreamRng, Streams};
use rand::RngExt;

/// `gᵀu + ½ uᵀHu`, not finite beyond a radius.
pub(in crate::measure::sharpness) struct Parabola {
    pub slopes: Vec<f64>,
    /// Row-major.
    pub matrix: Vec<f64>,
    pub radius: f64,
    pub rng: StreamRng,
}

impl Parabola {
    pub fn new(slopes: Vec<f64>, matrix: Vec<f64>) -> Self {
        Self {
            slopes,
            matrix,
            radius: f64::INFINITY,
            rng: Streams::new(0).stream("starts", 0),
        }
    }

    /// Without couplings.
    pub fn diagonal(slopes: &[f64], diagonal: &[f64]) -> Self {
        let n = slopes.len();
        let mut matrix = vec![0.0; n * n];
        for (i, value) in diagonal.iter().enumerate() {
            matrix[i * n + i] = *value;
        }
        Self::new(slopes.to_vec(), matrix)
    }

    /// Convex or concave by the sign of `shift`, with slopes of its size.
    pub fn random(dimension: usize, seed: u64, shift: f64) -> Self {
        let mut rng = Streams::new(seed).stream("parabola", 0);
        let mut uniform =
            |n: usize| -> Vec<f64> { (0..n).map(|_| rng.random_range(-1.0..1.0)).collect() };
        let (factor, slopes) = (uniform(dimension * dimension), uniform(dimension));
        let row = |i: usize| &factor[i * dimension..(i + 1) * dimension];
        let matrix = (0..dimension * dimension)
            .map(|k| shift.signum() * dot(row(k / dimension), row(k % dimension)))
            .collect();
        let slopes = slopes.iter().map(|slope| shift.abs() * slope).collect();
        Self::new(slopes, matrix)
    }

    pub fn gradient(&self, point: &[f64]) -> Vec<f64> {
        let rows = self.matrix.chunks(point.len());
        rows.zip(&self.slopes)
            .map(|(row, g)| g + dot(row, point))
            .collect()
    }

    pub fn at(&self, point: &[f64]) -> f64 {
        if norm(point) > self.radius {
            return f64::NAN;
        }
        0.5 * (dot(&self.slopes, point) + dot(&self.gradient(point), point))
    }
}

impl Maximand for Parabola {
    fn value(&mut self, point: &[f64]) -> Result<f64, Failure> {
        Ok(self.at(point))
    }

    fn value_and_gradient(&mut self, point: &[f64]) -> Result<(f64, Vec<f64>), Failure> {
        Ok((self.at(point), self.gradient(point)))
    }

    fn random_slopes(&mut self) -> Result<Vec<f64>, Failure> {
        Ok(random_normal(self.slopes.len(), &mut self.rng))
    }

    fn allows(&self, _: usize) -> bool {
        true
    }
}

/// A function of one angle in the plane, the same at every distance from the centre.
pub(in crate::measure::sharpness) struct Circle {
    /// Its value and its slope along the angle.
    pub of_angle: fn(f64) -> (f64, f64),
    pub rng: StreamRng,
    /// Values still allowed.
    pub left: usize,
}

impl Circle {
    pub fn new(of_angle: fn(f64) -> (f64, f64)) -> Self {
        Self {
            of_angle,
            rng: Streams::new(0).stream("starts", 0),
            left: usize::MAX,
        }
    }
}

impl Maximand for Circle {
    fn value(&mut self, point: &[f64]) -> Result<f64, Failure> {
        Ok(self.value_and_gradient(point)?.0)
    }

    /// `r² f(φ)`, 0 at the centre.
    fn value_and_gradient(&mut self, point: &[f64]) -> Result<(f64, Vec<f64>), Failure> {
        self.left -= 1;
        let (x, y) = (point[0], point[1]);
        let (value, slope) = (self.of_angle)(y.atan2(x));
        let square = x * x + y * y;
        // The gradient is (2 x f − y f′, 2 y f + x f′).
        let gradient = vec![2.0 * x * value - y * slope, 2.0 * y * value + x * slope];
        Ok((square * value, gradient))
    }

    fn random_slopes(&mut self) -> Result<Vec<f64>, Failure> {
        Ok(random_normal(2, &mut self.rng))
    }

    fn allows(&self, passes: usize) -> bool {
        passes <= self.left
    }
}
