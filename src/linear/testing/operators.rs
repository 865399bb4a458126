//! Matrices as operators, for tests.

use super::super::{LinearError, LinearOperator, Precision};

/// A dense symmetric matrix, row-major.
pub struct Dense {
    pub dimension: usize,
    pub entries: Vec<f64>,
}

impl Dense {
    pub fn diagonal(values: &[f64]) -> Self {
        let dimension = values.len();
        let mut entries = vec![0.0; dimension * dimension];
        for (i, value) in values.iter().enumerate() {
            entries[i * dimension + i] = *value;
        }
        Self { dimension, entries }
    }
}

/// A symmetric matrix with these eigenvalues whose eigenvectors are spread over all coordinates
/// (the basis of the discrete cosine transform).
pub fn rotated(eigenvalues: &[f64]) -> Dense {
    let n = eigenvalues.len();
    let q = |i: usize, m: usize| {
        let scale = if m == 0 { 1.0 } else { 2.0 };
        let angle = std::f64::consts::PI * (i as f64 + 0.5) * m as f64 / n as f64;
        (scale / n as f64).sqrt() * angle.cos()
    };
    let entries = (0..n * n)
        .map(|k| {
            (0..n)
                .map(|m| q(k / n, m) * eigenvalues[m] * q(k % n, m))
                .sum()
        })
        .collect();
    Dense {
        dimension: n,
        entries,
    }
}

impl LinearOperator for Dense {
    fn dimension(&self) -> usize {
        self.dimension
    }

    fn apply(&mut self, vector: &[f64]) -> Result<Vec<f64>, LinearError> {
        Ok(self
            .entries
            .chunks(self.dimension)
            .map(|row| row.iter().zip(vector).map(|(a, b)| a * b).sum())
            .collect())
    }
}

/// A dense symmetric matrix with products in f32, entries and sums included: symmetric up to rounding
/// only, as the products of a network are.
pub struct Single(Dense);

impl Single {
    /// The entries are rounded.
    pub fn of(matrix: &Dense) -> Self {
        Self(Dense {
            dimension: matrix.dimension,
            entries: matrix
                .entries
                .iter()
                .map(|&x| f64::from(x as f32))
                .collect(),
        })
    }
}

impl LinearOperator for Single {
    fn dimension(&self) -> usize {
        self.0.dimension
    }

    fn precision(&self) -> Precision {
        Precision::F32
    }

    fn apply(&mut self, vector: &[f64]) -> Result<Vec<f64>, LinearError> {
        const LANES: usize = 8;
        let dimension = self.0.dimension;
        let rounded: Vec<f32> = vector.iter().map(|&x| x as f32).collect();
        let rows = self.0.entries.chunks(dimension);
        let product = rows.map(|row| {
            let mut sums = [0.0f32; LANES];
            for (place, (a, b)) in row.iter().zip(&rounded).enumerate() {
                sums[place % LANES] += *a as f32 * b;
            }
            f64::from(sums.iter().sum::<f32>())
        });
        Ok(product.collect())
    }
}
