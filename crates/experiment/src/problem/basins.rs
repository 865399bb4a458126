//! One-dimensional losses with basins of different widths.

use crate::problem::draw;
use crate::random::StreamRng;

/// The smooth lower envelope of two parabolas, `−(1/k)·log(e^{−k·l₁} + e^{−k·l₂})`: two basins of different curvature.
#[derive(Clone, Copy, Debug)]
pub struct TwoBasins {
    /// The place of the flat minimum, its curvature and its depth.
    pub flat: Basin,
    /// The same of the sharp one.
    pub sharp: Basin,
    /// k: the larger, the closer to the lower one of the two.
    pub hardness: f64,
    /// Where between the two minima the parabolas cross, close to where the loss is highest.
    pub crest: f64,
}

/// A parabola.
#[derive(Clone, Copy, Debug)]
pub struct Basin {
    /// The place of its minimum.
    pub centre: f64,
    /// Its second derivative.
    pub curvature: f64,
    /// Its least value.
    pub floor: f64,
}

impl Basin {
    fn value(&self, x: f64) -> f64 {
        self.floor + self.curvature * (x - self.centre).powi(2) / 2.0
    }

    fn slope(&self, x: f64) -> f64 {
        self.curvature * (x - self.centre)
    }
}

impl TwoBasins {
    /// Of a flat basin, and of a sharp one to its right.
    pub fn new(flat: Basin, sharp: Basin, hardness: f64) -> Self {
        let mut basins = Self {
            flat,
            sharp,
            hardness,
            crest: f64::NAN,
        };
        // The loss rises to the right of the flat minimum and falls to the left of the sharp one.
        let (mut low, mut high) = (flat.centre, sharp.centre);
        for _ in 0..100 {
            let middle = (low + high) / 2.0;
            if basins.flat.value(middle) < basins.sharp.value(middle) {
                low = middle
            } else {
                high = middle
            }
        }
        basins.crest = low;
        basins
    }

    /// The loss.
    pub fn value(&self, x: f64) -> f64 {
        let (flat, sharp) = (self.flat.value(x), self.sharp.value(x));
        let least = flat.min(sharp);
        let sum =
            (-self.hardness * (flat - least)).exp() + (-self.hardness * (sharp - least)).exp();
        least - sum.ln() / self.hardness
    }

    /// The derivative of the loss.
    pub fn slope(&self, x: f64) -> f64 {
        let share = self.share_of_flat(x);
        share * self.flat.slope(x) + (1.0 - share) * self.sharp.slope(x)
    }

    /// Whether a point belongs to the sharp basin: whether it lies beyond the crest, where the two parabolas cross.
    pub fn is_sharp(&self, x: f64) -> bool {
        x > self.crest
    }

    /// The highest loss between the two minima.
    pub fn barrier(&self) -> f64 {
        let between = |index: i32| {
            let share = f64::from(index) / 10_000.0;
            self.value(self.flat.centre + share * (self.sharp.centre - self.flat.centre))
        };
        (0..=10_000).map(between).fold(f64::NEG_INFINITY, f64::max)
    }

    /// The share of the law `∝ e^{−loss/T}` that lies in the flat basin, by the trapezoidal rule over a range.
    pub fn share_in_flat(&self, temperature: f64, range: [f64; 2]) -> f64 {
        const CELLS: u32 = 200_000;
        let [mut flat, mut all] = [0.0; 2];
        for index in 0..=CELLS {
            let x = range[0] + (range[1] - range[0]) * f64::from(index) / f64::from(CELLS);
            let weight = (-self.value(x) / temperature).exp();
            all += weight;
            flat += if self.is_sharp(x) { 0.0 } else { weight };
        }
        flat / all
    }

    /// One step of Langevin's dynamics: `x ← x − a·loss′(x) + √(2aT)·z` with a standard normal `z`.
    pub fn langevin(&self, x: f64, step: f64, temperature: f64, rng: &mut StreamRng) -> f64 {
        x - step * self.slope(x) + (2.0 * step * temperature).sqrt() * draw::normal(rng)
    }

    fn share_of_flat(&self, x: f64) -> f64 {
        1.0 / (1.0 + (self.hardness * (self.flat.value(x) - self.sharp.value(x))).exp())
    }
}

/// The share of the flat one of two equally deep parabolas in `e^{−loss/T}` where they do not touch: the widths of the
/// two normal laws are as the inverse roots of the curvatures.
pub fn share_of_widths(flat: f64, sharp: f64) -> f64 {
    sharp.sqrt() / (sharp.sqrt() + flat.sqrt())
}

/// The variance at which `x ← x − a(λx + z)` stays, with normal `z` of a variance: `a·s²/(λ(2 − aλ))`.
pub fn stationary_variance(step: f64, curvature: f64, noise: f64) -> f64 {
    step * noise / (curvature * (2.0 - step * curvature))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn basins() -> TwoBasins {
        let flat = Basin {
            centre: -1.0,
            curvature: 0.5,
            floor: 0.0,
        };
        let sharp = Basin {
            centre: 0.5,
            curvature: 20.0,
            floor: 0.0,
        };
        TwoBasins::new(flat, sharp, 20.0)
    }

    #[test]
    fn the_slope_is_the_difference_of_values() {
        for x in [-2.0, -0.5, 0.3, 0.5, 0.9] {
            let slope = (basins().value(x + 1e-6) - basins().value(x - 1e-6)) / 2e-6;
            assert!((slope - basins().slope(x)).abs() < 1e-6, "{x}");
        }
    }

    #[test]
    fn barrier_and_shares_are_the_golden_ones() {
        assert!(
            (basins().barrier() - 0.40).abs() < 0.01,
            "{}",
            basins().barrier()
        );
        let range = [-8.0, 8.0];
        for (temperature, golden) in [(0.1, 0.863), (0.2, 0.860), (0.3, 0.853)] {
            let share = basins().share_in_flat(temperature, range);
            assert!((share - golden).abs() < 0.004, "{temperature}: {share}");
        }
        assert!((share_of_widths(0.5, 20.0) - 0.8635).abs() < 1e-4);
    }

    #[test]
    fn stationary_variances_are_the_golden_ones() {
        for (curvature, golden) in [(0.1, 0.25126), (1.0, 0.02632), (10.0, 0.0050)] {
            assert!((stationary_variance(0.1, curvature, 0.5) - golden).abs() < 5e-6);
        }
    }
}
