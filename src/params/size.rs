//! Sizes of parameter vectors and of their entries, on the device.

use super::{Block, Parameters};
use burn::tensor::Tensor;

/// A norm below which a vector counts as zero: its square is still above 0 in f32.
const SMALLEST_NORM: f64 = 1e-18;

impl Parameters {
    /// The squared Euclidean norm, a tensor of one number.
    ///
    /// # Panics
    ///
    /// For a layout without blocks.
    pub fn squared_norm(&self) -> Tensor<1> {
        let squares = self.tensors.iter();
        squares
            .map(|tensor| (tensor.clone() * tensor.clone()).sum())
            .reduce(|sum, term| sum + term)
            .expect("a model has at least one block")
    }

    /// Every element times the number that a tensor of one holds.
    pub fn times(self, factor: &Tensor<1>) -> Self {
        self.into_map(|tensor| {
            let length = tensor.dims()[0];
            tensor * factor.clone().expand([length])
        })
    }

    /// The vector with norm 1; zero stays zero.
    pub fn normalised(self) -> Self {
        let square = self.squared_norm().clamp_min(SMALLEST_NORM * SMALLEST_NORM);
        self.times(&square.sqrt().recip())
    }

    /// Element by element times another vector of the layout.
    pub fn product(self, other: Self) -> Self {
        self.with(other, |left, right| left * right)
    }

    /// The sign of every element; 0 of 0.
    pub fn signs(self) -> Self {
        self.into_map(|tensor| tensor.sign())
    }

    /// The size of every element.
    pub fn sizes(&self) -> Self {
        self.map(|tensor| tensor.abs())
    }

    /// In the place of every element of a convolution's weights the Euclidean norm of its filter (all that makes
    /// one output channel), and of every other element its size.
    pub fn filter_sizes(&self) -> Self {
        let blocks = self.layout.blocks().iter().zip(&self.tensors);
        let tensors = blocks.map(|(block, tensor)| match filters(block) {
            Some(shape) => {
                let rows: Tensor<2> = tensor.clone().reshape(shape);
                let norms = (rows.clone() * rows).sum_dim(1).sqrt();
                norms.expand(shape).reshape([block.len()])
            }
            None => tensor.clone().abs(),
        });
        Self::from_tensors(&self.layout, tensors.collect())
    }

    /// Every element moved into `[−bound, bound]`.
    pub fn clamped(self, bound: f64) -> Self {
        self.into_map(|tensor| tensor.clamp(-bound, bound))
    }
}

/// How many filters a block has and how long each is, if it is the weights of a convolution:
/// `[outputs, inputs, height, width]`.
fn filters(block: &Block) -> Option<[usize; 2]> {
    match block.shape[..] {
        [outputs, inputs, height, width] => Some([outputs, inputs * height * width]),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::Layout;
    use super::*;
    use crate::backend::{Compute, Precision, read};
    use std::sync::Arc;

    fn vector() -> Parameters {
        let layout = Arc::new(Layout::new([
            ("conv.weight".to_owned(), vec![2, 1, 1, 2]),
            ("fc.bias".to_owned(), vec![2]),
        ]));
        let compute = Compute::cpu(Precision::F64);
        Parameters::from_host(&layout, &[3.0, -4.0, 0.0, 2.0, -1.0, 0.0], &compute)
    }

    fn host(vector: Parameters) -> Vec<f64> {
        vector.into_host().unwrap()
    }

    #[test]
    fn filters_have_one_size_and_other_elements_their_own() {
        assert_eq!(
            host(vector().filter_sizes()),
            [5.0, 5.0, 2.0, 2.0, 1.0, 0.0]
        );
        assert_eq!(host(vector().sizes()), [3.0, 4.0, 0.0, 2.0, 1.0, 0.0]);
    }

    #[test]
    fn a_vector_is_normalised_by_its_length_and_zero_stays_zero() {
        assert_eq!(read(&vector().squared_norm()).unwrap(), [30.0]);
        let unit = host(vector().normalised());
        assert!((unit[1] + 4.0 / 30f64.sqrt()).abs() < 1e-15, "{unit:?}");
        assert_eq!(host(vector().scaled(0.0).normalised()), [0.0; 6]);
    }

    #[test]
    fn signs_and_bounds_are_element_by_element() {
        assert_eq!(host(vector().signs()), [1.0, -1.0, 0.0, 1.0, -1.0, 0.0]);
        assert_eq!(
            host(vector().clamped(2.0)),
            [2.0, -2.0, 0.0, 2.0, -1.0, 0.0]
        );
    }
}
