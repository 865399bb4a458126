//! Noise injected into descent on all samples.

use super::step_loss::{StepLoss, Term};
use super::{GradientOracle, Position};
use crate::backend::Compute;
use crate::config::{self, NoiseShape};
use crate::objective::{Objective, TrainingGradient};
use crate::params::Parameters;
use crate::random::StreamRng;
use burn::tensor::Tensor;
use rand::RngExt;
use rand_distr::{Distribution, StandardNormal};

/// The random stream of the noise, numbered by the step.
const STREAM: &str = "gradient_noise";

/// The random stream of the rows that a trace is estimated from, numbered by the step.
const ROWS_STREAM: &str = "gradient_noise.rows";

/// So many rows of the Jacobian at least tell the trace of a Gauss-Newton matrix; where there are no more,
/// all of them.
const ROWS: usize = 1000;

/// A trace that can be divided by in f32.
const SMALLEST: f64 = 1e-30;

/// The gradient over all samples and normal noise beside it, whose covariance has at every step the trace of the
/// covariance of a batch's gradient, `s² C` with `C = (1/n) Σ (gᵢ − g)(gᵢ − g)ᵀ` and
/// `s² = (n − B) / (B (n − 1))` for `B` of `n` samples drawn without replacement, so that runs of
/// different shapes differ in nothing else (Zhu et al. 2019, "The anisotropic noise in stochastic gradient
/// descent: its behavior of escaping from sharp minima and regularization effects", sec. 5).
pub(super) struct NoisyGradient<'a> {
    loss: StepLoss<'a>,
    noise: config::Noise,
}

impl<'a> NoisyGradient<'a> {
    pub fn new(loss: StepLoss<'a>, noise: config::Noise) -> Self {
        Self { loss, noise }
    }
}

impl GradientOracle for NoisyGradient<'_> {
    fn gradient(&mut self, at: &Position) -> TrainingGradient {
        let terms = self.loss.terms(at.step);
        let found = self.loss.gradient_of(at, &terms);
        let streams = self.loss.problem().streams;
        let samples: usize = terms.iter().map(|term| term.batch.samples()).sum();
        let point = Point {
            loss: &self.loss,
            at,
            terms: &terms,
            samples: samples as f64,
            variance: variance_of_batch(self.noise.batch_size, samples),
            rows: ROWS,
        };
        let mut rng = streams.stream(STREAM, at.step);
        let noise = match self.noise.shape {
            NoiseShape::Minibatch => point.minibatch(&mut rng),
            NoiseShape::Isotropic => point.isotropic(&found.gradient, &mut rng),
            NoiseShape::GaussNewton => {
                let mut rows = streams.stream(ROWS_STREAM, at.step);
                point.gauss_newton(&found.gradient, &mut rng, &mut rows)
            }
        };
        TrainingGradient {
            gradient: found.gradient + noise,
            ..found
        }
    }
}

/// The variance of a mean over a batch drawn without replacement, over that of one sample.
fn variance_of_batch(batch: usize, samples: usize) -> f64 {
    let (batch, samples) = (batch as f64, samples as f64);
    (samples - batch) / (batch * (samples - 1.0))
}

/// All samples at a position.
struct Point<'a> {
    loss: &'a StepLoss<'a>,
    at: &'a Position,
    terms: &'a [Term],
    samples: f64,
    /// `s²`
    variance: f64,
    /// Rows that tell the trace of a Gauss-Newton matrix.
    rows: usize,
}

impl Point<'_> {
    /// `s Σᵢ (zᵢ − z̄) gᵢ / √n` for normal `z`: the covariance of a batch, by one gradient with weights.
    fn minibatch(&self, rng: &mut StreamRng) -> Parameters {
        let mut weights = normals(self.samples as usize, rng);
        let mean = weights.iter().sum::<f64>() / self.samples;
        let factor = (self.variance / self.samples).sqrt();
        for weight in &mut weights {
            *weight = factor * (*weight - mean);
        }
        let mut rest = weights.as_slice();
        self.sum(|objective, term| {
            let (weights, others) = rest.split_at(term.batch.samples());
            rest = others;
            let weights = self.compute().tensor(weights, [weights.len(), 1]);
            let point = objective.at(&self.at.parameters, &term.batch);
            point.weighted_gradient(weights)
        })
    }

    /// Noise of one variance in all directions.
    fn isotropic(&self, gradient: &Parameters, rng: &mut StreamRng) -> Parameters {
        let layout = gradient.layout();
        let normals = Parameters::from_host(layout, &normals(layout.len(), rng), self.compute());
        let variance = self.trace(gradient).div_scalar(layout.len() as f64);
        normals.times(&variance.sqrt())
    }

    /// `Σᵢ Jᵢᵀ √Hᵢ zᵢ / √n` for normal `z`, whose covariance is the Gauss-Newton matrix, by one gradient with
    /// coefficients; made as strong as the trace of the covariance of a batch.
    fn gauss_newton(
        &self,
        gradient: &Parameters,
        rng: &mut StreamRng,
        rows: &mut StreamRng,
    ) -> Parameters {
        let noise = self.sum(|objective, term| {
            let [positions, outputs] = term.batch.targets.dims();
            let normals = normals(positions * outputs, rng);
            let roots = self.root(objective, term, &normals);
            objective.gradient_of_outputs(&self.at.parameters, &term.batch, roots)
        });
        let ratio = self.trace(gradient) / self.gauss_newton_trace(rows);
        // Both traces are of sums over samples; the noise above is one too.
        noise.times(&ratio.div_scalar(self.samples).sqrt())
    }

    /// `s² tr C`, exactly: from the gradient of every sample.
    fn trace(&self, gradient: &Parameters) -> Tensor<1> {
        let sum = self.total(|objective, term| {
            objective.squared_deviations(&self.at.parameters, &term.batch, gradient)
        });
        sum.mul_scalar(self.variance / self.samples)
    }

    /// The trace of the Gauss-Newton matrix: from all rows of `√H J`, or of every sample one random
    /// combination with signs, or several, until there are enough (Hutchinson's estimate within each sample, whose
    /// standard error is about one over the root of their number).
    fn gauss_newton_trace(&self, rng: &mut StreamRng) -> Tensor<1> {
        let samples = self.samples as usize;
        let of_sample = self.terms[0].batch.positions() * self.terms[0].batch.targets.dims()[1];
        let is_exact = samples * of_sample <= self.rows;
        let times = if is_exact {
            of_sample
        } else {
            self.rows.div_ceil(samples)
        };
        let weight = if is_exact { 1.0 } else { 1.0 / times as f64 };
        let mut sum: Option<Tensor<1>> = None;
        for time in 0..times {
            let found = self.total(|objective, term| {
                let count = term.batch.samples() * of_sample;
                let probe: Vec<f64> = match is_exact {
                    true => (0..count)
                        .map(|place| f64::from(u8::from(place % of_sample == time)))
                        .collect(),
                    false => (0..count)
                        .map(|_| if rng.random_bool(0.5) { 1.0 } else { -1.0 })
                        .collect(),
                };
                let roots = self.root(objective, term, &probe);
                objective.squared_output_gradients(&self.at.parameters, &term.batch, &roots)
            });
            sum = Some(match sum {
                Some(sum) => sum + found,
                None => found,
            });
        }
        let sum = sum.expect("a sample has at least one output");
        // Of a loss without curvature the noise is 0, not 0/0.
        sum.mul_scalar(weight / self.samples).clamp_min(SMALLEST)
    }

    /// `√Hᵢ zᵢ` for the samples of a term, as coefficients of their outputs.
    fn root(&self, objective: &Objective, term: &Term, vector: &[f64]) -> Tensor<2> {
        let outputs = objective.evaluate(&self.at.parameters, &term.batch).outputs;
        let vector = self.compute().tensor(vector, outputs.dims());
        objective.curvature_root_product(outputs, &term.batch, vector)
    }

    fn sum(&self, mut of_term: impl FnMut(&Objective, &Term) -> Parameters) -> Parameters {
        let terms = self.terms.iter();
        let found = terms.map(|term| of_term(&self.objective(term), term));
        let sum = found.reduce(|sum, found| sum + found);
        sum.expect("a step has at least one sample")
    }

    fn total(&self, mut of_term: impl FnMut(&Objective, &Term) -> Tensor<1>) -> Tensor<1> {
        let terms = self.terms.iter();
        let found = terms.map(|term| of_term(&self.objective(term), term));
        let sum = found.reduce(|sum, found| sum + found);
        sum.expect("a step has at least one sample")
    }

    fn objective(&self, term: &Term) -> Objective {
        self.loss.objective(&self.at.statistics, term.pass)
    }

    fn compute(&self) -> &Compute {
        self.loss.problem().compute()
    }
}

fn normals(count: usize, rng: &mut StreamRng) -> Vec<f64> {
    (0..count).map(|_| StandardNormal.sample(rng)).collect()
}

#[cfg(test)]
mod tests;
