//! Gradients that are changed before a step follows them.

mod pytorch;
mod rescaled;
mod samples;
mod sharpness;

use super::*;
pub(super) use crate::linear::dot;
use crate::train::testing::{problem, start};

/// The gradient of a config at a position.
pub(super) fn gradient_at(keys: &str, at: &Position) -> Vec<f64> {
    let problem = problem(keys);
    oracle(&problem, &all(&problem))
        .gradient(at)
        .gradient
        .into_host()
        .unwrap()
}

/// The training samples as a step over all of them takes them.
pub(super) fn all(problem: &Problem) -> Chunks {
    problem.train_chunks(None, crate::model::NormMode::Eval)
}

pub(super) fn assert_near(found: &[f64], expected: &[f64], tolerance: f64) {
    assert_eq!(found.len(), expected.len());
    for (found, expected) in found.iter().zip(expected) {
        assert!(
            (found - expected).abs() < tolerance,
            "{found} for {expected}"
        );
    }
}

#[test]
fn a_bound_on_the_norm_shortens_long_gradients_only() {
    let full = "optimizer.kind = \"gd\"";
    let at = start(&problem(full));
    let plain = gradient_at(full, &at);
    let norm = dot(&plain, &plain).sqrt();
    let bounded = |bound: f64| gradient_at(&format!("{full}\ntrain.clip_norm = {bound}"), &at);
    assert_eq!(bounded(norm * 1.001), plain);
    let short = bounded(0.5 * norm);
    let expected: Vec<f64> = plain
        .iter()
        .map(|g| 0.5 * norm / (norm + 1e-6) * g)
        .collect();
    assert_near(&short, &expected, 1e-15);
}

/// The slope of `½‖∇L‖²` is what the penalty adds, whatever the network: under batch statistics, and under
/// the masks of dropout that the step's gradient is under.
#[test]
fn the_penalty_adds_the_slope_of_the_squared_gradient() {
    for (network, batches) in [
        (
            "model.kind = \"resnet\"\nmodel.width = 2\nmodel.blocks = [1]\nmodel.activation = \"tanh\"",
            "train.batch_size = 4",
        ),
        (
            "model.kind = \"transformer\"\nmodel.patch = 1\nmodel.width = 4\nmodel.depth = 1\nmodel.heads = 2\nmodel.mlp_width = 4\nmodel.dropout = 0.2",
            "train.batch_size = 2\ntrain.accumulate = 2",
        ),
        ("", "train.full_batch = true"),
    ] {
        let keys = format!("{network}\n{batches}");
        let problem = problem(&keys);
        let at = start(&problem);
        let plain = |values: &[f64]| {
            let moved = Position {
                parameters: problem.parameters(values),
                ..at.clone()
            };
            gradient_at(&keys, &moved)
        };
        let values = at.parameters.to_host().unwrap();
        let direction: Vec<f64> = (1..=values.len()).map(|k| (k as f64).cos()).collect();
        let square = |step: f64| {
            let moved: Vec<f64> = values
                .iter()
                .zip(&direction)
                .map(|(w, v)| w + step * v)
                .collect();
            let gradient = plain(&moved);
            0.5 * dot(&gradient, &gradient)
        };
        // The sixth-order central difference.
        let h = 2e-4;
        let differences = [1.0, 2.0, 3.0].map(|k| (square(k * h) - square(-k * h)) / h);
        let slope = 0.75 * differences[0] - 0.15 * differences[1] + differences[2] / 60.0;
        let penalised = gradient_at(&format!("{keys}\ngradient_penalty.strength = 2.0"), &at);
        let added: Vec<f64> = penalised
            .iter()
            .zip(plain(&values))
            .map(|(a, b)| 0.5 * (a - b))
            .collect();
        let found = dot(&added, &direction);
        assert!(
            (found - slope).abs() < 1e-7 * slope.abs().max(1.0),
            "{keys}: {found} for {slope}"
        );
    }
}
