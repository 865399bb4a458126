//! The moments at which a hook fires.

use crate::config::{Epochs, Hook, Logarithmic, Schedule, Spacing, Trigger, Unit};

/// The steps at which the learning rate turns.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Turns {
    /// The first step at the full rate, which a warm-up has led up to; 0 without one.
    pub warmup: u64,
    /// The epochs between two falls; none where it does not fall at the beginning of epochs.
    pub decay_every: Option<u64>,
}

impl Turns {
    /// Those of a schedule.
    pub fn of(schedule: &Schedule) -> Self {
        Self {
            warmup: schedule.warmup,
            decay_every: schedule.shape.epochs_between_falls(),
        }
    }

    fn is_warmup_end(self, step: u64) -> bool {
        self.warmup > 0 && step == self.warmup
    }

    /// Whether the rate of the step with this index is below that of the one before. During the warm-up it only
    /// rises.
    fn is_decay(self, step: u64, epochs: &Epochs) -> bool {
        let falls = |every| epochs.is_due(step, every);
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
    epochs: Epochs,
}

/// Moments that follow from the number of steps alone.
#[derive(Clone, Copy, Debug)]
struct Regular {
    every: u64,
    unit: Unit,
    spacing: Spacing,
}

/// Falls of the rate that are looked at one by one to foresee how often a hook fires.
const MOST_FALLS: u64 = 100_000;

impl Moments {
    /// The moments of a hook.
    pub fn of(hook: &Hook, epochs: Epochs, turns: Turns) -> Self {
        let Hook { unit, spacing, .. } = *hook;
        let regular = |every: usize| Regular {
            every: every as u64,
            unit,
            spacing,
        };
        Self {
            schedule: hook.every.map(regular),
            on: hook.on.clone(),
            turns,
            epochs,
        }
    }

    /// Whether it is known beforehand that the hook fires before the step with this index.
    pub fn include(&self, step: u64) -> bool {
        self.is_scheduled(step) || self.turns_at(step)
    }

    fn is_scheduled(&self, step: u64) -> bool {
        self.schedule
            .is_some_and(|schedule| schedule.includes(step, &self.epochs))
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
            || (fires_on(Trigger::Decay) && self.turns.is_decay(step, &self.epochs))
    }

    /// How many moments are known beforehand after `step` up to and including `last`.
    pub fn between(&self, step: u64, last: u64) -> u64 {
        let scheduled = self
            .schedule
            .map_or(0, |schedule| schedule.between(step, last, &self.epochs));
        scheduled + self.decays_between(step, last) + self.warmup_ends_between(step, last)
    }

    /// The falls of the rate that the schedule does not include; of very many, as if it included none of the later
    /// ones.
    fn decays_between(&self, step: u64, last: u64) -> u64 {
        let Some(every) = self
            .turns
            .decay_every
            .filter(|_| self.on.contains(&Trigger::Decay))
        else {
            return 0;
        };
        let from = step.max(self.turns.warmup.saturating_sub(1)).min(last);
        let number = |step| self.epochs.at(step).0 / every;
        let (first, end) = (number(from) + 1, number(last) + 1);
        let falls = (first..end).take(MOST_FALLS as usize);
        let both = falls.filter(|fall| self.is_scheduled(self.epochs.steps(fall * every)));
        (end - first) - both.count() as u64
    }

    /// Whether the warm-up ends there, unless the schedule or a fall includes that step.
    fn warmup_ends_between(&self, step: u64, last: u64) -> u64 {
        let warmup = self.turns.warmup;
        let falls = self.on.contains(&Trigger::Decay) && self.turns.is_decay(warmup, &self.epochs);
        let is_known = self.is_scheduled(warmup) || falls;
        let is_there = self.on.contains(&Trigger::WarmupEnd) && step < warmup && warmup <= last;
        u64::from(is_there && !is_known)
    }
}

impl Regular {
    fn includes(self, step: u64, epochs: &Epochs) -> bool {
        let time = match self.unit {
            Unit::Steps => Some(step),
            Unit::Epochs => epochs.beginning_at(step),
        };
        time.is_some_and(|time| match self.spacing {
            Spacing::Linear => time.is_multiple_of(self.every),
            Spacing::Logarithmic(Logarithmic { ratio }) => {
                time == 0 || is_logarithmic(time, self.every, ratio)
            }
        })
    }

    /// How many there are after `step` up to and including `last`.
    fn between(self, step: u64, last: u64, epochs: &Epochs) -> u64 {
        let time = |step| match self.unit {
            Unit::Steps => step,
            Unit::Epochs => epochs.at(step).0,
        };
        let (from, to) = (time(step), time(last));
        match self.spacing {
            Spacing::Linear => (to / self.every).saturating_sub(from / self.every),
            Spacing::Logarithmic(Logarithmic { ratio }) => {
                let mut times: Vec<u64> = (0..)
                    .map(|power| (self.every as f64 * ratio.powi(power)).round() as u64)
                    .take_while(|&time| time <= to)
                    .filter(|&time| time > from)
                    .collect();
                times.dedup();
                times.len() as u64
            }
        }
    }
}

/// Whether `time` is `every · ratioᵏ`, rounded to the nearest whole number, for some k ≥ 0.
fn is_logarithmic(time: u64, every: u64, ratio: f64) -> bool {
    let guess = ((time as f64 / every as f64).ln() / ratio.ln()).round();
    (-1..=1).any(|offset| {
        let power = guess + f64::from(offset);
        power >= 0.0 && (every as f64 * ratio.powf(power)).round() as u64 == time
    })
}
