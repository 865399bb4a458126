//! How much the curvature differs from sample to sample.

use crate::backend::Precision;
use crate::linear::{LinearError, LinearOperator, lanczos};
use crate::measure::circumstances::Algorithm;
use crate::measure::failure::Failure;
use crate::measure::measurement::Measurement;
use crate::measure::session::Session;
use crate::measure::subject::Subject;
use crate::objective::Batch;
use crate::params::Parameters;

/// `Σ_H = (1/n) Σ (Hᵢ − H)²`, the covariance of one sample's Hessian.
struct HessianCovariance<'a>(Subject<'a>);

impl HessianCovariance<'_> {
    /// The sum over batches of `weight · Σᵢ Hᵢ v`.
    fn product(&self, direction: &Parameters, batch: &Batch, weight: f64) -> Parameters {
        let subject = self.0;
        let objective = subject.objective;
        let point = objective.at(subject.parameters, batch);
        point.hessian_vector_product(direction, weight)
    }
}

impl LinearOperator for HessianCovariance<'_> {
    fn dimension(&self) -> usize {
        self.0.parameters.layout().len()
    }

    fn precision(&self) -> Precision {
        self.0.objective.compute().precision
    }

    fn is_positive_semidefinite(&self) -> bool {
        true
    }

    /// `(1/n) Σ Hᵢ (Hᵢv − Hv)`, from two products with every sample's Hessian: the mean is taken off
    /// before squares are formed, and `Σ (Hᵢv − Hv) = 0` makes the other `H` superfluous.
    fn apply(&mut self, vector: &[f64]) -> Result<Vec<f64>, LinearError> {
        let subject = self.0;
        let compute = subject.objective.compute();
        let direction = Parameters::from_host(subject.parameters.layout(), vector, compute);
        let batches = subject.train.batches();
        let weight = 1.0 / subject.train.samples() as f64;
        let mean = batches
            .iter()
            .map(|batch| self.product(&direction, batch, weight))
            .reduce(|sum, term| sum + term)
            .ok_or_else(crate::curvature::no_samples)?;
        let mut sum: Option<Parameters> = None;
        for batch in batches {
            for place in 0..batch.samples() {
                subject.interrupt.check()?;
                let sample = batch.sample(place);
                let deviation = self.product(&direction, &sample, 1.0) - mean.clone();
                let term = self.product(&deviation, &sample, weight);
                sum = Some(match sum {
                    Some(sum) => sum + term,
                    None => term,
                });
            }
        }
        let sum = sum.ok_or_else(crate::curvature::no_samples)?;
        let product = sum.into_host().map_err(LinearError::Device)?;
        if product.iter().all(|value| value.is_finite()) {
            Ok(product)
        } else {
            Err(LinearError::NotFinite)
        }
    }
}

impl Session<'_> {
    /// `s = √λmax(Σ_H)` (Wu, Ma & E 2018, "How SGD selects the global minima in over-parameterized
    /// learning").
    pub(in crate::measure) fn nonuniformity(&mut self, name: &str) -> Result<Measurement, Failure> {
        let row = self.once("noise.nonuniformity", |session| {
            session.require_independent_samples()?;
            let subject = session.subject;
            let mut rng = subject.stream("probes.noise.nonuniformity");
            let options = session.lanczos_options(1, 0);
            let mut covariance = HessianCovariance(subject);
            let spectrum = lanczos(&mut covariance, None, &mut rng, options, subject.interrupt)?;
            let pair = spectrum.largest.first().ok_or(LinearError::Empty)?;
            // Of the whole once and of every sample twice; the relative error of a root is half.
            let matvecs = 3 * spectrum.matvecs;
            Ok(Nonuniformity(
                Measurement::new(name, pair.value.max(0.0).sqrt())
                    .with_residual(0.5 * pair.residual, pair.converged, matvecs)
                    .over(subject.train.samples())
                    .found_by(Algorithm::Lanczos),
            ))
        })?;
        Ok(row.0.clone())
    }
}

/// What is found once, for the measure and for the condition on steps.
struct Nonuniformity(Measurement);
