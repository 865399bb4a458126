//! What a step of training does with a gradient, for conditions on steps.

/// How parameters follow from gradients, as far as stability depends on it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum StepRule<'a> {
    /// `v ← βv + g + μθ`, `θ ← θ − ηv`, or Nesterov's form; `β = 0` is gradient descent.
    Descent {
        /// `β`.
        momentum: f64,
        /// Whether it is Nesterov's.
        is_nesterov: bool,
        /// `μ`, the strength of an L2 penalty `½μ‖θ‖²` (weight decay).
        penalty: f64,
    },
    /// Adam, RMSProp, AdaGrad: `m ← β₁m + (1 − β₁)g`, `θ ← θ − ηP⁻¹m` with a diagonal `P`.
    Adaptive {
        /// `β₁`.
        momentum: f64,
        /// `μ`, of an L2 penalty that is part of the gradient.
        penalty: f64,
        /// `λ`, of weight decay beside the gradient, `θ ← θ − ηλθ`.
        decay: f64,
        /// The diagonal of `P` as of the last step, corrections for the start included; none where the
        /// state of the optimiser is not known.
        preconditioner: Option<&'a [f64]>,
    },
    /// Steps that no condition here is for.
    Other {
        /// What is left of the last step in the next one.
        momentum: f64,
        /// Why, as a clause.
        reason: &'static str,
    },
}

/// Which parameters steps reach.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Reach<'a> {
    /// Whether steps move each parameter; none where they move all.
    pub moves: Option<&'a [bool]>,
    /// Whether an L2 penalty is about each parameter; none where it is about all, or there is none.
    pub decays: Option<&'a [bool]>,
}

impl Reach<'_> {
    /// Whether steps see the whole Hessian, plus the same in all directions.
    pub fn is_whole(self) -> bool {
        self.moves.is_none() && self.decays.is_none()
    }
}

impl StepRule<'_> {
    /// What is left of the last step in the next one.
    pub fn momentum(self) -> f64 {
        match self {
            Self::Descent { momentum, .. }
            | Self::Adaptive { momentum, .. }
            | Self::Other { momentum, .. } => momentum,
        }
    }
}
