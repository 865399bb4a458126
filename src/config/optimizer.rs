//! `[optimizer]`: how a gradient becomes an update.

use super::choice::OptimizerKind;
use super::rule::{Rule, Violation};
use super::section::Reader;

section! {
    /// `[optimizer]`: how a gradient becomes an update.
    pub struct Optimizer {
        /// The update rule and what only it needs.
        method: Method = part();
        /// The learning rate, before any schedule.
        learning_rate: f64 = required("a number above 0") in (computed AboveZero);
        /// Weight decay.
        weight_decay: f64 = default(0.0) in (computed AtLeastZero);
    }
}

kinds! {
    /// The update rule and what only it needs.
    pub enum Method: OptimizerKind in "kind", "The update rule." {
        /// `kind = "sgd"`
        Sgd(Momentum),
        /// `kind = "gd"`: every step uses the whole training part.
        Gd(Momentum),
        /// `kind = "adam"`
        Adam(Moments),
        /// `kind = "adamw"`
        AdamW(Moments),
    }
}

impl Method {
    /// The momentum of (stochastic) gradient descent; none for other rules.
    pub fn momentum(&self) -> Option<Momentum> {
        match self {
            Self::Sgd(momentum) | Self::Gd(momentum) => Some(*momentum),
            Self::Adam(_) | Self::AdamW(_) => None,
        }
    }
}

section! {
    /// Heavy-ball momentum, of `sgd` and `gd`.
    #[derive(Copy)]
    checked by looks_ahead_of_something;
    pub struct Momentum {
        /// Heavy-ball momentum; 0 for none.
        coefficient("momentum"): f64 = default(0.0) in (computed BelowOne);
        /// Look ahead (Nesterov); needs momentum.
        nesterov: bool = default(false);
    }
}

fn looks_ahead_of_something(momentum: &mut Momentum, _: &Reader<'_>) -> Result<(), Violation> {
    if momentum.nesterov && momentum.coefficient == 0.0 {
        let violation = Violation::new("optimizer.nesterov", Rule::NesterovWithoutMomentum);
        return Err(violation.against("optimizer.momentum"));
    }
    Ok(())
}

section! {
    /// The running moments of `adam` and `adamw`.
    #[derive(Copy)]
    pub struct Moments {
        /// Decay of the first moment.
        beta1: f64 = default(0.9) in (computed BelowOne);
        /// Decay of the second moment.
        beta2: f64 = default(0.999) in (computed BelowOne);
        /// Added to the denominator.
        epsilon: f64 = default(1e-8) in (computed AboveZero);
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
