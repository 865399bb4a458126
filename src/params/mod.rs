//! A model's parameters as one vector made of named blocks.

mod blocks;
mod distance;
mod dual;
mod layout;
mod size;
mod state;
pub mod store;
#[cfg(test)]
pub(crate) mod tests;

pub use dual::DualParameters;
pub use layout::{Block, Layout};
pub use state::{Parts, SavedState};

use crate::backend::{Compute, read_onto};
use burn::tensor::Tensor;
use std::ops::{Add, Sub};
use std::sync::Arc;

/// The parameters of a model (or a vector of their shape) on a device.
///
/// Each block is kept flat; a model asks for it in its own shape. The concatenation of the blocks,
/// in the order of the layout, is the vector θ of the formulas.
#[derive(Clone, Debug)]
pub struct Parameters {
    layout: Arc<Layout>,
    tensors: Vec<Tensor<1>>,
}

impl Parameters {
    /// Puts a vector of `layout.len()` numbers on a device.
    pub fn from_host(layout: &Arc<Layout>, values: &[f64], compute: &Compute) -> Self {
        let tensors = layout
            .blocks()
            .iter()
            .map(|block| compute.tensor(&values[block.range()], [block.len()]))
            .collect();
        Self::from_tensors(layout, tensors)
    }

    /// Wraps one flat tensor per block.
    pub fn from_tensors(layout: &Arc<Layout>, tensors: Vec<Tensor<1>>) -> Self {
        debug_assert_eq!(layout.blocks().len(), tensors.len());
        Self {
            layout: layout.clone(),
            tensors,
        }
    }

    /// The names and shapes of the blocks.
    pub fn layout(&self) -> &Arc<Layout> {
        &self.layout
    }

    /// The flat tensors, one per block.
    pub fn tensors(&self) -> &[Tensor<1>] {
        &self.tensors
    }

    /// Reads the whole vector.
    ///
    /// # Errors
    ///
    /// The device's message where it cannot be read.
    pub fn to_host(&self) -> Result<Vec<f64>, String> {
        self.clone().into_host()
    }

    /// As [`Parameters::to_host`], without a copy on the way where nothing else holds the vector.
    ///
    /// # Errors
    ///
    /// As [`Parameters::to_host`].
    pub fn into_host(self) -> Result<Vec<f64>, String> {
        let mut values = Vec::with_capacity(self.layout.len());
        for tensor in self.tensors {
            read_onto(tensor, &mut values)?;
        }
        Ok(values)
    }

    /// The same values as leaves of a new reverse-mode graph.
    pub fn tracked(&self) -> Self {
        self.map(|tensor| tensor.autodiff().require_grad())
    }

    /// The same values as constants of a reverse-mode graph.
    pub fn untracked(&self) -> Self {
        self.map(Tensor::autodiff)
    }

    /// `self + factor · other`, element by element; nothing is computed for a factor of 0.
    pub fn plus_scaled(self, factor: f64, other: Self) -> Self {
        if factor == 0.0 {
            return self;
        }
        self.with(other, |left, right| left + right.mul_scalar(factor))
    }

    /// `factor · self`; nothing is computed for a factor of 1.
    pub fn scaled(self, factor: f64) -> Self {
        match factor {
            1.0 => self,
            factor => self.into_map(|tensor| tensor.mul_scalar(factor)),
        }
    }

    /// Every element plus a number.
    pub fn shifted(self, shift: f64) -> Self {
        self.into_map(|tensor| tensor.add_scalar(shift))
    }

    /// The square of every element.
    pub fn squared(self) -> Self {
        self.into_map(|tensor| tensor.clone() * tensor)
    }

    /// The root of every element.
    pub fn root(self) -> Self {
        self.into_map(|tensor| tensor.sqrt())
    }

    /// Element by element over another vector of the layout.
    pub fn quotient(self, other: Self) -> Self {
        self.with(other, |left, right| left / right)
    }

    fn into_map(self, map: impl Fn(Tensor<1>) -> Tensor<1>) -> Self {
        Self {
            layout: self.layout,
            tensors: self.tensors.into_iter().map(map).collect(),
        }
    }

    fn with(self, other: Self, of: impl Fn(Tensor<1>, Tensor<1>) -> Tensor<1>) -> Self {
        let pairs = self.tensors.into_iter().zip(other.tensors);
        Self {
            layout: self.layout,
            tensors: pairs.map(|(left, right)| of(left, right)).collect(),
        }
    }

    fn map(&self, map: impl Fn(Tensor<1>) -> Tensor<1>) -> Self {
        Self::from_tensors(
            &self.layout,
            self.tensors.iter().cloned().map(map).collect(),
        )
    }
}

impl Add for Parameters {
    type Output = Self;

    /// The sum of two vectors of one layout.
    fn add(self, other: Self) -> Self {
        self.with(other, |left, right| left + right)
    }
}

impl Sub for Parameters {
    type Output = Self;

    /// The difference of two vectors of one layout.
    fn sub(self, other: Self) -> Self {
        self.with(other, |left, right| left - right)
    }
}
