//! Tiny networks of every kind, with parameters and data from a formula that any language can
//! repeat.

use crate::backend::Compute;
use crate::curvature::{CurvatureOperator, Matrix};
use crate::linear::{Interrupt, LinearOperator};
use crate::model::{Activation, Init, LastNorm, Normalisation, Pool, Shortcut, Stem};
use crate::model::{
    Conditions, Dropout, Initialisation, Mlp, MlpShape, Network, NormMode, ResNet, ResNetShape,
    Tokens, Transformer, TransformerShape,
};
use crate::objective::Loss;
use crate::objective::{Batch, Chunks, Objective};
use crate::params::{Layout, Parameters};
use std::sync::Arc;

pub const SAMPLES: usize = 6;
pub const CLASSES: usize = 3;

/// A network at a point, with data.
pub struct Tiny {
    pub objective: Objective,
    pub values: Vec<f64>,
    inputs: Vec<f64>,
    /// Labels per sample.
    pub positions: usize,
}

/// `sin(seed + k²) / 2` for k = 1, 2, ..; the seed is the sum of the bytes of the name.
pub fn numbers(name: &str, count: usize) -> Vec<f64> {
    let seed = f64::from(name.bytes().map(u32::from).sum::<u32>());
    let numbers = (1..=count).map(|k| (seed + (k * k) as f64).sin() / 2.0);
    numbers.collect()
}

/// The numbers of every block of a layout.
fn filled(layout: &Layout) -> Vec<f64> {
    let blocks = layout.blocks().iter();
    blocks
        .flat_map(|block| match block.name.rsplit('.').next() {
            Some("num_batches_tracked") => vec![0.0],
            Some("running_var") => {
                let numbers = numbers(&block.name, block.len());
                numbers.iter().map(|number| 1.0 + number).collect()
            }
            _ => numbers(&block.name, block.len()),
        })
        .collect()
}

fn start(kind: Init) -> Initialisation {
    Initialisation { kind, scale: 1.0 }
}

fn resnet_shape(
    blocks: Vec<usize>,
    activation: Activation,
    normalisation: Normalisation,
) -> ResNetShape {
    ResNetShape {
        image: [2, 5, 5],
        width: 2,
        blocks,
        stem: Stem::Cifar,
        shortcut: Shortcut::Projection,
        outputs: CLASSES,
        activation,
        normalisation,
        groups: 2,
        initialisation: start(Init::He),
    }
}

impl Tiny {
    fn new(network: impl Network + 'static, features: usize, compute: &Compute) -> Self {
        let blueprint = network.blueprint();
        let statistics = Parameters::from_host(
            blueprint.statistics(),
            &filled(blueprint.statistics()),
            compute,
        );
        let values = filled(blueprint.parameters());
        let objective = Objective::new(Arc::new(network), Loss::CrossEntropy, compute.clone());
        let inputs = numbers("inputs", SAMPLES * features);
        Self {
            objective: objective.under(Conditions {
                statistics,
                ..objective.conditions().clone()
            }),
            values,
            inputs: inputs.iter().map(|number| 2.0 * number).collect(),
            positions: 1,
        }
    }

    /// 5 inputs and two hidden layers of 4 units.
    pub fn mlp(
        activation: Activation,
        normalisation: Normalisation,
        init: Init,
        compute: &Compute,
    ) -> Self {
        let shape = MlpShape {
            inputs: 5,
            hidden: vec![4, 4],
            outputs: CLASSES,
            activation,
            bias: true,
            normalisation,
            initialisation: start(init),
        };
        Self::new(Mlp::new(shape), 5, compute)
    }

    /// Two channels of 5 × 5 pixels, a block past which the input goes unchanged, and one with a
    /// projection.
    pub fn resnet(activation: Activation, normalisation: Normalisation, compute: &Compute) -> Self {
        Self::resnet_of(vec![1, 1], activation, normalisation, compute)
    }

    /// The same with another stem, on 13 × 11 pixels where that is ImageNet's, or another shortcut.
    pub fn resnet_with(
        stem: Stem,
        shortcut: Shortcut,
        activation: Activation,
        compute: &Compute,
    ) -> Self {
        let image = match stem {
            Stem::Cifar => [2, 5, 5],
            Stem::ImageNet => [2, 13, 11],
        };
        let shape = ResNetShape {
            image,
            stem,
            shortcut,
            ..resnet_shape(vec![1, 1], activation, Normalisation::Batch)
        };
        Self::new(ResNet::new(&shape), image.iter().product(), compute)
    }

    /// The same with the first block alone, all of whose convolutions have one shape: kernels for
    /// a graphics card take long to prepare.
    pub fn small_resnet(
        activation: Activation,
        normalisation: Normalisation,
        compute: &Compute,
    ) -> Self {
        Self::resnet_of(vec![1], activation, normalisation, compute)
    }

    fn resnet_of(
        blocks: Vec<usize>,
        activation: Activation,
        normalisation: Normalisation,
        compute: &Compute,
    ) -> Self {
        let shape = resnet_shape(blocks, activation, normalisation);
        Self::new(ResNet::new(&shape), 50, compute)
    }

    /// Two channels of 4 × 4 pixels in four patches, two heads.
    pub fn transformer(
        depth: usize,
        pool: Pool,
        activation: Activation,
        dropout: f64,
        compute: &Compute,
    ) -> Self {
        let last_norm = LastNorm::Pooled;
        Self::transformer_normed(last_norm, depth, pool, activation, dropout, compute)
    }

    /// The same with the last normalisation at a place.
    pub fn transformer_normed(
        last_norm: LastNorm,
        depth: usize,
        pool: Pool,
        activation: Activation,
        dropout: f64,
        compute: &Compute,
    ) -> Self {
        let shape = TransformerShape {
            tokens: Tokens::Patches {
                image: [2, 4, 4],
                patch: 2,
                pool,
            },
            width: 4,
            depth,
            heads: 2,
            mlp_width: 5,
            last_norm,
            outputs: CLASSES,
            dropout,
            activation,
            initialisation: start(Init::Xavier),
        };
        Self::new(Transformer::new(shape), 32, compute)
    }

    /// Four of three characters in a sample, two heads.
    pub fn text(depth: usize, activation: Activation, dropout: f64, compute: &Compute) -> Self {
        let sequence = 4;
        let shape = TransformerShape {
            tokens: Tokens::Characters {
                vocabulary: CLASSES,
                sequence,
            },
            width: 4,
            depth,
            heads: 2,
            mlp_width: 5,
            last_norm: LastNorm::Pooled,
            outputs: CLASSES,
            dropout,
            activation,
            initialisation: start(Init::Xavier),
        };
        Self {
            inputs: (0..SAMPLES * sequence)
                .map(|i| ((i * i + i / 5) % CLASSES) as f64)
                .collect(),
            positions: sequence,
            ..Self::new(Transformer::new(shape), sequence, compute)
        }
    }

    /// The same network whose normalisation uses each batch.
    pub fn by_batch(self) -> Self {
        self.under(|conditions| conditions.norm_mode = NormMode::Batch)
    }

    /// Another network with the same parameters.
    pub fn with_network(mut self, network: Arc<dyn Network>) -> Self {
        self.objective.network = network;
        self
    }

    /// The same network with dropout.
    pub fn with_dropout(self, dropout: Dropout) -> Self {
        self.under(|conditions| conditions.dropout = dropout)
    }

    /// The same network with other running statistics.
    pub fn with_statistics(self, statistics: Parameters) -> Self {
        self.under(|conditions| conditions.statistics = statistics)
    }

    fn under(self, change: impl FnOnce(&mut Conditions)) -> Self {
        let mut conditions = self.objective.conditions().clone();
        change(&mut conditions);
        Self {
            objective: self.objective.under(conditions),
            ..self
        }
    }

    pub fn parameters(&self) -> Parameters {
        self.at(&self.values)
    }

    pub fn at(&self, values: &[f64]) -> Parameters {
        let layout = self.objective.network().layout();
        Parameters::from_host(layout, values, self.objective.compute())
    }

    /// The samples from `first` up to `end`.
    pub fn batch(&self, first: usize, end: usize) -> Batch {
        let compute = self.objective.compute();
        let features = self.inputs.len() / SAMPLES;
        let rows = first * self.positions..end * self.positions;
        let targets: Vec<f64> = rows
            .clone()
            .flat_map(|i| Loss::CrossEntropy.target((i % CLASSES) as u8, CLASSES))
            .collect();
        Batch {
            inputs: compute.tensor(
                &self.inputs[first * features..end * features],
                [end - first, features],
            ),
            targets: compute.tensor(&targets, [rows.len(), CLASSES]),
        }
    }

    /// All samples, in chunks.
    pub fn chunks(&self, size: usize) -> Chunks {
        let starts = (0..SAMPLES).step_by(size);
        let batches = starts.map(|first| self.batch(first, (first + size).min(SAMPLES)));
        let labels = (0..SAMPLES * self.positions).map(|i| (i % CLASSES) as u8);
        Chunks::from_batches(batches.collect(), labels.collect())
    }

    /// The mean loss over all samples as one batch.
    pub fn loss(&self, parameters: &Parameters) -> f64 {
        let evaluation = self.objective.evaluate(parameters, &self.batch(0, SAMPLES));
        let losses = crate::backend::read(&evaluation.losses).unwrap();
        losses.iter().sum::<f64>() / SAMPLES as f64
    }

    pub fn gradient(&self, parameters: &Parameters) -> Vec<f64> {
        let weight = 1.0 / SAMPLES as f64;
        let batch = self.batch(0, SAMPLES);
        let (_, gradient) = self.objective.loss_and_gradient(parameters, &batch, weight);
        gradient.to_host().unwrap()
    }

    /// Products of a matrix with vectors, the data swept in chunks.
    pub fn products(&self, matrix: Matrix, vectors: &[Vec<f64>], chunk: usize) -> Vec<Vec<f64>> {
        let (parameters, data) = (self.parameters(), self.chunks(chunk));
        let never = Interrupt::never();
        let mut operator =
            CurvatureOperator::new(matrix, &self.objective, &parameters, &data, never);
        let products = vectors.iter().map(|vector| operator.apply(vector).unwrap());
        products.collect()
    }

    /// The columns of a matrix.
    pub fn dense(&self, matrix: Matrix) -> Vec<Vec<f64>> {
        self.products(matrix, &units(self.values.len()), SAMPLES)
    }

    /// Where the elements of the parameter vector lie when blocks are ordered by name.
    pub fn order_by_name(&self) -> Vec<usize> {
        let mut blocks: Vec<_> = self.objective.network().layout().blocks().iter().collect();
        blocks.sort_by(|a, b| a.name.cmp(&b.name));
        blocks.iter().flat_map(|block| block.range()).collect()
    }
}

/// The unit vectors.
pub fn units(n: usize) -> Vec<Vec<f64>> {
    let unit = |i| (0..n).map(|j| f64::from(u8::from(i == j))).collect();
    (0..n).map(unit).collect()
}
