//! The ranges a number can be confined to, each with its rule.

use crate::config::number::Real;
use crate::config::rule::{Rule, Violation};

/// A number above 0.
pub(super) fn above_zero(key: &str, value: Option<Real>, default: f64) -> Result<f64, Violation> {
    within(
        key,
        value,
        default,
        |v| v > 0.0,
        |found| Rule::AboveZero { found },
    )
}

/// A number of at least 0.
pub(super) fn at_least_zero(
    key: &str,
    value: Option<Real>,
    default: f64,
) -> Result<f64, Violation> {
    within(
        key,
        value,
        default,
        |v| v >= 0.0,
        |found| Rule::AtLeastZero { found },
    )
}

/// A number above 1.
pub(super) fn above_one(key: &str, value: Option<Real>, default: f64) -> Result<f64, Violation> {
    within(
        key,
        value,
        default,
        |v| v > 1.0,
        |found| Rule::AboveOne { found },
    )
}

/// A number in [0, 1].
pub(super) fn fraction(key: &str, value: Option<Real>, default: f64) -> Result<f64, Violation> {
    within(
        key,
        value,
        default,
        |v| (0.0..=1.0).contains(&v),
        |found| Rule::Fraction { found },
    )
}

/// A number in [0, 1).
pub(super) fn below_one(key: &str, value: Option<Real>, default: f64) -> Result<f64, Violation> {
    within(
        key,
        value,
        default,
        |v| (0.0..1.0).contains(&v),
        |found| Rule::BelowOne { found },
    )
}

/// A number in (0, 1].
pub(super) fn factor(key: &str, value: Option<Real>, default: f64) -> Result<f64, Violation> {
    within(
        key,
        value,
        default,
        |v| v > 0.0 && v <= 1.0,
        |found| Rule::Factor { found },
    )
}

fn within(
    key: &str,
    value: Option<Real>,
    default: f64,
    allowed: impl Fn(f64) -> bool,
    rule: impl Fn(f64) -> Rule,
) -> Result<f64, Violation> {
    let found = value.map_or(default, |value| value.0);
    if allowed(found) {
        Ok(found)
    } else {
        Err(Violation::new(key, rule(found)))
    }
}

#[cfg(test)]
mod tests {
    use crate::config::samples::{PLAIN, message};

    #[test]
    fn numbers_keep_to_their_ranges() {
        let cases = [
            (
                "data.label_noise = 1.5",
                "data.label_noise",
                "in [0, 1], found 1.5",
            ),
            (
                "data.label_noise = -1",
                "data.label_noise",
                "in [0, 1], found -1.0",
            ),
            (
                "model.init_scale = 0",
                "model.init_scale",
                "above 0, found 0.0",
            ),
            (
                "optimizer.momentum = 1",
                "optimizer.momentum",
                "in [0, 1), found 1.0",
            ),
            (
                "optimizer.momentum = -0.1",
                "optimizer.momentum",
                "in [0, 1), found -0.1",
            ),
            (
                "optimizer.weight_decay = -1e-4",
                "optimizer.weight_decay",
                "at least 0, found -0.0001",
            ),
            (
                "train.stop_at_train_loss = 0",
                "train.stop_at_train_loss",
                "above 0, found 0.0",
            ),
            (
                "schedule = {kind = \"step\", every = 1, factor = 0}",
                "schedule.factor",
                "in (0, 1], found 0.0",
            ),
            (
                "schedule = {kind = \"exponential\", decay = 1.5}",
                "schedule.decay",
                "in (0, 1], found 1.5",
            ),
            (
                "schedule = {kind = \"cosine\", final_fraction = -0.5}",
                "schedule.final_fraction",
                "in [0, 1], found -0.5",
            ),
            (
                "hooks = [{preset = \"light\", schedule = \"logarithmic\", ratio = 1}]",
                "hooks.0.ratio",
                "above 1, found 1.0",
            ),
        ];
        for (line, key, range) in cases {
            assert_eq!(
                message(&format!(
                    "{line}\noptimizer.learning_rate = 0.1\ntrain.epochs = 3"
                )),
                format!("x.toml: `{key}` (line 1) must be {range}")
            );
        }
    }

    #[test]
    fn the_learning_rate_is_above_0() {
        assert_eq!(
            message(&PLAIN.replace("0.1", "0")),
            "x.toml: `optimizer.learning_rate` (line 2) must be above 0, found 0.0"
        );
    }

    #[test]
    fn the_numbers_of_adam_keep_to_their_ranges() {
        let cases = [
            ("beta1 = 1", "beta1", "in [0, 1), found 1.0"),
            ("beta2 = -1", "beta2", "in [0, 1), found -1.0"),
            ("epsilon = 0", "epsilon", "above 0, found 0.0"),
        ];
        for (line, key, range) in cases {
            assert_eq!(
                message(&PLAIN.replace("0.1", &format!("0.1\nkind = \"adam\"\n{line}"))),
                format!("x.toml: `optimizer.{key}` (line 4) must be {range}")
            );
        }
    }
}
