//! `[schedule]`: the learning rate over time.

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
        /// It does not move; the default.
        #[default]
        Constant = "constant",
        /// Multiplied by a factor every few epochs.
        Step(Step) = "step",
        /// Half a cosine wave down to a final fraction.
        Cosine(Cosine) = "cosine",
        /// Multiplied by a factor every epoch, or every step.
        Exponential(Exponential) = "exponential",
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

words! {
    /// What is counted (`schedule.unit`, `hooks.unit`).
    Unit {
        /// Passes over the training part; the default.
        #[default]
        Epochs = "epochs",
        /// Updates of the parameters.
        Steps = "steps",
    }
}

kinds! {
    /// What bounds the learning rate besides its schedule.
    #[derive(Copy)]
    pub enum Limit: LimitKind in "limit", "What bounds the learning rate besides its schedule." {
        /// Nothing; the default.
        #[default]
        None = "none",
        /// A multiple of 2 over the largest eigenvalue of the Hessian.
        Sharpness(SharpnessLimit) = "sharpness",
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
        /// It does not; the default.
        #[default]
        None = "none",
        /// In proportion (Goyal et al. 2017).
        Linear(BaseBatch) = "linear",
        /// With its square root (Krizhevsky 2014).
        Sqrt(BaseBatch) = "sqrt",
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
