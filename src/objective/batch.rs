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
    /// What the loss compares the outputs with, `[batch · positions, outputs]`: a row for every
    /// position of every sample at which something is predicted, one for an image.
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
        let targets: Vec<f64> = match dataset.outputs() {
            Some(_) => {
                let numbers = indices
                    .iter()
                    .filter_map(|&index| dataset.numbers(index as usize));
                numbers.flatten().copied().collect()
            }
            None => {
                let labels = indices
                    .iter()
                    .flat_map(|&index| dataset.targets(index as usize));
                labels
                    .flat_map(|&label| loss.target(label, dataset.classes()))
                    .collect()
            }
        };
        let outputs = loss.outputs_for(dataset);
        let rows = targets.len() / outputs;
        Self {
            inputs: compute.tensor_from_data(inputs),
            targets: compute.tensor(&targets, [rows, outputs]),
        }
    }

    /// The number of samples.
    pub fn samples(&self) -> usize {
        self.inputs.dims()[0]
    }

    /// Rows of outputs and targets per sample.
    pub fn positions(&self) -> usize {
        self.targets.dims()[0] / self.samples().max(1)
    }

    /// A batch of one sample of this one.
    pub fn sample(&self, index: usize) -> Self {
        self.part(index, 1)
    }

    /// A batch of `count` samples of this one, from `first` on.
    pub fn part(&self, first: usize, count: usize) -> Self {
        let rows = self.positions();
        Self {
            inputs: self.inputs.clone().narrow(0, first, count),
            targets: self.targets.clone().narrow(0, first * rows, count * rows),
        }
    }
}

impl AsRef<Batch> for Batch {
    fn as_ref(&self) -> &Batch {
        self
    }
}

/// A fixed set of samples on the device, in chunks of bounded size, for whole-data sums.
#[derive(Clone, Debug)]
pub struct Chunks {
    batches: Vec<Batch>,
    labels: Vec<u8>,
}

impl Chunks {
    /// Puts the samples at `indices` on the device, `chunk` of them in one batch; the last batch may
    /// hold fewer, or one more.
    pub fn gather(
        dataset: &Dataset,
        indices: &[u32],
        chunk: usize,
        loss: Loss,
        compute: &Compute,
    ) -> Self {
        // One sample left over has no statistics of its own: it joins the batch before.
        let whole = match indices.len() % chunk {
            1 if indices.len() > chunk => indices.len() - chunk - 1,
            _ => indices.len(),
        };
        let (whole, rest) = indices.split_at(whole);
        Self {
            batches: whole
                .chunks(chunk)
                .chain((!rest.is_empty()).then_some(rest))
                .map(|indices| Batch::gather(dataset, indices, loss, compute))
                .collect(),
            labels: indices
                .iter()
                .flat_map(|&index| dataset.targets(index as usize))
                .copied()
                .collect(),
        }
    }

    /// Wraps batches that are on the device already; of samples whose targets are numbers there are no labels.
    pub fn from_batches(batches: Vec<Batch>, labels: Vec<u8>) -> Self {
        Self { batches, labels }
    }

    /// The batches; the last one may be smaller.
    pub fn batches(&self) -> &[Batch] {
        &self.batches
    }

    /// The labels of all samples, in the order of the batches; of samples with several positions,
    /// one for each. None where numbers are to be predicted.
    pub fn labels(&self) -> Option<&[u8]> {
        (!self.labels.is_empty()).then_some(&self.labels)
    }

    /// Rows of outputs and targets per sample.
    pub fn positions(&self) -> usize {
        self.batches.first().map_or(1, Batch::positions)
    }

    /// The number of samples in all batches together.
    pub fn samples(&self) -> usize {
        self.batches.iter().map(Batch::samples).sum()
    }
}
