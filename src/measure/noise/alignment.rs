//! How gradient noise lies to the curvature.
//!
//! With noise covariance `Σ` and Gauss-Newton matrix `G` (Wu, Wang & Su 2022, "The alignment property of SGD
//! noise and how it helps select flat minima"):
//!
//! `α = tr(ΣG) / (‖Σ‖_F ‖G‖_F)`, `β = ‖Σ‖_F / (2L ‖G‖_F)` and `μ = αβ = tr(ΣG) / (2L ‖G‖_F²)`,
//! with `L` the mean loss. Where errors and features are independent and the loss is the half
//! square, `Σ` is about `2L G` and `μ` about 1; for other losses the formulas hold, that value
//! does not. All three come from the same random products, so that what makes one part of a
//! ratio large makes the other large too.

use crate::curvature::Matrix;
use crate::linear::{PairedForms, Ratio, paired_forms};
use crate::measure::failure::Failure;
use crate::measure::measurement::Measurement;
use crate::measure::session::Session;
use crate::objective::Loss;
use std::rc::Rc;

impl Session<'_> {
    /// `μ`.
    pub(in crate::measure) fn alignment_mu(&mut self, name: &str) -> Result<Measurement, Failure> {
        let loss = self.train()?.mean_loss();
        let forms = self.aligned_forms()?;
        let row = self.estimated(name, forms.estimate(mu(loss)));
        Ok(self.told_of_loss(row))
    }

    /// `α`.
    pub(super) fn alignment_alpha(&mut self, name: &str) -> Result<Measurement, Failure> {
        let forms = self.aligned_forms()?;
        let alpha = Ratio {
            factor: 1.0,
            powers: [1.0, -0.5, -0.5],
        };
        let row = self.estimated(name, forms.estimate(alpha));
        Ok(self.told_of_loss(row))
    }

    /// `β`.
    pub(super) fn alignment_beta(&mut self, name: &str) -> Result<Measurement, Failure> {
        let loss = self.train()?.mean_loss();
        let forms = self.aligned_forms()?;
        let beta = Ratio {
            factor: 0.5 / loss,
            powers: [0.0, 0.5, -0.5],
        };
        let row = self.estimated(name, forms.estimate(beta));
        Ok(self.told_of_loss(row))
    }

    /// With a note where the values of the theory are not those to compare with.
    fn told_of_loss(&self, row: Measurement) -> Measurement {
        let is_square = self.subject.objective.loss() == Loss::Square;
        let note = "the theory's value, a mu about 1 for a good fit of the noise by 2 L G, is for the half square loss";
        Measurement {
            note: (!is_square).then(|| note.to_owned()),
            ..row
        }
    }

    fn aligned_forms(&mut self) -> Result<Rc<PairedForms>, Failure> {
        self.once("alignment", |session| {
            let loss = session.train()?.mean_loss();
            let subject = session.subject;
            let options = session.probe_options();
            let mut rng = subject.stream("probes.alignment");
            let forms = subject.with_operator(Matrix::NoiseCovariance, |noise| {
                subject.with_operator(Matrix::GaussNewton, |curvature| {
                    let interrupt = subject.interrupt;
                    paired_forms(noise, curvature, &mut rng, options, interrupt, mu(loss))
                })
            })?;
            Ok(forms)
        })
    }
}

/// `μ`, with `Σ` first and `G` second.
fn mu(loss: f64) -> Ratio {
    Ratio {
        factor: 0.5 / loss,
        powers: [1.0, 0.0, -1.0],
    }
}
