//! Samples on the device.

use super::Loss;
use crate::backend::{Compute, Precision};
use crate::data::{Change, Dataset};
use burn::tensor::{Tensor, TensorData};

/// Samples of a data set, ready for a forward pass.
#[derive(Clone, Debug)]
pub struct Batch {
    /// Inputs, `[batch, features]`.
    pub inputs: Tensor<2>,
    /// What the loss compares the outputs with, `[batch, outputs]`.
    pub targets: Tensor<2>,
}

impl Batch {
    /// Gathers the samples at `indices`, normalised, and puts them on the device.
    pub fn gather(dataset: &Dataset, indices: &[u32], loss: Loss, compute: &Compute) -> Self {
        Self::gather_changed(dataset, indices, &[], loss, compute)
    }

    /// [`Batch::gather`] with images that are changed first, the `i`-th by `changes[i]`.
    pub fn gather_changed(
        dataset: &Dataset,
        indices: &[u32],
        changes: &[Change],
        loss: Loss,
        compute: &Compute,
    ) -> Self {
        let shape = [indices.len(), dataset.features()];
        let inputs = match compute.precision {
            Precision::F32 => {
                let mut values = Vec::with_capacity(shape[0] * shape[1]);
                dataset.fill_changed::<f32>(indices, changes, &mut values);
                TensorData::new(values, shape)
            }
            Precision::F64 => {
                let mut values = Vec::with_capacity(shape[0] * shape[1]);
                dataset.fill_changed::<f64>(indices, changes, &mut values);
                TensorData::new(values, shape)
            }
        };
        let targets: Vec<f64> = indices
            .iter()
            .flat_map(|&index| loss.target(dataset.labels()[index as usize], dataset.classes()))
            .collect();
        Self {
            inputs: compute.tensor_from_data(inputs),
            targets: compute.tensor(&targets, [indices.len(), loss.outputs(dataset.classes())]),
        }
    }

    /// The number of samples.
    pub fn samples(&self) -> usize {
        self.inputs.dims()[0]
    }

    /// A batch of one sample of this one.
    pub fn sample(&self, index: usize) -> Self {
        Self {
            inputs: self.inputs.clone().narrow(0, index, 1),
            targets: self.targets.clone().narrow(0, index, 1),
        }
    }
}

/// A fixed set of samples on the device, in chunks of bounded size, for whole-data sums.
#[derive(Clone, Debug)]
pub struct Chunks {
    batches: Vec<Batch>,
    labels: Vec<u8>,
}

impl Chunks {
    /// Puts the samples at `indices` on the device, at most `chunk` of them in one batch.
    pub fn gather(
        dataset: &Dataset,
        indices: &[u32],
        chunk: usize,
        loss: Loss,
        compute: &Compute,
    ) -> Self {
        Self {
            batches: indices
                .chunks(chunk)
                .map(|indices| Batch::gather(dataset, indices, loss, compute))
                .collect(),
            labels: indices
                .iter()
                .map(|&index| dataset.labels()[index as usize])
                .collect(),
        }
    }

    /// Wraps batches that are on the device already.
    pub fn from_batches(batches: Vec<Batch>, labels: Vec<u8>) -> Self {
        Self { batches, labels }
    }

    /// The batches; the last one may be smaller.
    pub fn batches(&self) -> &[Batch] {
        &self.batches
    }

    /// The labels of all samples, in the order of the batches.
    pub fn labels(&self) -> &[u8] {
        &self.labels
    }

    /// The number of samples in all batches together.
    pub fn samples(&self) -> usize {
        self.batches.iter().map(Batch::samples).sum()
    }
}
