//! Parameters that no step moves.

use super::*;
use crate::config::parse;
use crate::train::testing::data;

const FROZEN: &str = "train.frozen = [\"layers.1\"]";

const BATCH: &str = "train.batch_size = 5";

/// Steps of a problem that begin at the same point, and how far they have taken the two layers.
fn moved(problem: &Problem, count: usize) -> [f64; 2] {
    let begun = start(problem);
    let before = host(&begun);
    let after = host(&steps(&mut stepper(problem), begun, count));
    let layout = problem.objective.network().layout();
    ["layers.0", "layers.1"].map(|layer| {
        let range = layout.range(layer).unwrap();
        let squares = range.map(|place| (after[place] - before[place]).powi(2));
        squares.sum::<f64>().sqrt()
    })
}

#[test]
fn what_is_frozen_stays_whatever_steps_are_made_of() {
    for keys in [
        "optimizer.weight_decay = 0.1\noptimizer.momentum = 0.9",
        "optimizer.kind = \"adamw\"\noptimizer.weight_decay = 0.1",
        "optimizer.kind = \"adam\"\noptimizer.weight_decay = 0.1",
        "optimizer.kind = \"adagrad_norm\"",
        "optimizer.kind = \"signsgd\"\noptimizer.weight_decay = 0.1",
        "optimizer.kind = \"normalized_sgd\"",
        "gradient_penalty.strength = 0.1",
        "sharpness_aware = {kind = \"asam\", rho = 0.1}",
    ] {
        let frozen = problem(&format!("{keys}\n{BATCH}\n{FROZEN}"));
        let [first, second] = moved(&frozen, 4);
        assert!(first > 1e-3 && second == 0.0, "{keys}: {first} {second}");
        let [_, second] = moved(&problem(&format!("{keys}\n{BATCH}")), 4);
        assert!(second > 1e-3, "{keys}: {second}");
    }
}

/// A bound on the norm, a normalised step and a radius are of what moves.
#[test]
fn norms_are_those_of_what_moves() {
    let clipped = problem(&format!("{FROZEN}\n{BATCH}\ntrain.clip_norm = 1e-4"));
    let [first, _] = moved(&clipped, 1);
    // The bound is over the norm plus 1e-6, as in PyTorch.
    assert!((first / (0.05 * 1e-4) - 1.0).abs() < 1e-4, "{first}");
    let normalised = problem(&format!(
        "{FROZEN}\n{BATCH}\noptimizer.kind = \"normalized_sgd\""
    ));
    let [first, _] = moved(&normalised, 1);
    assert!((first / 0.05 - 1.0).abs() < 1e-9, "{first}");

    let plain = problem(&format!("{FROZEN}\n{BATCH}"));
    let aware = problem(&format!(
        "{FROZEN}\n{BATCH}\nsharpness_aware = {{kind = \"sam\", rho = 0.1}}"
    ));
    let at = start(&plain);
    let mut descent = stepper(&plain);
    let up = descent.gradient(&at).gradient.to_host().unwrap();
    let length = up.iter().map(|x| x * x).sum::<f64>().sqrt();
    let values = host(&at);
    let raised: Vec<f64> = values
        .iter()
        .zip(&up)
        .map(|(w, g)| w + 0.1 * g / length)
        .collect();
    let raised = Position {
        parameters: plain.parameters(&raised),
        ..at.clone()
    };
    let expected = descent.gradient(&raised).gradient.to_host().unwrap();
    let found = stepper(&aware).gradient(&at).gradient.to_host().unwrap();
    for (found, expected) in found.iter().zip(&expected) {
        assert!((found - expected).abs() < 1e-12, "{found} {expected}");
    }
}

#[test]
fn names_that_the_network_does_not_have_are_refused_and_so_is_freezing_all() {
    let refused = |names: &str| {
        let text = format!(
            "model.hidden = [3]\noptimizer.learning_rate = 0.05\ntrain.steps = 3\n{BATCH}\ntrain.frozen = {names}"
        );
        let config = parse(&text, "x.toml", &[], "x", &[]).unwrap();
        Problem::with_data(config, data())
            .err()
            .unwrap()
            .to_string()
    };
    insta::assert_snapshot!(refused("[\"layers.0\", \"layer.1\"]"), @r#"`train.frozen.1`: this network has no layer or parameter "layer.1"; its layers are layers.0, layers.1"#);
    insta::assert_snapshot!(refused("[\"layers.0\", \"layers.1\"]"), @r#"`train.frozen.1`: with "layers.1" no parameter is left to train; its layers are layers.0, layers.1"#);
}
