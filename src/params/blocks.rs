//! Arithmetic that treats blocks unlike each other, and numbers of a whole vector, on the device.

use super::Parameters;
use burn::tensor::Tensor;

impl Parameters {
    /// `self + factor · other` in the blocks of which `is_meant` says so, by their position; the others stay
    /// as they are.
    pub fn plus_scaled_in(
        self,
        is_meant: impl Fn(usize) -> bool,
        factor: f64,
        other: &Self,
    ) -> Self {
        if factor == 0.0 {
            return self;
        }
        let pairs = self.tensors.into_iter().zip(&other.tensors).enumerate();
        let sums = pairs.map(|(place, (left, right))| match is_meant(place) {
            true => left + right.clone().mul_scalar(factor),
            false => left,
        });
        Self {
            tensors: sums.collect(),
            layout: self.layout,
        }
    }

    /// The same with 0 in the blocks of which `is_meant` says so, by their position.
    pub fn without(self, is_meant: impl Fn(usize) -> bool) -> Self {
        let blocks = self.tensors.into_iter().enumerate();
        let tensors = blocks.map(|(place, tensor)| match is_meant(place) {
            true => tensor.zeros_like(),
            false => tensor,
        });
        Self {
            tensors: tensors.collect(),
            layout: self.layout,
        }
    }

    /// The same with the blocks of another vector where `is_meant` says so, by their position.
    pub fn with_blocks_of(self, is_meant: impl Fn(usize) -> bool, other: Self) -> Self {
        let pairs = self.tensors.into_iter().zip(other.tensors).enumerate();
        let tensors = pairs.map(|(place, (own, other))| match is_meant(place) {
            true => other,
            false => own,
        });
        Self {
            tensors: tensors.collect(),
            layout: self.layout,
        }
    }

    /// Every element, or a number where that is larger.
    pub fn at_least(self, least: f64) -> Self {
        self.into_map(|tensor| tensor.clamp_min(least))
    }

    /// The squared Euclidean norm over the blocks of which `is_meant` says so; a tensor of one number, none
    /// where there is no such block.
    pub fn squared_norm_in(&self, is_meant: impl Fn(usize) -> bool) -> Option<Tensor<1>> {
        let tensors = self.tensors.iter().enumerate();
        let squares = tensors
            .filter(|(place, _)| is_meant(*place))
            .map(|(_, tensor)| (tensor.clone() * tensor.clone()).sum());
        squares.reduce(|sum, term| sum + term)
    }

    /// The Euclidean norm; a tensor of one number. Elements are squared in units of the largest one, so that
    /// no square leaves the range of the device's numbers.
    ///
    /// # Panics
    ///
    /// If there is no block.
    pub fn norm(&self) -> Tensor<1> {
        let largest = self.tensors.iter().map(|tensor| tensor.clone().abs().max());
        let largest = largest
            .reduce(|left, right| left.max_pair(right))
            .expect("a vector of parameters has blocks");
        let unit = largest.clamp_min(f64::from(f32::MIN_POSITIVE));
        let scaled = self.clone().times(&unit.clone().recip());
        let square = scaled
            .squared_norm_in(|_| true)
            .expect("a vector of parameters has blocks");
        square.sqrt() * unit
    }
}

#[cfg(test)]
mod tests {
    use super::super::Layout;
    use super::*;
    use crate::backend::{Compute, Precision, read};
    use std::sync::Arc;

    fn vectors(precision: Precision) -> [Parameters; 2] {
        let layout = Arc::new(Layout::new([
            ("a".to_owned(), vec![2]),
            ("b".to_owned(), vec![1]),
        ]));
        let compute = Compute::cpu(precision);
        [[3.0, -4.0, 0.0], [1.0, 2.0, 3.0]]
            .map(|values| Parameters::from_host(&layout, &values, &compute))
    }

    #[test]
    fn blocks_that_are_not_meant_stay_as_they_are() {
        let [left, right] = vectors(Precision::F64);
        let host = |vector: Parameters| vector.to_host().unwrap();
        let sum = left.clone().plus_scaled_in(|place| place == 1, 2.0, &right);
        assert_eq!(host(sum), [3.0, -4.0, 6.0]);
        assert_eq!(host(left.clone().signs()), [1.0, -1.0, 0.0]);
        assert_eq!(host(left.clone().at_least(-1.0)), [3.0, -1.0, 0.0]);
        let first = left.clone().without(|place| place == 1);
        assert_eq!(host(first), [3.0, -4.0, 0.0]);
        let second = left.clone().without(|place| place == 0);
        assert_eq!(host(second), [0.0; 3]);
        let mixed = left
            .clone()
            .with_blocks_of(|place| place == 1, right.clone());
        assert_eq!(host(mixed), [3.0, -4.0, 3.0]);
        let square = right.squared_norm_in(|place| place == 0).unwrap();
        assert_eq!(read(&square).unwrap(), [5.0]);
        assert!(right.squared_norm_in(|_| false).is_none());
        assert_eq!(host(right.times(&square)), [5.0, 10.0, 15.0]);
    }

    #[test]
    fn a_norm_whose_squares_are_out_of_range_is_found() {
        for factor in [1.0, 1e-30, 1e30, 0.0] {
            let [left, _] = vectors(Precision::F32);
            let norm = read(&left.scaled(factor).norm()).unwrap()[0];
            assert!((norm - 5.0 * factor).abs() <= 1e-6 * 5.0 * factor, "{norm}");
        }
    }
}
