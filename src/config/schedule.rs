//! `[schedule]`: the learning rate over time.

use super::choice::ScheduleKind;

section! {
    /// `[schedule]`: the learning rate over time.
    pub struct Schedule {
        /// How the learning rate moves after the warm-up.
        shape: Shape = part();
        /// Steps of linear rise to the full rate, fewer than the run has.
        warmup: u64 = default(0);
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
    /// The learning rate is multiplied by a factor every epoch.
    #[derive(Copy)]
    pub struct Exponential {
        /// The factor of each epoch.
        decay: f64 = required("a factor per epoch in (0, 1]") in Factor;
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
