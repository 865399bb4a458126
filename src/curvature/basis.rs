//! An orthonormal basis, stored in the precision of the products it comes from.

use super::norm;
use crate::config::Precision;

/// Orthonormal vectors of one dimension. Inner products are summed in f64 either way; in f32 the
/// basis of `k` vectors of an `n`-parameter model takes `4·k·n` bytes.
#[derive(Debug)]
pub(super) enum Basis {
    F32(Store<f32>),
    F64(Store<f64>),
}

/// Vectors end to end.
#[derive(Debug)]
pub(super) struct Store<T> {
    dimension: usize,
    numbers: Vec<T>,
}

impl Basis {
    pub fn new(dimension: usize, precision: Precision) -> Self {
        match precision {
            Precision::F32 => Self::F32(Store::new(dimension)),
            Precision::F64 => Self::F64(Store::new(dimension)),
        }
    }

    pub fn len(&self) -> usize {
        match self {
            Self::F32(store) => store.vectors().len(),
            Self::F64(store) => store.vectors().len(),
        }
    }

    pub fn push(&mut self, vector: &[f64]) {
        match self {
            Self::F32(store) => store.numbers.extend(vector.iter().map(|&x| x as f32)),
            Self::F64(store) => store.numbers.extend(vector),
        }
    }

    /// The vector added last, as it is stored.
    pub fn newest(&self) -> Vec<f64> {
        match self {
            Self::F32(store) => store.newest(),
            Self::F64(store) => store.newest(),
        }
    }

    /// Removes the components along the basis; a second time where the first took off nearly
    /// everything, because what is left then is full of its rounding errors (Parlett, §6.9).
    pub fn orthogonalise(&self, vector: &mut [f64]) {
        let before = norm(vector);
        self.remove_components(vector);
        if norm(vector) < 0.1 * before {
            self.remove_components(vector);
        }
    }

    fn remove_components(&self, vector: &mut [f64]) {
        match self {
            Self::F32(store) => store.orthogonalise(vector),
            Self::F64(store) => store.orthogonalise(vector),
        }
    }

    /// The vector with these coordinates.
    pub fn combine(&self, coordinates: &[f64]) -> Vec<f64> {
        match self {
            Self::F32(store) => store.combine(coordinates),
            Self::F64(store) => store.combine(coordinates),
        }
    }
}

impl<T: Copy + Into<f64>> Store<T> {
    fn new(dimension: usize) -> Self {
        Self {
            dimension,
            numbers: Vec::new(),
        }
    }

    fn vectors(&self) -> std::slice::ChunksExact<'_, T> {
        self.numbers.chunks_exact(self.dimension)
    }

    fn newest(&self) -> Vec<f64> {
        let last = self.vectors().next_back().unwrap_or_default();
        last.iter().map(|&x| x.into()).collect()
    }

    fn orthogonalise(&self, vector: &mut [f64]) {
        for direction in self.vectors() {
            let component = lanes(direction, vector);
            for (target, &value) in vector.iter_mut().zip(direction) {
                *target -= component * value.into();
            }
        }
    }

    fn combine(&self, coordinates: &[f64]) -> Vec<f64> {
        let mut sum = vec![0.0; self.dimension];
        for (direction, &coordinate) in self.vectors().zip(coordinates) {
            for (target, &value) in sum.iter_mut().zip(direction) {
                *target += coordinate * value.into();
            }
        }
        sum
    }
}

/// The inner product of a stored vector and one in f64, in partial sums.
fn lanes<T: Copy + Into<f64>>(stored: &[T], vector: &[f64]) -> f64 {
    const LANES: usize = 8;
    let mut sums = [0.0; LANES];
    for (stored, vector) in stored.chunks(LANES).zip(vector.chunks(LANES)) {
        for ((sum, &a), b) in sums.iter_mut().zip(stored).zip(vector) {
            *sum += a.into() * b;
        }
    }
    sums.iter().sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_precisions_orthogonalise_and_combine() {
        for precision in [Precision::F32, Precision::F64] {
            let mut basis = Basis::new(3, precision);
            basis.push(&[1.0, 0.0, 0.0]);
            basis.push(&[0.0, 0.6, 0.8]);
            assert_eq!(basis.len(), 2);
            let mut vector = vec![5.0, 1.0, 7.0];
            basis.orthogonalise(&mut vector);
            assert!(vector[0].abs() < 1e-6);
            assert!((0.6 * vector[1] + 0.8 * vector[2]).abs() < 1e-6);
            let combined = basis.combine(&[2.0, 10.0]);
            assert!((combined[1] - 6.0).abs() < 1e-6 && combined[0] == 2.0);
        }
    }

    #[test]
    fn f32_takes_half_the_memory() {
        let mut basis = Basis::new(1000, Precision::F32);
        (0..3).for_each(|_| basis.push(&vec![0.5; 1000]));
        let Basis::F32(store) = &basis else {
            panic!("an f32 basis is stored in f32")
        };
        assert_eq!(std::mem::size_of_val(&store.numbers[..]), 4 * 3 * 1000);
    }
}
