//! Checks `[model]`.

use super::range;
use crate::config::choice::ModelKind;
use crate::config::raw::RawModel;
use crate::config::rule::Violation;
use crate::config::valid::{Mlp, Model};

pub(super) fn check(raw: &RawModel) -> Result<Model, Violation> {
    match raw.kind.unwrap_or_default() {
        ModelKind::Mlp => mlp(raw).map(Model::Mlp),
    }
}

fn mlp(raw: &RawModel) -> Result<Mlp, Violation> {
    Ok(Mlp {
        hidden: match &raw.hidden {
            Some(widths) => widths.iter().map(|width| width.0).collect(),
            None => vec![128],
        },
        activation: raw.activation.unwrap_or_default(),
        bias: raw.bias.unwrap_or(true),
        init: raw.init.unwrap_or_default(),
        init_scale: range::above_zero("model.init_scale", raw.init_scale, 1.0)?,
    })
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
            "x.toml: `model.kind` (line 1) must be \"mlp\", found \"rnn\""
        );
    }
}
