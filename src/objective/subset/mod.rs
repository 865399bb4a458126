//! A few samples in place of all, drawn where the loss is most curved in the outputs.

mod outputs;
mod survey;

use super::{Batch, Chunks, Loss, Objective};
use crate::backend::read;
use crate::params::Parameters;
use crate::random::StreamRng;
use burn::tensor::Tensor;
use outputs::Kind;
use survey::{Drawn, Population};

impl Objective {
    /// For every count about as many of the samples, for products with the Hessian of the cross-entropy
    /// that cost less.
    ///
    /// A sample is drawn with a probability that grows with its importance and weighs the more the less
    /// probable it was; of every kind of sample as many are drawn as belong to it (`survey`). The
    /// weights are in the targets, in which the cross-entropy is linear.
    ///
    /// The importance stands for the trace of the sample's Gauss-Newton matrix `JᵀHJ`: it is the
    /// curvature of its loss in the outputs `z`, times the square of the centred outputs, to which the
    /// square of the Jacobian `J` is proportional in networks that are homogeneous in their parameters
    /// (`Jθ = Lz`, Euler). The mean of that square over all samples is added to it, so that no weight
    /// becomes excessive where outputs happen to be small. Samples are of one kind where their `H` and
    /// the directions of their outputs agree.
    ///
    /// None where the loss is another one, a sample's loss depends on the others in its batch, or a
    /// sample has several predictions.
    ///
    /// # Errors
    ///
    /// Where the device fails.
    pub fn important_samples<const N: usize>(
        &self,
        parameters: &Parameters,
        data: &Chunks,
        counts: [usize; N],
        rng: &mut StreamRng,
    ) -> Result<Option<[Chunks; N]>, String> {
        let Some(first) = data.batches().first() else {
            return Ok(None);
        };
        // Several predictions per sample have no one weight.
        if !self.has_weighted_samples() || first.targets.dims()[0] != first.samples() {
            return Ok(None);
        }
        let Some(labels) = data.labels() else {
            return Ok(None);
        };
        let population = self.population(parameters, data, labels)?;
        Ok(Some(counts.map(|count| {
            let drawn = population.draw(count, rng);
            let labels = drawn.iter().map(|drawn| labels[drawn.unit]);
            let labels = labels.collect();
            Chunks::from_batches(split(&self.weighted(data, &drawn), first.samples()), labels)
        })))
    }

    fn population(
        &self,
        parameters: &Parameters,
        data: &Chunks,
        labels: &[u8],
    ) -> Result<Population, String> {
        let mut kinds = Vec::with_capacity(data.samples());
        for batch in data.batches() {
            let outputs = read(&self.evaluate(parameters, batch).outputs)?;
            let width = outputs.len() / batch.samples();
            let labels = labels[kinds.len()..].iter();
            let samples = outputs.chunks(width).zip(labels);
            kinds.extend(samples.map(|(outputs, &label)| Kind::new(outputs, label.into())));
        }
        let mean = kinds.iter().map(|kind| kind.square).sum::<f64>() / kinds.len() as f64;
        let importance = kinds.iter().map(|kind| {
            let importance = kind.curvature * (kind.square + mean);
            // Squares of finite outputs may overflow in sum.
            if importance.is_finite() {
                importance
            } else {
                0.0
            }
        });
        let importance = importance.collect();
        let traits: Vec<Vec<f64>> = kinds.into_iter().map(|kind| kind.traits).collect();
        Ok(Population::new(importance, &traits))
    }

    fn has_weighted_samples(&self) -> bool {
        self.loss == Loss::CrossEntropy && self.samples_are_independent()
    }

    /// The samples drawn, their targets times their weights, such that the mean over them stands for the
    /// mean over all.
    fn weighted(&self, data: &Chunks, drawn: &[Drawn]) -> Batch {
        // A mean over the samples drawn divides by their number, one over all by theirs.
        let ratio = drawn.len() as f64 / data.samples() as f64;
        let (mut inputs, mut targets) = (Vec::new(), Vec::new());
        let (mut start, mut taken) = (0, 0);
        for batch in data.batches() {
            let end = start + batch.samples();
            let more = drawn[taken..].partition_point(|drawn| drawn.unit < end);
            if more > 0 {
                let part = drawn[taken..taken + more].iter();
                let rows = part.clone().map(|drawn| (drawn.unit - start) as f64);
                let weights = part.map(|drawn| ratio * drawn.weight);
                let rows = self.compute.tensor(&rows.collect::<Vec<_>>(), [more]);
                let weights = self.compute.tensor(&weights.collect::<Vec<_>>(), [more, 1]);
                let rows = rows.int();
                inputs.push(batch.inputs.clone().select(0, rows.clone()));
                targets.push(batch.targets.clone().select(0, rows) * weights);
                taken += more;
            }
            start = end;
        }
        Batch {
            inputs: Tensor::cat(inputs, 0),
            targets: Tensor::cat(targets, 0),
        }
    }
}

/// The batch in pieces of at most `size` samples.
fn split(batch: &Batch, size: usize) -> Vec<Batch> {
    let samples = batch.samples();
    (0..samples)
        .step_by(size)
        .map(|start| {
            let length = size.min(samples - start);
            Batch {
                inputs: batch.inputs.clone().narrow(0, start, length),
                targets: batch.targets.clone().narrow(0, start, length),
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::tests::Case;
    use super::*;
    use crate::curvature::{CurvatureOperator, Matrix};
    use crate::linear::{Interrupt, LinearOperator};
    use crate::model::Activation;
    use crate::random::Streams;

    /// `v ↦ Hv` over some samples, for one `v`.
    fn product(case: &Case, data: &Chunks) -> Vec<f64> {
        let vector: Vec<f64> = (0..case.values.len()).map(|i| (i as f64).sin()).collect();
        let (parameters, never) = (case.parameters(), Interrupt::never());
        CurvatureOperator::new(Matrix::Hessian, &case.objective, &parameters, data, never)
            .apply(&vector)
            .unwrap()
    }

    fn draw(case: &Case, count: usize) -> Option<Chunks> {
        let mut rng = Streams::new(3).stream("subset", 0);
        case.objective
            .important_samples(&case.parameters(), &case.chunks(3), [count], &mut rng)
            .unwrap()
            .map(|[few]| few)
    }

    #[test]
    fn a_draw_of_all_samples_is_all_of_them() {
        let case = Case::reference(Activation::Tanh, Loss::CrossEntropy);
        let all = case.chunks(3);
        let drawn = draw(&case, all.samples()).unwrap();
        assert_eq!(drawn.labels(), all.labels());
        for (found, expected) in product(&case, &drawn).iter().zip(product(&case, &all)) {
            assert!((found - expected).abs() < 1e-12);
        }
    }

    #[test]
    fn the_hessian_is_the_sum_of_those_of_the_samples_times_their_weights() {
        let case = Case::reference(Activation::Tanh, Loss::CrossEntropy);
        let (parameters, all) = (case.parameters(), case.chunks(3));
        let mut rng = Streams::new(3).stream("subset", 0);
        let population = case
            .objective
            .population(&parameters, &all, all.labels().unwrap())
            .unwrap();
        let drawn = population.draw(3, &mut rng);
        let few = draw(&case, 3).unwrap();
        assert_eq!((few.samples(), drawn.len()), (3, 3));
        let mut expected = vec![0.0; case.values.len()];
        let singles = case.chunks(1);
        for Drawn { unit, weight } in drawn {
            assert_eq!(all.samples(), singles.batches().len());
            let single = singles.batches()[unit].clone();
            let single = Chunks::from_batches(vec![single], vec![all.labels().unwrap()[unit]]);
            let share = weight / all.samples() as f64;
            crate::linear::axpy(share, &product(&case, &single), &mut expected);
        }
        for (found, expected) in product(&case, &few).iter().zip(&expected) {
            assert!((found - expected).abs() < 1e-12, "{found} for {expected}");
        }
    }

    #[test]
    fn only_the_cross_entropy_is_weighted_by_its_targets() {
        for loss in [Loss::Square, Loss::Logistic, Loss::Exponential] {
            assert!(draw(&Case::reference(Activation::Tanh, loss), 3).is_none());
        }
    }
}
