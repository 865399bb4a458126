//! The layers of a network, read off the names and shapes of its parameters.

use super::session::Failure;
use crate::params::{Block, Layout};

/// A fully connected layer `x Wᵀ + b`.
pub(super) struct DenseLayer<'a> {
    /// `[outputs, inputs]`.
    pub weight: &'a Block,
    /// `[outputs]`.
    pub bias: Option<&'a Block>,
}

impl DenseLayer<'_> {
    /// Numbers that go in, per sample.
    pub fn inputs(&self) -> usize {
        self.weight.shape[1]
    }
}

/// The layers of a network in which every layer is fully connected and feeds the next one.
///
/// # Errors
///
/// The first block that does not fit, where the network is made of anything else.
pub(super) fn dense_stack(layout: &Layout) -> Result<Vec<DenseLayer<'_>>, Failure> {
    let mut layers: Vec<DenseLayer<'_>> = Vec::new();
    for block in layout.blocks() {
        let outputs = layers.last().map(|layer| layer.weight.shape[0]);
        let (owner, kind) = block.name.rsplit_once('.').unwrap_or(("", ""));
        let is_next = outputs.is_none_or(|outputs| block.shape.get(1) == Some(&outputs));
        match (kind, &block.shape[..], layers.last_mut()) {
            ("weight", [_, _], _) if is_next => layers.push(DenseLayer {
                weight: block,
                bias: None,
            }),
            ("bias", [length], Some(layer))
                if Some(*length) == outputs
                    && layer.bias.is_none()
                    && layer.weight.name.rsplit_once('.') == Some((owner, "weight")) =>
            {
                layer.bias = Some(block);
            }
            _ => {
                return Err(Failure::Other(format!(
                    "it is defined for a stack of fully connected layers, which `{}` does not \
                     belong to",
                    block.name
                )));
            }
        }
    }
    if layers.is_empty() {
        return Err(Failure::Other("the network has no weights".to_owned()));
    }
    Ok(layers)
}

/// The weight, `[outputs, features]`, of the fully connected layer that a network ends with.
///
/// # Errors
///
/// Where the last blocks are not those of such a layer.
pub(super) fn output_layer(layout: &Layout) -> Result<&Block, Failure> {
    let is_weight = |block: &&Block| block.name.ends_with(".weight") && block.shape.len() == 2;
    let (weight, bias) = match layout.blocks() {
        [.., weight, bias] if bias.name.ends_with(".bias") => (Some(weight), Some(bias)),
        blocks => (blocks.last(), None),
    };
    weight
        .filter(is_weight)
        .filter(|weight| bias.is_none_or(|bias| bias.shape == weight.shape[..1]))
        .ok_or_else(|| {
            Failure::Other("the network does not end with a fully connected layer".to_owned())
        })
}

/// The blocks that are weights of linear maps: all but vectors (biases, scales of normalisation).
/// Only those within `part`, a block or a layer, if one is given.
pub(super) fn weights<'a>(layout: &'a Layout, part: Option<&str>) -> Vec<&'a Block> {
    let range = match part {
        Some(name) => layout.range(name).unwrap_or(0..0),
        None => 0..layout.len(),
    };
    layout
        .blocks()
        .iter()
        .filter(|block| block.shape.len() > 1)
        .filter(|block| range.start <= block.range().start && block.range().end <= range.end)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layout(blocks: &[(&str, &[usize])]) -> Layout {
        Layout::new(
            blocks
                .iter()
                .map(|(name, shape)| ((*name).to_owned(), shape.to_vec())),
        )
    }

    #[test]
    fn a_stack_is_recognised_with_and_without_biases() {
        let layout = layout(&[
            ("layers.0.weight", &[5, 3]),
            ("layers.0.bias", &[5]),
            ("layers.1.weight", &[2, 5]),
        ]);
        let layers = dense_stack(&layout).unwrap();
        assert_eq!(layers.len(), 2);
        assert_eq!((layers[0].inputs(), layers[1].inputs()), (3, 5));
        assert!(layers[0].bias.is_some() && layers[1].bias.is_none());
        assert_eq!(weights(&layout, None).len(), 2);
        assert_eq!(
            weights(&layout, Some("layers.1"))[0].name,
            "layers.1.weight"
        );
        assert!(weights(&layout, Some("layers.0.bias")).is_empty());
    }

    #[test]
    fn the_last_layer_is_found_behind_any_others() {
        let ends = layout(&[
            ("conv.weight", &[4, 1, 3, 3]),
            ("fc.weight", &[2, 4]),
            ("fc.bias", &[2]),
        ]);
        assert_eq!(output_layer(&ends).unwrap().name, "fc.weight");
        let bare = layout(&[("fc.weight", &[2, 4])]);
        assert_eq!(output_layer(&bare).unwrap().name, "fc.weight");
        assert!(output_layer(&layout(&[("norm.weight", &[4])])).is_err());
    }

    #[test]
    fn whatever_else_a_network_has_is_named() {
        let others: [&[(&str, &[usize])]; 5] = [
            &[("conv.weight", &[4, 1, 3, 3])],
            &[("layers.0.weight", &[5, 3]), ("norms.0.weight", &[5])],
            &[("layers.0.weight", &[5, 3]), ("layers.1.weight", &[2, 4])],
            &[("layers.0.weight", &[5, 3]), ("layers.1.bias", &[5])],
            &[("attention.in_proj_weight", &[12, 4])],
        ];
        for blocks in others {
            let layout = layout(blocks);
            let message = dense_stack(&layout).err().unwrap().to_string();
            let (odd, _) = blocks[blocks.len() - 1];
            assert!(message.contains(odd), "{message}");
        }
        assert!(dense_stack(&layout(&[])).is_err());
    }
}
