//! Steps over all samples against PyTorch's, and an oracle around another.

use super::*;
use crate::config::parse;
use crate::data::{Dataset, Images, PixelNormalisation, Split};
use crate::params::{Parameters, SavedState};
use crate::train::{Problem, gradient, persistence};

/// Five images of 2 x 2 pixels in three classes.
fn data() -> Split {
    let images = Images {
        shape: [1, 2, 2],
        maximum: 255,
        pixels: (0..20).map(|i: u32| (i * i % 251) as u8).collect(),
        labels: (0..5).map(|i| i % 3).collect(),
        classes: 3,
    };
    let part = Dataset::from_images(images, PixelNormalisation::Unit);
    Split {
        train: part.clone(),
        test: part,
        sources: Vec::new(),
    }
}

fn problem(keys: &str) -> Problem {
    let text = format!(
        "precision = \"f64\"\nmodel.hidden = [3]\nmodel.activation = \"tanh\"\n\
         optimizer.learning_rate = 0.05\ntrain.steps = 30\n{keys}"
    );
    let config = parse(&text, "x.toml", &[], "x", &[]).unwrap();
    Problem::with_data(config, data()).unwrap()
}

fn start(problem: &Problem) -> Position {
    let values: Vec<f64> = (1..=27).map(|i| 0.5 * f64::from(i).sin()).collect();
    persistence::first(problem, &values).position
}

fn stepper(problem: &Problem) -> Stepper<'_> {
    let samples = problem.train_chunks(None, crate::model::NormMode::Eval);
    let oracle = gradient::oracle(problem, &samples);
    Stepper::new(oracle, problem.optimizer(), problem.schedule())
}

fn steps(stepper: &mut Stepper, mut position: Position, count: usize) -> Position {
    for _ in 0..count {
        let gradient = stepper.gradient(&position);
        stepper.follow(&mut position, gradient);
    }
    position
}

fn host(position: &Position) -> Vec<f64> {
    position.parameters.to_host().unwrap()
}

/*
The expected numbers are what PyTorch gives:

import torch
def run(make):
    m = torch.nn.Sequential(torch.nn.Linear(4, 3), torch.nn.Tanh(), torch.nn.Linear(3, 3)).double()
    values = 0.5 * torch.sin(torch.arange(1, 28, dtype=torch.float64))
    torch.nn.utils.vector_to_parameters(values, m.parameters())
    x = torch.tensor([i*i % 251 for i in range(20)], dtype=torch.float64).reshape(5, 4) / 255
    y = torch.tensor([i % 3 for i in range(5)])
    optimizer = make(m.parameters())
    for _ in range(30):
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(m(x), y).backward()
        optimizer.step()
    return torch.nn.utils.parameters_to_vector(m.parameters())[[0, 12, 26]].tolist()
o = torch.optim
print(run(lambda p: o.Adam(p, lr=0.05, weight_decay=0.01)))
print(run(lambda p: o.AdamW(p, lr=0.05, weight_decay=0.01)))
print(run(lambda p: o.SGD(p, lr=0.05, momentum=0.9)))
*/
#[test]
fn steps_over_all_samples_equal_those_of_pytorch() {
    let sgd = [
        0.4114366677733244,
        0.08707869402510438,
        -0.10050465934833672,
    ];
    let cases = [
        (
            "optimizer.kind = \"adam\"\noptimizer.weight_decay = 0.01\ntrain.full_batch = true",
            [0.9376011289614352, 0.3196848750698894, -0.3315653628530867],
        ),
        (
            "optimizer.kind = \"adamw\"\noptimizer.weight_decay = 0.01\ntrain.full_batch = true",
            [1.295895397259718, 0.4685099778577172, -0.28757591416916223],
        ),
        ("optimizer.momentum = 0.9\ntrain.full_batch = true", sgd),
        ("optimizer.kind = \"gd\"\noptimizer.momentum = 0.9", sgd),
        ("optimizer.momentum = 0.9\ntrain.batch_size = 5", sgd),
    ];
    for (keys, expected) in cases {
        let problem = problem(keys);
        let found = host(&steps(&mut stepper(&problem), start(&problem), 30));
        for (place, expected) in [0, 12, 26].into_iter().zip(expected) {
            assert!((found[place] - expected).abs() < 1e-13, "{keys}: {found:?}");
        }
    }
}

/// The gradient at the end of a move up the loss (Foret et al. 2021, eq. 2 and 3), around any other one,
/// which counts how often it was asked.
struct SharpnessAware<'a> {
    inner: Box<dyn GradientOracle + 'a>,
    radius: f64,
    asked: u64,
}

impl SharpnessAware<'_> {
    fn moved(&self, at: &Position, gradient: Parameters) -> Position {
        let length = gradient.to_host().unwrap();
        let length = length.iter().map(|x| x * x).sum::<f64>().sqrt();
        Position {
            parameters: at
                .parameters
                .clone()
                .plus_scaled(self.radius / length, gradient),
            ..at.clone()
        }
    }
}

impl GradientOracle for SharpnessAware<'_> {
    fn gradient(&mut self, at: &Position) -> TrainingGradient {
        self.asked += 1;
        let here = self.inner.gradient(at);
        let there = self.inner.gradient(&self.moved(at, here.gradient));
        TrainingGradient {
            loss: here.loss,
            ..there
        }
    }

    fn save(&self, parts: &mut Parts) -> Result<(), String> {
        let state = SavedState::of(self.asked, &[])?;
        parts.insert("sharpness_aware".to_owned(), state);
        self.inner.save(parts)
    }

    fn load(&mut self, parts: &mut Parts) -> Result<(), String> {
        let state = parts.remove("sharpness_aware").unwrap_or_default();
        self.asked = state.finish()?;
        self.inner.load(parts)
    }
}

fn sharpness_aware(problem: &Problem) -> Stepper<'_> {
    let Stepper {
        oracle,
        rule,
        schedule,
    } = stepper(problem);
    let oracle = SharpnessAware {
        inner: oracle,
        radius: 0.05,
        asked: 0,
    };
    Stepper::new(Box::new(oracle), rule, schedule)
}

#[test]
fn an_oracle_around_another_asks_twice_of_one_batch_and_keeps_its_own_state() {
    // Batches of two: both gradients of a step must be of the same samples.
    let problem = problem("optimizer.momentum = 0.9\ntrain.batch_size = 2");
    let mut whole = sharpness_aware(&problem);
    let expected = steps(&mut whole, start(&problem), 12);

    let mut first = sharpness_aware(&problem);
    let middle = steps(&mut first, start(&problem), 7);
    let parts = first.save().unwrap();
    assert_eq!(parts["sharpness_aware"].steps, 7);
    let layout = problem.objective.network().layout();
    let mut second = sharpness_aware(&problem);
    second
        .load(parts.clone(), layout, problem.compute())
        .unwrap();
    let found = steps(&mut second, middle, 5);
    assert_eq!(host(&found), host(&expected));
    assert_eq!(second.save().unwrap(), whole.save().unwrap());

    // By hand, of the first batch.
    let mut plain = stepper(&problem);
    let at = start(&problem);
    let up = plain.gradient(&at).gradient.to_host().unwrap();
    let length = up.iter().map(|x| x * x).sum::<f64>().sqrt();
    let moved = host(&at)
        .iter()
        .zip(&up)
        .map(|(w, g)| w + 0.05 / length * g)
        .collect::<Vec<_>>();
    let there = Position {
        parameters: problem.parameters(&moved),
        ..at.clone()
    };
    let by_hand = plain.gradient(&there).gradient.to_host().unwrap();
    let found = sharpness_aware(&problem)
        .gradient(&at)
        .gradient
        .to_host()
        .unwrap();
    for (found, by_hand) in found.iter().zip(&by_hand) {
        assert!((found - by_hand).abs() < 1e-14);
    }

    // A run without it does not take up its state.
    let message = stepper(&problem)
        .load(parts, layout, problem.compute())
        .unwrap_err();
    assert_eq!(
        message,
        "it holds the state of `sharpness_aware`, which this run does not have"
    );
}
