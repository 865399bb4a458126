//! Random vectors and matrices.

use crate::random::StreamRng;
use faer::{Col, Mat};
use rand::RngExt;
use rand_distr::{Distribution, StandardNormal};

/// A standard normal number.
pub fn normal(rng: &mut StreamRng) -> f64 {
    StandardNormal.sample(rng)
}

/// Independent standard normal numbers.
pub fn normals(rng: &mut StreamRng, count: usize) -> Col<f64> {
    Col::from_fn(count, |_| normal(rng))
}

/// A matrix of independent standard normal numbers, drawn row by row.
pub fn gaussian(rng: &mut StreamRng, rows: usize, columns: usize) -> Mat<f64> {
    let numbers: Vec<f64> = (0..rows * columns).map(|_| normal(rng)).collect();
    Mat::from_fn(rows, columns, |row, column| numbers[row * columns + column])
}

/// +1 or −1 with equal chances.
pub fn sign(rng: &mut StreamRng) -> f64 {
    if rng.random::<bool>() { 1.0 } else { -1.0 }
}

/// A vector on the unit sphere, evenly distributed.
pub fn on_sphere(rng: &mut StreamRng, count: usize) -> Col<f64> {
    let vector = normals(rng, count);
    let norm = vector.norm_l2();
    Col::from_fn(count, |index| vector[index] / norm)
}

/// An orthogonal matrix, evenly distributed (Mezzadri 2007, "How to generate random matrices from the classical compact
/// groups").
pub fn orthogonal(rng: &mut StreamRng, size: usize) -> Mat<f64> {
    let qr = gaussian(rng, size, size).qr();
    let (q, r) = (qr.compute_Q(), qr.R());
    // The signs of the diagonal of R, which Gaussian matrices do not prefer.
    Mat::from_fn(size, size, |row, column| {
        q[(row, column)] * r[(column, column)].signum()
    })
}

/// A symmetric matrix with these eigenvalues and random eigenvectors.
pub fn symmetric(rng: &mut StreamRng, eigenvalues: &[f64]) -> Mat<f64> {
    let basis = orthogonal(rng, eigenvalues.len());
    let scaled = Mat::from_fn(basis.nrows(), basis.ncols(), |row, column| {
        basis[(row, column)] * eigenvalues[column]
    });
    scaled * basis.transpose()
}
