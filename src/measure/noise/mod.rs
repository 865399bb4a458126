//! The noise of mini-batch gradients.

mod alignment;
mod nonuniformity;
mod samples;

#[cfg(test)]
mod tests;

pub(super) use alignment::Alignment;

use super::Measurement;
use super::curvature::with_operator;
use super::registry::{Family, Measure};
use super::session::{Failure, Session};
use crate::curvature::Matrix;
use crate::linear::{Estimate, dot, norm, paired_forms};

pub(super) const FAMILY: Family = Family {
    measures: &[
        Measure::new(
            "noise.trace",
            "trace of the covariance of one sample's gradient, from every sample's gradient",
        )
        .full(),
        Measure::new("noise.lambda_max", "largest eigenvalue of that covariance"),
        Measure::new("noise.frobenius", "Frobenius norm of that covariance"),
        Measure::new(
            "noise.scale",
            "simple noise scale: noise.trace over the squared norm of the gradient, in samples",
        )
        .from("McCandlish et al. 2018, eq. 2.9")
        .full(),
        Measure::new(
            "noise.scale.curvature",
            "noise scale tr(H C) / g'Hg with the Hessian H and noise covariance C, in samples",
        )
        .from("McCandlish et al. 2018, eq. 2.8"),
        Measure::new(
            "noise.alignment_mu",
            "alignment of gradient noise with curvature, tr(C G) / (2 L |G|_F^2)",
        )
        .from("Wu, Wang & Su 2022, \"The alignment property of SGD noise\"")
        .full(),
        Measure::new(
            "noise.alignment_alpha",
            "cosine between noise covariance and Gauss-Newton matrix, tr(C G) / (|C|_F |G|_F)",
        )
        .from("Wu, Wang & Su 2022"),
        Measure::new(
            "noise.alignment_beta",
            "size of noise relative to curvature and loss, |C|_F / (2 L |G|_F)",
        )
        .from("Wu, Wang & Su 2022"),
        Measure::new(
            "noise.nonuniformity",
            "root of the largest eigenvalue of the covariance of one sample's Hessian",
        )
        .from("Wu, Ma & E 2018"),
    ],
    measure: |session, name| match name {
        "noise.trace" => session.noise_trace(name),
        "noise.lambda_max" => session.largest_eigenvalue(name, Matrix::NoiseCovariance),
        "noise.frobenius" => session.frobenius(name, Matrix::NoiseCovariance),
        "noise.scale" => session.noise_scale(name),
        "noise.scale.curvature" => session.curved_noise_scale(name),
        "noise.nonuniformity" => session.nonuniformity(name),
        _ => session.alignment(name),
    },
};

impl Session<'_> {
    /// `tr Σ / ‖g‖²`: the batch size at which noise and gradient are of one size (McCandlish et al.
    /// 2018, "An empirical model of large-batch training", eq. 2.9).
    fn noise_scale(&mut self, name: &str) -> Result<Measurement, Failure> {
        let trace = self.noise_trace("noise.trace")?;
        let square = norm(&self.gradient()?).powi(2);
        let value = trace.value.unwrap_or(f64::NAN) / square;
        Ok(Measurement {
            stderr: trace.stderr.map(|error| error / square),
            converged: trace.converged,
            matvecs: trace.matvecs.map(|matvecs| matvecs + 1),
            samples: trace.samples,
            seconds: trace.seconds,
            ..Measurement::new(name, value)
        })
    }

    /// `tr(HΣ) / gᵀHg`: the same with the loss's curvature weighing directions (eq. 2.8).
    fn curved_noise_scale(&mut self, name: &str) -> Result<Measurement, Failure> {
        let subject = self.subject;
        let gradient = self.gradient()?;
        let options = self.probe_options();
        let mut rng = subject
            .streams
            .stream(&format!("probes.{name}"), subject.step);
        let (below, above) = with_operator(&subject, Matrix::Hessian, |hessian| {
            let below = dot(&gradient, &hessian.apply(&gradient)?);
            let forms = with_operator(&subject, Matrix::NoiseCovariance, |noise| {
                let interrupt = subject.interrupt;
                paired_forms(hessian, noise, &mut rng, options, interrupt, |forms| {
                    forms.product
                })
            })?;
            Ok((below, forms.estimate(|forms| forms.product)))
        })?;
        if below <= 0.0 {
            return Err(Failure::Other(format!(
                "the curvature along the gradient is not positive ({below:.3e})"
            )));
        }
        let estimate = Estimate {
            value: above.value / below,
            standard_error: above.standard_error / below,
            matvecs: above.matvecs + 2,
            ..above
        };
        Ok(self.estimated(name, estimate))
    }
}
