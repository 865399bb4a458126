//! Distances in the space of a hidden layer, to first order.

use super::distance::{lengths, to_first_order};
use super::input::against_strongest;
use crate::backend::read;
use crate::measure::failure::Failure;
use crate::measure::session::Session;
use burn::tensor::Tensor;

impl Session<'_> {
    /// For every sample the distance, to first order and in the space of a hidden layer `h` (counted
    /// from 1), to where the strongest other class `j` wins, `(z_y − z_j) / ‖∇ₕ(z_y − z_j)‖₂`,
    /// over the root of the total variation of `h`, its mean squared distance from its mean (Jiang
    /// et al. 2019, "Predicting the generalization gap in deep networks with margin
    /// distributions", sec. 3). Negative where another class wins already.
    pub(super) fn hidden_margins(&mut self, layer: usize) -> Result<Vec<f64>, Failure> {
        self.require_layers_of_single_samples()?;
        let subject = self.subject;
        let objective = subject.objective;
        let all = self.train()?;
        let (mut margins, mut spread) = (all.margins()?.to_vec(), Vec::new());
        let width = all.outputs().len() / margins.len().max(1);
        let rows = all.outputs().chunks(width).zip(subject.labels()?);
        let coefficients: Vec<f64> = rows
            .flat_map(|(z, &label)| against_strongest(z, usize::from(label), objective.loss()))
            .collect();
        let mut first = 0;
        for batch in subject.train.batches() {
            subject.interrupt.check()?;
            let end = first + batch.samples();
            let own = &coefficients[first * width..end * width];
            let own = objective.compute().tensor(own, [batch.samples(), width]);
            let inputs = batch.inputs.clone();
            let (hidden, gradient) = objective
                .hidden_gradient(subject.parameters, inputs, layer, own)
                .ok_or_else(|| too_few(layer))?;
            for (margin, slope) in margins[first..end].iter_mut().zip(lengths(&gradient)?) {
                *margin = to_first_order(*margin, slope);
            }
            spread.push(Spread::of(hidden).map_err(Failure::device)?);
            first = end;
        }
        let variation = total_variation(&spread);
        if variation == 0.0 {
            let reason = "the hidden layer is the same for all samples";
            return Err(Failure::not_defined(reason));
        }
        margins
            .iter_mut()
            .for_each(|margin| *margin /= variation.sqrt());
        Ok(margins)
    }
}

fn too_few(layer: usize) -> Failure {
    Failure::not_defined(format!("the network has fewer than {layer} hidden layers"))
}

/// How the rows of one batch lie: their number, their mean, and the sum of their squared distances
/// from it.
struct Spread {
    rows: f64,
    mean: Vec<f64>,
    square: f64,
}

impl Spread {
    fn of(hidden: Tensor<2>) -> Result<Self, String> {
        let rows = hidden.dims()[0] as f64;
        let mean = hidden.clone().mean_dim(0);
        let apart = hidden - mean.clone();
        let squares = read(&(apart.clone() * apart).sum_dim(1))?;
        Ok(Self {
            rows,
            mean: read(&mean)?,
            square: squares.iter().sum(),
        })
    }
}

/// The mean squared distance of all rows from their mean: that within batches and that of the
/// batches' means, so that no large numbers are subtracted.
fn total_variation(batches: &[Spread]) -> f64 {
    let count: f64 = batches.iter().map(|batch| batch.rows).sum();
    let features = batches.first().map_or(0, |batch| batch.mean.len());
    let mut mean = vec![0.0; features];
    for batch in batches {
        for (mean, own) in mean.iter_mut().zip(&batch.mean) {
            *mean += own * batch.rows / count;
        }
    }
    let squares = batches.iter().map(|batch| {
        let apart = batch.mean.iter().zip(&mean);
        let between: f64 = apart.map(|(own, mean)| (own - mean).powi(2)).sum();
        batch.square + batch.rows * between
    });
    squares.sum::<f64>() / count
}
