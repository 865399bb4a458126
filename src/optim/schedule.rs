//! Learning-rate schedules, as pure functions of the step: a resumed run needs no state for them.

use crate::config::{Config, Cosine, Epochs, Exponential, LearningRateRule, Shape, Step, Unit};
use std::f64::consts::PI;

/// A shape with the quantities that place it on the axis of steps.
#[derive(Clone, Debug, PartialEq)]
pub struct Schedule {
    /// The rate before any change.
    pub base: f64,
    /// How it follows the batch size.
    pub rule: LearningRateRule,
    /// Steps over which the rate first rises linearly from `base / warmup` to `base`.
    pub warmup: u64,
    /// What follows.
    pub shape: Shape,
    /// Epochs, with the batch size of each.
    pub epochs: Epochs,
    /// Steps of the whole run.
    pub total_steps: u64,
}

impl Schedule {
    /// The schedule of a config over so many training samples; of SVAG's steps, of which several stand for one.
    pub fn of(config: &Config, samples: usize) -> Self {
        Self {
            base: config.optimizer.learning_rate / config.train.svag.unwrap_or(1) as f64,
            rule: config.learning_rate_rule,
            warmup: config.schedule.warmup,
            shape: config.schedule.shape,
            epochs: config.epochs(samples),
            total_steps: config.total_steps(samples) as u64,
        }
    }

    /// The sum of the learning rates of all steps.
    pub fn cumulative(&self) -> f64 {
        (0..self.total_steps)
            .map(|step| self.learning_rate(step))
            .sum()
    }

    /// The learning rate of the step with this index, the first being 0.
    pub fn learning_rate(&self, step: u64) -> f64 {
        let base = self.base * self.rule.factor(self.epochs.batch_size(step));
        if step < self.warmup {
            return base * (step + 1) as f64 / self.warmup as f64;
        }
        let (epoch, _) = self.epochs.at(step);
        base * match self.shape {
            Shape::Constant => 1.0,
            Shape::Step(Step { every, factor }) => factor.powf((epoch / every as u64) as f64),
            Shape::Exponential(Exponential { decay, unit }) => decay.powf(match unit {
                Unit::Epochs => epoch as f64,
                Unit::Steps => step as f64,
            }),
            // Loshchilov & Hutter 2017, eq. 5, one period.
            Shape::Cosine(Cosine { final_fraction }) => {
                let length = self.total_steps.saturating_sub(self.warmup).max(1);
                let progress = (step - self.warmup) as f64 / length as f64;
                let cosine = 0.5 * (1.0 + (PI * progress.min(1.0)).cos());
                final_fraction + (1.0 - final_fraction) * cosine
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::BaseBatch;

    fn rates(shape: Shape, warmup: u64, steps: &[u64]) -> Vec<f64> {
        let schedule = Schedule {
            base: 0.4,
            rule: LearningRateRule::None,
            warmup,
            shape,
            epochs: Epochs::of_steps(10),
            total_steps: 100,
        };
        steps
            .iter()
            .map(|&step| schedule.learning_rate(step))
            .collect()
    }

    fn assert_close(found: &[f64], expected: &[f64]) {
        for (a, b) in found.iter().zip(expected) {
            assert!((a - b).abs() < 1e-12, "{found:?} against {expected:?}");
        }
    }

    #[test]
    fn warm_up_rises_linearly_to_the_base_rate() {
        let found = rates(Shape::Constant, 4, &[0, 1, 2, 3, 4, 99]);
        assert_close(&found, &[0.1, 0.2, 0.3, 0.4, 0.4, 0.4]);
    }

    #[test]
    fn steps_change_the_rate_at_whole_epochs() {
        let shape = Shape::Step(Step {
            every: 2,
            factor: 0.5,
        });
        assert_close(&rates(shape, 0, &[0, 19, 20, 40]), &[0.4, 0.4, 0.2, 0.1]);
    }

    #[test]
    fn exponential_decay_multiplies_once_an_epoch() {
        let shape = |decay, unit| Shape::Exponential(Exponential { decay, unit });
        let fall = shape(0.9, Unit::Epochs);
        assert_close(&rates(fall, 0, &[9, 10, 20]), &[0.4, 0.36, 0.324]);
        let rise = shape(1.5, Unit::Steps);
        assert_close(&rates(rise, 0, &[0, 1, 2]), &[0.4, 0.6, 0.9]);
    }

    #[test]
    fn the_rate_follows_the_batch_size() {
        // Batches of 4 for ten epochs of ten steps, then of 16.
        let text = "optimizer.learning_rate = 0.4\ntrain = {epochs = 20, batch_size = 4, \
                    batch_schedule = \"step\", batch_every = 10, batch_factor = 4}";
        let config = crate::config::parse(text, "x.toml", &[], "x", &[]).unwrap();
        let base = BaseBatch { base_batch: 8 };
        let cases = [
            (LearningRateRule::None, [0.4, 0.4, 0.4]),
            (LearningRateRule::Linear(base), [0.2, 0.2, 0.8]),
            (
                LearningRateRule::Sqrt(base),
                [0.4 / 2_f64.sqrt(), 0.4 / 2_f64.sqrt(), 0.4 * 2_f64.sqrt()],
            ),
        ];
        for (rule, expected) in cases {
            let schedule = Schedule {
                base: 0.4,
                rule,
                warmup: 0,
                shape: Shape::Constant,
                epochs: config.epochs(40),
                total_steps: 130,
            };
            let found = [0, 99, 100].map(|step| schedule.learning_rate(step));
            assert_close(&found, &expected);
        }
    }

    #[test]
    fn cosine_falls_from_the_base_rate_to_its_final_fraction() {
        let shape = Shape::Cosine(Cosine {
            final_fraction: 0.5,
        });
        assert_close(&rates(shape, 20, &[20, 60, 100]), &[0.4, 0.3, 0.2]);
    }
}
