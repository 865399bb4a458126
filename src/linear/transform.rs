//! Operators made of other operators.

use super::{LinearError, LinearOperator};
use crate::linear::Precision;
use std::ops::Range;

/// The diagonal block of an operator that belongs to some consecutive coordinates (a layer, a
/// parameter): `PᵀAP`.
pub struct Restricted<'a> {
    operator: &'a mut dyn LinearOperator,
    range: Range<usize>,
}

impl<'a> Restricted<'a> {
    /// Restricts to the coordinates of `range`.
    pub fn new(operator: &'a mut dyn LinearOperator, range: Range<usize>) -> Self {
        Self { operator, range }
    }
}

impl LinearOperator for Restricted<'_> {
    fn dimension(&self) -> usize {
        self.range.len()
    }

    fn precision(&self) -> Precision {
        self.operator.precision()
    }

    fn is_positive_semidefinite(&self) -> bool {
        self.operator.is_positive_semidefinite()
    }

    fn apply(&mut self, vector: &[f64]) -> Result<Vec<f64>, LinearError> {
        let mut whole = vec![0.0; self.operator.dimension()];
        whole[self.range.clone()].copy_from_slice(vector);
        let product = self.operator.apply(&whole)?;
        Ok(product[self.range.clone()].to_vec())
    }
}

/// `DAD` for a diagonal matrix `D`: with `D = diag|θ|`, the curvature per relative change of the
/// parameters, which a rescaling of ReLU units leaves alone.
pub struct Conjugated<'a> {
    operator: &'a mut dyn LinearOperator,
    diagonal: Vec<f64>,
}

impl<'a> Conjugated<'a> {
    /// Conjugates by the diagonal matrix with these entries.
    pub fn new(operator: &'a mut dyn LinearOperator, diagonal: Vec<f64>) -> Self {
        Self { operator, diagonal }
    }

    fn scaled(&self, vector: &[f64]) -> Vec<f64> {
        vector
            .iter()
            .zip(&self.diagonal)
            .map(|(value, factor)| value * factor)
            .collect()
    }
}

impl LinearOperator for Conjugated<'_> {
    fn dimension(&self) -> usize {
        self.operator.dimension()
    }

    fn precision(&self) -> Precision {
        self.operator.precision()
    }

    fn is_positive_semidefinite(&self) -> bool {
        self.operator.is_positive_semidefinite()
    }

    fn apply(&mut self, vector: &[f64]) -> Result<Vec<f64>, LinearError> {
        let product = self.operator.apply(&self.scaled(vector))?;
        Ok(self.scaled(&product))
    }
}

/// `A + cI`, the Hessian of the loss plus `½c‖θ‖²`, or `A + D` for a diagonal matrix `D`: plus a penalty on some parameters.
pub struct Shifted<'a> {
    operator: &'a mut dyn LinearOperator,
    shift: Shift,
}

enum Shift {
    /// The same in all directions.
    Uniform(f64),
    /// The entries of a diagonal matrix.
    Diagonal(Vec<f64>),
}

impl<'a> Shifted<'a> {
    /// Adds `shift` to every eigenvalue.
    pub fn new(operator: &'a mut dyn LinearOperator, shift: f64) -> Self {
        let shift = Shift::Uniform(shift);
        Self { operator, shift }
    }

    /// Adds the diagonal matrix with these entries.
    pub fn by_diagonal(operator: &'a mut dyn LinearOperator, entries: Vec<f64>) -> Self {
        let shift = Shift::Diagonal(entries);
        Self { operator, shift }
    }
}

impl LinearOperator for Shifted<'_> {
    fn dimension(&self) -> usize {
        self.operator.dimension()
    }

    fn precision(&self) -> Precision {
        self.operator.precision()
    }

    fn apply(&mut self, vector: &[f64]) -> Result<Vec<f64>, LinearError> {
        let mut product = self.operator.apply(vector)?;
        match &self.shift {
            Shift::Uniform(shift) => super::vector::axpy(*shift, vector, &mut product),
            Shift::Diagonal(entries) => {
                let terms = product.iter_mut().zip(vector).zip(entries);
                terms.for_each(|((sum, value), entry)| *sum += entry * value);
            }
        }
        Ok(product)
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::operators::Dense;
    use super::*;

    fn matrix() -> Dense {
        Dense {
            dimension: 3,
            entries: vec![1.0, 2.0, 3.0, 2.0, 4.0, 5.0, 3.0, 5.0, 6.0],
        }
    }

    #[test]
    fn a_restriction_is_a_diagonal_block() {
        let mut whole = matrix();
        let mut block = Restricted::new(&mut whole, 1..3);
        assert_eq!(block.dimension(), 2);
        assert_eq!(block.apply(&[1.0, 0.0]).unwrap(), [4.0, 5.0]);
    }

    #[test]
    fn conjugation_scales_rows_and_columns() {
        let mut whole = matrix();
        let mut scaled = Conjugated::new(&mut whole, vec![1.0, 10.0, 100.0]);
        assert_eq!(
            scaled.apply(&[0.0, 1.0, 0.0]).unwrap(),
            [20.0, 400.0, 5000.0]
        );
    }

    #[test]
    fn a_shift_adds_a_multiple_of_the_identity() {
        let mut whole = matrix();
        let mut shifted = Shifted::new(&mut whole, 0.5);
        assert_eq!(shifted.apply(&[0.0, 0.0, 1.0]).unwrap(), [3.0, 5.0, 6.5]);
        let mut whole = matrix();
        let mut sum = Shifted::by_diagonal(&mut whole, vec![9.0, 9.0, 0.5]);
        assert_eq!(sum.apply(&[0.0, 0.0, 1.0]).unwrap(), [3.0, 5.0, 6.5]);
    }
}
