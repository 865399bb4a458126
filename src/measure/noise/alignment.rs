//! How gradient noise lies to the curvature.

use super::super::Measurement;
use super::super::curvature::with_operator;
use super::super::session::{Failure, Session};
use crate::curvature::Matrix;
use crate::linear::{Forms, PairedForms, paired_forms};
use std::time::Instant;

/// The forms of noise covariance `Σ` and Gauss-Newton matrix `G`, and the time they took.
pub(in crate::measure) struct Alignment {
    forms: PairedForms,
    seconds: f64,
}

impl Session<'_> {
    /// The alignment of gradient noise with curvature (Wu, Wang & Su 2022, "The alignment property
    /// of SGD noise and how it helps select flat minima"):
    ///
    /// `α = tr(ΣG) / (‖Σ‖_F ‖G‖_F)`, `β = ‖Σ‖_F / (2L ‖G‖_F)` and `μ = αβ = tr(ΣG) / (2L ‖G‖_F²)`,
    /// with `L` the mean loss. Where errors and features are independent and the loss is the half
    /// square, `Σ` is about `2L G` and `μ` about 1; for other losses the formulas hold, that value
    /// does not. All three come from the same random products, so that what makes one part of a
    /// ratio large makes the other large too.
    pub(in crate::measure) fn alignment(&mut self, name: &str) -> Result<Measurement, Failure> {
        let loss = self.train()?.mean_loss();
        let alignment = self.aligned_forms(loss)?;
        let seconds = alignment.seconds;
        let estimate = alignment.forms.estimate(|forms| match name {
            "noise.alignment_alpha" => forms.product / (forms.first * forms.second).sqrt(),
            "noise.alignment_beta" => (forms.first / forms.second).sqrt() / (2.0 * loss),
            _ => mu(forms, loss),
        });
        Ok(Measurement {
            seconds,
            ..self.estimated(name, estimate)
        })
    }

    fn aligned_forms(&mut self, loss: f64) -> Result<&Alignment, Failure> {
        if self.alignment.is_none() {
            let clock = Instant::now();
            let subject = self.subject;
            let options = self.probe_options();
            let mut rng = subject.streams.stream("probes.alignment", subject.step);
            let forms = with_operator(&subject, Matrix::NoiseCovariance, |noise| {
                with_operator(&subject, Matrix::GaussNewton, |curvature| {
                    let interrupt = subject.interrupt;
                    paired_forms(noise, curvature, &mut rng, options, interrupt, |forms| {
                        mu(forms, loss)
                    })
                })
            })?;
            self.alignment = Some(Alignment {
                forms,
                seconds: clock.elapsed().as_secs_f64(),
            });
        }
        self.alignment
            .as_ref()
            .ok_or_else(|| Failure::Other("it could not be measured".to_owned()))
    }
}

/// `μ`, with `Σ` first and `G` second.
fn mu(forms: Forms, loss: f64) -> f64 {
    forms.product / (2.0 * loss * forms.second)
}
