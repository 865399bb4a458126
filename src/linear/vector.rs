//! Vectors on the host.

use crate::random::StreamRng;
use rand::RngExt;
use rand_distr::{Distribution, StandardNormal};
use rayon::prelude::*;

/// How many partial sums [`dot`] keeps, so that the compiler can use vector instructions and the
/// rounding error grows with `n / LANES` rather than `n`.
const LANES: usize = 8;

/// Longer vectors are worked on in blocks of this length, on all cores. Fixed, so that sums do not depend
/// on the number of threads.
const BLOCK: usize = 1 << 15;

/// The inner product of two vectors of one length.
pub fn dot(left: &[f64], right: &[f64]) -> f64 {
    debug_assert_eq!(left.len(), right.len());
    if left.len() <= BLOCK {
        return dot_of_block(left, right);
    }
    let blocks = left.par_chunks(BLOCK).zip(right.par_chunks(BLOCK));
    let sums: Vec<f64> = blocks.map(|(a, b)| dot_of_block(a, b)).collect();
    sums.iter().sum()
}

/// The inner product of two vectors and the norm of the second one, in one pass.
pub(crate) fn dot_and_norm(left: &[f64], right: &[f64]) -> (f64, f64) {
    debug_assert_eq!(left.len(), right.len());
    let of_block = |(a, b): (&[f64], &[f64])| [dot_of_block(a, b), dot_of_block(b, b)];
    let blocks = left.par_chunks(BLOCK).zip(right.par_chunks(BLOCK));
    let sums: Vec<[f64; 2]> = blocks.map(of_block).collect();
    let sum = |which: usize| sums.iter().map(|sums| sums[which]).sum::<f64>();
    (sum(0), sum(1).sqrt())
}

fn dot_of_block(left: &[f64], right: &[f64]) -> f64 {
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

/// Whether every entry is.
pub(crate) fn is_finite(vector: &[f64]) -> bool {
    let of_block = |block: &[f64]| block.iter().all(|value| value.is_finite());
    if vector.len() <= BLOCK {
        return of_block(vector);
    }
    vector.par_chunks(BLOCK).all(of_block)
}

/// `target += factor · vector`.
pub(crate) fn axpy(factor: f64, vector: &[f64], target: &mut [f64]) {
    let of_block = |(target, vector): (&mut [f64], &[f64])| {
        for (target, value) in target.iter_mut().zip(vector) {
            *target += factor * value;
        }
    };
    if target.len() <= BLOCK {
        return of_block((target, vector));
    }
    let blocks = target.par_chunks_mut(BLOCK).zip(vector.par_chunks(BLOCK));
    blocks.for_each(of_block);
}

/// `target *= factor`.
pub(crate) fn scale(factor: f64, target: &mut [f64]) {
    let of_block = |block: &mut [f64]| {
        for value in block {
            *value *= factor;
        }
    };
    if target.len() <= BLOCK {
        return of_block(target);
    }
    target.par_chunks_mut(BLOCK).for_each(of_block);
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
    fn long_vectors_are_worked_on_in_blocks() {
        let length = 2 * BLOCK + 3;
        let ones = vec![1.0; length];
        let mut vector: Vec<f64> = (0..length).map(|i| (i % 5) as f64).collect();
        let sum: f64 = vector.iter().sum();
        assert_eq!(dot(&ones, &vector), sum);
        assert_eq!(dot_and_norm(&ones, &vector), (sum, norm(&vector)));
        axpy(2.0, &ones, &mut vector);
        scale(0.5, &mut vector);
        assert_eq!(dot(&ones, &vector), 0.5 * sum + length as f64);
        assert!(is_finite(&vector));
        vector[length - 1] = f64::NAN;
        assert!(!is_finite(&vector));
    }

    #[test]
    fn the_inner_product_counts_the_remainder_too() {
        let left: Vec<f64> = (1..=19).map(f64::from).collect();
        let right = vec![2.0; 19];
        assert_eq!(dot(&left, &right), 380.0);
        assert_eq!(norm(&[3.0, 4.0]), 5.0);
    }
}
