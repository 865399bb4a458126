//! Networks: each has one forward pass, over dual tensors, for training and curvature alike.

mod mlp;
mod symmetry;

pub use mlp::{Mlp, MlpShape};
pub use symmetry::{Freedom, Slab, Symmetry};

use crate::dual::Dual;
use crate::params::{DualParameters, Layout};
use crate::random::StreamRng;
use burn::tensor::Tensor;
use std::sync::Arc;

/// A family of functions of an input, indexed by a parameter vector.
pub trait Network: Send + Sync {
    /// The names and shapes of the parameters.
    fn layout(&self) -> &Arc<Layout>;

    /// Draws a starting point; the vector has the layout's order.
    fn initialise(&self, rng: &mut StreamRng) -> Vec<f64>;

    /// Maps inputs `[batch, features]` to outputs `[batch, outputs]`, carrying the tangent of the
    /// direction in `parameters`, if it has one.
    fn forward(&self, parameters: &DualParameters<'_>, inputs: Tensor<2>) -> Dual<2>;

    /// What can be changed in the parameters without changing the function.
    fn symmetries(&self) -> Vec<Symmetry>;
}
