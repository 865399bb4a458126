//! Curvature along gradients: that of the loss along its own, of batches along theirs, and of the loss along those
//! of batches on average. These are what decides about the loss after a step, where `λmax` decides
//! about displacements.

use crate::curvature::Matrix;
use crate::linear::{Estimate, ProbeOptions, Spending, dot, draw, draw_ratio};
use crate::measure::declaration::{Family, Measure, ProductLaw, RoundingLaw, Take};
use crate::measure::failure::Failure;
use crate::measure::measurement::{Error, Measurement};
use crate::measure::session::Session;
use crate::measure::subject::Subject;
use crate::objective::Chunks;
use rand::seq::index;

pub(in crate::measure) const FAMILY: Family = &[
    along(
        "sharpness.directional",
        "curvature of the training loss along its gradient, g'Hg / |g|^2",
        |session, name| session.directional(name),
    )
    .from("Pan & Li 2023, \"Toward understanding why Adam converges faster than SGD for transformers\""),
    along(
        "sharpness.batch",
        "mean over batches of the run's size of a batch's curvature along its own gradient, E[g_B'H_Bg_B / |g_B|^2]",
        |session, name| session.batch_sharpness(name),
    )
    .from("Andreyev & Beneventano 2025, \"Edge of stochastic stability\", batch sharpness"),
    along(
        "sharpness.batch.pooled",
        "that curvature with every batch by its squared gradient, E[g_B'H_Bg_B] / E[|g_B|^2]",
        |session, name| session.pooled_batch_sharpness(name),
    ),
    along(
        "sharpness.interaction",
        "curvature of the training loss along gradients of batches of the run's size, tr(H S) / tr(S) with S = E[g_B g_B']",
        |session, name| session.interaction_aware(name),
    )
    .from("Lee & Jang 2023, \"A new characterization of the edge of stability based on a sharpness measure aware of batch gradient distribution\"")
    .multiplying(WITH_NOISE)
    .rounded(RoundingLaw::Product(OVER_SLOPES)),
    along(
        "sharpness.interaction.noise",
        "curvature of the training loss along gradient noise, tr(H C) / tr(C) with the covariance C of one sample's gradient",
        |session, name| session.along_noise(name),
    )
    .from("Lee & Jang 2023")
    .multiplying(WITH_NOISE)
    .rounded(RoundingLaw::Product(OVER_SLOPES)),
];

const WITH_NOISE: &[Matrix] = &[Matrix::Hessian, Matrix::NoiseCovariance];

const OVER_SLOPES: ProductLaw = ProductLaw {
    slopes: 2,
    ..ProductLaw::PLAIN
};

/// Batches that are drawn at most, and the error that they are to reach: of few samples each, they cost little.
const MOST_BATCHES: usize = 512;
const TOLERANCE: f64 = 0.02;

const fn along(name: &'static str, description: &'static str, take: Take) -> Measure {
    Measure::new(name, description, take)
        .of_flatness()
        .of_block()
        .multiplying(&[Matrix::Hessian])
        .rounded(RoundingLaw::Product(ProductLaw {
            gradients: 2,
            ..ProductLaw::PLAIN
        }))
}

/// `gᵀHg` and `‖g‖²` over a subject's samples, from one product.
fn forms_of_gradient(subject: &Subject<'_>) -> Result<[f64; 2], Failure> {
    let gradient = subject.gradient()?;
    let form = subject.with_operator(Matrix::Hessian, |hessian| {
        Ok(dot(&gradient, &hessian.apply(&gradient)?))
    })?;
    Ok([form, dot(&gradient, &gradient)])
}

/// `gᵀHg / ‖g‖²` over a subject's samples, from one product.
fn curvature_along_gradient(subject: &Subject<'_>) -> Result<f64, Failure> {
    let [form, square] = forms_of_gradient(subject)?;
    match square == 0.0 {
        true => Err(Failure::not_defined(
            "the gradient is exactly zero, so it has no direction",
        )),
        false => Ok(form / square),
    }
}

/// One of the ways of making an estimate of what batches say.
type Draw<T> =
    fn(&mut Spending<'_>, ProbeOptions, usize, OfBatch<'_, T>) -> Result<Estimate, Failure>;

/// What the next batch says.
type OfBatch<'a, T> = &'a mut dyn FnMut(&mut Spending<'_>) -> Result<T, Failure>;

impl Session<'_> {
    fn directional(&mut self, name: &str) -> Result<Measurement, Failure> {
        let value = *self.once("directional sharpness", |session| {
            curvature_along_gradient(&session.subject)
        })?;
        Ok(Measurement::exact(name, value)
            .over(self.subject.train.samples())
            .taking(1))
    }

    /// `E[g_Bᵀ H_B g_B / ‖g_B‖²]` over batches drawn without replacement, each anew; that of the whole where a
    /// batch is all samples.
    pub(in crate::measure) fn batch_sharpness(
        &mut self,
        name: &str,
    ) -> Result<Measurement, Failure> {
        let (batch, samples) = (self.samples_of_batch()?, self.subject.train.samples());
        if batch >= samples {
            return self.directional(name);
        }
        self.over_batches(
            "batch sharpness",
            name,
            |spending, options, products, of_batch| draw(spending, options, products, of_batch),
            curvature_along_gradient,
        )
    }

    /// `E[g_Bᵀ H_B g_B] / E[‖g_B‖²]` over the batches of [`Self::batch_sharpness`].
    fn pooled_batch_sharpness(&mut self, name: &str) -> Result<Measurement, Failure> {
        if self.samples_of_batch()? >= self.subject.train.samples() {
            return self.directional(name);
        }
        self.over_batches(
            "pooled batch sharpness",
            name,
            |spending, options, products, of_batch| {
                draw_ratio(spending, options, products, of_batch)
            },
            forms_of_gradient,
        )
    }

    /// An estimate from batches drawn without replacement, each anew, which is kept under a name.
    fn over_batches<T>(
        &mut self,
        kept: &'static str,
        name: &str,
        draw: Draw<T>,
        of: fn(&Subject<'_>) -> Result<T, Failure>,
    ) -> Result<Measurement, Failure> {
        let (batch, samples) = (self.samples_of_batch()?, self.subject.train.samples());
        let row = self.once(kept, |session| {
            let subject = session.subject;
            let mut rng = subject.stream("probes.sharpness.batch");
            let options = ProbeOptions {
                max_probes: MOST_BATCHES,
                tolerance: TOLERANCE,
                ..session.probe_options()
            };
            let mut spending = Spending::new(subject.budget, subject.interrupt);
            let estimate = draw(&mut spending, options, 1, &mut |spending| {
                spending.spend()?;
                let mut places = index::sample(&mut rng, samples, batch).into_vec();
                places.sort_unstable();
                let compute = subject.objective.compute();
                let (drawn, labels) = subject.train.pick(&places, compute);
                let drawn = Chunks::from_batches(vec![drawn], labels);
                of(&Subject {
                    train: &drawn,
                    ..subject
                })
            })?;
            let share = batch as f64 / samples as f64;
            let matvecs = (estimate.matvecs as f64 * share).ceil() as usize;
            Ok(session.estimated(kept, estimate).taking(matvecs))
        })?;
        Ok(Measurement {
            name: name.to_owned(),
            ..Measurement::clone(&row)
        })
    }

    /// `tr(HS) / tr(S)` with `S = c Σ + ggᵀ` the second moment of a batch's gradient, `Σ` being the covariance
    /// of one sample's and `c` [`Session::share_of_noise`].
    fn interaction_aware(&mut self, name: &str) -> Result<Measurement, Failure> {
        let share = self.share_of_noise()?;
        let gradient = self.subject.gradient()?;
        let trace = self.noise_trace("noise.trace")?;
        let (below, error) = self.known(&trace)?;
        let along = self.form_of_gradient()?;
        let noise = self.curvature_of_noise()?;
        let below_all = share * below + dot(&gradient, &gradient);
        let value = (share * noise.value + along) / below_all;
        let relative = share * error / below_all;
        let stderr = (share * noise.standard_error / below_all).hypot(relative * value);
        Ok(Measurement {
            converged: Some(noise.converged && trace.converged != Some(false)),
            ..Measurement::new(name, value)
                .over(self.subject.train.samples())
                .taking(noise.matvecs + 3)
                .with_stderr(stderr)
        })
    }

    /// `tr(HΣ) / tr Σ`.
    fn along_noise(&mut self, name: &str) -> Result<Measurement, Failure> {
        let trace = self.noise_trace("noise.trace")?;
        let (below, error) = self.known(&trace)?;
        if below == 0.0 {
            return Err(Failure::not_defined("there is no gradient noise"));
        }
        let noise = self.curvature_of_noise()?;
        let value = noise.value / below;
        let stderr = (noise.standard_error / below).hypot(error / below * value);
        Ok(Measurement {
            converged: Some(noise.converged && trace.converged != Some(false)),
            ..Measurement::new(name, value)
                .over(self.subject.train.samples())
                .taking(noise.matvecs + 2)
                .with_stderr(stderr)
        })
    }

    /// A number that was measured, with its standard error.
    fn known(&self, row: &Measurement) -> Result<(f64, f64), Failure> {
        let failed = || Failure::not_found("a part of it could not be measured");
        let value = row
            .value
            .ok_or_else(|| row.failure.clone().unwrap_or_else(failed))?;
        let error = match row.error {
            Error::Exact => 0.0,
            _ => row.stderr().unwrap_or(f64::NAN),
        };
        Ok((value, error))
    }
}

#[cfg(test)]
mod tests;
