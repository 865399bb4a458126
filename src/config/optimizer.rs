//! `[optimizer]`: how a gradient becomes an update.

use super::choice::{DecayExclusion, OptimizerKind};
use super::rule::{Rule, Violation};
use super::section::Reader;

section! {
    /// `[optimizer]`: how a gradient becomes an update.
    checked by names_each_exclusion_once;
    pub struct Optimizer {
        /// The update rule and what only it needs.
        method: Method = part();
        /// The learning rate, before any schedule.
        learning_rate: f64 = required("a number above 0") in (computed AboveZero);
        /// Weight decay.
        weight_decay: f64 = default(0.0) in (computed AtLeastZero);
        /// Parameters that weight decay leaves alone.
        weight_decay_excludes: Vec<DecayExclusion> = default(Vec::new());
    }
}

fn names_each_exclusion_once(
    optimizer: &mut Optimizer,
    reader: &Reader<'_>,
) -> Result<(), Violation> {
    let named = &optimizer.weight_decay_excludes;
    let again = (1..named.len()).find(|&place| named[..place].contains(&named[place]));
    match again {
        None => Ok(()),
        Some(place) => Err(Violation::new(
            reader.path(&format!("weight_decay_excludes.{place}")),
            Rule::ExclusionRepeated {
                found: named[place],
            },
        )),
    }
}

kinds! {
    /// The update rule and what only it needs.
    pub enum Method: OptimizerKind in "kind", "The update rule." {
        /// `kind = "sgd"`
        Sgd(Momentum),
        /// `kind = "gd"`: every step uses the whole training part.
        Gd(Momentum),
        /// `kind = "perturbed_gd"`: every step uses the whole training part.
        PerturbedGd(Perturbation),
        /// `kind = "normalized_sgd"`
        NormalizedSgd,
        /// `kind = "loss_normalized_sgd"`
        LossNormalizedSgd,
        /// `kind = "signsgd"`
        SignSgd(SignMomentum),
        /// `kind = "adam"`
        Adam(Moments),
        /// `kind = "adamw"`
        AdamW(Moments),
        /// `kind = "rmsprop"`
        RmsProp(MeanSquare),
        /// `kind = "adagrad"`
        Adagrad(Accumulator),
        /// `kind = "adagrad_norm"`
        AdagradNorm(Accumulator),
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

section! {
    /// The random jumps of `perturbed_gd`.
    #[derive(Copy)]
    pub struct Perturbation {
        /// The norm of the gradient at or below which it jumps.
        gradient_threshold: f64 = required("a norm of the gradient above 0") in (computed AboveZero);
        /// The radius of the ball that a jump is drawn from; the jump is this times the learning rate at most.
        perturbation_radius: f64 = required("a number above 0") in (computed AboveZero);
        /// Steps after a jump without another.
        perturbation_interval: usize = required("a positive number of steps");
    }
}

section! {
    /// The momentum of `signsgd` (Signum).
    #[derive(Copy)]
    pub struct SignMomentum {
        /// Heavy-ball momentum; 0 for none.
        coefficient("momentum"): f64 = default(0.0) in (computed BelowOne);
    }
}

section! {
    /// The running mean of squares of `rmsprop`.
    #[derive(Copy)]
    pub struct MeanSquare {
        /// Decay of the mean of squares.
        alpha: f64 = default(0.99) in (computed BelowOne);
        /// Heavy-ball momentum; 0 for none.
        momentum: f64 = default(0.0) in (computed BelowOne);
        /// Subtract the square of the mean gradient from the mean square.
        centered: bool = default(false);
        /// Added to the denominator.
        epsilon: f64 = default(1e-8) in (computed AboveZero);
    }
}

section! {
    /// The sum of squares of `adagrad` and `adagrad_norm`.
    #[derive(Copy)]
    pub struct Accumulator {
        /// Where the sum of squares begins.
        initial_accumulator: f64 = default(0.0) in (computed AtLeastZero);
        /// Added to the denominator.
        epsilon: f64 = default(1e-10) in (computed AboveZero);
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
            "x.toml: `optimizer.momentum` (line 1) only applies to optimizer.kind = \"sgd\" or \"gd\" or \"signsgd\" or \"rmsprop\"; this config has \"adam\""
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
                    "x.toml: `optimizer.{key}` (line 1) only applies to optimizer.kind = \"adam\" or \"adamw\"{}; this config has \"sgd\"",
                    if key == "epsilon" {
                        " or \"rmsprop\" or \"adagrad\" or \"adagrad_norm\""
                    } else {
                        ""
                    }
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

    #[test]
    fn parameters_are_excluded_from_decay_once() {
        assert_eq!(
            optimizer(
                "learning_rate = 0.1, weight_decay_excludes = [\"norms\", \"biases\", \"norms\"]"
            ),
            "x.toml: `optimizer.weight_decay_excludes.2` (line 1) must name each kind of parameter once, found \"norms\" again"
        );
    }

    #[test]
    fn keys_of_one_rule_are_refused_for_another() {
        for (kind, key, owners) in [
            ("adam", "alpha = 0.9", "\"rmsprop\""),
            ("sgd", "centered = true", "\"rmsprop\""),
            ("rmsprop", "beta2 = 0.9", "\"adam\" or \"adamw\""),
            (
                "rmsprop",
                "initial_accumulator = 1",
                "\"adagrad\" or \"adagrad_norm\"",
            ),
            ("normalized_sgd", "nesterov = false", "\"sgd\" or \"gd\""),
            ("gd", "gradient_threshold = 1", "\"perturbed_gd\""),
        ] {
            let name = key.split(' ').next().unwrap();
            assert_eq!(
                optimizer(&format!("kind = \"{kind}\", learning_rate = 0.1, {key}")),
                format!(
                    "x.toml: `optimizer.{name}` (line 1) only applies to optimizer.kind = {owners}; this config has \"{kind}\""
                )
            );
        }
    }
}
