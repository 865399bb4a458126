//! Checks `[optimizer]`.

use super::range::Held;
use super::{other_kind, range};
use crate::config::choice::{OptimizerKind, Precision};
use crate::config::raw::RawOptimizer;
use crate::config::rule::{Rule, Violation};
use crate::config::valid::{Method, Moments, Momentum, Optimizer};

const KIND: &str = "optimizer.kind";
const DESCENT: &[&str] = &["sgd", "gd"];
const ADAPTIVE: &[&str] = &["adam", "adamw"];

pub(super) fn check(raw: &RawOptimizer, precision: Precision) -> Result<Optimizer, Violation> {
    let kind = raw.kind.unwrap_or_default();
    let key = "optimizer.learning_rate";
    if raw.learning_rate.is_none() {
        return Err(Violation::new(
            key,
            Rule::Missing {
                what: "a number above 0",
            },
        ));
    }
    Ok(Optimizer {
        learning_rate: range::above_zero(key, raw.learning_rate, 0.0, Held::InRun(precision))?,
        weight_decay: range::at_least_zero(
            "optimizer.weight_decay",
            raw.weight_decay,
            0.0,
            Held::InRule,
        )?,
        method: match kind {
            OptimizerKind::Sgd => Method::Sgd(momentum(raw, kind)?),
            OptimizerKind::Gd => Method::Gd(momentum(raw, kind)?),
            OptimizerKind::Adam => Method::Adam(moments(raw, kind)?),
            OptimizerKind::AdamW => Method::AdamW(moments(raw, kind)?),
        },
    })
}

fn momentum(raw: &RawOptimizer, kind: OptimizerKind) -> Result<Momentum, Violation> {
    let foreign = [
        ("optimizer.beta1", raw.beta1.is_some()),
        ("optimizer.beta2", raw.beta2.is_some()),
        ("optimizer.epsilon", raw.epsilon.is_some()),
    ];
    refuse(&foreign, ADAPTIVE, kind)?;
    let momentum = Momentum {
        coefficient: range::below_one("optimizer.momentum", raw.momentum, 0.0, Held::InRule)?,
        nesterov: raw.nesterov.unwrap_or(false),
    };
    if momentum.nesterov && momentum.coefficient == 0.0 {
        let violation = Violation::new("optimizer.nesterov", Rule::NesterovWithoutMomentum);
        return Err(violation.against("optimizer.momentum"));
    }
    Ok(momentum)
}

fn moments(raw: &RawOptimizer, kind: OptimizerKind) -> Result<Moments, Violation> {
    let foreign = [
        ("optimizer.momentum", raw.momentum.is_some()),
        ("optimizer.nesterov", raw.nesterov.is_some()),
    ];
    refuse(&foreign, DESCENT, kind)?;
    Ok(Moments {
        beta1: range::below_one("optimizer.beta1", raw.beta1, 0.9, Held::InRule)?,
        beta2: range::below_one("optimizer.beta2", raw.beta2, 0.999, Held::InRule)?,
        epsilon: range::above_zero("optimizer.epsilon", raw.epsilon, 1e-8, Held::InRule)?,
    })
}

/// Refuses the first key that is present and belongs to other kinds.
fn refuse(
    keys: &[(&str, bool)],
    kinds: &[&'static str],
    kind: OptimizerKind,
) -> Result<(), Violation> {
    match keys.iter().find(|(_, present)| *present) {
        Some((key, _)) => Err(other_kind(*key, KIND, kinds, kind.as_str()).against(KIND)),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use crate::config::samples::message;

    fn optimizer(keys: &str) -> String {
        message(&format!("optimizer = {{{keys}}}\ntrain.epochs = 3"))
    }

    #[test]
    fn a_learning_rate_is_required() {
        assert_eq!(
            message("train.epochs = 3"),
            "x.toml: `optimizer.learning_rate` is required: a number above 0"
        );
    }

    #[test]
    fn momentum_does_not_apply_to_adam() {
        assert_eq!(
            optimizer("kind = \"adam\", learning_rate = 0.1, momentum = 0.9"),
            "x.toml: `optimizer.momentum` (line 1) only applies to optimizer.kind = \"sgd\" or \"gd\"; this config has \"adam\""
        );
        assert_eq!(
            optimizer("kind = \"adamw\", learning_rate = 0.1, nesterov = false"),
            "x.toml: `optimizer.nesterov` (line 1) only applies to optimizer.kind = \"sgd\" or \"gd\"; this config has \"adamw\""
        );
    }

    #[test]
    fn betas_do_not_apply_to_sgd() {
        for key in ["beta1", "beta2", "epsilon"] {
            assert_eq!(
                optimizer(&format!("learning_rate = 0.1, {key} = 0.9")),
                format!(
                    "x.toml: `optimizer.{key}` (line 1) only applies to optimizer.kind = \"adam\" or \"adamw\"; this config has \"sgd\""
                )
            );
        }
    }

    #[test]
    fn nesterov_needs_momentum() {
        assert_eq!(
            optimizer("learning_rate = 0.1, nesterov = true"),
            "x.toml: `optimizer.nesterov` (line 1) = true needs optimizer.momentum above 0"
        );
    }
}
