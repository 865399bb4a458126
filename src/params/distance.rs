//! Distances between parameter vectors, on the device.

use super::Parameters;
use burn::tensor::Tensor;
use std::ops::Range;

impl Parameters {
    /// The squared Euclidean distance to another vector of the same layout, over the blocks that lie
    /// within a range of the whole vector; a tensor of one number.
    ///
    /// # Panics
    ///
    /// If no block lies in the range.
    pub fn squared_distance(&self, other: &Self, range: &Range<usize>) -> Tensor<1> {
        let blocks = self.layout.blocks().iter();
        blocks
            .zip(self.tensors.iter().zip(&other.tensors))
            .filter(|(block, _)| {
                range.start <= block.range().start && block.range().end <= range.end
            })
            .map(|(_, (left, right))| {
                let difference = left.clone() - right.clone();
                (difference.clone() * difference).sum()
            })
            .reduce(|sum, term| sum + term)
            .expect("a range of parameters is made of blocks")
    }
}

#[cfg(test)]
mod tests {
    use super::super::Layout;
    use super::*;
    use crate::backend::{Compute, Precision, read};
    use std::sync::Arc;

    #[test]
    fn distances_are_of_the_whole_or_of_blocks() {
        let layout = Arc::new(Layout::new([
            ("a".to_owned(), vec![2]),
            ("b".to_owned(), vec![1]),
        ]));
        let compute = Compute::cpu(Precision::F64);
        let at = |values: &[f64]| Parameters::from_host(&layout, values, &compute);
        let (left, right) = (at(&[1.0, 2.0, 3.0]), at(&[4.0, 6.0, 1.0]));
        let distance = |range| read(&left.squared_distance(&right, &range)).unwrap();
        assert_eq!(distance(0..3), [29.0]);
        assert_eq!(distance(0..2), [25.0]);
        assert_eq!(distance(2..3), [4.0]);
    }
}
