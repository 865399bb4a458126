//! The mini-batches a run trains on: which samples each step sees.

use super::Problem;
use crate::data::{Sampling, changes, epoch_order, replacement_batch};
use crate::objective::Batch;

/// The mini-batches of a problem, as a function of the step; the order of the epoch asked for last
/// is kept.
pub(super) struct Batches<'a> {
    problem: &'a Problem,
    order: Vec<u32>,
    order_of: Option<u64>,
}

impl<'a> Batches<'a> {
    /// No order drawn yet.
    pub fn new(problem: &'a Problem) -> Self {
        Self {
            problem,
            order: Vec::new(),
            order_of: None,
        }
    }

    /// The batch of a step, on the device, its images changed as `data.augment` says.
    pub fn at(&mut self, step: u64) -> Batch {
        let problem = self.problem;
        let samples = problem.data.train.len();
        let size = problem.config.train.batch_size.unwrap_or(samples);
        if problem.config.train.sampling == Sampling::Replacement {
            let drawn = replacement_batch(&problem.streams, step, samples, size);
            return self.gather(&drawn, step);
        }
        let steps_per_epoch = problem.steps_per_epoch();
        let (epoch, place) = (step / steps_per_epoch, (step % steps_per_epoch) as usize);
        if self.order_of != Some(epoch) {
            self.order = epoch_order(&problem.streams, epoch, samples);
            self.order_of = Some(epoch);
        }
        let end = ((place + 1) * size).min(samples);
        self.gather(&self.order[place * size..end], step)
    }

    fn gather(&self, indices: &[u32], step: u64) -> Batch {
        let Problem {
            config,
            data,
            objective,
            streams,
        } = self.problem;
        let changes = changes(&config.data.augment, indices.len(), streams, step);
        let (loss, compute) = (objective.loss(), objective.compute());
        Batch::gather_changed(&data.train, indices, &changes, loss, compute)
    }
}
