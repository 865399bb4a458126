//! Labels that are others in every step.

use crate::config::LabelNoise;
use crate::objective::Batch;
use crate::random::StreamRng;
use crate::train::Problem;
use burn::tensor::Tensor;
use rand::RngExt;
use rand_distr::{Distribution, StandardNormal};

/// The random stream of label noise, numbered by the step.
pub(super) const STREAM: &str = "label_noise";

/// Changes the targets of a batch. By `redraw` a label is drawn anew, with the probability given, from all
/// classes, its own included, as `data.label_noise` does once for all; `gaussian` adds a normal number to every
/// target (Blanc, Gupta, Valiant & Valiant 2020, "Implicit regularization for deep neural networks driven by an
/// Ornstein-Uhlenbeck like process", sec. 2).
pub(super) fn redrawn(
    problem: &Problem,
    noise: &LabelNoise,
    rng: &mut StreamRng,
    batch: &mut Batch,
) {
    let [rows, outputs] = batch.targets.dims();
    let tensor =
        |values: &[f64]| -> Tensor<2> { problem.compute().tensor(values, [rows, outputs]) };
    let targets = batch.targets.clone();
    batch.targets = match noise {
        LabelNoise::Gaussian(noise) => {
            let moves = (0..rows * outputs).map(|_| {
                let normal: f64 = StandardNormal.sample(rng);
                noise.deviation * normal
            });
            targets + tensor(&moves.collect::<Vec<_>>())
        }
        LabelNoise::Redraw(noise) => {
            let (loss, classes) = (problem.objective.loss(), problem.data.train.classes());
            let mut kept = Vec::with_capacity(rows * outputs);
            let mut others = Vec::with_capacity(rows * outputs);
            for _ in 0..rows {
                // Both are drawn for every row, so that one row's fate moves no other's.
                let is_redrawn = rng.random_bool(noise.fraction);
                let label = rng.random_range(0..classes) as u8;
                let factor = if is_redrawn { 1.0 } else { 0.0 };
                let target = loss.target(label, classes);
                others.extend(target.map(|number| factor * number));
                kept.extend(std::iter::repeat_n(1.0 - factor, outputs));
            }
            targets * tensor(&kept) + tensor(&others)
        }
    };
}
