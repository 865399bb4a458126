//! What a linear operator is, and operators made of others.

use super::{LinearError, Precision};

/// A symmetric linear map `ℝⁿ → ℝⁿ`.
pub trait LinearOperator {
    /// The dimension `n`.
    fn dimension(&self) -> usize;

    /// The precision of the products; vectors derived from them are stored in it.
    fn precision(&self) -> Precision {
        Precision::F64
    }

    /// Whether no eigenvalue can be negative.
    fn is_positive_semidefinite(&self) -> bool {
        false
    }

    /// The product with a vector of length `n`.
    ///
    /// # Errors
    ///
    /// [`LinearError`] where the product cannot be computed or is not finite.
    fn apply(&mut self, vector: &[f64]) -> Result<Vec<f64>, LinearError>;
}
