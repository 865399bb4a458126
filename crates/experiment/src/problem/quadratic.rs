//! Quadratics by their eigenvalues, a bounded function that is not convex, and gradient methods on both.
//!
//! Everything is in the basis of the eigenvectors: gradient descent, momentum and noise without a preferred direction do
//! not see a rotation of the coordinates. Methods that do are rotated by whoever uses them.

use super::vector::{moved, norm};
use crate::random::StreamRng;
use rand::RngExt;

/// `½ Σ λᵢ wᵢ²`.
#[derive(Clone, Debug, PartialEq)]
pub struct Quadratic {
    /// Its eigenvalues `λᵢ`.
    pub eigenvalues: Vec<f64>,
}

impl Quadratic {
    /// With eigenvalues that are evenly spaced by their logarithms, ascending.
    pub fn log_spaced(least: f64, greatest: f64, count: usize) -> Self {
        Self {
            eigenvalues: log_spaced(least, greatest, count),
        }
    }

    /// Its value.
    pub fn loss(&self, w: &[f64]) -> f64 {
        let terms = self.eigenvalues.iter().zip(w);
        terms.map(|(eigenvalue, w)| 0.5 * eigenvalue * w * w).sum()
    }

    /// Its gradient `λᵢ wᵢ`.
    pub fn gradient(&self, w: &[f64]) -> Vec<f64> {
        let terms = self.eigenvalues.iter().zip(w);
        terms.map(|(eigenvalue, w)| eigenvalue * w).collect()
    }

    /// The largest eigenvalue.
    pub fn sharpest(&self) -> f64 {
        self.eigenvalues
            .iter()
            .copied()
            .fold(f64::NEG_INFINITY, f64::max)
    }

    /// The smallest eigenvalue.
    pub fn flattest(&self) -> f64 {
        self.eigenvalues
            .iter()
            .copied()
            .fold(f64::INFINITY, f64::min)
    }
}

/// `−Σ hᵢ cos wᵢ`: bounded, not convex, with the Hessian `diag(hᵢ cos wᵢ)`, so that its smoothness is exactly the
/// largest height.
#[derive(Clone, Debug, PartialEq)]
pub struct Waves {
    /// The heights `hᵢ`, positive.
    pub heights: Vec<f64>,
}

impl Waves {
    /// With heights that are evenly spaced by their logarithms, ascending.
    pub fn log_spaced(least: f64, greatest: f64, count: usize) -> Self {
        Self {
            heights: log_spaced(least, greatest, count),
        }
    }

    /// Its value.
    pub fn loss(&self, w: &[f64]) -> f64 {
        -self
            .heights
            .iter()
            .zip(w)
            .map(|(height, w)| height * w.cos())
            .sum::<f64>()
    }

    /// Its gradient `hᵢ sin wᵢ`.
    pub fn gradient(&self, w: &[f64]) -> Vec<f64> {
        self.heights
            .iter()
            .zip(w)
            .map(|(height, w)| height * w.sin())
            .collect()
    }

    /// The largest eigenvalue of its Hessian anywhere, in size: `max hᵢ`.
    pub fn smoothness(&self) -> f64 {
        self.heights.iter().copied().fold(0.0, f64::max)
    }

    /// Its largest value minus its smallest, `2 Σ hᵢ`.
    pub fn range(&self) -> f64 {
        2.0 * self.heights.iter().sum::<f64>()
    }

    /// The largest norm of its gradient, `√Σ hᵢ²`.
    pub fn steepest(&self) -> f64 {
        norm(&self.heights)
    }

    /// A point that is evenly distributed over a period.
    pub fn point(&self, rng: &mut StreamRng) -> Vec<f64> {
        let pi = std::f64::consts::PI;
        self.heights
            .iter()
            .map(|_| rng.random_range(-pi..pi))
            .collect()
    }
}

/// Numbers that are evenly spaced by their logarithms, ascending; one alone is the greatest.
pub fn log_spaced(least: f64, greatest: f64, count: usize) -> Vec<f64> {
    let last = count.saturating_sub(1) as f64;
    let share = |index: usize| if last > 0.0 { index as f64 / last } else { 1.0 };
    let between = |index| least * (greatest / least).powf(share(index));
    (0..count).map(between).collect()
}

/// How many steps it takes until what `step` returns is at most `target`; none where `limit` steps do not suffice.
pub fn steps_until(target: f64, limit: usize, mut step: impl FnMut() -> f64) -> Option<usize> {
    (1..=limit).find(|_| step() <= target)
}

/// The first whole number from which on something is no longer so, which is so up to it; infinite beyond 10¹².
pub fn first_without(is_so: impl Fn(f64) -> bool) -> f64 {
    let mut high = 1.0;
    while is_so(high) {
        high *= 2.0;
        if high > 1e12 {
            return f64::INFINITY;
        }
    }
    edge(0.0, high, is_so).ceil()
}

/// Where between `low`, at which something is so, and `high`, at which it is not, it ceases to be so: by bisection down
/// to rounding.
pub fn edge(low: f64, high: f64, is_so: impl Fn(f64) -> bool) -> f64 {
    let (mut low, mut high) = (low, high);
    for _ in 0..50 {
        let middle = 0.5 * (low + high);
        if is_so(middle) {
            low = middle;
        } else {
            high = middle;
        }
    }
    0.5 * (low + high)
}

/// Where a function with one minimum between `low` and `high` has it, by golden sections (Kiefer 1953).
pub fn lowest(low: f64, high: f64, of: impl Fn(f64) -> f64) -> f64 {
    let golden = 0.5 * (5f64.sqrt() - 1.0);
    let (mut low, mut high) = (low, high);
    for _ in 0..80 {
        let width = golden * (high - low);
        if of(high - width) <= of(low + width) {
            high = low + width;
        } else {
            low = high - width;
        }
    }
    0.5 * (low + high)
}

/// How a method with a velocity turns it into the next one and moves.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Momentum {
    /// `u ← −∇f(w) + β u; w ← w + η u` (Polyak 1964).
    HeavyBall,
    /// `u ← −∇f(w + β η u) + β u; w ← w + η u` (Nesterov 1983, in the form of Sutskever et al. 2013).
    Nesterov,
}

/// One step of a method with momentum.
pub fn momentum_step(
    kind: Momentum,
    (rate, decay): (f64, f64),
    (w, velocity): (&mut [f64], &mut [f64]),
    gradient: impl Fn(&[f64]) -> Vec<f64>,
) {
    let slope = match kind {
        Momentum::HeavyBall => gradient(w),
        Momentum::Nesterov => gradient(&moved(w, decay * rate, velocity)),
    };
    for ((w, u), slope) in w.iter_mut().zip(velocity).zip(slope) {
        *u = decay * *u - slope;
        *w += rate * *u;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::problem::vector::{inner, normals};
    use crate::random::Streams;

    #[test]
    fn gradients_are_those_of_the_losses() {
        let mut rng = Streams::new(1).stream("test", 0);
        let waves = Waves::log_spaced(0.5, 4.0, 5);
        let quadratic = Quadratic::log_spaced(0.5, 4.0, 5);
        let (w, direction) = (waves.point(&mut rng), normals(&mut rng, 5));
        let (ahead, behind) = (moved(&w, 1e-5, &direction), moved(&w, -1e-5, &direction));
        for (difference, gradient) in [
            (waves.loss(&ahead) - waves.loss(&behind), waves.gradient(&w)),
            (
                quadratic.loss(&ahead) - quadratic.loss(&behind),
                quadratic.gradient(&w),
            ),
        ] {
            assert!((difference / 2e-5 - inner(&gradient, &direction)).abs() < 1e-7);
        }
        assert_eq!(
            (
                waves.smoothness(),
                quadratic.sharpest(),
                quadratic.flattest()
            ),
            (4.0, 4.0, 0.5)
        );
        assert!(
            (waves.range() - (waves.loss(&[std::f64::consts::PI; 5]) - waves.loss(&[0.0; 5])))
                .abs()
                < 1e-14
        );
    }

    #[test]
    fn spacing_is_even_in_the_logarithms() {
        let spaced = log_spaced(0.1, 100.0, 4);
        for (found, expected) in spaced.iter().zip([0.1, 1.0, 10.0, 100.0]) {
            assert!((found / expected - 1.0f64).abs() < 1e-12);
        }
        assert_eq!(log_spaced(1.0, 7.0, 1), [7.0]);
    }

    #[test]
    fn searches_find_what_they_seek() {
        assert!((edge(0.0, 5.0, |x| x * x < 2.0) - 2f64.sqrt()).abs() < 1e-14);
        // A minimum is flat: half of the digits.
        assert!((lowest(-1.0, 5.0, |x| (x - 2.0).powi(2)) - 2.0).abs() < 1e-7);
        assert_eq!(first_without(|x| x * x < 50.0), 8.0);
        assert_eq!(first_without(|_| true), f64::INFINITY);
        let mut value = 1.0;
        let halve = || {
            value *= 0.5;
            value
        };
        assert_eq!(steps_until(0.1, 10, halve), Some(4));
        assert_eq!(steps_until(0.1, 3, || 1.0), None);
    }
}
