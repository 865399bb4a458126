//! What changes the gradient that a step follows: `[sharpness_aware]`, `[gradient_penalty]`, `[noise]`,
//! `[label_noise]`, and the bound on it in `[train]`.

use super::error::Violation;
use super::section::Reader;

section! {
    /// `[sharpness_aware]`: sharpness-aware steps, along the gradient at the end of a move up the loss.
    pub struct SharpnessAware {
        /// What the move up the loss is measured in units of.
        units: Units = part();
        /// How far the move up the loss goes that the gradient is taken after, its radius; 0.05 is usual for SAM, 0.5 for ASAM.
        rho: f64 = required("a number above 0; 0.05 is usual for \"sam\", 0.5 for \"asam\"") in (computed AboveZero);
        /// How the radius moves.
        path: RadiusPath = part();
        /// The norm in which the move has its radius.
        ball: Ball = default(Ball::L2);
        /// Samples that are moved together (the m of m-SAM), at most those of a step.
        batch: Option<usize> = optional("those of a step");
    }
}

kinds! {
    /// What the move of sharpness-aware steps is measured in units of.
    #[derive(Copy)]
    pub enum Units: SharpnessAwareKind in "kind", "What the move up the loss is measured in units of." {
        /// Nothing; the default (Foret et al. 2021).
        #[default]
        Plain = "sam",
        /// The sizes of the parameters (Kwon et al. 2021).
        Sizes(Sizes) = "asam",
    }
}

section! {
    /// The sizes that ASAM moves in units of.
    #[derive(Copy)]
    pub struct Sizes {
        /// Which of the two published scalings.
        scaling: Scaling = default(Scaling::Elementwise);
        /// Added to every size.
        eta: f64 = default(0.01) in (computed AtLeastZero);
    }
}

words! {
    /// In what the move of SAM has its radius (`sharpness_aware.ball`).
    Ball {
        /// The Euclidean norm; the default.
        #[default]
        L2 = "l2",
        /// The largest entry.
        Linf = "linf",
    }
}

words! {
    /// What sizes ASAM has (`sharpness_aware.scaling`).
    Scaling {
        /// The size of each parameter; the default.
        #[default]
        Elementwise = "elementwise",
        /// The norm of each filter of a convolution, the size of every other parameter.
        Filterwise = "filterwise",
    }
}

kinds! {
    /// How the radius of SAM moves over the run.
    #[derive(Copy)]
    pub enum RadiusPath: RadiusKind in "schedule", "How the radius moves." {
        /// It does not move; the default.
        #[default]
        Constant = "constant",
        /// On a straight line to its final value.
        Linear(FinalRadius) = "linear",
        /// Along half a cosine wave to its final value.
        Cosine(FinalRadius) = "cosine",
    }
}

section! {
    /// Where the radius of SAM ends.
    #[derive(Copy)]
    pub struct FinalRadius {
        /// The radius of the last step.
        value("final_rho"): f64 = required("the radius of the last step") in AtLeastZero;
    }
}

section! {
    /// `[gradient_penalty]`: descent on the loss and half a multiple of its squared gradient.
    #[derive(Copy)]
    pub struct GradientPenalty {
        /// The factor `μ` of `L + ½μ‖∇L‖²`.
        strength: f64 = required("a number above 0") in (computed AboveZero);
    }
}

section! {
    /// `[noise]`: noise added to the gradient over all samples, as strong as that of batches.
    #[derive(Copy)]
    pub struct Noise {
        /// The covariance of the noise, up to a factor.
        shape("kind"): NoiseShape = required("\"isotropic\", \"gauss_newton\" or \"minibatch\"");
        /// Samples of the batch whose gradient has as large a variance at every step; fewer than the training samples.
        batch_size: usize = default(32);
    }
}

words! {
    /// The shape of injected noise (`noise.kind`).
    NoiseShape {
        /// The same in every direction; the default.
        #[default]
        Isotropic = "isotropic",
        /// The Gauss-Newton matrix of the loss.
        GaussNewton = "gauss_newton",
        /// The covariance of the gradients of single samples.
        Minibatch = "minibatch",
    }
}

kinds! {
    /// `[label_noise]`: what happens to the labels of each step, anew in each.
    #[derive(Copy)]
    pub enum LabelNoise: LabelNoiseKind in "kind", "What happens to the labels of a step, anew in each." {
        /// Some labels are drawn anew; the default.
        #[default]
        Redraw(Redraw) = "redraw",
        /// Every number that outputs are compared with is moved.
        Gaussian(Gaussian) = "gaussian",
    }
}

section! {
    /// Labels drawn anew.
    #[derive(Copy)]
    pub struct Redraw {
        /// The fraction of labels that is drawn anew from all classes.
        fraction: f64 = required("a fraction in (0, 1]") in Factor;
    }
}

section! {
    /// Targets that are moved.
    #[derive(Copy)]
    pub struct Gaussian {
        /// The standard deviation of what is added to every target; only for train.loss = "square".
        deviation: f64 = required("a number above 0") in (computed AboveZero);
    }
}

section! {
    /// A bound on the gradient, in `[train]`: at most one of the two.
    #[derive(Copy)]
    checked by clips_one_thing;
    pub struct Clip {
        /// The largest norm of a gradient; a longer one is shortened.
        norm("clip_norm"): Option<f64> = optional("no bound") in (computed AboveZero);
        /// The largest size of an entry of a gradient.
        value("clip_value"): Option<f64> = optional("no bound") in (computed AboveZero);
    }
}

impl Clip {
    /// Whether there is a bound.
    pub fn is_some(&self) -> bool {
        self.norm.is_some() || self.value.is_some()
    }
}

fn clips_one_thing(clip: &mut Clip, _: &Reader<'_>) -> Result<(), Violation> {
    if clip.norm.is_none() || clip.value.is_none() {
        return Ok(());
    }
    let rule = "and `train.clip_value` cannot both be set: which comes first would matter";
    Err(Violation::new("train.clip_norm", rule).against("train.clip_value"))
}
