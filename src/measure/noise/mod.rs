//! The noise of mini-batch gradients.

mod alignment;
mod batch;
mod nonuniformity;
mod samples;
mod tail;

#[cfg(test)]
mod tests;

use super::curvature::OF_SLOPES;
use super::declaration::{Family, Measure, ProductLaw, RoundingLaw, Take};
use super::failure::Failure;
use super::measurement::Measurement;
use super::session::Session;
use crate::curvature::Matrix;
use crate::linear::{Estimate, Ratio, dot, norm, paired_forms};
use std::rc::Rc;

pub(super) const FAMILY: Family = &[
    noise(
        "noise.trace",
        "trace of the covariance of one sample's gradient, from every sample's gradient",
        |session, name| session.noise_trace(name),
    )
    .full(),
    noise(
        "noise.lambda_max",
        "largest eigenvalue of that covariance",
        |session, name| session.largest_eigenvalue(name, Matrix::NoiseCovariance),
    )
    .multiplying(COVARIANCE),
    noise(
        "noise.frobenius",
        "Frobenius norm of that covariance",
        |session, name| session.frobenius(name, Matrix::NoiseCovariance),
    )
    .multiplying(COVARIANCE),
    noise(
        "noise.scale",
        "simple noise scale: noise.trace over the squared norm of the gradient, in samples",
        |session, name| session.noise_scale(name),
    )
    .from("McCandlish et al. 2018, eq. 2.9")
    .rounded(RoundingLaw::Product(OVER_SQUARED_GRADIENT))
    .full(),
    noise(
        "noise.scale.curvature",
        "noise scale tr(H C) / g'Hg with the Hessian H and noise covariance C, in samples",
        |session, name| session.curved_noise_scale(name),
    )
    .from("McCandlish et al. 2018, eq. 2.8")
    .rounded(RoundingLaw::Product(OVER_SQUARED_GRADIENT))
    .multiplying(&[Matrix::Hessian, Matrix::NoiseCovariance]),
    noise(
        "noise.trace.batch",
        "trace of the covariance of a batch's gradient, at the run's batch size: noise.trace (n - B) / (B (n - 1))",
        |session, name| session.trace_of_batch(name),
    ),
    noise(
        "noise.signal",
        "share of a batch's mean squared gradient that is the loss's own, |g|^2 / (|g|^2 + noise.trace.batch)",
        |session, name| session.signal(name),
    )
    .rounded(RoundingLaw::Product(OVER_SQUARED_GRADIENT)),
    noise(
        "noise.tail_index",
        "tail index of a batch's gradient noise as if it were alpha-stable: 2 for normal noise, below 2 for any of large kurtosis",
        |session, name| session.tail_index(name),
    )
    .from("Simsekli, Sagun & Gurbuzbalaban 2019, by the estimator of Mohammadi et al. 2015"),
    noise(
        "noise.alignment_mu",
        "alignment of gradient noise with curvature, tr(C G) / (2 L |G|_F^2)",
        |session, name| session.alignment_mu(name),
    )
    .from("Wu, Wang & Su 2022, \"The alignment property of SGD noise\"")
    .rounded(RoundingLaw::Product(OVER_LOSS))
    .multiplying(BOTH)
    .full(),
    noise(
        "noise.alignment_alpha",
        "cosine between noise covariance and Gauss-Newton matrix, tr(C G) / (|C|_F |G|_F)",
        |session, name| session.alignment_alpha(name),
    )
    .from("Wu, Wang & Su 2022")
    .multiplying(BOTH),
    noise(
        "noise.alignment_beta",
        "size of noise relative to curvature and loss, |C|_F / (2 L |G|_F)",
        |session, name| session.alignment_beta(name),
    )
    .from("Wu, Wang & Su 2022")
    .rounded(RoundingLaw::Product(OVER_LOSS))
    .multiplying(BOTH),
    noise(
        "noise.nonuniformity",
        "root of the largest eigenvalue of the covariance of one sample's Hessian",
        |session, name| session.nonuniformity(name),
    )
    .of_whole()
    .from("Wu, Ma & E 2018")
    .multiplying(&[Matrix::Hessian]),
];

const COVARIANCE: &[Matrix] = &[Matrix::NoiseCovariance];
const BOTH: &[Matrix] = &[Matrix::NoiseCovariance, Matrix::GaussNewton];

const OVER_LOSS: ProductLaw = ProductLaw {
    losses: 1,
    ..OF_SLOPES
};

const OVER_SQUARED_GRADIENT: ProductLaw = ProductLaw {
    gradients: 2,
    ..OF_SLOPES
};

const fn noise(name: &'static str, description: &'static str, take: Take) -> Measure {
    Measure::new(name, description, take)
        .of_flatness()
        .of_block()
        .rounded(RoundingLaw::Product(OF_SLOPES))
}

impl Session<'_> {
    /// `tr Σ / ‖g‖²`: the batch size at which noise and gradient are of one size (McCandlish et al.
    /// 2018, "An empirical model of large-batch training", eq. 2.9).
    fn noise_scale(&mut self, name: &str) -> Result<Measurement, Failure> {
        let trace = self.noise_trace("noise.trace")?;
        let square = norm(&self.subject.gradient()?).powi(2);
        if square == 0.0 {
            return Err(Failure::not_defined("the gradient is 0"));
        }
        let scaled = trace.times(square.recip());
        // A tiny gradient may make it infinite.
        let value = Measurement::new(name, scaled.value.unwrap_or(f64::NAN));
        Ok(Measurement {
            value: value.value,
            failure: value.failure,
            matvecs: scaled.matvecs.map(|matvecs| matvecs + 1),
            ..scaled
        })
    }

    /// `tr(HΣ)`, from random probes.
    pub(in crate::measure) fn curvature_of_noise(&mut self) -> Result<Rc<Estimate>, Failure> {
        self.once("curvature of the noise", |session| {
            let subject = session.subject;
            let options = session.probe_options();
            let mut rng = subject.stream("probes.noise.scale.curvature");
            let product = Ratio {
                factor: 1.0,
                powers: [1.0, 0.0, 0.0],
            };
            let forms = subject.with_operator(Matrix::Hessian, |hessian| {
                subject.with_operator(Matrix::NoiseCovariance, |noise| {
                    let interrupt = subject.interrupt;
                    paired_forms(hessian, noise, &mut rng, options, interrupt, product)
                })
            })?;
            Ok(forms.estimate(product))
        })
    }

    /// `gᵀHg`, from one product.
    pub(in crate::measure) fn form_of_gradient(&mut self) -> Result<f64, Failure> {
        let form = self.once("form of the gradient", |session| {
            let subject = session.subject;
            let gradient = subject.gradient()?;
            Ok(subject.with_operator(Matrix::Hessian, |hessian| {
                Ok(dot(&gradient, &hessian.apply(&gradient)?))
            })?)
        })?;
        Ok(*form)
    }

    /// `tr(HΣ) / gᵀHg`: the same with the loss's curvature weighing directions (eq. 2.8).
    fn curved_noise_scale(&mut self, name: &str) -> Result<Measurement, Failure> {
        let below = self.form_of_gradient()?;
        let above = self.curvature_of_noise()?;
        if below <= 0.0 {
            return Err(Failure::not_defined(format!(
                "the curvature along the gradient is not positive ({below:.3e})"
            )));
        }
        let estimate = Estimate {
            value: above.value / below,
            standard_error: above.standard_error / below,
            matvecs: above.matvecs + 2,
            ..*above
        };
        Ok(self.estimated(name, estimate))
    }
}
