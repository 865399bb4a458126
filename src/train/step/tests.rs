//! Steps over all samples against PyTorch's, and an oracle around another.

mod draws;
mod frozen;
mod rules;
mod scale_invariant;

use super::*;
use crate::params::SavedState;
use crate::train::Problem;
use crate::train::testing::{host, problem, start, stepper, steps};

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

/// Another oracle, and how often it was asked.
struct Counting<'a> {
    inner: Box<dyn GradientOracle + 'a>,
    asked: u64,
}

impl GradientOracle for Counting<'_> {
    fn gradient(&mut self, at: &Position) -> TrainingGradient {
        self.asked += 1;
        self.inner.gradient(at)
    }

    fn save(&self, parts: &mut Parts) -> Result<(), String> {
        let state = SavedState::of(self.asked, &[])?;
        parts.insert("counter".to_owned(), state);
        self.inner.save(parts)
    }

    fn load(&mut self, parts: &mut Parts) -> Result<(), String> {
        let state = parts.remove("counter").unwrap_or_default();
        self.asked = state.finish()?;
        self.inner.load(parts)
    }
}

fn counting(problem: &Problem) -> Stepper<'_> {
    let Stepper {
        oracle,
        rule,
        rate,
        average,
        ..
    } = stepper(problem);
    let oracle = Counting {
        inner: oracle,
        asked: 0,
    };
    Stepper::new(Box::new(oracle), rule, rate, average)
}

#[test]
fn an_oracle_around_another_keeps_its_own_state() {
    let problem =
        problem("optimizer.momentum = 0.9\ntrain.batch_size = 2\nsharpness_aware.rho = 0.05");
    let mut whole = counting(&problem);
    let expected = steps(&mut whole, start(&problem), 12);

    let mut first = counting(&problem);
    let middle = steps(&mut first, start(&problem), 7);
    let parts = first.save().unwrap();
    assert_eq!(parts["counter"].steps, 7);
    let layout = problem.objective.network().layout();
    let mut second = counting(&problem);
    second
        .load(parts.clone(), layout, problem.compute())
        .unwrap();
    let found = steps(&mut second, middle, 5);
    assert_eq!(host(&found), host(&expected));
    assert_eq!(second.save().unwrap(), whole.save().unwrap());

    // A run without it does not take up its state.
    let message = stepper(&problem)
        .load(parts, layout, problem.compute())
        .unwrap_err();
    assert_eq!(
        message,
        "it holds the state of `counter`, which this run does not have"
    );
}
