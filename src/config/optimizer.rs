//! `[optimizer]`: how a gradient becomes an update.

use super::error::Violation;
use super::section::Reader;

section! {
    /// `[optimizer]`: how a gradient becomes an update.
    pub struct Optimizer {
        /// The update rule and what only it needs.
        method: Method = part();
        /// The learning rate, before any schedule.
        learning_rate: f64 = required("a number above 0") in (computed AboveZero);
        /// Weight decay.
        weight_decay: f64 = default(0.0) in (computed AtLeastZero);
    }
}

kinds! {
    /// The update rule and what only it needs.
    pub enum Method: OptimizerKind in "kind", "The update rule." {
        /// Stochastic gradient descent on mini-batches; the default.
        #[default]
        Sgd(Momentum) = "sgd",
        /// Gradient descent on the whole training part.
        Gd(Momentum) = "gd",
        /// Adam; weight decay is added to the gradient.
        Adam(Moments) = "adam",
        /// Adam with decoupled weight decay.
        AdamW(Moments) = "adamw",
    }
}

impl Method {
    /// The momentum of (stochastic) gradient descent; none for other rules.
    pub fn momentum(&self) -> Option<Momentum> {
        match self {
            Self::Sgd(momentum) | Self::Gd(momentum) => Some(*momentum),
            Self::Adam(_) | Self::AdamW(_) => None,
        }
    }
}

section! {
    /// Heavy-ball momentum, of `sgd` and `gd`.
    #[derive(Copy)]
    checked by looks_ahead_of_something;
    pub struct Momentum {
        /// Heavy-ball momentum; 0 for none.
        coefficient("momentum"): f64 = default(0.0) in (computed BelowOne);
        /// Look ahead (Nesterov); needs momentum.
        nesterov: bool = default(false);
    }
}

fn looks_ahead_of_something(momentum: &mut Momentum, _: &Reader<'_>) -> Result<(), Violation> {
    if momentum.nesterov && momentum.coefficient == 0.0 {
        let rule = "= true needs optimizer.momentum above 0";
        return Err(Violation::new("optimizer.nesterov", rule).against("optimizer.momentum"));
    }
    Ok(())
}

section! {
    /// The running moments of `adam` and `adamw`.
    #[derive(Copy)]
    pub struct Moments {
        /// Decay of the first moment.
        beta1: f64 = default(0.9) in (computed BelowOne);
        /// Decay of the second moment.
        beta2: f64 = default(0.999) in (computed BelowOne);
        /// Added to the denominator.
        epsilon: f64 = default(1e-8) in (computed AboveZero);
    }
}
