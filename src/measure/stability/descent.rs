//! Steps along the gradient, with or without momentum.

use crate::curvature::Matrix;
use crate::linear::{LanczosOptions, LinearOperator, lanczos};
use crate::measure::circumstances::Algorithm;
use crate::measure::failure::Failure;
use crate::measure::measurement::Measurement;
use crate::measure::session::{MOST_PRODUCTS, Session};
use crate::measure::step_rule::StepRule;

/// Gradient descent with its constants.
#[derive(Clone, Copy)]
pub(in crate::measure) struct Descent {
    pub momentum: f64,
    pub is_nesterov: bool,
    pub penalty: f64,
}

impl Descent {
    /// The largest `η λ` at which it is stable on a quadratic: 2 without momentum, `2 (1 + β)` with
    /// heavy-ball momentum `β`, `2 (1 + β) / (1 + 2β)` with Nesterov's (Cohen et al. 2021, "Gradient
    /// descent on neural networks typically occurs at the edge of stability").
    pub fn threshold(self) -> f64 {
        let beta = self.momentum;
        match self.is_nesterov {
            true => 2.0 * (1.0 + beta) / (1.0 + 2.0 * beta),
            false => 2.0 * (1.0 + beta),
        }
    }
}

/// The largest stable eigenvalue of the Hessian for steps of a rule at a rate, weight decay taken off; none for steps that
/// see another matrix.
pub fn largest_stable(rule: StepRule<'_>, rate: f64) -> Option<f64> {
    let StepRule::Descent {
        momentum,
        is_nesterov,
        penalty,
    } = rule
    else {
        return None;
    };
    let descent = Descent {
        momentum,
        is_nesterov,
        penalty,
    };
    Some(descent.threshold() / rate - penalty)
}

impl Session<'_> {
    /// `η (λmax + μ) / 2`: gradient descent is linearly stable at a minimum below 1 (Cohen et al. 2021).
    pub(super) fn gradient_descent_stability(
        &mut self,
        name: &str,
    ) -> Result<Measurement, Failure> {
        let (rate, descent) = (self.learning_rate()?, self.descent()?);
        let row = self.largest_of_steps(name, descent)?;
        Ok(row.times(0.5 * rate))
    }

    /// `η (λmax + μ)` over the threshold of the run's update rule.
    pub(super) fn momentum_stability(&mut self, name: &str) -> Result<Measurement, Failure> {
        let (rate, descent) = (self.learning_rate()?, self.descent()?);
        let row = self.largest_of_steps(name, descent)?;
        Ok(row.times(rate / descent.threshold()))
    }

    /// The largest eigenvalue of what steps along the gradient see: `λmax + μ`, or that of the parameters that steps
    /// and weight decay reach.
    fn largest_of_steps(&mut self, name: &str, descent: Descent) -> Result<Measurement, Failure> {
        match self.subject.reach.is_whole() {
            true => Ok(self.leading_eigenvalue(name)?.plus(descent.penalty)),
            false => self.largest_of_edge(name, &self.edge()?),
        }
    }

    /// The update rule of training, if it is gradient descent.
    pub(super) fn descent(&self) -> Result<Descent, Failure> {
        match self.subject.step_rule {
            Some(StepRule::Descent {
                momentum,
                is_nesterov,
                penalty,
            }) => Ok(Descent {
                momentum,
                is_nesterov,
                penalty,
            }),
            Some(StepRule::Adaptive { .. }) => Err(Failure::not_defined(
                "the condition is for gradient descent, with or without momentum; for steps of Adam, RMSProp \
                 and AdaGrad it is stability.adam",
            )),
            Some(StepRule::Other { reason, .. }) => Err(Failure::not_defined(reason)),
            None => Err(Failure::not_known("the update rule is not known")),
        }
    }

    /// How many eigenvalues of `H + μI` lie above `1.5 / η`, three quarters of the way to the edge of
    /// stability, multiple ones as often as they occur. The residual is the largest of all pairs; a pair that
    /// lies nearer to the threshold than its own may be on either side.
    pub(super) fn tracked(&mut self, name: &str) -> Result<Measurement, Failure> {
        let subject = self.subject;
        let (penalty, is_whole) = (self.descent()?.penalty, subject.reach.is_whole());
        let edge = self.edge()?;
        let shift = if is_whole { penalty } else { 0.0 };
        let threshold = 1.5 / self.learning_rate()? - shift;
        let mut rng = subject.stream(&format!("probes.{name}"));
        let options = LanczosOptions {
            above: Some(threshold),
            max_matvecs: MOST_PRODUCTS,
            ..self.lanczos_options(1, 0)
        };
        let search = |operator: &mut dyn LinearOperator| {
            lanczos(operator, None, &mut rng, options, subject.interrupt)
        };
        let spectrum = match is_whole {
            true => subject.with_operator(Matrix::Hessian, search),
            false => edge.with_operator(&subject, search),
        }?;
        let (pairs, matvecs) = (&spectrum.largest, spectrum.matvecs);
        let row = self.counted(name, pairs, threshold, spectrum.complete);
        Ok(row.taking(matvecs).found_by(Algorithm::Lanczos))
    }
}
