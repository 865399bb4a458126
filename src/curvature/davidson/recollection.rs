//! What one search leaves for the next.

use super::super::CurvatureError;
use super::super::basis::Basis;
use crate::config::Precision;

/// Approximate eigenpairs of an operator that resembles the one to be searched: the leading ones of a
/// search a few training steps earlier, or of the same matrix over fewer samples.
///
/// It holds `len · n` numbers in the precision it was made with.
#[derive(Clone, Debug)]
pub struct Recollection {
    values: Vec<f64>,
    vectors: Basis,
    /// Whether the vectors are known to be orthonormal to rounding.
    is_orthonormal: bool,
}

impl Recollection {
    /// Wraps pairs of eigenvalue and eigenvector, largest value first. Where the vectors are not
    /// orthonormal to rounding, each search makes them so first.
    ///
    /// # Errors
    ///
    /// [`CurvatureError::WrongLength`] where the vectors differ in length, [`CurvatureError::NotFinite`]
    /// where a number is not finite.
    pub fn new(pairs: &[(f64, Vec<f64>)], precision: Precision) -> Result<Self, CurvatureError> {
        let expected = pairs.first().map_or(0, |(_, vector)| vector.len());
        let mut vectors = Basis::new(precision);
        for (value, vector) in pairs {
            if vector.len() != expected {
                let found = vector.len();
                return Err(CurvatureError::WrongLength { expected, found });
            }
            if !value.is_finite() || !vector.iter().all(|x| x.is_finite()) {
                return Err(CurvatureError::NotFinite);
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

    /// Wraps values with orthonormal vectors.
    pub(super) fn from_basis(values: Vec<f64>, vectors: Basis) -> Self {
        Self {
            values,
            vectors,
            is_orthonormal: true,
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
