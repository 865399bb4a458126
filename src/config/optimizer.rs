//! `[optimizer]`: how a gradient becomes an update.

use super::error::Violation;
use super::kind::each_once;
use super::section::Reader;

section! {
    /// `[optimizer]`: how a gradient becomes an update.
    checked by names_each_exclusion_once;
    pub struct Optimizer {
        /// The update rule and what only it needs.
        method: Method = part();
        /// The learning rate, before any schedule.
        learning_rate: f64 = required("a number above 0") in (computed AboveZero);
        /// Weight decay.
        weight_decay: f64 = default(0.0) in (computed AtLeastZero);
        /// Parameters that weight decay leaves alone.
        weight_decay_excludes: Vec<DecayExclusion> = default(Vec::new());
    }
}

words! {
    /// Parameters that weight decay leaves alone (`optimizer.weight_decay_excludes`).
    DecayExclusion {
        /// What is added to the outputs of a layer or of a normalisation.
        #[default]
        Biases = "biases",
        /// The affine maps of normalisation layers, weight and bias.
        Norms = "norms",
    }
}

fn names_each_exclusion_once(optimizer: &mut Optimizer, _: &Reader<'_>) -> Result<(), Violation> {
    let key = "optimizer.weight_decay_excludes";
    each_once(key, "kind of parameter", &optimizer.weight_decay_excludes)
}

kinds! {
    /// The update rule and what only it needs.
    pub enum Method: OptimizerKind in "kind", "The update rule." {
        /// Stochastic gradient descent on mini-batches; the default.
        #[default]
        Sgd(Momentum) = "sgd",
        /// Gradient descent on the whole training part.
        Gd(Momentum) = "gd",
        /// Gradient descent that jumps at random where the gradient is small (Jin et al. 2021).
        PerturbedGd(Perturbation) = "perturbed_gd",
        /// Steps of one length along the gradient.
        NormalizedSgd = "normalized_sgd",
        /// Steps along the gradient over the loss.
        LossNormalizedSgd = "loss_normalized_sgd",
        /// Steps along the signs of the gradient (Bernstein et al. 2018).
        SignSgd(SignMomentum) = "signsgd",
        /// Adam; weight decay is added to the gradient.
        Adam(Moments) = "adam",
        /// Adam with decoupled weight decay.
        AdamW(Moments) = "adamw",
        /// The gradient over the root of a running mean of its squares.
        RmsProp(MeanSquare) = "rmsprop",
        /// The gradient over the root of the sum of its squares, parameter by parameter.
        Adagrad(Accumulator) = "adagrad",
        /// The same with one sum for all parameters (Ward, Wu & Bottou 2019).
        AdagradNorm(Accumulator) = "adagrad_norm",
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

section! {
    /// The random jumps of `perturbed_gd`.
    #[derive(Copy)]
    pub struct Perturbation {
        /// The norm of the gradient at or below which it jumps.
        gradient_threshold: f64 = required("a norm of the gradient above 0") in (computed AboveZero);
        /// The radius of the ball that a jump is drawn from; the jump is this times the learning rate at most.
        perturbation_radius: f64 = required("a number above 0") in (computed AboveZero);
        /// Steps after a jump without another.
        perturbation_interval: usize = required("a positive number of steps");
    }
}

section! {
    /// The momentum of `signsgd` (Signum).
    #[derive(Copy)]
    pub struct SignMomentum {
        /// Heavy-ball momentum; 0 for none.
        coefficient("momentum"): f64 = default(0.0) in (computed BelowOne);
    }
}

section! {
    /// The running mean of squares of `rmsprop`.
    #[derive(Copy)]
    pub struct MeanSquare {
        /// Decay of the mean of squares.
        alpha: f64 = default(0.99) in (computed BelowOne);
        /// Heavy-ball momentum; 0 for none.
        momentum: f64 = default(0.0) in (computed BelowOne);
        /// Subtract the square of the mean gradient from the mean square.
        centered: bool = default(false);
        /// Added to the denominator.
        epsilon: f64 = default(1e-8) in (computed AboveZero);
    }
}

section! {
    /// The sum of squares of `adagrad` and `adagrad_norm`.
    #[derive(Copy)]
    pub struct Accumulator {
        /// Where the sum of squares begins.
        initial_accumulator: f64 = default(0.0) in (computed AtLeastZero);
        /// Added to the denominator.
        epsilon: f64 = default(1e-10) in (computed AboveZero);
    }
}
