//! An orthonormal basis, stored in the precision of the products it comes from.

use super::norm;
use crate::config::Precision;

/// Orthonormal vectors of one dimension. Inner products are summed in f64 either way; in f32 the
/// basis of `k` vectors of an `n`-parameter model takes `4·k·n` bytes.
#[derive(Clone, Debug)]
pub(super) enum Basis {
    F32(Store<f32>),
    F64(Store<f64>),
}

/// Vectors, each in an allocation of its own: one growing buffer would hold up to twice as much, and
/// three times as much while it moves.
#[derive(Clone, Debug)]
pub(super) struct Store<T> {
    vectors: Vec<Box<[T]>>,
}

impl Basis {
    pub fn new(precision: Precision) -> Self {
        match precision {
            Precision::F32 => Self::F32(Store::new()),
            Precision::F64 => Self::F64(Store::new()),
        }
    }

    /// The precision the vectors are stored in.
    pub fn precision(&self) -> Precision {
        match self {
            Self::F32(_) => Precision::F32,
            Self::F64(_) => Precision::F64,
        }
    }

    pub fn len(&self) -> usize {
        match self {
            Self::F32(store) => store.vectors.len(),
            Self::F64(store) => store.vectors.len(),
        }
    }

    pub fn push(&mut self, vector: &[f64]) {
        match self {
            Self::F32(store) => store
                .vectors
                .push(vector.iter().map(|&x| x as f32).collect()),
            Self::F64(store) => store.vectors.push(vector.into()),
        }
    }

    /// The bytes that the stored vectors take: `4·k·n` for `k` vectors of dimension `n` in f32.
    pub fn bytes(&self) -> usize {
        match self {
            Self::F32(store) => store.bytes(),
            Self::F64(store) => store.bytes(),
        }
    }

    /// The vector at `index`, as it is stored.
    pub fn vector(&self, index: usize) -> Vec<f64> {
        match self {
            Self::F32(store) => store.vector(index),
            Self::F64(store) => store.vector(index),
        }
    }

    /// The vector added last, as it is stored.
    pub fn newest(&self) -> Vec<f64> {
        self.vector(self.len() - 1)
    }

    /// Removes the components along the basis and returns them; a second time where the first took
    /// off nearly everything, because what is left then is full of its rounding errors (Parlett,
    /// §6.9).
    pub fn orthogonalise(&self, vector: &mut [f64]) -> Vec<f64> {
        let before = norm(vector);
        let mut components = self.remove_components(vector);
        if norm(vector) < 0.1 * before {
            let rest = self.remove_components(vector);
            super::vector::axpy(1.0, &rest, &mut components);
        }
        components
    }

    fn remove_components(&self, vector: &mut [f64]) -> Vec<f64> {
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
    fn new() -> Self {
        Self {
            vectors: Vec::new(),
        }
    }

    fn bytes(&self) -> usize {
        self.vectors
            .iter()
            .map(|vector| std::mem::size_of_val(&vector[..]))
            .sum()
    }

    fn vector(&self, index: usize) -> Vec<f64> {
        self.vectors[index].iter().map(|&x| x.into()).collect()
    }

    fn orthogonalise(&self, vector: &mut [f64]) -> Vec<f64> {
        self.vectors
            .iter()
            .map(|direction| {
                let component = lanes(direction, vector);
                for (target, &value) in vector.iter_mut().zip(direction) {
                    *target -= component * value.into();
                }
                component
            })
            .collect()
    }

    fn combine(&self, coordinates: &[f64]) -> Vec<f64> {
        let dimension = self.vectors.first().map_or(0, |vector| vector.len());
        let mut sum = vec![0.0; dimension];
        for (direction, &coordinate) in self.vectors.iter().zip(coordinates) {
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
            let mut basis = Basis::new(precision);
            basis.push(&[1.0, 0.0, 0.0]);
            basis.push(&[0.0, 0.6, 0.8]);
            assert_eq!(basis.len(), 2);
            let mut vector = vec![5.0, 1.0, 7.0];
            let components = basis.orthogonalise(&mut vector);
            assert!((components[0] - 5.0).abs() < 1e-6 && (components[1] - 6.2).abs() < 1e-6);
            assert!(vector[0].abs() < 1e-6);
            assert!((0.6 * vector[1] + 0.8 * vector[2]).abs() < 1e-6);
            let combined = basis.combine(&[2.0, 10.0]);
            assert!((combined[1] - 6.0).abs() < 1e-6 && combined[0] == 2.0);
        }
    }

    #[test]
    fn a_basis_takes_the_bytes_of_its_vectors_and_no_more() {
        for (precision, size) in [(Precision::F32, 4), (Precision::F64, 8)] {
            let mut basis = Basis::new(precision);
            (0..5).for_each(|_| basis.push(&vec![0.5; 1000]));
            assert_eq!(basis.bytes(), size * 5 * 1000);
        }
    }
}
