//! The network of a config, for its data.

use crate::config::{Config, Model};
use crate::data::Split;
use crate::model::{
    Initialisation, Mlp, MlpShape, Network, ResNet, ResNetShape, Tokens, Transformer,
    TransformerShape,
};
use std::sync::Arc;

pub(super) fn network(config: &Config, data: &Split) -> Arc<dyn Network> {
    let outputs = config.train.loss.outputs_for(&data.train);
    let image = data.train.shape();
    match &config.model {
        Model::Mlp(mlp) => Arc::new(Mlp::new(MlpShape {
            inputs: data.train.features(),
            hidden: mlp.hidden.clone(),
            outputs,
            activation: mlp.activation,
            bias: mlp.bias,
            normalisation: mlp.norm,
            initialisation: Initialisation {
                kind: mlp.init,
                scale: mlp.init_scale,
            },
        })),
        Model::ResNet(resnet) => Arc::new(ResNet::new(&ResNetShape {
            image,
            width: resnet.width,
            blocks: resnet.blocks.clone(),
            stem: resnet.stem,
            shortcut: resnet.shortcut,
            outputs,
            activation: resnet.activation,
            normalisation: resnet.norm,
            groups: resnet.groups.unwrap_or(1),
            initialisation: Initialisation {
                kind: resnet.init,
                scale: resnet.init_scale,
            },
        })),
        Model::Transformer(transformer) => Arc::new(Transformer::new(TransformerShape {
            tokens: match &config.data.text {
                Some(text) => Tokens::Characters {
                    vocabulary: outputs,
                    sequence: text.sequence,
                },
                None => Tokens::Patches {
                    image,
                    patch: transformer.patch,
                    pool: transformer.pool,
                },
            },
            width: transformer.width,
            depth: transformer.depth,
            heads: transformer.heads,
            mlp_width: transformer.mlp_width,
            last_norm: transformer.last_norm.unwrap_or_default(),
            outputs,
            dropout: transformer.dropout,
            activation: transformer.activation,
            initialisation: Initialisation {
                kind: transformer.init,
                scale: transformer.init_scale,
            },
        })),
    }
}
