//! `[schedule]`: the learning rate over time.

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
        /// It does not move; the default.
        #[default]
        Constant = "constant",
        /// Multiplied by a factor every few epochs.
        Step(Step) = "step",
        /// Half a cosine wave down to a final fraction.
        Cosine(Cosine) = "cosine",
        /// Multiplied by a factor every epoch.
        Exponential(Exponential) = "exponential",
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
