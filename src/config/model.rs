//! `[model]`: the architecture.

use super::error::Violation;
use super::section::Reader;
use crate::data::DatasetName;
use crate::model::{Activation, Init, LastNorm, Normalisation, Pool, Shortcut, Stem};

/// The word of the normalisation that has groups.
const GROUP: &[&str] = &[Normalisation::Group.as_str()];

kinds! {
    /// `[model]`: the architecture.
    pub enum Model: ModelKind in "kind", "The kind of network." {
        /// A multilayer perceptron; the default.
        #[default]
        Mlp(Mlp) = "mlp",
        /// A residual convolutional network.
        ResNet(ResNet) = "resnet",
        /// A transformer on patches of the image.
        Transformer(Transformer) = "transformer",
    }
}

section! {
    /// A multilayer perceptron.
    checked by has_no_channels;
    pub struct Mlp {
        /// The width of each hidden layer; `[]` is a linear model.
        hidden: Vec<usize> = default(vec![128]);
        /// The nonlinearity between layers.
        activation: Activation = default(Activation::Relu);
        /// Whether layers have a bias.
        bias: bool = default(true);
        /// What normalises hidden units: "none", "batch" or "layer".
        norm: Normalisation = default(Normalisation::None);
        /// The distribution of the initial weights.
        init: Init = default(Init::He);
        /// A factor on the initial weights.
        init_scale: f64 = default(1.0) in (computed AboveZero);
    }
}

fn has_no_channels(mlp: &mut Mlp, _: &Reader<'_>) -> Result<(), Violation> {
    match mlp.norm {
        Normalisation::Group => Err(Violation::new(
            "model.norm",
            "= \"group\" needs channels; allowed for model.kind = \"mlp\" are \"none\", \"batch\" and \"layer\"",
        )),
        _ => Ok(()),
    }
}

section! {
    /// A residual network of basic blocks (He et al. 2016, sec. 4.2), the width doubling and the image
    /// halving from stage to stage.
    checked by has_stages_and_groups;
    pub struct ResNet {
        shorthand {
            /// A named size, whose parts other keys override.
            preset: ResNetPreset = default(ResNetPreset::ResNet20);
        }
        /// Channels of the first stage.
        width: usize = derived(16, "the preset's");
        /// Residual blocks of each stage.
        blocks: Vec<usize> = derived(preset.blocks(), "the preset's");
        /// How it begins: "cifar" with a convolution of 3 x 3, "imagenet" with one of 7 x 7 and a maximum.
        stem: Stem = default(Stem::Cifar);
        /// What goes past the first block of each further stage: a "projection", or every second pixel with "padding".
        shortcut: Shortcut = default(Shortcut::Projection);
        /// What normalises after each convolution.
        norm: Normalisation = default(Normalisation::Batch);
        /// Groups of channels, a divisor of the width.
        groups: Option<usize> = optional("the largest up to 8") when "model.norm" is GROUP;
        /// The nonlinearity after each convolution.
        activation: Activation = default(Activation::Relu);
        /// The distribution of the initial weights.
        init: Init = default(Init::He);
        /// A factor on the initial weights.
        init_scale: f64 = default(1.0) in (computed AboveZero);
    }
}

words! {
    /// A named size of a ResNet (`model.preset`); other keys override its parts.
    ResNetPreset {
        /// One block in each of three stages, the first 16 channels wide.
        ResNet8 = "resnet8",
        /// The 20-layer ResNet for CIFAR of He et al. 2016: three blocks in each of three stages,
        /// the first 16 channels wide.
        #[default]
        ResNet20 = "resnet20",
    }
}

impl ResNetPreset {
    /// Residual blocks of each stage.
    fn blocks(self) -> Vec<usize> {
        match self {
            Self::ResNet8 => vec![1; 3],
            Self::ResNet20 => vec![3; 3],
        }
    }
}

fn has_stages_and_groups(resnet: &mut ResNet, _: &Reader<'_>) -> Result<(), Violation> {
    if resnet.blocks.is_empty() {
        return Err(Violation::new(
            "model.blocks",
            "must have at least one stage",
        ));
    }
    let width = resnet.width;
    match resnet.groups {
        None if resnet.norm == Normalisation::Group => {
            resnet.groups = (1..=8).rev().find(|groups| width.is_multiple_of(*groups));
            Ok(())
        }
        Some(groups) => divides("model.groups", groups, width),
        None => Ok(()),
    }
}

section! {
    /// A transformer with normalisation before each part, on image patches (Dosovitskiy et al. 2021) or
    /// on the characters of a text.
    checked by has_whole_heads;
    pub struct Transformer {
        shorthand {
            /// A named size, whose parts other keys override.
            preset: TransformerPreset = default(TransformerPreset::Small);
        }
        /// The side of a square patch; divides height and width.
        patch: usize = derived(4, "the preset's") when "data.dataset" is DatasetName::ALL_BUT_TEXT_WORDS;
        /// Numbers per token, a multiple of the heads.
        width: usize = derived(preset.size().width, "the preset's");
        /// Blocks.
        depth: usize = derived(preset.size().depth, "the preset's");
        /// Heads of attention.
        heads: usize = derived(preset.size().heads, "the preset's");
        /// Hidden units of each block's MLP.
        mlp_width: usize = derived(preset.size().mlp_width, "the preset's");
        /// What it classifies by.
        pool: Pool = default(Pool::Class) when "data.dataset" is DatasetName::ALL_BUT_TEXT_WORDS;
        /// Whether the last normalisation is of every token, or of what is pooled; for pool = "mean" another network.
        last_norm: Option<LastNorm> = optional("\"pooled\"") when "data.dataset" is DatasetName::ALL_BUT_TEXT_WORDS;
        /// The probability that a unit is silenced in training.
        dropout: f64 = default(0.0) in BelowOne;
        /// The nonlinearity of the MLPs.
        activation: Activation = default(Activation::Gelu);
        /// The distribution of the initial weights.
        init: Init = default(Init::Xavier);
        /// A factor on the initial weights.
        init_scale: f64 = default(1.0) in (computed AboveZero);
    }
}

words! {
    /// A named size of a transformer (`model.preset`); other keys override its parts.
    TransformerPreset {
        /// About 20 thousand parameters.
        Tiny = "tiny",
        /// About 200 thousand parameters.
        #[default]
        Small = "small",
        /// About 2 million parameters.
        Large = "large",
    }
}

/// What a transformer's preset stands for.
struct Size {
    width: usize,
    depth: usize,
    heads: usize,
    mlp_width: usize,
}

impl TransformerPreset {
    fn size(self) -> Size {
        let (width, depth, heads, mlp_width) = match self {
            Self::Tiny => (32, 2, 4, 64),
            Self::Small => (64, 4, 4, 256),
            Self::Large => (160, 6, 8, 640),
        };
        Size {
            width,
            depth,
            heads,
            mlp_width,
        }
    }
}

fn has_whole_heads(transformer: &mut Transformer, _: &Reader<'_>) -> Result<(), Violation> {
    divides("model.heads", transformer.heads, transformer.width)
}

fn divides(key: &str, found: usize, whole: usize) -> Result<(), Violation> {
    if whole.is_multiple_of(found) {
        return Ok(());
    }
    let rule = format!("must divide model.width = {whole}, found {found}");
    Err(Violation::new(key, rule).against("model.width"))
}
