//! A batch's samples, divided among the cores of the processor.
//!
//! Most of Burn's operations on the processor run in one thread, and what they make of a whole batch
//! does not fit the cache. Where samples do not depend on each other, as many of them as a core can
//! hold go through a whole pass at a time, each core with a graph of its own.

use super::{Batch, Objective};
use crate::backend::BackendKind;
use crate::params::Parameters;
use crate::workers;
use burn::tensor::Tensor;
use std::ops::Add;

/// Neighbouring samples of a batch.
pub(super) struct Part {
    /// The samples.
    pub batch: Batch,
    /// The place of the first of them in the batch.
    pub first: usize,
    /// The place of the part among the parts.
    pub index: usize,
}

impl Part {
    /// What belongs to its samples, of a tensor with one row for every sample of the batch.
    pub fn rows_of(&self, tensor: &Tensor<2>) -> Tensor<2> {
        tensor.clone().narrow(0, self.first, self.batch.samples())
    }
}

impl Objective {
    /// What `term` makes of every part of a batch, in order; a single part where samples depend on
    /// each other or the device is no processor.
    ///
    /// The parts are determined by the network and the number of samples, not by the number of
    /// cores, so that sums over them are the same numbers on every machine.
    pub(super) fn over_parts<T: Send>(
        &self,
        batch: &Batch,
        term: impl Fn(&Part) -> T + Sync,
    ) -> Vec<T> {
        let samples = batch.samples();
        let count = self.count_of_parts(samples);
        workers::map(count, |index| {
            let [first, end] = [index, index + 1].map(|place| place * samples / count);
            let batch = match count {
                1 => batch.clone(),
                _ => batch.part(first, end - first),
            };
            term(&Part {
                batch,
                first,
                index,
            })
        })
    }

    /// The sum of `term` over the parts of a batch.
    pub(super) fn sum_over_parts(
        &self,
        batch: &Batch,
        term: impl Fn(&Part) -> Parameters + Sync,
    ) -> Parameters {
        summed(self.over_parts(batch, term), Add::add)
    }

    pub(super) fn count_of_parts(&self, samples: usize) -> usize {
        let is_processor = match self.compute.kind {
            BackendKind::Cpu | BackendKind::NdArray => true,
            BackendKind::Wgpu => false,
        };
        if !is_processor || !self.samples_are_independent() {
            return 1;
        }
        let parts = samples.div_ceil(self.network.samples_per_part().max(1));
        // A power of two, so that two, four or eight cores have equally much to do.
        parts.max(1).next_power_of_two().min(samples.max(1))
    }
}

/// The rows of all parts.
pub(super) fn joined(mut rows: Vec<Tensor<2>>) -> Tensor<2> {
    match rows.len() {
        1 => rows.swap_remove(0),
        _ => Tensor::cat(rows, 0),
    }
}

/// The sum over all parts.
///
/// # Panics
///
/// Without parts; [`Objective::over_parts`] makes one at least.
pub(super) fn summed<T>(terms: Vec<T>, add: impl Fn(T, T) -> T) -> T {
    let sum = terms.into_iter().reduce(add);
    sum.expect("a batch has at least one part")
}
