//! Parameters with the direction in which a forward pass differentiates.

use super::Parameters;
use crate::dual::Dual;

/// What a model's forward pass reads: parameters and, where a derivative is wanted, a direction.
#[derive(Clone, Copy, Debug)]
pub struct DualParameters<'a> {
    values: &'a Parameters,
    direction: Option<&'a Parameters>,
}

impl<'a> DualParameters<'a> {
    /// Parameters with no direction: a plain forward pass.
    pub fn plain(values: &'a Parameters) -> Self {
        Self {
            values,
            direction: None,
        }
    }

    /// Parameters with a direction `v`: the forward pass also carries `∂/∂t` at `θ + tv`.
    pub fn along(values: &'a Parameters, direction: &'a Parameters) -> Self {
        Self {
            values,
            direction: Some(direction),
        }
    }

    /// The block at `position` of the layout, in its own shape.
    ///
    /// # Panics
    ///
    /// If the block has not rank `D`, or there is none: a model's forward pass disagrees with its
    /// own layout.
    pub fn block<const D: usize>(&self, position: usize) -> Dual<D> {
        let block = &self.values.layout().blocks()[position];
        let shape: [usize; D] = block
            .shape
            .as_slice()
            .try_into()
            .expect("a model reads its blocks in the rank its layout gives them");
        Dual::new(
            self.values.tensors()[position].clone().reshape(shape),
            self.direction
                .map(|direction| direction.tensors()[position].clone().reshape(shape)),
        )
    }
}
