//! Checks `[schedule]`.

use super::{other_kind, range};
use crate::config::choice::{Precision, ScheduleKind};
use crate::config::raw::RawSchedule;
use crate::config::rule::{Rule, Violation};
use crate::config::valid::{Schedule, Shape};

const KIND: &str = "schedule.kind";

pub(super) fn check(raw: &RawSchedule) -> Result<Schedule, Violation> {
    let kind = raw.kind.unwrap_or_default();
    refuse_keys_of_other_kinds(raw, kind)?;
    let warmup = raw.warmup.map_or(0, |steps| steps.0);
    Ok(Schedule {
        warmup: usize::try_from(warmup).unwrap_or(usize::MAX),
        shape: match kind {
            ScheduleKind::Constant => Shape::Constant,
            ScheduleKind::Step => Shape::Step {
                every: match raw.every {
                    Some(every) => every.0,
                    None => return Err(missing("schedule.every", "a positive number of epochs")),
                },
                factor: range::factor("schedule.factor", raw.factor, 0.1)?,
            },
            ScheduleKind::Cosine => Shape::Cosine {
                final_fraction: range::fraction(
                    "schedule.final_fraction",
                    raw.final_fraction,
                    0.0,
                )?,
            },
            ScheduleKind::Exponential => Shape::Exponential {
                decay: match raw.decay {
                    Some(_) => range::factor("schedule.decay", raw.decay, 1.0)?,
                    None => return Err(missing("schedule.decay", "a factor per epoch in (0, 1]")),
                },
            },
        },
    })
}

/// Refuses a schedule that falls, at its first fall, to a learning rate that is 0 in the run's
/// precision. Factors themselves are held in f64.
pub(super) fn check_rates(
    schedule: &Schedule,
    base: f64,
    precision: Precision,
) -> Result<(), Violation> {
    let (key, factor) = match schedule.shape {
        Shape::Constant => return Ok(()),
        // To end at 0 is what the user wants then.
        Shape::Cosine {
            final_fraction: 0.0,
        } => return Ok(()),
        Shape::Cosine { final_fraction } => ("schedule.final_fraction", final_fraction),
        Shape::Step { factor, .. } => ("schedule.factor", factor),
        Shape::Exponential { decay } => ("schedule.decay", decay),
    };
    range::learning_rate(key, factor, base * factor, precision)
}

fn missing(key: &str, what: &'static str) -> Violation {
    Violation::new(key, Rule::Missing { what }).against(KIND)
}

fn refuse_keys_of_other_kinds(raw: &RawSchedule, kind: ScheduleKind) -> Result<(), Violation> {
    let keys = [
        ("schedule.every", raw.every.is_some(), ScheduleKind::Step),
        ("schedule.factor", raw.factor.is_some(), ScheduleKind::Step),
        (
            "schedule.final_fraction",
            raw.final_fraction.is_some(),
            ScheduleKind::Cosine,
        ),
        (
            "schedule.decay",
            raw.decay.is_some(),
            ScheduleKind::Exponential,
        ),
    ];
    match keys
        .iter()
        .find(|(_, present, owner)| *present && *owner != kind)
    {
        Some((key, _, owner)) => {
            Err(other_kind(*key, KIND, &[owner.as_str()], kind.as_str()).against(KIND))
        }
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use crate::config::samples::{PLAIN, message};

    fn schedule(keys: &str) -> String {
        message(&format!("schedule = {{{keys}}}\n{PLAIN}"))
    }

    #[test]
    fn a_key_of_another_kind_is_refused() {
        let cases = [
            (
                "kind = \"cosine\", factor = 0.5",
                "factor",
                "step",
                "cosine",
            ),
            ("every = 3", "every", "step", "constant"),
            (
                "final_fraction = 0.1",
                "final_fraction",
                "cosine",
                "constant",
            ),
            (
                "kind = \"step\", every = 1, decay = 0.9",
                "decay",
                "exponential",
                "step",
            ),
        ];
        for (keys, key, owner, kind) in cases {
            assert_eq!(
                schedule(keys),
                format!(
                    "x.toml: `schedule.{key}` (line 1) only applies to schedule.kind = \"{owner}\"; this config has \"{kind}\""
                )
            );
        }
    }

    #[test]
    fn step_needs_its_period_and_exponential_its_decay() {
        assert_eq!(
            schedule("kind = \"step\""),
            "x.toml: `schedule.every` is required: a positive number of epochs"
        );
        assert_eq!(
            schedule("kind = \"exponential\""),
            "x.toml: `schedule.decay` is required: a factor per epoch in (0, 1]"
        );
    }
}
