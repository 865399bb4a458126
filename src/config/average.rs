//! `[average]`: a mean of the weights over training, as a second solution to measure.

kinds! {
    /// `[average]`: a mean of the weights over training, as a second solution to measure.
    #[derive(Copy)]
    pub enum Average: AverageKind in "kind", "A mean of the weights over training, as a second solution to measure." {
        /// There is none; the default.
        #[default]
        None = "none",
        /// An exponential moving average.
        Ema(MovingAverage) = "ema",
    }
}

section! {
    /// An exponential moving average of the weights, and of the running statistics of normalisation layers.
    #[derive(Copy)]
    pub struct MovingAverage {
        /// What is kept of the average in every step.
        decay: f64 = default(0.999) in (computed BelowOne);
        /// Steps before the average begins; up to there it is the weights themselves.
        start: u64 = default(0);
    }
}
