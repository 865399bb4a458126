//! Rebuilding the state of Burn's rules from saved tensors.
//!
//! Burn's own `state_unflatten` makes every tensor in the device's default type, f32, and so cannot
//! read back the state of an f64 run; these do.

use burn::optim::momentum::MomentumState;
use burn::optim::{
    Adam, AdamState, AdamW, AdamWState, AdaptiveMomentumState, Optimizer as Rule, Sgd, SgdState,
};
use burn::tensor::Tensor;

/// The saved parts of one block's state, by the names Burn's `state_flatten` gives them.
pub(super) trait Parts {
    /// A tensor of the state.
    fn tensor(&mut self, name: &str) -> Option<Tensor<1>>;
    /// A counter of the state.
    fn counter(&mut self, name: &str) -> Option<usize>;
}

/// A rule whose state can be rebuilt; `None` where nothing was saved.
pub(super) trait Restore: Rule {
    fn restore(parts: &mut dyn Parts) -> Option<Self::State<1>>;
}

impl Restore for Sgd {
    fn restore(parts: &mut dyn Parts) -> Option<SgdState<1>> {
        let velocity = parts.tensor("momentum.velocity")?;
        Some(SgdState::new(Some(MomentumState::new(velocity))))
    }
}

impl Restore for Adam {
    fn restore(parts: &mut dyn Parts) -> Option<AdamState<1>> {
        adaptive(parts).map(AdamState::new)
    }
}

impl Restore for AdamW {
    fn restore(parts: &mut dyn Parts) -> Option<AdamWState<1>> {
        adaptive(parts).map(AdamWState::new)
    }
}

fn adaptive(parts: &mut dyn Parts) -> Option<AdaptiveMomentumState<1>> {
    Some(AdaptiveMomentumState::new(
        parts.counter("momentum.time")?,
        parts.tensor("momentum.moment_1")?,
        parts.tensor("momentum.moment_2")?,
    ))
}
