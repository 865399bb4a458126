//! A problem small enough for steps by hand.

use super::average::Average;
use super::rate::Rate;
use super::step::Stepper;
use super::{Position, Problem, gradient, persistence};
use crate::config::parse;
use crate::data::{Answers, Dataset, Images, Inputs, PixelNormalisation, Samples, Split};
use crate::measure::names;
use crate::model::NormMode;

/// Five images of 2 x 2 pixels in three classes.
pub fn data() -> Split {
    let images = Images {
        shape: [1, 2, 2],
        maximum: 255,
        pixels: (0..20).map(|i: u32| (i * i % 251) as u8).collect(),
        labels: (0..5).map(|i| i % 3).collect(),
        classes: 3,
    };
    both(Dataset::from_images(images, PixelNormalisation::Unit))
}

/// The same samples to train and to test.
fn both(part: Dataset) -> Split {
    Split {
        train: part.clone(),
        test: part,
        sources: Vec::new(),
        remarks: Vec::new(),
    }
}

/// Descent in f64 on all samples by a linear network of one hidden layer without biases, whose inputs are 1:
/// the mean of `½(Σ aⱼbⱼ − y)²` over the answers `y`.
pub fn factors(hidden: usize, answers: &[f64], keys: &str) -> Problem {
    let samples = Samples {
        shape: [1, 1, 1],
        inputs: Inputs::Numbers(vec![1.0; answers.len()]),
        answers: Answers::Numbers {
            values: answers.to_vec(),
            outputs: 1,
        },
    };
    let text = format!(
        "precision = \"f64\"\nmodel.hidden = [{hidden}]\nmodel.activation = \"linear\"\nmodel.bias = false\n\
         train.loss = \"square\"\noptimizer.kind = \"gd\"\ntrain.steps = 1000\n{keys}"
    );
    let config = parse(&text, "x.toml", &[], "x", &names()).unwrap();
    let data = both(Dataset::from_samples(samples, PixelNormalisation::Unit));
    Problem::with_data(config, data).unwrap()
}

/// 30 steps in f64 of an MLP with one hidden layer of three units, if the keys say nothing else.
pub fn problem(keys: &str) -> Problem {
    let mut text = format!("precision = \"f64\"\n{keys}\n");
    for (key, value) in [
        ("model.hidden", "[3]"),
        ("model.activation", "\"tanh\""),
        ("optimizer.learning_rate", "0.05"),
        ("train.steps", "30"),
    ] {
        let is_of_mlp = key.starts_with("model");
        if !(keys.contains(key) || is_of_mlp && keys.contains("model.kind")) {
            text += &format!("{key} = {value}\n");
        }
    }
    let config = parse(&text, "x.toml", &[], "x", &names()).unwrap();
    Problem::with_data(config, data()).unwrap()
}

/// `½ sin k` for the parameters k = 1, 2, …
pub fn start(problem: &Problem) -> Position {
    let count = problem.objective.network().layout().len() as u32;
    let values: Vec<f64> = (1..=count).map(|i| 0.5 * f64::from(i).sin()).collect();
    persistence::first(problem, &values).position
}

pub fn stepper(problem: &Problem) -> Stepper<'_> {
    let by_batch = problem.is_full_batch() && problem.objective.network().has_statistics();
    let norm_mode = if by_batch {
        NormMode::Batch
    } else {
        NormMode::Eval
    };
    let samples = problem.train_chunks(None, norm_mode);
    let oracle = gradient::oracle(problem, &samples);
    let rate = Rate::new(problem, &samples, norm_mode);
    Stepper::new(oracle, problem.optimizer(), rate, Average::new(problem))
}

pub fn steps(stepper: &mut Stepper, mut position: Position, count: usize) -> Position {
    for _ in 0..count {
        let gradient = stepper.gradient(&position);
        stepper.follow(&mut position, gradient).unwrap();
    }
    position
}

pub fn host(position: &Position) -> Vec<f64> {
    position.parameters.to_host().unwrap()
}
