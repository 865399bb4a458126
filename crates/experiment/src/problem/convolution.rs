//! Linear networks of circular convolutions that are as wide as their input, in the Fourier domain, where they multiply
//! frequency by frequency; and discrete Fourier transforms by direct sums.

use super::draw;
use super::separable::{self, Points, angle};
use super::vector::inner;
use crate::experiment::ExperimentError;
use crate::problem::vector;
use crate::random::StreamRng;
use std::f64::consts::TAU;

/// A complex number for each frequency: real and imaginary parts.
#[derive(Clone, Debug, PartialEq)]
pub struct Spectrum {
    /// Real parts.
    pub real: Vec<f64>,
    /// Imaginary parts.
    pub imaginary: Vec<f64>,
}

impl Spectrum {
    /// Magnitudes.
    pub fn sizes(&self) -> Vec<f64> {
        self.real
            .iter()
            .zip(&self.imaginary)
            .map(|(a, b)| a.hypot(*b))
            .collect()
    }

    /// Times another, frequency by frequency; times its conjugate where `sign` is −1.
    fn times(&self, other: &Self, sign: f64) -> Self {
        let all = || {
            self.real
                .iter()
                .zip(&self.imaginary)
                .zip(other.real.iter().zip(&other.imaginary))
        };
        Self {
            real: all().map(|((a, b), (c, d))| a * c - sign * b * d).collect(),
            imaginary: all().map(|((a, b), (c, d))| b * c + sign * a * d).collect(),
        }
    }

    fn ones(size: usize) -> Self {
        Self {
            real: vec![1.0; size],
            imaginary: vec![0.0; size],
        }
    }

    /// All real parts, and after them all imaginary ones.
    pub fn numbers(&self) -> Vec<f64> {
        [self.real.as_slice(), &self.imaginary].concat()
    }

    /// The same with its magnitudes raised to a power above 0.
    pub fn with_power(&self, power: f64) -> Self {
        let factor = |size: f64| {
            if size > 0.0 {
                size.powf(power - 1.0)
            } else {
                0.0
            }
        };
        let factors: Vec<f64> = self.sizes().into_iter().map(factor).collect();
        let scaled = |part: &[f64]| {
            part.iter()
                .zip(&factors)
                .map(|(x, factor)| x * factor)
                .collect()
        };
        Self {
            real: scaled(&self.real),
            imaginary: scaled(&self.imaginary),
        }
    }
}

/// Discrete Fourier transforms of one size, `x̂ₖ = Σ xⱼ exp(−2πi jk/D)`, with its sines and cosines.
#[derive(Clone, Debug)]
pub struct Fourier {
    cosines: Vec<f64>,
    sines: Vec<f64>,
    size: usize,
}

impl Fourier {
    /// Of sequences with so many numbers.
    pub fn new(size: usize) -> Self {
        let phases: Vec<f64> = (0..size * size)
            .map(|place| TAU * ((place / size) * (place % size) % size) as f64 / size as f64)
            .collect();
        Self {
            cosines: phases.iter().map(|phase| phase.cos()).collect(),
            sines: phases.iter().map(|phase| phase.sin()).collect(),
            size,
        }
    }

    /// The transform of real numbers.
    pub fn of(&self, x: &[f64]) -> Spectrum {
        Spectrum {
            real: self
                .cosines
                .chunks_exact(self.size)
                .map(|row| inner(row, x))
                .collect(),
            imaginary: self
                .sines
                .chunks_exact(self.size)
                .map(|row| -inner(row, x))
                .collect(),
        }
    }

    /// The real numbers with this transform.
    pub fn back(&self, spectrum: &Spectrum) -> Vec<f64> {
        let rows = self
            .cosines
            .chunks_exact(self.size)
            .zip(self.sines.chunks_exact(self.size));
        let sum =
            |(cosines, sines)| inner(cosines, &spectrum.real) - inner(sines, &spectrum.imaginary);
        rows.map(|row| sum(row) / self.size as f64).collect()
    }
}

/// A network of L − 1 circular convolutions with weights as wide as the input, and a last linear layer: its predictor is
/// the convolution of all weights, so that β̂ = Π ŵₗ (Gunasekar, Lee, Soudry & Srebro 2018, "Implicit bias of gradient
/// descent on linear convolutional networks").
#[derive(Clone, Debug)]
pub struct Convolutions {
    layers: Vec<Spectrum>,
    fourier: Fourier,
}

/// The longest step, relative to the weights.
const TURN: f64 = 0.02;

impl Convolutions {
    /// Layers of independent normal weights with a standard deviation of `scale`.
    pub fn new(rng: &mut StreamRng, depth: usize, size: usize, scale: f64) -> Self {
        let fourier = Fourier::new(size);
        let mut layer = || {
            (0..size)
                .map(|_| scale * draw::normal(rng))
                .collect::<Vec<f64>>()
        };
        let layers = (0..depth).map(|_| fourier.of(&layer())).collect();
        Self { layers, fourier }
    }

    /// The transform of the predictor.
    pub fn spectrum(&self) -> Spectrum {
        self.layers
            .iter()
            .fold(Spectrum::ones(self.fourier.size), |product, layer| {
                product.times(layer, 1.0)
            })
    }

    /// The predictor.
    pub fn predictor(&self) -> Vec<f64> {
        self.fourier.back(&self.spectrum())
    }

    /// Of each point |x̂|²/D, as [`Self::descend`] needs it.
    pub fn powers(&self, points: &Points) -> Vec<Vec<f64>> {
        let of = |row: &[f64]| -> Vec<f64> {
            let sizes = self.fourier.of(row).sizes().into_iter();
            sizes
                .map(|size| size * size / self.fourier.size as f64)
                .collect()
        };
        points.rows().map(of).collect()
    }

    /// Gradient descent on the logarithm of a loss whose slope in the predictor is `−pull`. As the transform is a
    /// rotation up to a factor, the step of the transform is the transform of the step. Its size is 1 over the square
    /// of the largest slope of a margin, for which `powers` has [`Self::powers`] of the points; but no step is longer
    /// than a fiftieth of the weights.
    pub fn descend(&mut self, pull: &[f64], powers: &[Vec<f64>]) {
        let pull = self.fourier.of(pull);
        let mut before = vec![Spectrum::ones(self.fourier.size)];
        for layer in &self.layers {
            before.push(before[before.len() - 1].times(layer, 1.0));
        }
        let mut after = Spectrum::ones(self.fourier.size);
        let (mut slopes, mut squares) = (Vec::new(), vec![0.0; self.fourier.size]);
        for (layer, before) in self.layers.iter().zip(&before).rev() {
            let others = before.times(&after, 1.0);
            for (square, (a, b)) in squares
                .iter_mut()
                .zip(others.real.iter().zip(&others.imaginary))
            {
                *square += a * a + b * b;
            }
            slopes.push(pull.times(&others, -1.0));
            after = after.times(layer, 1.0);
        }
        let square = |all: &[Spectrum]| -> f64 {
            all.iter()
                .map(|one| inner(&one.real, &one.real) + inner(&one.imaginary, &one.imaginary))
                .sum()
        };
        let turn = TURN * (square(&self.layers) / square(&slopes)).sqrt();
        let steepest = powers
            .iter()
            .map(|power| inner(power, &squares))
            .fold(0.0, f64::max);
        let step = steepest.recip().min(turn);
        for (layer, slope) in self.layers.iter_mut().zip(slopes.iter().rev()) {
            vector::add(&mut layer.real, step, &slope.real);
            vector::add(&mut layer.imaginary, step, &slope.imaginary);
        }
    }
}

/// The margin of a predictor in the norm Σ|β̂ₖ|.
pub fn margin(fourier: &Fourier, points: &Points, w: &[f64]) -> f64 {
    points.least_margin(w) / fourier.of(w).sizes().iter().sum::<f64>()
}

/// A bound on that margin of all predictors, max |r̂ₖ|/D with r = Xᵀp, for any weights p ≥ 0 brought to Σp = 1: the dual
/// norm of r, as in [`super::separable::margin_bound`].
pub fn margin_bound(fourier: &Fourier, points: &Points, weights: &[f64]) -> f64 {
    let pull = fourier.of(&points.mix(weights)).sizes();
    pull.into_iter().fold(0.0, f64::max) / fourier.size as f64 / weights.iter().sum::<f64>()
}

/// The predictor of largest margin in the norm Σ|β̂ₖ|.
#[derive(Clone, Debug)]
pub struct LeastSizes {
    /// The predictor.
    pub w: Vec<f64>,
    /// Its margin.
    pub margin: f64,
    /// What no margin is above.
    pub bound: f64,
}

/// By hard margins in norms √Σ|β̂ₖ|²/sₖ, with sₖ = |β̂ₖ| of the one before: a fixed point of that has the least Σ|β̂ₖ|
/// (Daubechies, DeVore, Fornasier & Güntürk 2010, "Iteratively reweighted least squares minimization for sparse
/// recovery"). The multipliers of each prove a bound.
///
/// # Errors
///
/// [`ExperimentError`] where no predictor separates the points.
pub fn least_sizes(fourier: &Fourier, points: &Points) -> Result<LeastSizes, ExperimentError> {
    /// Where the margin and its bound are one.
    const CLOSE: f64 = 1e-4;
    let mut factors = vec![1.0; fourier.size];
    let mut best = LeastSizes {
        w: Vec::new(),
        margin: 0.0,
        bound: f64::INFINITY,
    };
    for _ in 0..400 {
        let scaled = |x: &[f64]| {
            let mut spectrum = fourier.of(x);
            for (k, factor) in factors.iter().enumerate() {
                spectrum.real[k] *= factor;
                spectrum.imaginary[k] *= factor;
            }
            fourier.back(&spectrum)
        };
        let rows: Vec<Vec<f64>> = points.rows().map(scaled).collect();
        let found = match separable::hard_margin(&Points::new(&rows)) {
            Ok(found) => found,
            // With frequencies all but gone the points may lie in too few directions; what was found stands.
            Err(_) if best.margin > 0.0 => break,
            Err(failure) => return Err(failure),
        };
        let w = scaled(&found.w);
        best.bound = best
            .bound
            .min(margin_bound(fourier, points, &found.multipliers));
        let reached = margin(fourier, points, &w);
        let sizes = fourier.of(&w).sizes();
        if reached > best.margin {
            (best.margin, best.w) = (reached, w);
        }
        if best.bound - best.margin < CLOSE * best.bound {
            break;
        }
        let largest = sizes.iter().copied().fold(0.0, f64::max);
        factors = sizes
            .iter()
            .map(|size| (size / largest).max(1e-8).sqrt())
            .collect();
    }
    Ok(best)
}

/// How far a predictor is from a critical point of Σ|β̂ₖ|^p such that `Xβ ≥ 1`, in degrees: the angle between β̂ and
/// r̂ |β̂|^(2−p), with r = Xᵀλ. Both have one direction where |β̂|^(p−2) β̂ is in proportion to r̂ at all frequencies that
/// are not zero.
pub fn distance_from_critical(fourier: &Fourier, w: &[f64], pull: &[f64], p: f64) -> f64 {
    let (spectrum, pull) = (fourier.of(w), fourier.of(pull));
    let sizes = spectrum.sizes();
    let scaled = |part: &[f64]| -> Vec<f64> {
        part.iter()
            .zip(&sizes)
            .map(|(x, size)| x * size.powf(2.0 - p))
            .collect()
    };
    let other = Spectrum {
        real: scaled(&pull.real),
        imaginary: scaled(&pull.imaginary),
    };
    angle(&spectrum.numbers(), &other.numbers())
}

/// How many frequencies a real sequence has, by the participation of their power: (Σ|x̂|²)²/Σ|x̂|⁴ over the
/// frequencies from 0 to D/2, of which all but the ends stand for two.
pub fn effective_frequencies(fourier: &Fourier, x: &[f64]) -> f64 {
    let sizes = fourier.of(x).sizes();
    let half = fourier.size / 2;
    let powers = sizes.iter().enumerate().take(half + 1).map(|(k, size)| {
        let is_single = k == 0 || 2 * k == fourier.size;
        size * size * if is_single { 1.0 } else { 2.0 }
    });
    let powers: Vec<f64> = powers.collect();
    powers.iter().sum::<f64>().powi(2) / inner(&powers, &powers)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Streams;

    #[test]
    fn a_transform_of_a_cosine_has_two_frequencies_and_goes_back() {
        let fourier = Fourier::new(8);
        let x: Vec<f64> = (0..8)
            .map(|j| (TAU * 3.0 * f64::from(j) / 8.0).cos())
            .collect();
        let sizes = fourier.of(&x).sizes();
        for (k, size) in sizes.iter().enumerate() {
            assert!((size - if k == 3 || k == 5 { 4.0 } else { 0.0 }).abs() < 1e-12);
        }
        for (found, expected) in fourier.back(&fourier.of(&x)).iter().zip(&x) {
            assert!((found - expected).abs() < 1e-14);
        }
        assert!((effective_frequencies(&fourier, &x) - 1.0).abs() < 1e-12);
    }

    #[test]
    fn the_predictor_is_what_the_layers_compute() {
        let network = Convolutions::new(&mut Streams::new(0).stream("test", 0), 3, 7, 1.0);
        let layers: Vec<Vec<f64>> = network
            .layers
            .iter()
            .map(|layer| network.fourier.back(layer))
            .collect();
        let x: Vec<f64> = (0..7).map(|j| (f64::from(j) * 1.3).sin()).collect();
        let mut hidden = x.clone();
        for w in &layers[..2] {
            hidden = (0..7)
                .map(|d| (0..7).map(|k| w[k] * hidden[(d + k) % 7]).sum())
                .collect();
        }
        assert!((inner(&layers[2], &hidden) - inner(&network.predictor(), &x)).abs() < 1e-12);
    }

    #[test]
    fn a_step_goes_along_the_gradient_in_the_weights() {
        let mut network = Convolutions::new(&mut Streams::new(1).stream("test", 0), 3, 5, 1.0);
        let pull = [0.3, -0.2, 0.5, 0.1, -0.7];
        let weights = |network: &Convolutions| -> Vec<f64> {
            network
                .layers
                .iter()
                .flat_map(|layer| network.fourier.back(layer))
                .collect()
        };
        let before = weights(&network);
        let fourier = network.fourier.clone();
        let value = |numbers: &[f64]| {
            let layers = numbers.chunks(5).map(|layer| fourier.of(layer)).collect();
            inner(
                &Convolutions {
                    layers,
                    fourier: fourier.clone(),
                }
                .predictor(),
                &pull,
            )
        };
        let slope: Vec<f64> = (0..before.len())
            .map(|index| {
                let [mut up, mut down] = [before.clone(), before.clone()];
                up[index] += 1e-6;
                down[index] -= 1e-6;
                value(&up) - value(&down)
            })
            .collect();
        let powers = network.powers(&Points::new(&[pull.to_vec()]));
        network.descend(&pull, &powers);
        let moved: Vec<f64> = weights(&network)
            .iter()
            .zip(&before)
            .map(|(a, b)| a - b)
            .collect();
        assert!(angle(&moved, &slope) < 1e-4);
    }

    #[test]
    fn a_single_point_has_its_critical_points_and_its_certificate() {
        // Of one point x the best predictor for p = 1 is any with the phases of x at its largest frequency.
        let fourier = Fourier::new(8);
        let wave =
            |k: f64, size: f64| (0..8).map(move |j| size * (TAU * k * f64::from(j) / 8.0).cos());
        let x: Vec<f64> = wave(1.0, 2.0)
            .zip(wave(2.0, 1.0))
            .map(|(a, b)| a + b)
            .collect();
        let points = Points::new(std::slice::from_ref(&x));
        let best: Vec<f64> = wave(1.0, 1.0).collect();
        let bound = margin_bound(&fourier, &points, &[1.0]);
        assert!((margin(&fourier, &points, &best) / bound - 1.0).abs() < 1e-12);
        assert!(margin(&fourier, &points, &x) / bound < 0.9);
        let found = least_sizes(&fourier, &points).unwrap();
        assert!(angle(&found.w, &best) < 0.1 && found.bound / found.margin < 1.001);
        assert!(distance_from_critical(&fourier, &best, &x, 0.4) < 1e-6);
        assert!(distance_from_critical(&fourier, &x, &x, 2.0) < 1e-6);
        assert!(distance_from_critical(&fourier, &x, &x, 1.0) > 5.0);
    }
}
