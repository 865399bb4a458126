//! The ranges a number can be confined to, each with its rule, and what floating point leaves of it.

use crate::config::choice::Precision;
use crate::config::number::Real;
use crate::config::rule::{Rule, Violation};

/// What a run computes with in place of a number of the config.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Held {
    /// The number itself: the program's own arithmetic is in f64.
    Exactly,
    /// What the run's precision holds of it.
    InRun(Precision),
    /// What f32 holds of it, whatever the run's precision: Burn's update rules keep their constants
    /// in f32.
    InRule,
}

impl Held {
    /// What is computed with in place of `value`. What f32 holds with fewer digits than usual counts
    /// as 0, which graphics cards make of it.
    fn of(self, value: f64) -> f64 {
        match self {
            Self::Exactly | Self::InRun(Precision::F64) => value,
            Self::InRun(Precision::F32) | Self::InRule => {
                let rounded = value as f32;
                f64::from(if rounded.is_subnormal() { 0.0 } else { rounded })
            }
        }
    }
}

/// The share of a number's distance from a limit that rounding may change.
const CHANGE: f64 = 0.1;

/// The numbers a key allows.
struct Range {
    allowed: fn(f64) -> bool,
    /// Numbers from which the distance means something: to a decay rate of 0.999999999, what is left
    /// to 1 is everything.
    limits: &'static [f64],
    rule: fn(f64) -> Rule,
}

const ABOVE_ZERO: Range = Range {
    allowed: |v| v > 0.0,
    limits: &[0.0],
    rule: |found| Rule::AboveZero { found },
};

const AT_LEAST_ZERO: Range = Range {
    allowed: |v| v >= 0.0,
    limits: &[0.0],
    rule: |found| Rule::AtLeastZero { found },
};

const ABOVE_ONE: Range = Range {
    allowed: |v| v > 1.0,
    limits: &[1.0],
    rule: |found| Rule::AboveOne { found },
};

const FRACTION: Range = Range {
    allowed: |v| (0.0..=1.0).contains(&v),
    limits: &[0.0, 1.0],
    rule: |found| Rule::Fraction { found },
};

const BELOW_ONE: Range = Range {
    allowed: |v| (0.0..1.0).contains(&v),
    limits: &[0.0, 1.0],
    rule: |found| Rule::BelowOne { found },
};

const FACTOR: Range = Range {
    allowed: |v| v > 0.0 && v <= 1.0,
    limits: &[0.0, 1.0],
    rule: |found| Rule::Factor { found },
};

impl Range {
    fn check(
        &self,
        key: &str,
        value: Option<Real>,
        default: f64,
        held: Held,
    ) -> Result<f64, Violation> {
        let found = value.map_or(default, |value| value.0);
        if !(self.allowed)(found) {
            return Err(Violation::new(key, (self.rule)(found)));
        }
        let kept = held.of(found);
        let is_kept = |limit: &f64| {
            let (distance, left) = (found - limit, kept - limit);
            (left - distance).abs() <= CHANGE * distance.abs()
        };
        match self.limits.iter().find(|limit| !is_kept(limit)) {
            None => Ok(found),
            Some(&limit) => {
                let is_rule = held == Held::InRule;
                let rule = Rule::NotHeld {
                    found,
                    kept,
                    limit,
                    is_rule,
                };
                Err(Violation::new(key, rule))
            }
        }
    }
}

/// A number above 0.
pub(super) fn above_zero(
    key: &str,
    value: Option<Real>,
    default: f64,
    held: Held,
) -> Result<f64, Violation> {
    ABOVE_ZERO.check(key, value, default, held)
}

/// A number of at least 0.
pub(super) fn at_least_zero(
    key: &str,
    value: Option<Real>,
    default: f64,
    held: Held,
) -> Result<f64, Violation> {
    AT_LEAST_ZERO.check(key, value, default, held)
}

/// A number above 1, held exactly.
pub(super) fn above_one(key: &str, value: Option<Real>, default: f64) -> Result<f64, Violation> {
    ABOVE_ONE.check(key, value, default, Held::Exactly)
}

/// A number in [0, 1], held exactly.
pub(super) fn fraction(key: &str, value: Option<Real>, default: f64) -> Result<f64, Violation> {
    FRACTION.check(key, value, default, Held::Exactly)
}

/// A number in [0, 1).
pub(super) fn below_one(
    key: &str,
    value: Option<Real>,
    default: f64,
    held: Held,
) -> Result<f64, Violation> {
    BELOW_ONE.check(key, value, default, held)
}

/// A number in (0, 1], held exactly.
pub(super) fn factor(key: &str, value: Option<Real>, default: f64) -> Result<f64, Violation> {
    FACTOR.check(key, value, default, Held::Exactly)
}

/// Refuses a key that makes a learning rate of which the run's precision leaves nothing.
pub(super) fn learning_rate(
    key: &str,
    found: f64,
    rate: f64,
    precision: Precision,
) -> Result<(), Violation> {
    let held = Held::InRun(precision);
    match ABOVE_ZERO.check(key, Some(Real(rate)), rate, held) {
        Ok(_) => Ok(()),
        Err(_) => Err(Violation::new(key, Rule::RateNotHeld { found, rate })),
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

    /// The message about `key` with `value` in a run of this kind and precision, if there is one.
    fn held(precision: &str, kind: &str, key: &str, value: &str) -> Option<String> {
        let rate = match key {
            "optimizer.learning_rate" => "",
            _ => "optimizer.learning_rate = 0.1\n",
        };
        let text = format!(
            "{key} = {value}\nprecision = \"{precision}\"\noptimizer.kind = \"{kind}\"\n{rate}train.epochs = 3"
        );
        let read = crate::config::parse(&text, "x.toml", &[], "x", &[]);
        read.err().map(|error| error.to_string())
    }

    #[test]
    fn a_number_that_the_runs_precision_does_not_hold_is_refused() {
        for key in [
            "optimizer.learning_rate",
            "model.init_scale",
            "train.stop_at_train_loss",
        ] {
            for (value, kept) in [("1e-50", "0.0"), ("1e-40", "0.0"), ("1e39", "inf")] {
                let message = held("f32", "sgd", key, value);
                let value: f64 = value.parse().unwrap();
                assert_eq!(
                    message.as_deref(),
                    Some(format!("x.toml: `{key}` (line 1) = {value:?} cannot be held in f32, which makes {kept} of it: give one from 1.2e-38 to 3.4e38, or set precision = \"f64\"").as_str())
                );
            }
            for value in ["1e-50", "1e-40", "1e39"] {
                assert_eq!(held("f64", "sgd", key, value), None, "{key} = {value}");
            }
            for value in ["1.2e-38", "3.4e38", "0.99999999"] {
                assert_eq!(held("f32", "sgd", key, value), None, "{key} = {value}");
            }
        }
    }

    #[test]
    fn the_constants_of_update_rules_must_be_held_in_f32_in_either_precision() {
        let refused = [
            (
                "sgd",
                "weight_decay",
                "1e-50",
                "0.0",
                "from 1.2e-38 to 3.4e38",
            ),
            (
                "adamw",
                "weight_decay",
                "1e39",
                "inf",
                "from 1.2e-38 to 3.4e38",
            ),
            ("adam", "epsilon", "1e-46", "0.0", "from 1.2e-38 to 3.4e38"),
            ("adam", "beta1", "1e-46", "0.0", "from 1.2e-38 to 3.4e38"),
            (
                "adamw",
                "beta2",
                "0.999999999",
                "1.0",
                "of at most 0.9999997",
            ),
            (
                "gd",
                "momentum",
                "0.99999999",
                "1.0",
                "of at most 0.9999997",
            ),
            // Its distance from 1 changes by a fifth.
            (
                "sgd",
                "momentum",
                "0.9999999",
                "0.9999998807907104",
                "of at most 0.9999997",
            ),
        ];
        for (kind, key, value, kept, allowed) in refused {
            for precision in ["f32", "f64"] {
                let key = format!("optimizer.{key}");
                let message = held(precision, kind, &key, value);
                let value: f64 = value.parse().unwrap();
                let expected = format!(
                    "x.toml: `{key}` (line 1) = {value:?} cannot be held in f32, which makes {kept} of it: give one {allowed}, because update rules keep their constants in f32 whatever `precision` is"
                );
                assert_eq!(message, Some(expected));
            }
        }
        let held_well = [
            ("sgd", "momentum", "0"),
            ("sgd", "momentum", "0.9999997"),
            ("adam", "beta2", "0.999999"),
            ("adam", "epsilon", "1e-37"),
            ("sgd", "weight_decay", "0"),
            ("sgd", "weight_decay", "1e-30"),
        ];
        for (kind, key, value) in held_well {
            assert_eq!(
                held("f32", kind, &format!("optimizer.{key}"), value),
                None,
                "{key}"
            );
        }
    }

    #[test]
    fn a_schedule_does_not_end_the_learning_rate_by_rounding() {
        let cases = [
            ("kind = \"step\", every = 1, factor = 1e-45", "factor"),
            (
                "kind = \"cosine\", final_fraction = 1e-45",
                "final_fraction",
            ),
            ("kind = \"exponential\", decay = 1e-45", "decay"),
        ];
        for (schedule, key) in cases {
            let read = |precision: &str| {
                let text =
                    format!("schedule = {{{schedule}}}\nprecision = \"{precision}\"\n{PLAIN}");
                crate::config::parse(&text, "x.toml", &[], "x", &[])
            };
            assert_eq!(
                read("f32").unwrap_err().to_string(),
                format!(
                    "x.toml: `schedule.{key}` (line 1) = 1e-45 makes a learning rate of 1e-46, which f32 cannot hold: give a larger number, or set precision = \"f64\""
                )
            );
            assert!(read("f64").is_ok());
        }
        let zero = format!("schedule = {{kind = \"cosine\", final_fraction = 0}}\n{PLAIN}");
        assert!(crate::config::parse(&zero, "x.toml", &[], "x", &[]).is_ok());
    }
}
