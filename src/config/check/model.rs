//! Checks `[model]`.

use super::range::Held;
use super::{other_kind, range};
use crate::config::choice::{Activation, Init, ModelKind, ModelPreset, Normalisation, Precision};
use crate::config::number::Count;
use crate::config::raw::RawModel;
use crate::config::rule::{Rule, Violation};
use crate::config::valid::{Mlp, Model, ResNet, Transformer};

const KIND: &str = "model.kind";
const MLP: &str = ModelKind::Mlp.as_str();
const RESNET: &str = ModelKind::ResNet.as_str();
const TRANSFORMER: &str = ModelKind::Transformer.as_str();

pub(super) fn check(raw: &RawModel, precision: Precision) -> Result<Model, Violation> {
    let kind = raw.kind.unwrap_or_default();
    refuse_foreign(raw, kind)?;
    match kind {
        ModelKind::Mlp => mlp(raw, precision).map(Model::Mlp),
        ModelKind::ResNet => resnet(raw, precision).map(Model::ResNet),
        ModelKind::Transformer => transformer(raw, precision).map(Model::Transformer),
    }
}

/// Refuses the first key that is present and belongs to other kinds only.
fn refuse_foreign(raw: &RawModel, kind: ModelKind) -> Result<(), Violation> {
    let keys: [(&str, bool, &[&'static str]); 13] = [
        ("hidden", raw.hidden.is_some(), &[MLP]),
        ("bias", raw.bias.is_some(), &[MLP]),
        ("norm", raw.norm.is_some(), &[MLP, RESNET]),
        ("groups", raw.groups.is_some(), &[RESNET]),
        ("preset", raw.preset.is_some(), &[RESNET, TRANSFORMER]),
        ("width", raw.width.is_some(), &[RESNET, TRANSFORMER]),
        ("blocks", raw.blocks.is_some(), &[RESNET]),
        ("patch", raw.patch.is_some(), &[TRANSFORMER]),
        ("depth", raw.depth.is_some(), &[TRANSFORMER]),
        ("heads", raw.heads.is_some(), &[TRANSFORMER]),
        ("mlp_width", raw.mlp_width.is_some(), &[TRANSFORMER]),
        ("pool", raw.pool.is_some(), &[TRANSFORMER]),
        ("dropout", raw.dropout.is_some(), &[TRANSFORMER]),
    ];
    let foreign = |(_, is_present, kinds): &&(&str, bool, &[&'static str])| {
        *is_present && !kinds.contains(&kind.as_str())
    };
    match keys.iter().find(foreign) {
        None => Ok(()),
        Some((key, _, kinds)) => {
            let key = format!("model.{key}");
            Err(other_kind(key, KIND, kinds, kind.as_str()))
        }
    }
}

fn mlp(raw: &RawModel, precision: Precision) -> Result<Mlp, Violation> {
    let norm = raw.norm.unwrap_or_default();
    if norm == Normalisation::Group {
        return Err(Violation::new("model.norm", Rule::GroupsNeedChannels));
    }
    Ok(Mlp {
        hidden: match &raw.hidden {
            Some(widths) => widths.iter().map(|width| width.0).collect(),
            None => vec![128],
        },
        activation: raw.activation.unwrap_or_default(),
        bias: raw.bias.unwrap_or(true),
        norm,
        init: raw.init.unwrap_or_default(),
        init_scale: init_scale(raw, precision)?,
    })
}

fn resnet(raw: &RawModel, precision: Precision) -> Result<ResNet, Violation> {
    let (width, blocks) = match raw.preset.unwrap_or(ModelPreset::ResNet20) {
        ModelPreset::ResNet8 => (16, 1),
        ModelPreset::ResNet20 => (16, 3),
        ModelPreset::Tiny | ModelPreset::Small | ModelPreset::Large => {
            return Err(other_kind("model.preset", KIND, &[TRANSFORMER], RESNET));
        }
    };
    let width = raw.width.map_or(width, |width| width.0);
    let blocks = match &raw.blocks {
        Some(stages) => stages.iter().map(|stage| stage.0).collect(),
        None => vec![blocks; 3],
    };
    if blocks.is_empty() {
        return Err(Violation::new("model.blocks", Rule::NoStages));
    }
    let norm = raw.norm.unwrap_or(Normalisation::Batch);
    Ok(ResNet {
        width,
        blocks,
        norm,
        groups: groups(raw, norm, width)?,
        activation: raw.activation.unwrap_or_default(),
        init: raw.init.unwrap_or_default(),
        init_scale: init_scale(raw, precision)?,
    })
}

/// The number of groups of channels, where there are groups.
fn groups(raw: &RawModel, norm: Normalisation, width: usize) -> Result<Option<usize>, Violation> {
    match (norm, raw.groups) {
        (Normalisation::Group, None) => {
            Ok((1..=8).rev().find(|groups| width.is_multiple_of(*groups)))
        }
        (Normalisation::Group, Some(Count(groups))) if width.is_multiple_of(groups) => {
            Ok(Some(groups))
        }
        (Normalisation::Group, Some(Count(groups))) => {
            let violation = Violation::new(
                "model.groups",
                Rule::Divides {
                    found: groups,
                    whole: width,
                },
            );
            Err(violation.against("model.width"))
        }
        (_, None) => Ok(None),
        (norm, Some(_)) => {
            let group = Normalisation::Group.as_str();
            Err(other_kind(
                "model.groups",
                "model.norm",
                &[group],
                norm.as_str(),
            ))
        }
    }
}

fn transformer(raw: &RawModel, precision: Precision) -> Result<Transformer, Violation> {
    let (patch, width, depth, heads, mlp_width) = match raw.preset.unwrap_or(ModelPreset::Small) {
        ModelPreset::Tiny => (4, 32, 2, 4, 64),
        ModelPreset::Small => (4, 64, 4, 4, 256),
        ModelPreset::Large => (4, 160, 6, 8, 640),
        ModelPreset::ResNet8 | ModelPreset::ResNet20 => {
            return Err(other_kind("model.preset", KIND, &[RESNET], TRANSFORMER));
        }
    };
    let or = |count: Option<Count>, default| count.map_or(default, |count| count.0);
    let (width, heads) = (or(raw.width, width), or(raw.heads, heads));
    if !width.is_multiple_of(heads) {
        let violation = Violation::new(
            "model.heads",
            Rule::Divides {
                found: heads,
                whole: width,
            },
        );
        return Err(violation.against("model.width"));
    }
    Ok(Transformer {
        patch: or(raw.patch, patch),
        width,
        depth: or(raw.depth, depth),
        heads,
        mlp_width: or(raw.mlp_width, mlp_width),
        pool: raw.pool.unwrap_or_default(),
        dropout: range::below_one("model.dropout", raw.dropout, 0.0, Held::Exactly)?,
        activation: raw.activation.unwrap_or(Activation::Gelu),
        init: raw.init.unwrap_or(Init::Xavier),
        init_scale: init_scale(raw, precision)?,
    })
}

fn init_scale(raw: &RawModel, precision: Precision) -> Result<f64, Violation> {
    range::above_zero(
        "model.init_scale",
        raw.init_scale,
        1.0,
        Held::InRun(precision),
    )
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
        insta::assert_snapshot!(message(&text), @r#"x.toml: `model.preset` (line 2) only applies to model.kind = "resnet"; this config has "transformer""#);
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
