//! Conditions that the noise of mini-batches sets.

use crate::curvature::Matrix;
use crate::measure::failure::Failure;
use crate::measure::measurement::Measurement;
use crate::measure::session::Session;

impl Session<'_> {
    /// `η s / √(B (n − 1) / (n − B))` with the non-uniformity `s`: stochastic gradient descent
    /// without replacement is linearly stable only if this and `stability.gd` are at most 1 (Wu, Ma
    /// & E 2018, "How SGD selects the global minima in over-parameterized learning").
    pub(super) fn nonuniformity_stability(&mut self, name: &str) -> Result<Measurement, Failure> {
        let (rate, batch, samples) = self.plain_sgd()?;
        let threshold = noise_threshold(batch, samples);
        Ok(self.nonuniformity(name)?.times(rate / threshold))
    }

    /// `η ‖H‖_F √(μ / B)` with the alignment `μ`: the loss grows exponentially on average above 1
    /// (Wu, Wang & Su 2022, "The alignment property of SGD noise and how it helps select flat minima").
    pub(super) fn alignment_stability(&mut self, name: &str) -> Result<Measurement, Failure> {
        let (rate, batch, _) = self.plain_sgd()?;
        self.refuse_penalty()?;
        let size = self.frobenius(name, Matrix::Hessian)?;
        let alignment = self.alignment_mu(name)?;
        let (Some(norm), Some(mu)) = (size.value, alignment.value) else {
            return Err(Failure::not_found("a part of it could not be measured"));
        };
        if mu < 0.0 {
            return Err(Failure::not_found(format!(
                "the alignment is estimated below 0 ({mu:.3e}): it needs more probes"
            )));
        }
        let value = rate * norm * (mu / batch).sqrt();
        // Relative errors of independent factors add in squares, that of a root being half.
        let error = (size.stderr().unwrap_or(f64::NAN) / norm)
            .hypot(0.5 * alignment.stderr().unwrap_or(f64::NAN) / mu);
        Ok(Measurement {
            converged: Some(size.converged != Some(false) && alignment.converged != Some(false)),
            matvecs: Some(size.matvecs.unwrap_or(0) + alignment.matvecs.unwrap_or(0)),
            samples: size.samples,
            ..Measurement::new(name, value).with_stderr(error * value)
        })
    }

    /// `η E[g_Bᵀ H_B g_B / ‖g_B‖²] / 2`: what plain stochastic gradient descent holds at 1 (Andreyev &
    /// Beneventano 2025, "Edge of stochastic stability").
    pub(super) fn batch_stability(&mut self, name: &str) -> Result<Measurement, Failure> {
        let (rate, _, _) = self.plain_sgd()?;
        self.refuse_penalty()?;
        Ok(self.batch_sharpness(name)?.times(0.5 * rate))
    }

    /// Conditions that are derived for the loss alone.
    fn refuse_penalty(&self) -> Result<(), Failure> {
        match self.descent()?.penalty > 0.0 {
            true => Err(Failure::not_defined(
                "the condition is for a loss without weight decay",
            )),
            false => Ok(()),
        }
    }

    /// Learning rate, batch size and training samples of stochastic gradient descent without
    /// momentum, for which the conditions are derived.
    fn plain_sgd(&self) -> Result<(f64, f64, f64), Failure> {
        let rate = self.learning_rate()?;
        let momentum = self.descent()?.momentum;
        if self.subject.reach.moves.is_some() {
            return Err(Failure::not_defined(
                "the condition is for steps that move all parameters, and some are frozen",
            ));
        }
        if momentum > 0.0 {
            return Err(Failure::not_defined(format!(
                "the condition is for stochastic gradient descent without momentum; this run has \
                 momentum {momentum}"
            )));
        }
        let (Some(batch), Some(samples)) = (self.subject.batch_size, self.subject.training_samples)
        else {
            return Err(Failure::not_known("the batch size is not known"));
        };
        if batch >= samples {
            return Err(Failure::not_defined(
                "steps that use all training samples have no noise of batches",
            ));
        }
        Ok((rate, batch as f64, samples as f64))
    }
}

/// The largest `η s` at which batches drawn without replacement leave a quadratic stable, whatever
/// its mean curvature.
pub(super) fn noise_threshold(batch: f64, samples: f64) -> f64 {
    (batch * (samples - 1.0) / (samples - batch)).sqrt()
}
