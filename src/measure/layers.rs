//! The layers of a network: its linear maps with the blocks of their weights.

use super::failure::Failure;
use crate::model::{LinearMapKind, Network};
use crate::params::Block;

/// A linear map of a network, with its blocks.
#[derive(Clone, Copy, Debug)]
pub(super) struct Layer<'a> {
    /// The weights; the map's matrix is `factor` times what they make.
    pub weight: &'a Block,
    /// What is added to every output.
    pub bias: Option<&'a Block>,
    /// What the forward pass multiplies the weights by.
    pub factor: f64,
    /// How the weights act.
    pub kind: LinearMapKind,
}

impl Layer<'_> {
    /// Numbers, or channels, that go in per sample.
    pub fn inputs(&self) -> usize {
        self.weight.shape[1]
    }

    /// Numbers, or channels, that come out per sample.
    pub fn outputs(&self) -> usize {
        self.weight.shape[0]
    }
}

/// All layers of a network.
pub(super) fn layers(network: &dyn Network) -> Vec<Layer<'_>> {
    let blocks = network.layout().blocks();
    let maps = network.linear_maps().into_iter();
    maps.map(|map| Layer {
        weight: &blocks[map.weight],
        bias: map.bias.map(|bias| &blocks[bias]),
        factor: map.factor,
        kind: map.kind,
    })
    .collect()
}

/// The layers whose weights lie within `part`, a block or a layer of the layout; all of them if
/// none is given.
///
/// # Errors
///
/// Where there is none.
pub(super) fn layers_within<'a>(
    network: &'a dyn Network,
    part: Option<&str>,
) -> Result<Vec<Layer<'a>>, Failure> {
    let layout = network.layout();
    let range = match part {
        Some(name) => layout.range(name).unwrap_or(0..0),
        None => 0..layout.len(),
    };
    let mut layers = layers(network);
    layers.retain(|layer| {
        let weight = layer.weight.range();
        range.start <= weight.start && weight.end <= range.end
    });
    if layers.is_empty() {
        return Err(Failure::not_defined("there is no weight matrix in it"));
    }
    Ok(layers)
}

/// The layers of a network that is nothing but fully connected layers, each feeding the next one.
///
/// # Errors
///
/// The first block that does not fit, where the network is made of anything else.
pub(super) fn dense_stack(network: &dyn Network) -> Result<Vec<Layer<'_>>, Failure> {
    let layers = layers_within(network, None)?;
    let is_of = |layer: &Layer<'_>, block: &Block| {
        layer.kind == LinearMapKind::Dense && (layer.weight == block || layer.bias == Some(block))
    };
    let mut blocks = network.layout().blocks().iter();
    let other = blocks.find(|block| !layers.iter().any(|layer| is_of(layer, block)));
    let is_broken = |pair: &&[Layer<'_>]| pair[0].outputs() != pair[1].inputs();
    let unfed = layers.windows(2).find(is_broken).map(|pair| pair[1].weight);
    match other.or(unfed) {
        Some(block) => Err(Failure::not_defined(format!(
            "it is defined for a stack of fully connected layers, which `{}` does not belong to",
            block.name
        ))),
        None => Ok(layers),
    }
}

/// The fully connected layer that a network ends with.
///
/// # Errors
///
/// Where it ends with anything else.
pub(super) fn output_layer(network: &dyn Network) -> Result<Layer<'_>, Failure> {
    let last = layers(network).into_iter().next_back();
    last.filter(|layer| layer.kind == LinearMapKind::Dense)
        .ok_or_else(|| {
            Failure::not_defined("the network does not end with a fully connected layer")
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backend::{Compute, Precision};
    use crate::model::{Activation, Init, Normalisation, Pool};
    use crate::objective::tests::tiny::Tiny;

    fn cpu() -> Compute {
        Compute::cpu(Precision::F64)
    }

    fn names<'a>(layers: &[Layer<'a>]) -> Vec<&'a str> {
        layers
            .iter()
            .map(|layer| layer.weight.name.as_str())
            .collect()
    }

    #[test]
    fn a_plain_perceptron_is_a_stack_with_the_factor_of_its_weights() {
        for (init, factor) in [(Init::He, 1.0), (Init::Ntk, (2.0f64 / 5.0).sqrt())] {
            let tiny = Tiny::mlp(Activation::Tanh, Normalisation::None, init, &cpu());
            let network = tiny.objective.network();
            let stack = dense_stack(network).unwrap();
            let weights = ["layers.0.weight", "layers.1.weight", "layers.2.weight"];
            assert_eq!(names(&stack), weights);
            assert_eq!((stack[0].inputs(), stack[2].outputs()), (5, 3));
            assert_eq!(stack[0].factor, factor);
            assert_eq!(stack[0].bias.unwrap().name, "layers.0.bias");
            assert_eq!(output_layer(network).unwrap().weight, stack[2].weight);
            let within = |part| layers_within(network, Some(part));
            assert_eq!(names(&within("layers.1").unwrap()), ["layers.1.weight"]);
            assert!(within("layers.1.bias").is_err());
        }
    }

    #[test]
    fn whatever_else_a_network_has_is_named() {
        let mlp = Tiny::mlp(Activation::Relu, Normalisation::Batch, Init::He, &cpu());
        let resnet = Tiny::resnet(Activation::Relu, Normalisation::None, &cpu());
        let transformer = Tiny::transformer(1, Pool::Mean, Activation::Gelu, 0.0, &cpu());
        for (tiny, odd) in [
            (mlp, "`norms.0.weight`"),
            (resnet, "`conv1.weight`"),
            (transformer, "`position`"),
        ] {
            let message = dense_stack(tiny.objective.network())
                .unwrap_err()
                .to_string();
            assert!(message.contains(odd), "{message}");
        }
    }

    #[test]
    fn convolutions_know_the_size_of_what_they_see() {
        let tiny = Tiny::resnet(Activation::Relu, Normalisation::Batch, &cpu());
        let layers = layers(tiny.objective.network());
        let found: Vec<_> = layers
            .iter()
            .filter_map(|layer| match layer.kind {
                LinearMapKind::Dense => None,
                LinearMapKind::Convolution {
                    input,
                    stride,
                    padding,
                } => Some((layer.weight.name.as_str(), input, stride, padding)),
            })
            .collect();
        assert_eq!(
            found,
            [
                ("conv1.weight", [5, 5], 1, 1),
                ("layer1.0.conv1.weight", [5, 5], 1, 1),
                ("layer1.0.conv2.weight", [5, 5], 1, 1),
                ("layer2.0.conv1.weight", [5, 5], 2, 1),
                ("layer2.0.conv2.weight", [3, 3], 1, 1),
                ("layer2.0.downsample.0.weight", [5, 5], 2, 0),
            ]
        );
        let last = output_layer(tiny.objective.network()).unwrap();
        assert_eq!(last.weight.name, "fc.weight");
    }

    #[test]
    fn tokens_and_positions_of_a_transformer_are_no_layers() {
        let tiny = Tiny::transformer(1, Pool::Class, Activation::Gelu, 0.0, &cpu());
        let names = names(&layers(tiny.objective.network()));
        let expected = [
            "patch_embed.weight",
            "encoder.layers.0.self_attn.in_proj_weight",
            "encoder.layers.0.self_attn.out_proj.weight",
            "encoder.layers.0.linear1.weight",
            "encoder.layers.0.linear2.weight",
            "head.weight",
        ];
        assert_eq!(names, expected);
    }

    #[test]
    fn the_layers_of_each_network_share_its_parameters_out() {
        let mlp = Tiny::mlp(Activation::Relu, Normalisation::Batch, Init::He, &cpu());
        let resnet = Tiny::resnet(Activation::Relu, Normalisation::Batch, &cpu());
        let transformer = Tiny::transformer(2, Pool::Class, Activation::Gelu, 0.0, &cpu());
        for tiny in [mlp, resnet, transformer] {
            let layout = tiny.objective.network().layout();
            let range = |layer| layout.range(layer).unwrap();
            let mut ranges: Vec<_> = layout.layers().into_iter().map(range).collect();
            assert!(ranges.len() > 3);
            ranges.sort_by_key(|range| range.start);
            assert!(ranges.windows(2).all(|pair| pair[0].end == pair[1].start));
            let ends = (ranges[0].start, ranges[ranges.len() - 1].end);
            assert_eq!(ends, (0, layout.len()));
        }
    }
}
