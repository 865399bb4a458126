//! Norms of the weight matrices, and the capacities of generalisation bounds made of them.

use super::convolution::Convolution;
use crate::extremes::larger;
use crate::linear::{DenseMatrix, SpectralNorm};
use crate::linear::{LinearError, norm};
use crate::measure::failure::Failure;
use crate::measure::layers::{Layer, dense_stack, layers_within};
use crate::measure::measurement::{Error, Measurement};
use crate::measure::session::Session;
use crate::measure::subject::Subject;
use crate::model::LinearMapKind;
use crate::random::StreamRng;

/// What the bounds read off one linear map `A`.
#[derive(Clone, Copy, Debug)]
pub(in crate::measure) struct LayerNorms {
    /// `‖A‖₂`.
    pub spectral: SpectralNorm,
    /// `‖A‖_F`.
    pub frobenius: f64,
}

/// The layers of a stack of fully connected layers.
pub(in crate::measure) struct StackNorms {
    /// The norms of every layer.
    pub layers: Vec<LayerNorms>,
    /// `‖Aᵀ − Mᵀ‖₂,₁` of every layer, the sum of the norms of the rows, with `M` a reference
    /// matrix.
    rows: Vec<f64>,
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

/// `∏ ‖A‖₂` over the linear maps: a bound on the Lipschitz constant of a network in which they
/// follow one another, with activations whose slopes are at most 1 and nothing else.
pub(in crate::measure) fn spectral_product(layers: &[LayerNorms]) -> f64 {
    layers.iter().map(|layer| layer.spectral.value).product()
}

/// The spectral complexity `∏ ‖A‖₂ · (Σ (‖Aᵀ − Mᵀ‖₂,₁ / ‖A‖₂)^⅔)^{3/2}` (Bartlett, Foster &
/// Telgarsky 2017, "Spectrally-normalised margin bounds for neural networks", eq. 1.2), for
/// activations with slopes of at most 1. Biases are not counted.
pub(in crate::measure) fn spectral_complexity(stack: &StackNorms) -> f64 {
    let terms = stack.layers.iter().zip(&stack.rows);
    let terms = terms.map(|(layer, rows)| (rows / layer.spectral.value).powf(2.0 / 3.0));
    spectral_product(&stack.layers) * terms.sum::<f64>().powf(1.5)
}

/// The factor `∏ ‖A‖₂² · Σ ‖A‖_F² / ‖A‖₂²` of the PAC-Bayes bound (Neyshabur, Bhojanapalli &
/// Srebro 2018, "A PAC-Bayesian approach to spectrally-normalised margin bounds", theorem 1).
pub(super) fn pac_bayes_complexity(layers: &[LayerNorms]) -> f64 {
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
        converged: Some(layers.iter().all(|layer| layer.spectral.converged)),
        ..Measurement::new(name, value).with_error(Error::Residual {
            residual: power * residual,
            scale: None,
        })
    }
}

/// The spectral norm of every layer.
pub(super) fn spectral(layers: &[LayerNorms]) -> Vec<f64> {
    layers.iter().map(|layer| layer.spectral.value).collect()
}

/// `‖A‖_F² / ‖A‖₂²` of every layer.
pub(super) fn stable_ranks(layers: &[LayerNorms]) -> Vec<f64> {
    layers.iter().map(LayerNorms::stable_rank).collect()
}

/// A norm of the map of a layer, with its relative error and whether the search for it has converged.
pub(super) trait NormOfMap {
    /// The norm of a layer with these weights.
    fn of(
        &self,
        layer: &Layer<'_>,
        weights: &[f64],
        subject: Subject<'_>,
        rng: &mut StreamRng,
    ) -> Result<SpectralNorm, LinearError>;

    /// Whether it is found without a search.
    fn is_exact(&self) -> bool;
}

/// `‖W‖_F` of the weights.
pub(super) struct FrobeniusNorm;

/// `‖A‖₂` of the linear map.
pub(super) struct SpectralNormOfMap;

impl NormOfMap for FrobeniusNorm {
    fn of(
        &self,
        _: &Layer<'_>,
        weights: &[f64],
        _: Subject<'_>,
        _: &mut StreamRng,
    ) -> Result<SpectralNorm, LinearError> {
        Ok(SpectralNorm {
            value: norm(weights),
            residual: 0.0,
            converged: true,
        })
    }

    fn is_exact(&self) -> bool {
        true
    }
}

impl NormOfMap for SpectralNormOfMap {
    fn of(
        &self,
        layer: &Layer<'_>,
        weights: &[f64],
        subject: Subject<'_>,
        rng: &mut StreamRng,
    ) -> Result<SpectralNorm, LinearError> {
        spectral_norm(layer, weights, subject, rng)
    }

    fn is_exact(&self) -> bool {
        false
    }
}

impl Session<'_> {
    /// A number made of the Frobenius norms of the weights, which are those of the map for a matrix
    /// and of the kernels for a convolution.
    pub(super) fn of_frobenius_norms(
        &mut self,
        name: &str,
        make: impl Fn(&[f64]) -> f64,
    ) -> Result<Measurement, Failure> {
        let layers = measured_layers(self.subject)?;
        let values = self.values()?;
        let norms: Vec<f64> = layers
            .iter()
            .map(|layer| layer.factor * norm(&values[layer.weight.range()]))
            .collect();
        Ok(Measurement::exact(name, make(&norms)))
    }

    /// A number made of the spectral norms of the linear maps, in which the highest power of one is `power`.
    pub(super) fn of_spectra(
        &mut self,
        name: &str,
        power: f64,
        make: impl Fn(&[LayerNorms]) -> f64,
    ) -> Result<Measurement, Failure> {
        let layers = self.layer_norms(&measured_layers(self.subject)?)?;
        Ok(of_spectral_norms(name, make(&layers), &layers, power))
    }

    /// A capacity of the whole network, in which the highest power of a spectral norm is `power`.
    pub(super) fn capacity(
        &mut self,
        name: &str,
        reference: Reference,
        power: f64,
        make: impl Fn(&StackNorms) -> f64,
    ) -> Result<Measurement, Failure> {
        let stack = self.stack_norms(reference)?;
        Ok(of_spectral_norms(name, make(&stack), &stack.layers, power))
    }

    /// The norms of every layer of a stack of fully connected layers.
    pub(in crate::measure) fn stack_norms(
        &mut self,
        reference: Reference,
    ) -> Result<StackNorms, Failure> {
        let stack = dense_stack(self.subject.objective.network())?;
        let rows = stack.iter().map(|layer| {
            let entries = match reference {
                Reference::Zero => self.values()?[layer.weight.range()].to_vec(),
                Reference::Initial => self.moved(layer.weight)?,
            };
            Ok(layer.factor * matrix(layer, &entries).sum_of_row_norms())
        });
        Ok(StackNorms {
            rows: rows.collect::<Result<_, Failure>>()?,
            layers: self.layer_norms(&stack)?,
        })
    }

    fn layer_norms(&mut self, layers: &[Layer<'_>]) -> Result<Vec<LayerNorms>, Failure> {
        let norms = layers.iter().map(|layer| {
            let spectral = self.known_spectral_norm(layer)?;
            let values = &self.values()?[layer.weight.range()];
            Ok(LayerNorms {
                spectral,
                frobenius: frobenius_norm(layer, values),
            })
        });
        norms.collect()
    }

    /// The spectral norm of a layer at the subject's parameters, computed once.
    fn known_spectral_norm(&mut self, layer: &Layer<'_>) -> Result<SpectralNorm, Failure> {
        let name = &layer.weight.name;
        let found = self.once(name, |session| {
            let subject = session.subject;
            let mut rng = subject.stream(&format!("probes.spectral.{name}"));
            let values = session.values()?;
            let values = &values[layer.weight.range()];
            Ok(spectral_norm(layer, values, subject, &mut rng)?)
        });
        Ok(*found?)
    }

    /// How far the layer that moved most has come since the start, in a norm of its weights and
    /// relative to that norm of where it started.
    pub(super) fn relative_distance(
        &mut self,
        name: &str,
        norm: &dyn NormOfMap,
    ) -> Result<Measurement, Failure> {
        let subject = self.subject;
        let mut rng = subject.stream(&format!("probes.{name}"));
        let initial = self.initial()?;
        let (mut most, mut residual, mut converged) = (f64::NEG_INFINITY, 0.0, true);
        for layer in measured_layers(subject)? {
            let (moved, start) = (self.moved(layer.weight)?, &initial[layer.weight.range()]);
            let above = norm.of(&layer, &moved, subject, &mut rng)?;
            let below = norm.of(&layer, start, subject, &mut rng)?;
            residual = larger(residual, larger(above.residual, below.residual));
            converged &= above.converged && below.converged;
            let relative = above.value / below.value;
            if relative.is_nan() {
                return Err(Failure::not_defined(format!(
                    "{} starts at 0 and has not moved, and there is nothing to be relative to",
                    layer.weight.name
                )));
            }
            most = larger(most, relative);
        }
        if norm.is_exact() {
            return Ok(Measurement::exact(name, most));
        }
        Ok(Measurement {
            converged: Some(converged),
            ..Measurement::new(name, most).with_error(Error::Residual {
                residual: 2.0 * residual,
                scale: None,
            })
        })
    }
}

/// The layers of the network, or of the subject's block if it has one.
fn measured_layers(subject: Subject<'_>) -> Result<Vec<Layer<'_>>, Failure> {
    layers_within(subject.objective.network(), subject.block)
}

/// Weights `[outputs, inputs]` as a matrix.
fn matrix<'a>(layer: &Layer<'_>, weights: &'a [f64]) -> DenseMatrix<'a> {
    DenseMatrix {
        entries: weights,
        columns: layer.inputs(),
    }
}

/// Weights as the convolution they are in a layer; none where the layer has a matrix.
fn convolution<'a>(layer: &Layer<'_>, weights: &'a [f64]) -> Option<Convolution<'a>> {
    match layer.kind {
        LinearMapKind::Dense => None,
        LinearMapKind::Convolution {
            input,
            stride,
            padding,
        } => Some(Convolution {
            kernels: weights,
            shape: layer.weight.shape[..].try_into().ok()?,
            input,
            stride,
            padding,
        }),
    }
}

/// The spectral norm of a layer with these weights.
fn spectral_norm(
    layer: &Layer<'_>,
    weights: &[f64],
    subject: Subject<'_>,
    rng: &mut StreamRng,
) -> Result<SpectralNorm, LinearError> {
    let (compute, interrupt) = (subject.objective.compute(), subject.interrupt);
    let found = match convolution(layer, weights) {
        Some(convolution) => convolution.spectral_norm(compute, rng, interrupt)?,
        None => matrix(layer, weights).spectral_norm(rng, interrupt)?,
    };
    Ok(SpectralNorm {
        value: layer.factor * found.value,
        ..found
    })
}

/// The Frobenius norm of the linear map of a layer with these weights.
fn frobenius_norm(layer: &Layer<'_>, weights: &[f64]) -> f64 {
    layer.factor
        * match convolution(layer, weights) {
            Some(convolution) => convolution.frobenius_norm(),
            None => matrix(layer, weights).frobenius_norm(),
        }
}
