//! Networks: each has one forward pass, over dual tensors, for training and curvature alike.

mod blueprint;
mod known;
mod layer;
mod linear_map;
mod mlp;
mod pass;
mod resnet;
mod symmetry;
mod tokens;
mod transformer;
mod words;

pub use blueprint::{Blueprint, Builder, Start};
pub use known::{Allowance, KnownProducts};
pub use layer::Initialisation;
pub use linear_map::{LinearMap, LinearMapKind};
pub use mlp::{Mlp, MlpShape};
pub use pass::{Conditions, Dropout, Pass};
pub use resnet::{ResNet, ResNetShape};
pub use symmetry::{Freedom, Running, Slab, Symmetry};
pub use tokens::Tokens;
pub use transformer::{Transformer, TransformerShape};
pub use words::{
    Activation, DropoutMode, Init, LastNorm, NormMode, Normalisation, Pool, Shortcut, Stem,
};

use crate::dual::Dual;
use crate::params::Layout;
use burn::tensor::Tensor;
use std::sync::Arc;

/// A family of functions of an input, indexed by a parameter vector.
pub trait Network: Send + Sync {
    /// The parameters and running statistics, with their starting values.
    fn blueprint(&self) -> &Blueprint;

    /// Maps inputs `[batch, features]` to outputs `[batch · positions, outputs]`, with one position
    /// per sample unless something is predicted at each of several, carrying the tangent of the
    /// direction in the pass, if it has one. Calls [`Pass::tap`] after each hidden layer or block.
    fn forward(&self, pass: &mut Pass<'_>, inputs: Tensor<2>) -> Dual<2>;

    /// What can be changed in the parameters without changing the function.
    fn symmetries(&self) -> Vec<Symmetry>;

    /// The linear maps that it is made of, in the order of their weights in the layout; the last
    /// one makes the outputs.
    fn linear_maps(&self) -> Vec<LinearMap>;

    /// The nonlinearity that makes, number by number, what the pass is told of at each tap; none where
    /// something else does, such as a sum with a shortcut or a normalisation.
    fn hidden_activation(&self) -> Option<Activation> {
        None
    }

    /// The nonlinearity that makes, number by number, what the pass is told of by [`Pass::within`]; none where
    /// nothing is told.
    fn inner_activation(&self) -> Option<Activation> {
        None
    }

    /// The names and shapes of the parameters.
    fn layout(&self) -> &Arc<Layout> {
        self.blueprint().parameters()
    }

    /// How many samples to sweep at once where a whole data set is: enough for matrix products to
    /// be efficient, few enough to bound the memory of a Hessian-vector product.
    fn samples_per_chunk(&self) -> usize {
        512
    }

    /// How many samples a core of the processor takes at a time, where samples do not depend on each
    /// other: enough for matrix products to be efficient, few enough for what the layers hold to
    /// stay in its cache.
    fn samples_per_part(&self) -> usize {
        256
    }

    /// Whether inputs are numbers that outputs depend on smoothly, as pixels are and tokens are not.
    fn has_smooth_inputs(&self) -> bool {
        true
    }

    /// Whether outputs depend on how normalisation layers behave.
    fn has_statistics(&self) -> bool {
        !self.blueprint().statistics().is_empty()
    }
}
