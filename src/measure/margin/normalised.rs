//! Output margins relative to how large the network can make them.

use super::distance::to_first_order;
use crate::backend::{Precision, read};
use crate::extremes::smallest;
use crate::linear::norm;
use crate::measure::failure::Failure;
use crate::measure::layers;
use crate::measure::measurement::{Error, Measurement};
use crate::measure::norm::{Reference, of_spectral_norms, spectral_complexity, spectral_product};
use crate::measure::session::Session;
use crate::measure::statistic::Statistic;
use crate::objective::Objective;
use crate::params::Parameters;
use crate::random::StreamRng;
use rand_distr::{Distribution, StandardNormal};

impl Session<'_> {
    /// A statistic of the margins over the product of the spectral norms.
    pub(super) fn spectral_margin(
        &mut self,
        name: &str,
        statistic: Statistic,
    ) -> Result<Measurement, Failure> {
        let stack = self.stack_norms(Reference::Zero)?;
        let product = positive(spectral_product(&stack.layers), "product of spectral norms")?;
        let margins = scaled(self.train()?.margins()?, 1.0 / product);
        Ok(with_error_of_norms(
            self.told(statistic, name, &margins),
            &of_spectral_norms(name, 1.0, &stack.layers, 1.0),
        ))
    }

    /// A statistic of the margins over `R_A ‖X‖_F / n`, with `R_A` the spectral complexity, `X` the
    /// inputs and `n` their number (Bartlett, Foster & Telgarsky 2017).
    pub(super) fn bartlett_margin(
        &mut self,
        name: &str,
        statistic: Statistic,
    ) -> Result<Measurement, Failure> {
        let stack = self.stack_norms(Reference::Zero)?;
        let subject = self.subject;
        let mut square = 0.0;
        for batch in subject.train.batches() {
            square += read(&batch.inputs)
                .map_err(Failure::device)?
                .iter()
                .map(|x| x * x)
                .sum::<f64>();
        }
        let size = spectral_complexity(&stack) * square.sqrt() / subject.train.samples() as f64;
        let size = positive(size, "spectral complexity times the size of the inputs")?;
        let margins = scaled(self.train()?.margins()?, 1.0 / size);
        Ok(with_error_of_norms(
            self.told(statistic, name, &margins),
            &of_spectral_norms(name, 1.0, &stack.layers, 1.0),
        ))
    }

    /// The share of samples whose margin over the product of spectral norms is at most `gamma`. What the
    /// error of the norms decides, and whether they converged, is part of it.
    pub(super) fn margin_loss(&mut self, name: &str, gamma: f64) -> Result<Measurement, Failure> {
        let stack = self.stack_norms(Reference::Zero)?;
        let product = positive(spectral_product(&stack.layers), "product of spectral norms")?;
        let margins = scaled(self.train()?.margins()?, 1.0 / product);
        let is_small: Vec<f64> = margins
            .iter()
            .map(|&margin| f64::from(u8::from(margin <= gamma)))
            .collect();
        let norms = of_spectral_norms(name, 1.0, &stack.layers, 1.0);
        let off = gamma * norms.residual().unwrap_or(0.0);
        let near = margins
            .iter()
            .filter(|margin| (*margin - gamma).abs() <= off);
        let doubtful = near.count() as f64 / margins.len() as f64;
        let row = self.told(Statistic::Mean, name, &is_small);
        let row = match row.error.clone() {
            Error::Standard(stderr) => row.with_stderr(stderr.hypot(doubtful)),
            _ => row,
        };
        Ok(Measurement {
            converged: norms.converged,
            ..row
        })
    }

    /// The smallest margin over `‖θ‖ᴸ` for a network that is homogeneous of degree `L` (Lyu & Li
    /// 2020, "Gradient descent maximizes the margin of homogeneous neural networks").
    pub(super) fn homogeneous_margin(&mut self, name: &str) -> Result<Measurement, Failure> {
        let subject = self.subject;
        let mut rng = subject.stream("probes.homogeneous");
        let values = self.values()?;
        let degree = degree_of_homogeneity(subject.objective, &values, subject.train, &mut rng)?;
        let size = positive(
            norm(&values).powi(degree),
            "norm to the power of the degree",
        )?;
        let margins = scaled(self.train()?.margins()?, 1.0 / size);
        Ok(Statistic::Min.of(name, &margins))
    }

    /// For every sample, how far the input of the last layer `z = Wh + b` is from a point where
    /// another class wins: the smallest `(z_y − z_j) / ‖w_y − w_j‖` over classes `j`. Exact, as the
    /// outputs are linear there; negative where another class wins already.
    pub(super) fn last_hidden_margins(&mut self) -> Result<Vec<f64>, Failure> {
        let layer = layers::output_layer(self.subject.objective.network())?;
        let weights = scaled(&self.values()?[layer.weight.range()], layer.factor);
        let (outputs, inputs) = (layer.outputs(), layer.inputs());
        let row = |class: usize| &weights[class * inputs..(class + 1) * inputs];
        let labels = self.subject.labels()?;
        let train = self.train()?;
        if outputs == 1 {
            let slope = norm(row(0));
            let distances = train.margins()?.iter();
            return Ok(distances
                .map(|margin| to_first_order(*margin, slope))
                .collect());
        }
        let apart = |a: usize, b: usize| {
            let difference: Vec<f64> = row(a).iter().zip(row(b)).map(|(a, b)| a - b).collect();
            norm(&difference)
        };
        let distances: Vec<f64> = (0..outputs * outputs)
            .map(|pair| apart(pair / outputs, pair % outputs))
            .collect();
        let margin = |(z, &label): (&[f64], &u8)| {
            let label = usize::from(label);
            let others = (0..outputs).filter(|&class| class != label);
            smallest(others.map(|class| {
                to_first_order(z[label] - z[class], distances[label * outputs + class])
            }))
        };
        Ok(train
            .outputs()
            .chunks(outputs)
            .zip(labels)
            .map(margin)
            .collect())
    }
}

/// What margins are divided by, or why they cannot be.
fn positive(size: f64, what: &str) -> Result<f64, Failure> {
    // With 0 or an infinity every margin would be 0, infinite, or no number.
    if size > 0.0 && size.is_finite() {
        return Ok(size);
    }
    Err(Failure::not_defined(format!(
        "the {what} is {size}, which margins cannot be divided by"
    )))
}

fn scaled(values: &[f64], factor: f64) -> Vec<f64> {
    values.iter().map(|value| value * factor).collect()
}

/// Adds the error of the norms a margin was divided by: their relative one to a number without another.
fn with_error_of_norms(row: Measurement, norms: &Measurement) -> Measurement {
    let of_norms = norms.residual().unwrap_or(f64::NAN);
    let size = row.value.map_or(0.0, f64::abs);
    let row = match row.error.clone() {
        Error::Standard(stderr) => row.with_stderr(stderr.hypot(of_norms * size)),
        Error::Exact => row.with_error(norms.error.clone()),
        _ => row,
    };
    Measurement {
        converged: norms.converged,
        ..row
    }
}

/// The `L` with `f(cθ) = cᴸ f(θ)`, found at a random point near `θ` by doubling it: powers of two
/// are exact in floating point, and no bias is 0 by chance.
///
/// # Errors
///
/// Where there is no such `L`.
fn degree_of_homogeneity(
    objective: &Objective,
    values: &[f64],
    data: &crate::objective::Chunks,
    rng: &mut StreamRng,
) -> Result<i32, Failure> {
    let size = norm(values) / (values.len() as f64).sqrt();
    let near: Vec<f64> = values
        .iter()
        .map(|value| {
            let noise: f64 = StandardNormal.sample(rng);
            value + size * noise
        })
        .collect();
    let batch = data
        .batches()
        .first()
        .ok_or_else(crate::curvature::no_samples)?;
    let outputs = |factor: f64| {
        let compute = objective.compute();
        let at = Parameters::from_host(
            objective.network().layout(),
            &scaled(&near, factor),
            compute,
        );
        read(&objective.evaluate(&at, batch).outputs).map_err(Failure::device)
    };
    let (once, twice) = (outputs(1.0)?, outputs(2.0)?);
    let degree = (norm(&twice) / norm(&once)).log2().round();
    let error: Vec<f64> = twice
        .iter()
        .zip(&once)
        .map(|(twice, once)| twice - degree.exp2() * once)
        .collect();
    let tolerance = match objective.compute().precision {
        Precision::F32 => 1e-4,
        Precision::F64 => 1e-10,
    };
    if degree >= 1.0 && norm(&error) <= tolerance * norm(&twice) {
        return Ok(degree as i32);
    }
    Err(Failure::not_defined(
        "the network is not homogeneous: doubling all parameters does not multiply its outputs by \
         a power of two (biases after the first layer, normalisation, or an activation other than \
         ReLU)",
    ))
}
