//! `[model]`: the architecture.

use super::choice::{Dataset, ModelKind, ResNetPreset, TransformerPreset};
use super::rule::{Rule, Violation};
use super::section::Reader;
use crate::model::{Activation, Init, Normalisation, Pool};

/// The word of the normalisation that has groups.
const GROUP: &[&str] = &[Normalisation::Group.as_str()];

kinds! {
    /// `[model]`: the architecture.
    pub enum Model: ModelKind in "kind", "The kind of network." {
        /// `kind = "mlp"`
        Mlp(Mlp),
        /// `kind = "resnet"`
        ResNet(ResNet),
        /// `kind = "transformer"`
        Transformer(Transformer),
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
        Normalisation::Group => Err(Violation::new("model.norm", Rule::GroupsNeedChannels)),
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
        return Err(Violation::new("model.blocks", Rule::NoStages));
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
        patch: usize = derived(4, "the preset's") when "data.dataset" is Dataset::IMAGE_WORDS;
        /// Numbers per token, a multiple of the heads.
        width: usize = derived(preset.size().width, "the preset's");
        /// Blocks.
        depth: usize = derived(preset.size().depth, "the preset's");
        /// Heads of attention.
        heads: usize = derived(preset.size().heads, "the preset's");
        /// Hidden units of each block's MLP.
        mlp_width: usize = derived(preset.size().mlp_width, "the preset's");
        /// What it classifies by.
        pool: Pool = default(Pool::Class) when "data.dataset" is Dataset::IMAGE_WORDS;
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
    Err(Violation::new(key, Rule::Divides { found, whole }).against("model.width"))
}

#[cfg(test)]
mod tests {
    use crate::config::samples::{PLAIN, message};

    #[test]
    fn a_width_is_positive() {
        assert_eq!(
            message(&format!("model.hidden = [64, 0]\n{PLAIN}")),
            "x.toml: `model.hidden.1` (line 1) must be a positive integer, found 0"
        );
    }

    #[test]
    fn an_unknown_kind_lists_the_known() {
        assert_eq!(
            message(&format!("model.kind = \"rnn\"\n{PLAIN}")),
            "x.toml: `model.kind` (line 1) must be one of \"mlp\", \"resnet\", \"transformer\", found \"rnn\""
        );
    }

    #[test]
    fn a_key_of_another_network_names_both() {
        let text = format!("model.kind = \"resnet\"\nmodel.hidden = [3]\n{PLAIN}");
        insta::assert_snapshot!(message(&text), @r#"x.toml: `model.hidden` (line 2) only applies to model.kind = "mlp"; this config has "resnet""#);
        let text = format!("model.kind = \"transformer\"\nmodel.preset = \"resnet8\"\n{PLAIN}");
        insta::assert_snapshot!(message(&text), @r#"x.toml: `model.preset` (line 2) must be one of "tiny", "small", "large", found "resnet8""#);
    }

    #[test]
    fn heads_and_groups_divide_the_width() {
        let text = format!("model.kind = \"transformer\"\nmodel.heads = 5\n{PLAIN}");
        insta::assert_snapshot!(message(&text), @"x.toml: `model.heads` (line 2) must divide model.width = 64, found 5");
        let text =
            format!("model.kind = \"resnet\"\nmodel.norm = \"group\"\nmodel.groups = 3\n{PLAIN}");
        insta::assert_snapshot!(message(&text), @"x.toml: `model.groups` (line 3) must divide model.width = 16, found 3");
    }

    #[test]
    fn a_resnet_has_a_stage_and_an_mlp_no_groups() {
        let text = format!("model.kind = \"resnet\"\nmodel.blocks = []\n{PLAIN}");
        insta::assert_snapshot!(message(&text), @"x.toml: `model.blocks` (line 2) must have at least one stage");
        let text = format!("model.norm = \"group\"\n{PLAIN}");
        insta::assert_snapshot!(message(&text), @r#"x.toml: `model.norm` (line 1) = "group" needs channels; allowed for model.kind = "mlp" are "none", "batch" and "layer""#);
        let text = format!("model.kind = \"resnet\"\nmodel.groups = 4\n{PLAIN}");
        insta::assert_snapshot!(message(&text), @r#"x.toml: `model.groups` (line 2) only applies to model.norm = "group"; this config has "batch""#);
    }
}
