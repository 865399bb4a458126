//! Stochastic gradients: logistic regression with its examples, the three parabolas with their exact laws, and the
//! moments of linear recursions.

use crate::problem::draw;
use crate::problem::vector::{inner, moved};
use crate::random::StreamRng;
use rand::RngExt;

/// Logistic regression: examples `x` with labels ±1, and the loss `mean log(1 + exp(−y w·x))`.
#[derive(Clone, Debug, PartialEq)]
pub struct Logistic {
    /// The examples.
    pub examples: Vec<Vec<f64>>,
    /// Their labels, ±1.
    pub labels: Vec<f64>,
}

impl Logistic {
    /// Standard normal examples whose labels have the odds `exp(truth · x)`.
    pub fn drawn(rng: &mut StreamRng, truth: &[f64], count: usize) -> Self {
        let examples: Vec<Vec<f64>> = (0..count)
            .map(|_| truth.iter().map(|_| draw::normal(rng)).collect())
            .collect();
        let label = |x: &Vec<f64>| {
            let chance = 1.0 / (1.0 + (-inner(truth, x)).exp());
            if rng.random::<f64>() < chance {
                1.0
            } else {
                -1.0
            }
        };
        let labels = examples.iter().map(label).collect();
        Self { examples, labels }
    }

    /// The mean loss.
    pub fn loss(&self, w: &[f64]) -> f64 {
        let each = self.examples.iter().zip(&self.labels);
        let total: f64 = each.map(|(x, y)| softplus(-y * inner(w, x))).sum();
        total / self.labels.len() as f64
    }

    /// The share of examples on the wrong side.
    pub fn error(&self, w: &[f64]) -> f64 {
        let each = self.examples.iter().zip(&self.labels);
        each.filter(|(x, y)| *y * inner(w, x) <= 0.0).count() as f64 / self.labels.len() as f64
    }

    /// The gradient of one example's loss.
    pub fn gradient_of(&self, index: usize, w: &[f64]) -> Vec<f64> {
        let (x, y) = (&self.examples[index], self.labels[index]);
        let factor = -y / (1.0 + (y * inner(w, x)).exp());
        x.iter().map(|x| factor * x).collect()
    }

    /// The mean gradient of some examples.
    pub fn gradient_over(&self, batch: &[usize], w: &[f64]) -> Vec<f64> {
        let zero = vec![0.0; w.len()];
        let share = 1.0 / batch.len() as f64;
        batch.iter().fold(zero, |sum, index| {
            moved(&sum, share, &self.gradient_of(*index, w))
        })
    }

    /// The gradient of the mean loss.
    pub fn gradient(&self, w: &[f64]) -> Vec<f64> {
        let all: Vec<usize> = (0..self.labels.len()).collect();
        self.gradient_over(&all, w)
    }
}

fn softplus(z: f64) -> f64 {
    z.max(0.0) + (-z.abs()).exp().ln_1p()
}

/// So many indices below `all`, drawn with replacement.
pub fn with_replacement(rng: &mut StreamRng, all: usize, count: usize) -> Vec<usize> {
    (0..count).map(|_| rng.random_range(0..all)).collect()
}

/// So many different indices below `all`, at most all of them.
pub fn without_replacement(rng: &mut StreamRng, all: usize, count: usize) -> Vec<usize> {
    let mut indices: Vec<usize> = (0..all).collect();
    for place in 0..count.min(all) {
        let other = rng.random_range(place..all);
        indices.swap(place, other);
    }
    indices.truncate(count);
    indices
}

/// `E w²` after some steps of `w ← (1 − ηλ) w + η z` from a fixed start, with independent noise `z` of mean 0: the
/// recursion `E w² ← (1 − ηλ)² E w² + η² E z²`, solved.
pub fn second_moment(eigenvalue: f64, start: f64, (rate, variance): (f64, f64), steps: f64) -> f64 {
    let rest = rate * variance / (eigenvalue * (2.0 - rate * eigenvalue));
    let left = (1.0 - rate * eigenvalue).powi(2).powf(steps);
    rest + left * (start * start - rest)
}

/// The gradients at `x` of the three losses `(x − 3)²`, `(x + 3)²` and `x² + 9`, whose mean is `x² + 9`: what one step
/// of stochastic gradient descent draws from (Arora et al., Problem 12.2.4).
pub fn three_gradients(x: f64) -> [f64; 3] {
    [2.0 * (x - 3.0), 2.0 * (x + 3.0), 2.0 * x]
}

/// The variance of what [`three_gradients`] draws, at any point.
pub const THREE_VARIANCE: f64 = 24.0;

/// One gradient of the three, drawn.
pub fn one_of_three(rng: &mut StreamRng, x: f64) -> f64 {
    three_gradients(x)[rng.random_range(0..3)]
}

/// The first four cumulants of a number: mean, variance, and those of third and fourth order.
pub type Cumulants = [f64; 4];

/// Of `a x + b z` with independent `x` and `z`: a cumulant of order n is homogeneous of degree n, and those of a sum add.
pub fn combined(a: f64, x: &Cumulants, b: f64, z: &Cumulants) -> Cumulants {
    std::array::from_fn(|index| {
        let order = index as i32 + 1;
        a.powi(order) * x[index] + b.powi(order) * z[index]
    })
}

/// The moments E x, E x², E x³, E x⁴ that belong to cumulants.
pub fn moments(cumulants: &Cumulants) -> [f64; 4] {
    let [mean, variance, third, fourth] = *cumulants;
    let square = mean * mean;
    [
        mean,
        variance + square,
        third + 3.0 * variance * mean + square * mean,
        fourth
            + 4.0 * third * mean
            + 3.0 * variance * variance
            + 6.0 * variance * square
            + square * square,
    ]
}

/// The cumulants at time `t` of `dX = −pull · X dt + noise · dW` from a fixed start (Ornstein & Uhlenbeck 1930).
pub fn ornstein_uhlenbeck(start: f64, pull: f64, noise: f64, t: f64) -> Cumulants {
    let left = (-pull * t).exp();
    [
        start * left,
        noise * noise * (1.0 - left * left) / (2.0 * pull),
        0.0,
        0.0,
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::problem::vector::{distance, normals};
    use crate::random::Streams;

    #[test]
    fn the_gradient_of_logistic_regression_is_that_of_its_loss() {
        let mut rng = Streams::new(2).stream("test", 0);
        let problem = Logistic::drawn(&mut rng, &[1.0, -2.0, 0.5], 30);
        let (w, direction) = (normals(&mut rng, 3), normals(&mut rng, 3));
        let ahead = problem.loss(&moved(&w, 1e-5, &direction));
        let behind = problem.loss(&moved(&w, -1e-5, &direction));
        let slope = inner(&problem.gradient(&w), &direction);
        assert!(((ahead - behind) / 2e-5 - slope).abs() < 1e-8);
        let every = without_replacement(&mut rng, 30, 30);
        assert!(distance(&problem.gradient_over(&every, &w), &problem.gradient(&w)) < 1e-14);
        assert!(
            (softplus(1.5) - (1.0 + 1.5f64.exp()).ln()).abs() < 1e-15 && softplus(800.0) == 800.0
        );
    }

    #[test]
    fn the_second_moment_is_that_of_the_recursion() {
        let mut moment = 9.0;
        for _ in 0..7 {
            moment = (1.0 - 0.3 * 0.5f64).powi(2) * moment + 0.3 * 0.3 * 0.8;
        }
        assert!((second_moment(0.5, 3.0, (0.3, 0.8), 7.0) - moment).abs() < 1e-12);
    }

    #[test]
    fn moments_belong_to_cumulants() {
        // A fair coin of ±1 has the cumulants 0, 1, 0, −2; twice it plus one is 3 or −1.
        let coin = [0.0, 1.0, 0.0, -2.0];
        let found = moments(&combined(0.0, &[0.0; 4], 2.0, &coin));
        assert_eq!(found, [0.0, 4.0, 0.0, 16.0]);
        let shifted = moments(&combined(1.0, &[1.0, 0.0, 0.0, 0.0], 2.0, &coin));
        assert_eq!(shifted, [1.0, 5.0, 13.0, 41.0]);
    }

    #[test]
    fn the_three_parabolas_have_noise_of_one_variance_everywhere() {
        for x in [-4.0, 0.0, 1.5] {
            let gradients = three_gradients(x);
            let mean: f64 = gradients.iter().sum::<f64>() / 3.0;
            let variance = gradients.iter().map(|g| (g - mean).powi(2)).sum::<f64>() / 3.0;
            assert!((mean - 2.0 * x).abs() < 1e-14 && (variance - THREE_VARIANCE).abs() < 1e-13);
        }
    }

    #[test]
    fn the_stationary_law_of_the_process_is_its_limit() {
        // dX = −2 X dt + √(24 η) dW at η = 0.2 has the variance 6 η = 1.2.
        let far = ornstein_uhlenbeck(5.0, 2.0, (24.0f64 * 0.2).sqrt(), 50.0);
        assert!(far[0].abs() < 1e-14 && (far[1] - 1.2).abs() < 1e-14);
        assert_eq!(ornstein_uhlenbeck(5.0, 2.0, 1.0, 0.0), [5.0, 0.0, 0.0, 0.0]);
    }
}
