//! A few samples in place of all, drawn where the loss is most curved in the outputs.

use super::{Batch, Chunks, Loss, Objective};
use crate::backend::read;
use crate::params::Parameters;
use crate::random::StreamRng;
use burn::tensor::Tensor;
use rand::RngExt;

impl Objective {
    /// For every count about as many of the samples, for products with the Hessian of the cross-entropy
    /// that cost less.
    ///
    /// A sample is drawn with a probability `π` proportional to its importance, and weighs `1/π`: sums
    /// over the samples drawn then have the sums over all as expectation (Horvitz & Thompson 1952,
    /// equation 4). The draw is systematic (Madow 1949): one random number, and no sample twice. The
    /// weights are in the targets, in which the cross-entropy is linear.
    ///
    /// The importance stands for the trace of the sample's Gauss-Newton matrix `JᵀHJ`: it is the trace
    /// `Σ_k p_k (1 − p_k)` of the Hessian `H` of its loss in the outputs (`p` being their softmax),
    /// times the square of the centred outputs `z`, to which the square of the Jacobian `J` is
    /// proportional in networks that are homogeneous in their parameters (`Jθ = Lz`, Euler). The mean
    /// of that square over all samples is added to it, so that no weight becomes excessive where
    /// outputs happen to be small.
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
        let (Some(first), true) = (data.batches().first(), self.has_weighted_samples()) else {
            return Ok(None);
        };
        if first.targets.dims()[0] != first.samples() {
            // Several predictions per sample have no one weight.
            return Ok(None);
        }
        let (mut curvatures, mut squares) = (Vec::new(), Vec::new());
        for batch in data.batches() {
            let outputs = read(&self.evaluate(parameters, batch).outputs)?;
            let width = outputs.len() / batch.samples();
            curvatures.extend(outputs.chunks(width).map(output_curvature));
            squares.extend(outputs.chunks(width).map(centred_square));
        }
        let mean = squares.iter().sum::<f64>() / data.samples() as f64;
        let pairs = curvatures.iter().zip(&squares);
        let importance: Vec<f64> = pairs.map(|(h, square)| h * (square + mean)).collect();
        Ok(Some(counts.map(|count| {
            let probabilities = inclusion_probabilities(&importance, count);
            let drawn = systematic_draw(&probabilities, rng.random_range(0.0..1.0));
            // A mean over the samples drawn divides by their number, one over all by theirs.
            let ratio = drawn.len() as f64 / data.samples() as f64;
            let weights: Vec<f64> = drawn.iter().map(|&i| ratio / probabilities[i]).collect();
            let batch = self.weighted(data, &drawn, &weights);
            let labels = drawn.iter().map(|&index| data.labels()[index]).collect();
            Chunks::from_batches(split(&batch, first.samples()), labels)
        })))
    }

    fn has_weighted_samples(&self) -> bool {
        self.loss == Loss::CrossEntropy && self.samples_are_independent()
    }

    /// The samples at ascending places among all, their targets times their weights.
    fn weighted(&self, data: &Chunks, places: &[usize], weights: &[f64]) -> Batch {
        let (mut inputs, mut targets) = (Vec::new(), Vec::new());
        let (mut start, mut taken) = (0, 0);
        for batch in data.batches() {
            let end = start + batch.samples();
            let more = places[taken..].partition_point(|&place| place < end);
            if more > 0 {
                let part = taken..taken + more;
                let rows: Vec<f64> = places[part.clone()]
                    .iter()
                    .map(|&place| (place - start) as f64)
                    .collect();
                let rows = self.compute.tensor(&rows, [more]).int();
                let weights = self.compute.tensor(&weights[part], [more, 1]);
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

/// `Σ_k p_k (1 − p_k)` for the softmax `p` of one sample's outputs. Outputs that are not finite count
/// as flat; the search over all samples refuses them.
fn output_curvature(outputs: &[f64]) -> f64 {
    let largest = outputs.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let exponentials: Vec<f64> = outputs.iter().map(|z| (z - largest).exp()).collect();
    let sum: f64 = exponentials.iter().sum();
    let curvature: f64 = exponentials
        .iter()
        .map(|e| (e / sum) * (1.0 - e / sum))
        .sum();
    if curvature.is_finite() {
        curvature
    } else {
        0.0
    }
}

/// `Σ_k (z_k − z̄)²`, 0 for outputs that are not finite.
fn centred_square(outputs: &[f64]) -> f64 {
    let mean = outputs.iter().sum::<f64>() / outputs.len() as f64;
    let square: f64 = outputs.iter().map(|z| (z - mean) * (z - mean)).sum();
    if square.is_finite() { square } else { 0.0 }
}

/// Probabilities proportional to the importance, at most 1 each and `count` in sum.
fn inclusion_probabilities(importance: &[f64], count: usize) -> Vec<f64> {
    // Equal chances where nothing is important.
    let importance: Vec<f64> = importance.iter().map(|x| x + f64::MIN_POSITIVE).collect();
    let mut order: Vec<usize> = (0..importance.len()).collect();
    order.sort_by(|&a, &b| importance[b].total_cmp(&importance[a]));
    let mut rest: f64 = importance.iter().sum();
    let mut left = count.min(importance.len());
    let mut probabilities = vec![1.0; importance.len()];
    for (place, &index) in order.iter().enumerate() {
        if left as f64 * importance[index] < rest {
            for &index in &order[place..] {
                probabilities[index] = left as f64 * importance[index] / rest;
            }
            break;
        }
        rest -= importance[index];
        left -= 1;
        if left == 0 {
            for &index in &order[place + 1..] {
                probabilities[index] = 0.0;
            }
            break;
        }
    }
    probabilities
}

/// The places, ascending, at which the running sum of the probabilities passes an integer plus
/// `offset`.
fn systematic_draw(probabilities: &[f64], offset: f64) -> Vec<usize> {
    let mut sum = 0.0;
    let passed = |sum: f64| (sum - offset).ceil();
    (0..probabilities.len())
        .filter(|&index| {
            let before = passed(sum);
            sum += probabilities[index];
            passed(sum) > before
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::tests::Case;
    use super::*;
    use crate::config::Activation;
    use crate::curvature::{CurvatureOperator, Interrupt, LinearOperator, Matrix};
    use crate::random::Streams;

    fn draws(loss: Loss, counter: u64) -> Option<Chunks> {
        let case = Case::reference(Activation::Tanh, loss);
        let mut rng = Streams::new(3).stream("subset", counter);
        let chunks = case.chunks(3);
        case.objective
            .important_samples(&case.parameters(), &chunks, [3], &mut rng)
            .unwrap()
            .map(|[few]| few)
    }

    #[test]
    fn the_mean_of_many_draws_is_the_hessian_over_all() {
        let case = Case::reference(Activation::Tanh, Loss::CrossEntropy);
        let (parameters, all) = (case.parameters(), case.chunks(3));
        let vector: Vec<f64> = (0..case.values.len()).map(|i| (i as f64).sin()).collect();
        let product = |data: &Chunks| {
            let never = Interrupt::never();
            CurvatureOperator::new(Matrix::Hessian, &case.objective, &parameters, data, never)
                .apply(&vector)
                .unwrap()
        };
        let count = 200;
        let products: Vec<Vec<f64>> = (0..count)
            .map(|counter| product(&draws(Loss::CrossEntropy, counter).unwrap()))
            .collect();
        let mut worst: f64 = 0.0;
        for (index, expected) in product(&all).iter().enumerate() {
            let entries: Vec<f64> = products.iter().map(|product| product[index]).collect();
            let error = crate::statistics::standard_error(&entries);
            let difference = (crate::statistics::mean(&entries) - expected).abs();
            worst = worst.max(difference / (error + 1e-12));
        }
        assert!(worst < 4.0, "{worst} standard errors");
    }

    #[test]
    fn only_the_cross_entropy_is_weighted_by_its_targets() {
        for loss in [Loss::Square, Loss::Logistic, Loss::Exponential] {
            assert!(draws(loss, 0).is_none());
        }
        let drawn = draws(Loss::CrossEntropy, 0).unwrap();
        assert_eq!(drawn.samples(), 3);
        assert_eq!(drawn.labels().len(), 3);
    }

    #[test]
    fn probabilities_follow_the_importance_and_end_at_one() {
        let cases: [(&[f64], usize, &[f64]); 5] = [
            (&[1.0, 3.0, 2.0, 2.0], 2, &[0.25, 0.75, 0.5, 0.5]),
            (&[9.0, 0.5, 0.5], 2, &[1.0, 0.5, 0.5]),
            (&[0.0, 0.0, 0.0, 0.0], 1, &[0.25; 4]),
            (&[2.0, 1.0], 5, &[1.0, 1.0]),
            (&[2.0, 0.0], 1, &[1.0, 0.0]),
        ];
        for (importance, count, expected) in cases {
            let found = inclusion_probabilities(importance, count);
            for (a, b) in found.iter().zip(expected) {
                assert!((a - b).abs() < 1e-12, "{found:?} for {expected:?}");
            }
        }
    }

    #[test]
    fn a_systematic_draw_takes_each_sample_as_often_as_its_probability_says() {
        let probabilities = [0.25, 0.75, 0.5, 1.0, 0.5];
        let mut taken = [0; 5];
        for step in 0..1000 {
            let drawn = systematic_draw(&probabilities, (f64::from(step) + 0.5) / 1000.0);
            assert_eq!(drawn.len(), 3);
            for index in drawn {
                taken[index] += 1;
            }
        }
        assert_eq!(taken, [250, 750, 500, 1000, 500]);
    }

    #[test]
    fn certain_and_broken_outputs_count_as_flat() {
        assert!((output_curvature(&[1.0, 1.0]) - 0.5).abs() < 1e-12);
        assert_eq!(output_curvature(&[1e3, 0.0]), 0.0);
        assert_eq!(output_curvature(&[f64::NAN, f64::INFINITY]), 0.0);
    }
}
