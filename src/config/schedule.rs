//! `[schedule]`: the learning rate over time.

use super::choice::{LimitKind, RateRuleKind, ScheduleKind, Unit};

section! {
    /// `[schedule]`: the learning rate over time.
    pub struct Schedule {
        /// How the learning rate moves after the warm-up.
        shape: Shape = part();
        /// Steps of linear rise to the full rate, fewer than the run has.
        warmup: u64 = default(0);
        /// What bounds the learning rate besides.
        limit: Limit = part();
    }
}

kinds! {
    /// How the learning rate moves after the warm-up.
    #[derive(Copy)]
    pub enum Shape: ScheduleKind in "kind", "How the learning rate moves." {
        /// `kind = "constant"`
        Constant,
        /// `kind = "step"`
        Step(Step),
        /// `kind = "cosine"`
        Cosine(Cosine),
        /// `kind = "exponential"`
        Exponential(Exponential),
    }
}

impl Shape {
    /// The epochs between two falls of the learning rate; none where it does not fall at certain epochs.
    pub fn epochs_between_falls(self) -> Option<u64> {
        match self {
            // A factor of 1 moves nothing.
            Self::Step(step) if step.factor < 1.0 => Some(step.every as u64),
            Self::Exponential(Exponential { decay, unit })
                if decay < 1.0 && unit == Unit::Epochs =>
            {
                Some(1)
            }
            Self::Step(_) | Self::Exponential(_) | Self::Constant | Self::Cosine(_) => None,
        }
    }
}

section! {
    /// The learning rate is multiplied by a factor every few epochs.
    #[derive(Copy)]
    pub struct Step {
        /// Epochs between two falls.
        every: usize = required("a positive number of epochs");
        /// The factor of each fall.
        factor: f64 = default(0.1) in Factor;
    }
}

section! {
    /// Half a cosine wave.
    #[derive(Copy)]
    pub struct Cosine {
        /// The fraction of the learning rate that is left at the end.
        final_fraction: f64 = default(0.0) in Fraction;
    }
}

section! {
    /// The learning rate is multiplied by a factor every epoch, or every step.
    #[derive(Copy)]
    pub struct Exponential {
        /// The factor of each epoch or step; above 1 the learning rate grows.
        decay: f64 = required("a factor per epoch above 0") in AboveZero;
        /// What is multiplied once by `decay`.
        unit: Unit = default(Unit::Epochs);
    }
}

kinds! {
    /// What bounds the learning rate besides its schedule.
    #[derive(Copy)]
    pub enum Limit: LimitKind in "limit", "What bounds the learning rate besides its schedule." {
        /// `limit = "none"`
        None,
        /// `limit = "sharpness"`
        Sharpness(SharpnessLimit),
    }
}

section! {
    /// The learning rate is at most a multiple of `2 / λmax` of the Hessian of the training loss.
    #[derive(Copy)]
    pub struct SharpnessLimit {
        /// The multiple; gradient descent is stable below 1.
        limit_factor: f64 = default(1.0) in AboveZero;
        /// Steps between two measurements of λmax.
        limit_every: usize = default(10);
        /// Steps after which nothing bounds the learning rate any more.
        limit_steps: Option<usize> = optional("the whole run");
        /// How many training samples λmax is measured on.
        limit_samples: Option<usize> = optional("all");
    }
}

kinds! {
    /// `[learning_rate_rule]`: how the learning rate follows the batch size.
    #[derive(Copy)]
    pub enum LearningRateRule: RateRuleKind in "rule", "How the learning rate follows the batch size." {
        /// `rule = "none"`
        None,
        /// `rule = "linear"` (Goyal et al. 2017)
        Linear(BaseBatch),
        /// `rule = "sqrt"` (Krizhevsky 2014)
        Sqrt(BaseBatch),
    }
}

section! {
    /// The batch size for which a learning rate is given.
    #[derive(Copy)]
    pub struct BaseBatch {
        /// The batch size at which the learning rate is `optimizer.learning_rate`.
        base_batch: usize = required("a positive number of samples");
    }
}

impl LearningRateRule {
    /// What the learning rate is multiplied by for a batch size.
    pub fn factor(self, batch: u64) -> f64 {
        let ratio = |base: BaseBatch| batch as f64 / base.base_batch as f64;
        match self {
            Self::None => 1.0,
            Self::Linear(base) => ratio(base),
            Self::Sqrt(base) => ratio(base).sqrt(),
        }
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
            "x.toml: `schedule.decay` is required: a factor per epoch above 0"
        );
    }
}
