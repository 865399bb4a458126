//! Burn's rules, as configured here, against PyTorch.

use super::*;
use crate::backend::{Compute, Precision};
use crate::config::Moments;

/// Three steps on fixed gradients from `[1, -2]`.
fn three_steps(config: &Optimizer, resume_after_two: bool) -> Vec<f64> {
    let compute = Compute::cpu(Precision::F64);
    let layout = Arc::new(Layout::new([("w".to_owned(), vec![2])]));
    let at = |values: &[f64]| Parameters::from_host(&layout, values, &compute);
    let mut parameters = at(&[1.0, -2.0]);
    let mut optimizer = init(config, &layout);
    for (step, gradient) in [[0.5, -1.0], [0.25, 2.0], [-1.0, 0.1]].iter().enumerate() {
        if resume_after_two && step == 2 {
            let state = optimizer.save();
            optimizer = init(config, &layout);
            optimizer.load(state, &compute).unwrap();
        }
        parameters = optimizer.step(0.1, &parameters, &at(gradient));
    }
    parameters.to_host().unwrap()
}

/*
The expected numbers are what PyTorch gives:

import torch
def run(make):
    w = torch.tensor([1.0, -2.0], dtype=torch.float64, requires_grad=True)
    optimizer = make([w])
    for g in [[0.5, -1.0], [0.25, 2.0], [-1.0, 0.1]]:
        w.grad = torch.tensor(g, dtype=torch.float64)
        optimizer.step()
    return w.tolist()
o = torch.optim
print(run(lambda p: o.SGD(p, lr=0.1)))
print(run(lambda p: o.SGD(p, lr=0.1, momentum=0.9, weight_decay=0.01)))
print(run(lambda p: o.SGD(p, lr=0.1, momentum=0.9, nesterov=True)))
print(run(lambda p: o.Adam(p, lr=0.1, weight_decay=0.01)))
print(run(lambda p: o.AdamW(p, lr=0.1, weight_decay=0.01)))
*/
fn cases() -> Vec<(Optimizer, [f64; 2])> {
    let case = |method, weight_decay, expected| {
        let optimizer = Optimizer {
            learning_rate: 0.1,
            weight_decay,
            method,
        };
        (optimizer, expected)
    };
    let sgd = |coefficient, nesterov| {
        Method::Sgd(Momentum {
            coefficient,
            nesterov,
        })
    };
    let moments = Moments {
        beta1: 0.9,
        beta2: 0.999,
        epsilon: 1e-8,
    };
    vec![
        case(sgd(0.0, false), 0.0, SGD),
        case(sgd(0.9, false), 0.01, MOMENTUM),
        case(sgd(0.9, true), 0.0, NESTEROV),
        case(Method::Adam(moments), 0.01, ADAM),
        case(Method::AdamW(moments), 0.01, ADAMW),
    ]
}

const SGD: [f64; 2] = [1.025, -2.11];
const MOMENTUM: [f64; 2] = [0.9116097489999999, -2.107969498];
const NESTEROV: [f64; 2] = [0.9503, -2.2171];
const ADAM: [f64; 2] = [0.8258477699317025, -1.9652434165710928];
const ADAMW: [f64; 2] = [0.824713859842936, -1.9619069771238122];

/// Burn keeps the constants of its rules in f32, Adam's bias corrections included: `1 − β₂` has a
/// relative error of 1e-5 there.
const TOLERANCE: f64 = 1e-5;

#[test]
fn three_steps_equal_those_of_pytorch() {
    for (config, expected) in cases() {
        let found = three_steps(&config, false);
        for (a, b) in found.iter().zip(expected) {
            assert!((a - b).abs() < TOLERANCE, "{config:?}: {found:?}");
        }
    }
}

#[test]
fn a_saved_and_restored_optimizer_goes_on_to_the_same_bits() {
    for (config, _) in cases() {
        assert_eq!(three_steps(&config, true), three_steps(&config, false));
    }
}

#[test]
fn state_of_another_length_is_refused() {
    let compute = Compute::cpu(Precision::F64);
    let layout = |length| {
        let blocks = [("w".to_owned(), vec![2]), ("w2".to_owned(), vec![length])];
        Arc::new(Layout::new(blocks))
    };
    for (config, _) in cases().into_iter().skip(1) {
        let (short, long) = (layout(3), layout(4));
        let ones = Parameters::from_host(&long, &[1.0; 6], &compute);
        let mut optimizer = init(&config, &long);
        let _ = optimizer.step(0.1, &ones, &ones);
        let saved = optimizer.save();
        let error = init(&config, &short).load(saved, &compute).unwrap_err();
        assert!(
            error.starts_with("its optimizer state `w2.momentum."),
            "{error}"
        );
        assert!(error.ends_with("has 4 numbers, the block has 3"), "{error}");
    }
}
