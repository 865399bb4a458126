//! What changes the gradient that a step follows: `[sam]`, `[gradient_penalty]`, `[gradient_noise]`,
//! `[label_noise]` and `[clip]`.

use super::error::Violation;
use super::section::Reader;

/// The words of the scalings of ASAM.
const SCALED: &[&str] = &[Scaling::Elementwise.as_str(), Scaling::Filterwise.as_str()];

section! {
    /// `[sam]`: sharpness-aware steps, along the gradient at the end of a move up the loss.
    pub struct Sam {
        /// How far the move up the loss goes that SAM's gradient is taken after; 0.05 is usual, with a scaling 0.5.
        radius: f64 = required("a number above 0; 0.05 is usual, with a scaling 0.5") in (computed AboveZero);
        /// How the radius moves.
        path: RadiusPath = part();
        /// The norm in which the move has its radius.
        ball: Ball = default(Ball::L2);
        /// What the move is measured in units of: "none" is SAM, the others are the two scalings of ASAM.
        scaling: Scaling = default(Scaling::None);
        /// Added to every scale.
        eta: f64 = default(0.01) in (computed AtLeastZero) when "sam.scaling" is SCALED;
        /// Samples that are moved together (m-SAM), at most those of a step.
        micro_batch: Option<usize> = optional("those of a step");
    }
}

words! {
    /// In what the move of SAM has its radius (`sam.ball`).
    Ball {
        /// The Euclidean norm; the default.
        #[default]
        L2 = "l2",
        /// The largest entry.
        Linf = "linf",
    }
}

words! {
    /// What the move of SAM is measured in units of (`sam.scaling`).
    Scaling {
        /// Nothing: SAM; the default.
        #[default]
        None = "none",
        /// The size of each parameter: ASAM, element-wise (Kwon et al. 2021).
        Elementwise = "elementwise",
        /// The norm of each filter of a convolution, the size of every other parameter: ASAM,
        /// filter-wise (Kwon et al. 2021).
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
        value("final_radius"): f64 = required("the radius of the last step") in AtLeastZero;
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
    /// `[gradient_noise]`: noise added to the gradient over all samples, as strong as that of batches.
    #[derive(Copy)]
    pub struct GradientNoise {
        /// The covariance of the noise, up to a factor.
        shape: NoiseShape = required("\"isotropic\", \"gauss_newton\" or \"minibatch\"");
        /// Samples of the batch whose gradient has as large a variance at every step; fewer than the training samples.
        batch_size: usize = required("a number of samples, fewer than there are for training");
    }
}

words! {
    /// The shape of injected noise (`gradient_noise.shape`).
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
    /// `[clip]`: a bound on the gradient; exactly one of `norm` and `value`.
    #[derive(Copy)]
    checked by clips_one_thing;
    pub struct Clip {
        /// The largest norm of a gradient; a longer one is shortened.
        norm: Option<f64> = optional("`value` instead") in (computed AboveZero);
        /// The largest size of an entry of a gradient.
        value: Option<f64> = optional("`norm` instead") in (computed AboveZero);
    }
}

fn clips_one_thing(clip: &mut Clip, _: &Reader<'_>) -> Result<(), Violation> {
    match (clip.norm, clip.value) {
        (Some(_), Some(_)) => {
            let rule = "and `clip.value` cannot both be set: which comes first would matter";
            Err(Violation::new("clip.norm", rule).against("clip.value"))
        }
        (None, None) => {
            let rule = "needs a bound: exactly one of `norm` and `value`";
            Err(Violation::new("clip", rule))
        }
        _ => Ok(()),
    }
}
