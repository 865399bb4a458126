//! Weight decay: how strong, and of which parameters.

use crate::config::{DecayExclusion, Optimizer};
use crate::params::{Block, Layout, Parameters};
use burn::tensor::Tensor;

/// `½λ‖θ‖²` over the blocks that decay.
#[derive(Clone)]
pub(super) struct Decay {
    strength: f64,
    /// Whether each block decays.
    decays: Vec<bool>,
}

impl Decay {
    /// The decay of a config in a model with these blocks.
    pub fn new(config: &Optimizer, layout: &Layout) -> Self {
        let excluded = &config.weight_decay_excludes;
        let decays = layout.blocks().iter().map(|block| {
            let mut excluded = excluded.iter();
            !excluded.any(|&kind| is_of_kind(kind, block, layout))
        });
        Self {
            strength: config.weight_decay,
            decays: decays.collect(),
        }
    }

    /// Whether the block at a place decays.
    pub fn acts_on(&self, place: usize) -> bool {
        self.decays[place]
    }

    /// The gradient with that of the penalty, `λθ`.
    pub fn penalised(&self, gradient: Parameters, parameters: &Parameters) -> Parameters {
        gradient.plus_scaled_in(|place| self.decays[place], self.strength, parameters)
    }

    /// The parameters without `share · λ` of themselves (Loshchilov & Hutter 2019, algorithm 2).
    pub fn shrunk(&self, parameters: Parameters, share: f64) -> Parameters {
        let own = parameters.clone();
        parameters.plus_scaled_in(|place| self.decays[place], -share * self.strength, &own)
    }

    /// The loss with the penalty, `½λ‖θ‖²`.
    pub fn penalised_loss(&self, loss: Tensor<1>, parameters: &Parameters) -> Tensor<1> {
        match parameters.squared_norm_in(|place| self.decays[place]) {
            Some(square) if self.strength > 0.0 => loss + square.mul_scalar(0.5 * self.strength),
            _ => loss,
        }
    }
}

/// Whether a block is of a kind of parameters, by the conventions of PyTorch's names: what is added ends in
/// `bias`; only the weights of normalisation layers have one dimension, and their biases stand beside them.
fn is_of_kind(kind: DecayExclusion, block: &Block, layout: &Layout) -> bool {
    let is_scale = |block: &Block| block.name.ends_with(".weight") && block.shape.len() == 1;
    match kind {
        DecayExclusion::Biases => block.name.ends_with("bias"),
        DecayExclusion::Norms => match block.name.strip_suffix(".bias") {
            None => is_scale(block),
            Some(layer) => {
                let scale = layout.position(&format!("{layer}.weight"));
                scale.is_some_and(|place| is_scale(&layout.blocks()[place]))
            }
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backend::{Compute, Precision};
    use crate::config::DecayExclusion::{Biases, Norms};
    use crate::model::{Activation, Init, Normalisation, Pool};
    use crate::objective::tests::tiny::Tiny;

    /// The blocks that are left alone.
    fn spared(tiny: &Tiny, excluded: &[DecayExclusion]) -> Vec<String> {
        let layout = tiny.objective.network().layout();
        let blocks = layout.blocks().iter();
        let is_spared = |block: &&Block| {
            let mut excluded = excluded.iter();
            excluded.any(|&kind| is_of_kind(kind, block, layout))
        };
        blocks
            .filter(is_spared)
            .map(|block| block.name.clone())
            .collect()
    }

    #[test]
    fn biases_and_norms_are_found_in_every_network() {
        let compute = Compute::cpu(Precision::F64);
        let mlp = Tiny::mlp(Activation::Relu, Normalisation::Batch, Init::He, &compute);
        let weights = |tiny: &Tiny, excluded: &[DecayExclusion]| {
            let spared = spared(tiny, excluded);
            let blocks = tiny.objective.network().layout().blocks();
            let decaying = blocks.iter().filter(|block| !spared.contains(&block.name));
            decaying.map(|block| block.shape.len()).collect::<Vec<_>>()
        };
        assert_eq!(spared(&mlp, &[]), Vec::<String>::new());
        assert_eq!(
            spared(&mlp, &[Norms]),
            [
                "norms.0.weight",
                "norms.0.bias",
                "norms.1.weight",
                "norms.1.bias"
            ]
        );
        let biases = spared(&mlp, &[Biases]);
        assert!(biases.contains(&"layers.0.bias".to_owned()));
        assert!(biases.contains(&"norms.0.bias".to_owned()));
        for tiny in [
            mlp,
            Tiny::resnet(Activation::Relu, Normalisation::Group, &compute),
            Tiny::transformer(1, Pool::Class, Activation::Gelu, 0.0, &compute),
        ] {
            // What is left is matrices, kernels and tables.
            let left = weights(&tiny, &[Norms, Biases]);
            assert!(!left.is_empty() && left.iter().all(|&rank| rank > 1));
        }
        let transformer = Tiny::transformer(1, Pool::Class, Activation::Gelu, 0.0, &compute);
        let biases = spared(&transformer, &[Biases]);
        let stacked = "encoder.layers.0.self_attn.in_proj_bias".to_owned();
        assert!(biases.contains(&stacked));
    }
}
