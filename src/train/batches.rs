//! The mini-batches a run trains on: which samples each step sees.

use super::Problem;
use crate::config::Sampling;
use crate::data::{epoch_order, replacement_batch};
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

    /// The batch of a step, on the device.
    pub fn at(&mut self, step: u64) -> Batch {
        let problem = self.problem;
        let samples = problem.data.train.len();
        let size = problem.config.train.batch_size.unwrap_or(samples);
        if problem.config.train.sampling == Sampling::Replacement {
            return self.gather(&replacement_batch(&problem.streams, step, samples, size));
        }
        let steps_per_epoch = problem.steps_per_epoch();
        let (epoch, place) = (step / steps_per_epoch, (step % steps_per_epoch) as usize);
        if self.order_of != Some(epoch) {
            self.order = epoch_order(&problem.streams, epoch, samples);
            self.order_of = Some(epoch);
        }
        let end = ((place + 1) * size).min(samples);
        self.gather(&self.order[place * size..end])
    }

    fn gather(&self, indices: &[u32]) -> Batch {
        let Problem {
            data, objective, ..
        } = self.problem;
        Batch::gather(&data.train, indices, objective.loss(), objective.compute())
    }
}
