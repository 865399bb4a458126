//! Measuring a set of names at one point, with everything they share computed once.

use super::{Evaluated, Measurement};
use crate::backend::Precision;
use crate::curvature::{
    CurvatureError, Eigenpair, HessianOperator, Interrupt, LanczosOptions, Spectrum, TraceOptions,
    hutchinson_trace, lanczos, norm,
};
use crate::objective::{Chunks, Objective};
use crate::params::Parameters;
use crate::random::{StreamRng, Streams};
use rand_distr::{Distribution, StandardNormal};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Instant;

/// The factor of the layer-rescaling check.
const RESCALING: f64 = 10.0;

/// What is measured.
#[derive(Clone, Copy)]
pub struct Subject<'a> {
    /// The network and its loss.
    pub objective: &'a Objective,
    /// Where on the loss surface.
    pub parameters: &'a Parameters,
    /// Where training started, for distances.
    pub initial: Option<&'a [f64]>,
    /// Training samples.
    pub train: &'a Chunks,
    /// Test samples, if there are any.
    pub test: Option<&'a Chunks>,
    /// The run's random streams.
    pub streams: Streams,
    /// The training step, which numbers the probes.
    pub step: u64,
    /// The user's wish to stop.
    pub interrupt: Interrupt<'a>,
}

/// What one measurement hands to the next: eigenvectors to start from.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct WarmStart {
    /// The sum of the Hessian's extreme eigenvectors found last.
    pub hessian: Option<Vec<f64>>,
}

/// The computations behind one round of measurements, each made at most once.
pub struct Session<'a, 'w> {
    subject: Subject<'a>,
    warm: &'w mut WarmStart,
    wants_smallest: bool,
    train: Option<Result<Evaluated, String>>,
    test: Option<Result<Evaluated, String>>,
    values: Option<Result<Vec<f64>, String>>,
    spectrum: Option<Result<Spectrum, CurvatureError>>,
}

impl<'a, 'w> Session<'a, 'w> {
    /// Opens a session at one point.
    pub fn new(subject: Subject<'a>, warm: &'w mut WarmStart) -> Self {
        Self {
            subject,
            warm,
            wants_smallest: false,
            train: None,
            test: None,
            values: None,
            spectrum: None,
        }
    }

    /// Measures each name, in order. A measurement that fails, even by a panic in the numeric
    /// library, is a row with its reason.
    ///
    /// # Errors
    ///
    /// [`CurvatureError::Interrupted`] and nothing else.
    pub fn measure(&mut self, names: &[&str]) -> Result<Vec<Measurement>, CurvatureError> {
        self.wants_smallest = names.contains(&"hessian.lambda_min");
        names.iter().map(|name| self.measure_one(name)).collect()
    }

    fn measure_one(&mut self, name: &str) -> Result<Measurement, CurvatureError> {
        self.subject.interrupt.check()?;
        let start = Instant::now();
        let attempt = catch_unwind(AssertUnwindSafe(|| self.dispatch(name)));
        let mut row = match attempt {
            Ok(Ok(row)) => row,
            Ok(Err(Failure::Curvature(CurvatureError::Interrupted))) => {
                return Err(CurvatureError::Interrupted);
            }
            Ok(Err(failure)) => Measurement::failed(name, failure.to_string()),
            Err(_) => Measurement::failed(name, "the numeric library panicked"),
        };
        row.seconds = start.elapsed().as_secs_f64();
        Ok(row)
    }

    fn dispatch(&mut self, name: &str) -> Result<Measurement, Failure> {
        Ok(match name {
            "loss.train" => self.train()?.loss(name),
            "accuracy.train" => self.train()?.accuracy(name),
            "loss.test" => self.test()?.loss(name),
            "accuracy.test" => self.test()?.accuracy(name),
            "gap.loss" => Evaluated::gap(name, &self.train()?.clone(), self.test()?),
            "margin.min" => self.train()?.smallest_margin(name),
            "margin.p10" => self.train()?.margin_quantile(name, 0.1),
            "margin.median" => self.train()?.margin_quantile(name, 0.5),
            "gradient.norm" => self.gradient_norm(name)?,
            "norm.l2" => Measurement::new(name, norm(self.values()?)),
            "distance.init" => self.distance(name)?,
            "hessian.lambda_max" => self.eigenvalue(name, |spectrum| &spectrum.largest)?,
            "hessian.lambda_min" => self.eigenvalue(name, |spectrum| &spectrum.smallest)?,
            "hessian.trace" => self.trace(name)?,
            "reparam.rescale.outputs" => self.rescaled_outputs(name)?,
            "reparam.rescale.lambda_max" => self.rescaled_sharpness(name)?,
            _ => Measurement::failed(name, "there is no such measure"),
        })
    }

    fn train(&mut self) -> Result<&Evaluated, Failure> {
        let subject = self.subject;
        self.train
            .get_or_insert_with(|| {
                Evaluated::run(subject.objective, subject.parameters, subject.train)
            })
            .as_ref()
            .map_err(Failure::from)
    }

    fn test(&mut self) -> Result<&Evaluated, Failure> {
        let subject = self.subject;
        self.test
            .get_or_insert_with(|| {
                let test = subject.test.ok_or("there are no test samples")?;
                Evaluated::run(subject.objective, subject.parameters, test)
            })
            .as_ref()
            .map_err(Failure::from)
    }

    fn values(&mut self) -> Result<&Vec<f64>, Failure> {
        let parameters = self.subject.parameters;
        self.values
            .get_or_insert_with(|| parameters.to_host())
            .as_ref()
            .map_err(Failure::from)
    }

    fn distance(&mut self, name: &str) -> Result<Measurement, Failure> {
        let initial = self
            .subject
            .initial
            .ok_or_else(|| Failure::Other("the starting point is not known".to_owned()))?;
        let difference: Vec<f64> = self
            .values()?
            .iter()
            .zip(initial)
            .map(|(now, then)| now - then)
            .collect();
        Ok(Measurement::new(name, norm(&difference)))
    }

    fn gradient_norm(&self, name: &str) -> Result<Measurement, Failure> {
        let subject = &self.subject;
        let samples = subject.train.samples();
        let mut sum: Option<Parameters> = None;
        for batch in subject.train.batches() {
            subject.interrupt.check()?;
            let (_, gradient) = subject.objective.loss_and_gradient(
                subject.parameters,
                batch,
                1.0 / samples as f64,
            );
            sum = Some(match sum {
                Some(sum) => sum + gradient,
                None => gradient,
            });
        }
        let gradient = sum.ok_or(CurvatureError::Empty)?.to_host()?;
        Ok(Measurement::new(name, norm(&gradient)).over(samples))
    }

    fn spectrum(&mut self) -> Result<&Spectrum, Failure> {
        if self.spectrum.is_none() {
            let subject = self.subject;
            let mut rng = subject.streams.stream("probes.lanczos", subject.step);
            let start = self
                .warm
                .hessian
                .as_ref()
                .map(|vector| perturbed(vector, &mut rng));
            let result = lanczos(
                &mut hessian(&subject, subject.parameters),
                start.as_deref(),
                &mut rng,
                LanczosOptions {
                    largest: 1,
                    smallest: usize::from(self.wants_smallest),
                    ..LanczosOptions::default()
                },
                subject.interrupt,
            );
            if let Ok(spectrum) = &result {
                self.warm.hessian = Some(sum_of_vectors(spectrum));
            }
            self.spectrum = Some(result);
        }
        match &self.spectrum {
            Some(Ok(spectrum)) => Ok(spectrum),
            Some(Err(error)) => Err(Failure::Curvature(error.clone())),
            None => Err(Failure::Curvature(CurvatureError::Empty)),
        }
    }

    fn eigenvalue(
        &mut self,
        name: &str,
        end: impl Fn(&Spectrum) -> &Vec<Eigenpair>,
    ) -> Result<Measurement, Failure> {
        let samples = self.subject.train.samples();
        let spectrum = self.spectrum()?;
        let pair = end(spectrum).first().ok_or(CurvatureError::Empty)?;
        Ok(Measurement::new(name, pair.value)
            .with_residual(pair.residual, pair.converged, spectrum.matvecs)
            .over(samples))
    }

    fn trace(&mut self, name: &str) -> Result<Measurement, Failure> {
        let subject = self.subject;
        let mut rng = subject.streams.stream("probes.trace", subject.step);
        let estimate = hutchinson_trace(
            &mut hessian(&subject, subject.parameters),
            &mut rng,
            TraceOptions::default(),
            subject.interrupt,
        )?;
        Ok(Measurement {
            converged: Some(estimate.converged),
            matvecs: Some(estimate.matvecs),
            ..Measurement::new(name, estimate.value)
                .with_stderr(estimate.standard_error)
                .over(subject.train.samples())
        })
    }

    /// The parameters after the layer-rescaling map.
    fn rescaled(&mut self) -> Result<Parameters, Failure> {
        let objective = self.subject.objective;
        let multipliers = objective.network().layer_rescaling(RESCALING)?;
        let layout = objective.network().layout();
        let mut values = self.values()?.clone();
        for (block, multiplier) in layout.blocks().iter().zip(multipliers) {
            for value in &mut values[block.range()] {
                *value *= multiplier;
            }
        }
        Ok(Parameters::from_host(layout, &values, objective.compute()))
    }

    fn rescaled_outputs(&mut self, name: &str) -> Result<Measurement, Failure> {
        let rescaled = self.rescaled()?;
        let subject = self.subject;
        let after = Evaluated::run(subject.objective, &rescaled, subject.train)?;
        let before = self.train()?;
        let largest = |values: &mut dyn Iterator<Item = f64>| {
            values.fold(0.0f64, |largest, value| largest.max(value.abs()))
        };
        let pairs = after.outputs().iter().zip(before.outputs());
        let change = largest(&mut pairs.map(|(a, b)| a - b));
        let size = largest(&mut before.outputs().iter().copied());
        let relative = if change == 0.0 { 0.0 } else { change / size };
        let preserved = relative <= round_off(subject.objective.compute().precision);
        Ok(Measurement {
            converged: Some(preserved),
            ..Measurement::new(name, relative).over(subject.train.samples())
        })
    }

    fn rescaled_sharpness(&mut self, name: &str) -> Result<Measurement, Failure> {
        let rescaled = self.rescaled()?;
        let subject = self.subject;
        let mut rng = subject.streams.stream("probes.rescaled", subject.step);
        let after = lanczos(
            &mut hessian(&subject, &rescaled),
            None,
            &mut rng,
            LanczosOptions::default(),
            subject.interrupt,
        )?;
        let before = self.spectrum()?;
        let (Some(before), Some(new)) = (before.largest.first(), after.largest.first()) else {
            return Err(Failure::Curvature(CurvatureError::Empty));
        };
        // Relative errors of a quotient add, to first order.
        Ok(Measurement::new(name, new.value / before.value)
            .with_residual(
                new.residual + before.residual,
                new.converged && before.converged,
                after.matvecs,
            )
            .over(subject.train.samples()))
    }
}

/// How far the outputs of the same function may differ, relative to the largest of them: rounding
/// of a few layers, each a sum of up to a thousand products.
fn round_off(precision: Precision) -> f64 {
    100.0 * precision.epsilon()
}

fn hessian<'a>(subject: &Subject<'a>, parameters: &'a Parameters) -> HessianOperator<'a> {
    HessianOperator::new(
        subject.objective,
        parameters,
        subject.train,
        subject.interrupt,
    )
}

/// A start near known eigenvectors that still has a component along every other one, so that an
/// eigenvector which has overtaken them is found.
fn perturbed(vector: &[f64], rng: &mut StreamRng) -> Vec<f64> {
    let size = 0.01 * norm(vector) / (vector.len() as f64).sqrt();
    vector
        .iter()
        .map(|value| {
            let noise: f64 = StandardNormal.sample(rng);
            value + size * noise
        })
        .collect()
}

fn sum_of_vectors(spectrum: &Spectrum) -> Vec<f64> {
    let mut pairs = spectrum.largest.iter().chain(&spectrum.smallest);
    let mut sum = pairs
        .next()
        .map(|pair| pair.vector.clone())
        .unwrap_or_default();
    for pair in pairs {
        for (sum, value) in sum.iter_mut().zip(&pair.vector) {
            *sum += value;
        }
    }
    sum
}

/// Why a measurement has no value.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error("{0}")]
    Curvature(#[from] CurvatureError),
    #[error("{0}")]
    Other(String),
}

impl From<String> for Failure {
    fn from(reason: String) -> Self {
        Self::Other(reason)
    }
}

impl From<&String> for Failure {
    fn from(reason: &String) -> Self {
        Self::Other(reason.clone())
    }
}
