//! Norms of the weight matrices, and the capacities of generalisation bounds made of them.

use super::super::Measurement;
use super::super::layers::{dense_stack, weights};
use super::super::session::{Failure, Session, Subject};
use super::matrix::{HostMatrix, SpectralNorm};
use crate::curvature::norm;
use crate::params::Block;

/// What the bounds read off one weight matrix `A`.
#[derive(Clone, Copy, Debug)]
pub(in crate::measure) struct LayerNorms {
    /// `‖A‖₂`.
    pub spectral: SpectralNorm,
    /// `‖A‖_F`.
    pub frobenius: f64,
    /// `‖Aᵀ − Mᵀ‖₂,₁`, the sum of the norms of the rows, with `M` a reference matrix.
    pub rows: f64,
}

impl LayerNorms {
    /// `‖A‖_F² / ‖A‖₂²`, at most the rank.
    fn stable_rank(&self) -> f64 {
        (self.frobenius / self.spectral.value).powi(2)
    }
}

/// Which reference matrices `M` a complexity measures from.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(in crate::measure) enum Reference {
    /// Zero.
    Zero,
    /// Where training started.
    Initial,
}

/// `∏ ‖A‖₂`, a bound on the Lipschitz constant of the network for activations with slopes of at
/// most 1.
pub(in crate::measure) fn spectral_product(layers: &[LayerNorms]) -> f64 {
    layers.iter().map(|layer| layer.spectral.value).product()
}

/// The spectral complexity `∏ ‖A‖₂ · (Σ (‖Aᵀ − Mᵀ‖₂,₁ / ‖A‖₂)^⅔)^{3/2}` (Bartlett, Foster &
/// Telgarsky 2017, "Spectrally-normalized margin bounds for neural networks", eq. 1.2), for
/// activations with slopes of at most 1. Biases are not counted.
pub(in crate::measure) fn spectral_complexity(layers: &[LayerNorms]) -> f64 {
    let terms = layers
        .iter()
        .map(|layer| (layer.rows / layer.spectral.value).powf(2.0 / 3.0));
    spectral_product(layers) * terms.sum::<f64>().powf(1.5)
}

/// The factor `∏ ‖A‖₂² · Σ ‖A‖_F² / ‖A‖₂²` of the PAC-Bayes bound (Neyshabur, Bhojanapalli &
/// Srebro 2018, "A PAC-Bayesian approach to spectrally-normalized margin bounds", theorem 1).
fn pac_bayes_complexity(layers: &[LayerNorms]) -> f64 {
    let ranks: f64 = layers.iter().map(LayerNorms::stable_rank).sum();
    spectral_product(layers).powi(2) * ranks
}

/// A number made of spectral norms, with the error they bring: the sum of their relative errors
/// times the highest power of a norm in the number.
pub(in crate::measure) fn of_spectral_norms(
    name: &str,
    value: f64,
    layers: &[LayerNorms],
    power: f64,
) -> Measurement {
    let residual: f64 = layers.iter().map(|layer| layer.spectral.residual).sum();
    Measurement {
        residual: Some(power * residual),
        converged: Some(layers.iter().all(|layer| layer.spectral.converged)),
        ..Measurement::new(name, value)
    }
}

impl Session<'_> {
    /// A number made of the Frobenius norms of the weights.
    pub(super) fn of_frobenius_norms(&mut self, name: &str) -> Result<Measurement, Failure> {
        let blocks = measured_weights(self.subject)?;
        let values = self.values()?;
        let norms = blocks.iter().map(|block| norm(&values[block.range()]));
        let value = match name {
            "norm.frobenius.product" => norms.product(),
            _ => norms.map(|norm| norm * norm).sum(),
        };
        Ok(Measurement::new(name, value))
    }

    /// A number made of the spectral norms of the weights.
    pub(super) fn of_spectra(&mut self, name: &str) -> Result<Measurement, Failure> {
        let blocks = measured_weights(self.subject)?;
        let layers = self.layer_norms(&blocks, Reference::Zero)?;
        let spectral = layers.iter().map(|layer| layer.spectral.value);
        let ranks = layers.iter().map(LayerNorms::stable_rank);
        let (value, power) = match name {
            "norm.spectral.product" => (spectral_product(&layers), 1.0),
            "norm.spectral.sum" => (spectral.map(|norm| norm * norm).sum(), 2.0),
            "norm.spectral.max" => (spectral.fold(0.0, f64::max), 1.0),
            "norm.stable_rank.sum" => (ranks.sum(), 2.0),
            _ => (ranks.product(), 2.0),
        };
        Ok(of_spectral_norms(name, value, &layers, power))
    }

    /// A capacity of the whole network.
    pub(super) fn capacity(&mut self, name: &str) -> Result<Measurement, Failure> {
        self.refuse_block()?;
        let reference = match name {
            "norm.spectral_complexity.init" => Reference::Initial,
            _ => Reference::Zero,
        };
        let layers = self.stack_norms(reference)?;
        let (value, power) = match name {
            "norm.pac_bayes_complexity" => (pac_bayes_complexity(&layers), 2.0),
            _ => (spectral_complexity(&layers), 1.0),
        };
        Ok(of_spectral_norms(name, value, &layers, power))
    }

    /// The norms of every layer of a stack of fully connected layers.
    pub(in crate::measure) fn stack_norms(
        &mut self,
        reference: Reference,
    ) -> Result<Vec<LayerNorms>, Failure> {
        let layout = self.subject.parameters.layout();
        let blocks: Vec<&Block> = dense_stack(layout)?
            .iter()
            .map(|layer| layer.weight)
            .collect();
        self.layer_norms(&blocks, reference)
    }

    fn layer_norms(
        &mut self,
        blocks: &[&Block],
        reference: Reference,
    ) -> Result<Vec<LayerNorms>, Failure> {
        blocks
            .iter()
            .map(|block| {
                let spectral = self.spectral_norm_of(block)?;
                let values = &self.values()?[block.range()];
                let matrix = matrix_of(block, values)?;
                let (frobenius, mut rows) = (matrix.frobenius_norm(), matrix.sum_of_row_norms());
                if reference == Reference::Initial {
                    let moved = self.moved(block)?;
                    rows = matrix_of(block, &moved)?.sum_of_row_norms();
                }
                Ok(LayerNorms {
                    spectral,
                    frobenius,
                    rows,
                })
            })
            .collect()
    }

    fn spectral_norm_of(&mut self, block: &Block) -> Result<SpectralNorm, Failure> {
        if let Some(known) = self.spectral_norms.get(&block.name) {
            return Ok(*known);
        }
        let subject = self.subject;
        let stream = format!("probes.spectral.{}", block.name);
        let mut rng = subject.streams.stream(&stream, subject.step);
        let values = &self.values()?[block.range()];
        let found = matrix_of(block, values)?.spectral_norm(&mut rng, subject.interrupt)?;
        self.spectral_norms.insert(block.name.clone(), found);
        Ok(found)
    }

    /// How far the layer that moved most has come since the start, in a norm of its matrix and
    /// relative to that norm of where it started.
    pub(super) fn relative_distance(&mut self, name: &str) -> Result<Measurement, Failure> {
        let subject = self.subject;
        let mut rng = subject
            .streams
            .stream(&format!("probes.{name}"), subject.step);
        let initial = self.initial()?.to_vec();
        let (mut largest, mut residual, mut converged) = (f64::NEG_INFINITY, 0.0, true);
        for block in measured_weights(subject)? {
            let (moved, start) = (self.moved(block)?, &initial[block.range()]);
            let relative = if name == "distance.init.frobenius" {
                norm(&moved) / norm(start)
            } else {
                let interrupt = subject.interrupt;
                let above = matrix_of(block, &moved)?.spectral_norm(&mut rng, interrupt)?;
                let below = matrix_of(block, start)?.spectral_norm(&mut rng, interrupt)?;
                residual = above.residual.max(residual).max(below.residual);
                converged &= above.converged && below.converged;
                above.value / below.value
            };
            largest = largest.max(relative);
        }
        let row = Measurement::new(name, largest);
        Ok(match name {
            "distance.init.frobenius" => row,
            _ => Measurement {
                residual: Some(2.0 * residual),
                converged: Some(converged),
                ..row
            },
        })
    }
}

/// The weights of the network, or of the subject's block if it has one.
fn measured_weights(subject: Subject<'_>) -> Result<Vec<&Block>, Failure> {
    let blocks = weights(subject.parameters.layout(), subject.block);
    if blocks.is_empty() {
        return Err(Failure::Other("there is no weight matrix in it".to_owned()));
    }
    Ok(blocks)
}

/// A block as a matrix.
fn matrix_of<'a>(block: &Block, values: &'a [f64]) -> Result<HostMatrix<'a>, Failure> {
    match block.shape[..] {
        [_, columns] => Ok(HostMatrix {
            entries: values,
            columns,
        }),
        _ => Err(Failure::Other(format!(
            "`{}` is a convolution, whose spectral norm depends on the size of its input",
            block.name
        ))),
    }
}
