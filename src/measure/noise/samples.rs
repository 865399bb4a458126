//! The trace of the noise covariance, from the gradients of single samples.

use crate::backend::read;
use crate::linear::Spending;
use crate::measure::failure::Failure;
use crate::measure::measurement::{Error, Measurement};
use crate::measure::session::Session;
use crate::params::Parameters;
use crate::statistics::{mean, stated_error};
use burn::tensor::Tensor;
use rand::seq::index;

/// Squared norms left on the device before they are read together.
const READ_TOGETHER: usize = 256;

/// Samples always seen: fewer tell no error of a mean.
const FEWEST: usize = 12;

impl Session<'_> {
    /// `tr Σ = (1/n) Σ ‖gᵢ − g‖²`.
    ///
    /// Exact for the samples, from one gradient of each, which takes the time of a few gradients of
    /// the whole: a Hutchinson estimate with an error of some per cent takes longer. The mean is
    /// subtracted before squares are formed, so that a small noise is no difference of large
    /// numbers. The samples come in random order; where the budget ends before they do, those seen
    /// so far give an estimate with its standard error.
    pub(in crate::measure) fn noise_trace(&mut self, name: &str) -> Result<Measurement, Failure> {
        let squares = self.once("squared deviations", |session| session.squared_deviations())?;
        let (seen, samples) = (squares.len() as f64, self.subject.train.samples());
        // Sampling without replacement: nothing is left to chance once all samples are seen.
        let left = (1.0 - seen / samples as f64).sqrt();
        let row = Measurement::new(name, mean(&squares))
            .over(squares.len())
            // The gradient of the whole and, of single samples, as many as make up another one.
            .taking(2);
        Ok(match left > 0.0 {
            false => row.with_error(Error::Exact),
            true => Measurement {
                converged: Some(false),
                ..row.with_stderr(left * stated_error(&squares))
            },
        })
    }

    /// `‖gᵢ − g‖²` of the samples in random order, as far as the budget goes.
    fn squared_deviations(&self) -> Result<Vec<f64>, Failure> {
        self.require_independent_samples()?;
        let subject = self.subject;
        let range = self.subject.range()?;
        let mean = self.mean_gradient()?;
        let samples: Vec<(usize, usize)> = subject
            .train
            .batches()
            .iter()
            .enumerate()
            .flat_map(|(batch, samples)| (0..samples.samples()).map(move |place| (batch, place)))
            .collect();
        let mut rng = subject.stream("probes.noise.samples");
        let order = index::sample(&mut rng, samples.len(), samples.len());
        let spending = Spending::new(subject.budget, subject.interrupt);
        let mut squares = Vec::with_capacity(samples.len());
        let mut waiting: Vec<Tensor<1>> = Vec::new();
        for place in order {
            subject.interrupt.check()?;
            if waiting.len() + squares.len() >= FEWEST && !spending.allows(0) {
                break;
            }
            let (batch, place) = samples[place];
            let sample = subject.train.batches()[batch].sample(place);
            let objective = subject.objective;
            let (_, gradient) = objective.loss_and_gradient(subject.parameters, &sample, 1.0);
            waiting.push(gradient.squared_distance(&mean, &range));
            if waiting.len() == READ_TOGETHER {
                squares.extend(norms(std::mem::take(&mut waiting))?);
            }
        }
        if !waiting.is_empty() {
            squares.extend(norms(waiting)?);
        }
        Ok(squares)
    }

    /// The gradient of the mean loss, on the device.
    pub(super) fn mean_gradient(&self) -> Result<Parameters, Failure> {
        let subject = self.subject;
        let weight = 1.0 / subject.train.samples() as f64;
        let gradients = subject.train.batches().iter().map(|batch| {
            let objective = subject.objective;
            objective
                .loss_and_gradient(subject.parameters, batch, weight)
                .1
        });
        gradients
            .reduce(|sum, gradient| sum + gradient)
            .ok_or_else(|| crate::curvature::no_samples().into())
    }
}

fn norms(waiting: Vec<Tensor<1>>) -> Result<Vec<f64>, Failure> {
    read(&Tensor::cat(waiting, 0)).map_err(Failure::device)
}
