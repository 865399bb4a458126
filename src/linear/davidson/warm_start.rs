//! What one search leaves for the next.

use super::super::LinearError;
use super::super::basis::Basis;
use crate::linear::Precision;

/// Approximate eigenpairs of an operator that resembles the one to be searched: the leading ones of a
/// search a few training steps earlier, or of the same matrix over fewer samples.
///
/// It holds `len · n` numbers in the precision it was made with.
#[derive(Clone, Debug)]
pub struct WarmStart {
    values: Vec<f64>,
    vectors: Basis,
    /// Whether the vectors are known to be orthonormal to rounding.
    is_orthonormal: bool,
}

impl WarmStart {
    /// Wraps pairs of eigenvalue and eigenvector, largest value first. Where the vectors are not
    /// orthonormal to rounding, each search makes them so first.
    ///
    /// # Errors
    ///
    /// [`LinearError::WrongLength`] where the vectors differ in length, [`LinearError::NotFinite`]
    /// where a number is not finite.
    pub fn new(pairs: &[(f64, Vec<f64>)], precision: Precision) -> Result<Self, LinearError> {
        let expected = pairs.first().map_or(0, |(_, vector)| vector.len());
        let mut vectors = Basis::new(precision);
        for (value, vector) in pairs {
            if vector.len() != expected {
                let found = vector.len();
                return Err(LinearError::WrongLength { expected, found });
            }
            if !value.is_finite() || !vector.iter().all(|x| x.is_finite()) {
                return Err(LinearError::NotFinite);
            }
            vectors.push(vector);
        }
        let values = pairs.iter().map(|(value, _)| *value).collect();
        Ok(Self {
            values,
            is_orthonormal: vectors.is_orthonormal(),
            vectors,
        })
    }

    /// Wraps values with the vectors that a search ended with. They are looked at as any others are:
    /// what is lost of their orthogonality from search to search adds up, and a run that goes on from
    /// a checkpoint, which holds numbers only, must search as it would have.
    pub(super) fn from_basis(values: Vec<f64>, vectors: Basis) -> Self {
        Self {
            values,
            is_orthonormal: vectors.is_orthonormal(),
            vectors,
        }
    }

    /// The vectors, if they are known to be orthonormal.
    pub(super) fn orthonormal(&self) -> Option<&Basis> {
        self.is_orthonormal.then_some(&self.vectors)
    }

    /// How many pairs it holds.
    pub fn len(&self) -> usize {
        self.values.len()
    }

    /// Whether it holds none.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// The eigenvalues, largest first.
    pub fn values(&self) -> &[f64] {
        &self.values
    }

    /// The eigenvector at a place; of norm 1.
    pub fn vector(&self, index: usize) -> Vec<f64> {
        self.vectors.vector(index)
    }

    /// The bytes that the vectors take.
    pub fn bytes(&self) -> usize {
        self.vectors.bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_search_leaves_is_what_its_numbers_make() {
        for vectors in [[[0.6, 0.8], [-0.8, 0.6]], [[0.6, 0.8], [-0.8, 0.61]]] {
            let mut basis = Basis::new(Precision::F64);
            vectors.iter().for_each(|vector| basis.push(vector));
            let left = WarmStart::from_basis(vec![2.0, 1.0], basis);
            let pairs = [0, 1].map(|index| (left.values()[index], left.vector(index)));
            let read = WarmStart::new(&pairs, Precision::F64).unwrap();
            assert_eq!(left.orthonormal().is_some(), read.orthonormal().is_some());
        }
    }
}
