//! The mini-batches a run trains on: which samples each step sees.

use super::Problem;
use crate::config::Epochs;
use crate::data::{Sampling, changes, epoch_order, replacement_batch, second_replacement_batch};
use crate::objective::Batch;

/// The mini-batches of a problem, as a function of the step; the order of the epoch asked for last
/// is kept.
pub(super) struct Batches<'a> {
    problem: &'a Problem,
    epochs: Epochs,
    piece: Option<usize>,
    order: Vec<u32>,
    order_of: Option<u64>,
}

impl<'a> Batches<'a> {
    /// No order drawn yet. The samples of a step are handed out in pieces of so many, or batch by batch.
    pub fn new(problem: &'a Problem, piece: Option<usize>) -> Self {
        Self {
            problem,
            epochs: problem.epochs(),
            piece,
            order: Vec::new(),
            order_of: None,
        }
    }

    /// The samples of a step, on the device, their images changed as `data.augment` says.
    pub fn at(&mut self, step: u64) -> Vec<Batch> {
        let problem = self.problem;
        let samples = problem.data.train.len();
        let size = self.epochs.batch_size(step) as usize;
        if problem.config.train.sampling == Sampling::Replacement {
            let drawn = replacement_batch(&problem.streams, step, samples, size);
            return self.gather(&drawn, step, 0);
        }
        let (epoch, place) = self.epochs.at(step);
        let place = place as usize;
        if self.order_of != Some(epoch) {
            self.order = epoch_order(&problem.streams, epoch, samples);
            self.order_of = Some(epoch);
        }
        let end = ((place + 1) * size).min(samples);
        self.gather(&self.order[place * size..end], step, 0)
    }

    /// As many samples drawn independently of those of the step, with replacement.
    pub fn second_at(&self, step: u64) -> Vec<Batch> {
        let problem = self.problem;
        let samples = problem.data.train.len();
        let size = self.epochs.batch_size(step) as usize;
        let drawn = second_replacement_batch(&problem.streams, step, samples, size);
        self.gather(&drawn, step, size)
    }

    /// How many samples a piece of a step has.
    fn piece(&self, step: u64) -> usize {
        let batch = self.epochs.accumulated_batch_size(step) as usize;
        self.piece.unwrap_or(batch).max(1)
    }

    /// In how many pieces the samples of any step come at most.
    pub fn most_pieces(&self) -> usize {
        let of = |step| (self.epochs.batch_size(step) as usize).div_ceil(self.piece(step));
        self.epochs.starts(u64::MAX).map(of).max().unwrap_or(1)
    }

    /// The changes of images are those after the first `skipped` of the step.
    fn gather(&self, indices: &[u32], step: u64, skipped: usize) -> Vec<Batch> {
        let Problem {
            config,
            data,
            objective,
            streams,
            ..
        } = self.problem;
        let changes = changes(&config.data.augment, skipped + indices.len(), streams, step);
        let (loss, compute) = (objective.loss(), objective.compute());
        let mut changes = changes.get(skipped..).unwrap_or_default();
        pieces(indices, self.piece(step))
            .map(|indices| {
                let (of_piece, rest) = changes.split_at(indices.len().min(changes.len()));
                changes = rest;
                Batch::gather_changed(&data.train, indices, of_piece, loss, compute)
            })
            .collect()
    }
}

/// Samples in pieces of a size. One sample left over has no statistics of its own: it joins the piece before.
fn pieces(indices: &[u32], size: usize) -> impl Iterator<Item = &[u32]> {
    let whole = match indices.len() % size {
        1 if indices.len() > size => indices.len() - size - 1,
        _ => indices.len(),
    };
    let (whole, rest) = indices.split_at(whole);
    let rest = (!rest.is_empty()).then_some(rest);
    whole.chunks(size).chain(rest)
}

#[cfg(test)]
mod tests {
    use super::pieces;

    #[test]
    fn pieces_have_the_size_but_for_the_last() {
        let sizes = |samples: usize, size: usize| -> Vec<usize> {
            let indices: Vec<u32> = (0..samples as u32).collect();
            let all: Vec<u32> = pieces(&indices, size).flatten().copied().collect();
            assert_eq!(all, indices);
            pieces(&indices, size).map(<[u32]>::len).collect()
        };
        assert_eq!(sizes(8, 4), [4, 4]);
        assert_eq!(sizes(10, 4), [4, 4, 2]);
        assert_eq!(sizes(9, 4), [4, 5]);
        assert_eq!(sizes(1, 4), [1]);
        assert_eq!(sizes(3, 1), [1, 1, 1]);
    }
}
