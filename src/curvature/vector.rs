//! Vectors on the host.

use crate::random::StreamRng;
use rand::RngExt;
use rand_distr::{Distribution, StandardNormal};

/// How many partial sums [`dot`] keeps, so that the compiler can use vector instructions and the
/// rounding error grows with `n / LANES` rather than `n`.
const LANES: usize = 8;

/// The inner product of two vectors of one length.
pub fn dot(left: &[f64], right: &[f64]) -> f64 {
    debug_assert_eq!(left.len(), right.len());
    let mut sums = [0.0; LANES];
    let (left_chunks, right_chunks) = (left.chunks_exact(LANES), right.chunks_exact(LANES));
    let rest: f64 = left_chunks
        .remainder()
        .iter()
        .zip(right_chunks.remainder())
        .map(|(a, b)| a * b)
        .sum();
    for (a, b) in left_chunks.zip(right_chunks) {
        for lane in 0..LANES {
            sums[lane] += a[lane] * b[lane];
        }
    }
    sums.iter().sum::<f64>() + rest
}

/// The Euclidean norm.
pub fn norm(vector: &[f64]) -> f64 {
    dot(vector, vector).sqrt()
}

/// `target += factor · vector`.
pub(crate) fn axpy(factor: f64, vector: &[f64], target: &mut [f64]) {
    for (target, value) in target.iter_mut().zip(vector) {
        *target += factor * value;
    }
}

/// `target *= factor`.
pub(crate) fn scale(factor: f64, target: &mut [f64]) {
    for value in target {
        *value *= factor;
    }
}

/// Independent standard normal numbers.
pub(crate) fn random_normal(dimension: usize, rng: &mut StreamRng) -> Vec<f64> {
    (0..dimension).map(|_| StandardNormal.sample(rng)).collect()
}

/// Independent random signs.
pub(crate) fn random_signs(dimension: usize, rng: &mut StreamRng) -> Vec<f64> {
    (0..dimension)
        .map(|_| if rng.random::<bool>() { 1.0 } else { -1.0 })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_inner_product_counts_the_remainder_too() {
        let left: Vec<f64> = (1..=19).map(f64::from).collect();
        let right = vec![2.0; 19];
        assert_eq!(dot(&left, &right), 380.0);
        assert_eq!(norm(&[3.0, 4.0]), 5.0);
    }
}
