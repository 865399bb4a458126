//! Vectors as plain numbers: sums, products, lengths.

use crate::problem::draw;
use crate::random::StreamRng;

/// The inner product `aᵀb`.
pub fn inner(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// The square of the Euclidean norm.
pub fn square(vector: &[f64]) -> f64 {
    vector.iter().map(|number| number * number).sum()
}

/// The Euclidean norm.
pub fn norm(vector: &[f64]) -> f64 {
    square(vector).sqrt()
}

/// `sum ← sum + factor · vector`.
pub fn add(sum: &mut [f64], factor: f64, vector: &[f64]) {
    for (sum, number) in sum.iter_mut().zip(vector) {
        *sum += factor * number;
    }
}

/// `w + factor · direction`.
pub fn moved(w: &[f64], factor: f64, direction: &[f64]) -> Vec<f64> {
    w.iter()
        .zip(direction)
        .map(|(w, d)| w + factor * d)
        .collect()
}

/// The Euclidean distance between two points.
pub fn distance(a: &[f64], b: &[f64]) -> f64 {
    norm(&moved(a, -1.0, b))
}

/// Independent standard normal numbers.
pub fn normals(rng: &mut StreamRng, count: usize) -> Vec<f64> {
    (0..count).map(|_| draw::normal(rng)).collect()
}
