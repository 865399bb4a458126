//! The moments at which a hook fires.

use crate::config::{Hook, Logarithmic, Shape, Spacing, Trigger, Unit};

/// The steps at which the learning rate turns.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Turns {
    /// The first step at the full rate, which a warm-up has led up to; 0 without one.
    pub warmup: u64,
    /// The steps between two falls; none where it does not fall at certain steps.
    pub decay_every: Option<u64>,
}

impl Turns {
    /// Those of a schedule.
    pub fn of(schedule: &crate::config::Schedule, steps_per_epoch: u64) -> Self {
        let epochs = match schedule.shape {
            // A factor of 1 moves nothing.
            Shape::Step(step) if step.factor < 1.0 => Some(step.every as u64),
            Shape::Exponential(exponential) if exponential.decay < 1.0 => Some(1),
            Shape::Step(_) | Shape::Exponential(_) | Shape::Constant | Shape::Cosine(_) => None,
        };
        Self {
            warmup: schedule.warmup,
            decay_every: epochs.map(|epochs| epochs.saturating_mul(steps_per_epoch)),
        }
    }

    fn is_warmup_end(self, step: u64) -> bool {
        self.warmup > 0 && step == self.warmup
    }

    /// Whether the rate of the step with this index is below that of the one before. During the warm-up it only
    /// rises.
    fn is_decay(self, step: u64) -> bool {
        let falls = |every| step.is_multiple_of(every);
        step > 0 && step >= self.warmup && self.decay_every.is_some_and(falls)
    }
}

/// When a hook fires: at the moments of its schedule, and when something happens.
#[derive(Clone, Debug)]
pub(super) struct Moments {
    /// None of a hook that fires on triggers only.
    schedule: Option<Regular>,
    on: Vec<Trigger>,
    turns: Turns,
}

/// Moments that follow from the number of steps alone.
#[derive(Clone, Copy, Debug)]
struct Regular {
    every: u64,
    /// Steps of a unit of `every`.
    unit: u64,
    spacing: Spacing,
}

impl Moments {
    /// The moments of a hook.
    pub fn of(hook: &Hook, steps_per_epoch: u64, turns: Turns) -> Self {
        let unit = match hook.unit {
            Unit::Steps => 1,
            Unit::Epochs => steps_per_epoch,
        };
        let spacing = hook.spacing;
        let regular = |every: usize| Regular {
            every: every as u64,
            unit,
            spacing,
        };
        Self {
            schedule: hook.every.map(regular),
            on: hook.on.clone(),
            turns,
        }
    }

    /// Whether it is known beforehand that the hook fires before the step with this index.
    pub fn include(&self, step: u64) -> bool {
        self.schedule
            .is_some_and(|schedule| schedule.includes(step))
            || self.turns_at(step)
    }

    /// Whether the hook fires on one of these.
    pub fn follow(&self, triggers: &[Trigger]) -> bool {
        self.on.iter().any(|trigger| triggers.contains(trigger))
    }

    /// Whether the hook also fires at moments that nobody knows beforehand.
    pub fn are_open(&self) -> bool {
        self.on.iter().any(|trigger| trigger.is_event())
    }

    fn turns_at(&self, step: u64) -> bool {
        let fires_on = |trigger| self.on.contains(&trigger);
        (fires_on(Trigger::WarmupEnd) && self.turns.is_warmup_end(step))
            || (fires_on(Trigger::Decay) && self.turns.is_decay(step))
    }

    /// How many moments are known beforehand after `step` up to and including `last`.
    pub fn between(&self, step: u64, last: u64) -> u64 {
        let scheduled = self
            .schedule
            .map_or(0, |schedule| schedule.between(step, last));
        scheduled + self.decays_between(step, last) + self.warmup_ends_between(step, last)
    }

    /// The falls of the rate that the schedule does not include.
    fn decays_between(&self, step: u64, last: u64) -> u64 {
        let Some(every) = self
            .turns
            .decay_every
            .filter(|_| self.on.contains(&Trigger::Decay))
        else {
            return 0;
        };
        let from = step.max(self.turns.warmup.saturating_sub(1));
        let both = self
            .schedule
            .map_or(0, |schedule| schedule.multiples_between(every, from, last));
        multiples(every, from, last) - both
    }

    /// Whether the warm-up ends there, unless the schedule or a fall includes that step.
    fn warmup_ends_between(&self, step: u64, last: u64) -> u64 {
        let warmup = self.turns.warmup;
        let is_known = self
            .schedule
            .is_some_and(|schedule| schedule.includes(warmup))
            || (self.on.contains(&Trigger::Decay) && self.turns.is_decay(warmup));
        let is_there = self.on.contains(&Trigger::WarmupEnd) && step < warmup && warmup <= last;
        u64::from(is_there && !is_known)
    }
}

impl Regular {
    fn includes(self, step: u64) -> bool {
        if !step.is_multiple_of(self.unit) {
            return false;
        }
        let time = step / self.unit;
        match self.spacing {
            Spacing::Linear => time.is_multiple_of(self.every),
            Spacing::Logarithmic(Logarithmic { ratio }) => {
                time == 0 || is_logarithmic(time, self.every, ratio)
            }
        }
    }

    /// How many there are after `step` up to and including `last`.
    fn between(self, step: u64, last: u64) -> u64 {
        self.multiples_between(1, step, last)
    }

    /// The same of those that are multiples of a number of steps.
    fn multiples_between(self, of: u64, step: u64, last: u64) -> u64 {
        match self.spacing {
            Spacing::Linear => {
                let common = self.every.checked_mul(self.unit);
                let common = common.and_then(|period| least_common_multiple(period, of));
                common.map_or(0, |common| multiples(common, step, last))
            }
            Spacing::Logarithmic(Logarithmic { ratio }) => {
                let mut times: Vec<u64> = (0..)
                    .map(|power| (self.every as f64 * ratio.powi(power)).round() as u64)
                    .take_while(|&time| time <= last / self.unit)
                    .collect();
                times.dedup();
                let steps = times.iter().map(|time| time * self.unit);
                let is_counted = |at: &u64| *at > step && at.is_multiple_of(of);
                steps.filter(is_counted).count() as u64
            }
        }
    }
}

/// How many multiples of a number there are after `from` up to and including `to`.
fn multiples(of: u64, from: u64, to: u64) -> u64 {
    (to / of).saturating_sub(from / of)
}

/// None where it is beyond all steps.
fn least_common_multiple(a: u64, b: u64) -> Option<u64> {
    let (mut divisor, mut rest) = (a, b);
    while rest > 0 {
        (divisor, rest) = (rest, divisor % rest);
    }
    (a / divisor).checked_mul(b)
}

/// Whether `time` is `every · ratioᵏ`, rounded to the nearest whole number, for some k ≥ 0.
fn is_logarithmic(time: u64, every: u64, ratio: f64) -> bool {
    let guess = ((time as f64 / every as f64).ln() / ratio.ln()).round();
    (-1..=1).any(|offset| {
        let power = guess + f64::from(offset);
        power >= 0.0 && (every as f64 * ratio.powf(power)).round() as u64 == time
    })
}
