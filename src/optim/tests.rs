//! The update rules against PyTorch's.

use super::*;
use crate::backend::{Compute, Precision};
use crate::config::{Moments, Momentum};

const STEPS: u32 = 50;

/// What pulls at three parameters in step `t`.
fn pull(w: &[f64], t: u32) -> [f64; 3] {
    let t = f64::from(t);
    [
        3.0 * w[0] - w[1] + t.sin(),
        -w[0] + 0.5 * w[1] + (3.0 * t).cos(),
        0.01 * w[2].powi(3) - (2.0 * t).sin(),
    ]
}

/// Fifty steps from `[1, -2, 0.5]`; with a state that is saved and loaded after the 20th, if asked for.
fn fifty_steps(config: &Optimizer, precision: Precision, resumes: bool) -> Vec<f64> {
    let compute = Compute::cpu(precision);
    let layout = Arc::new(Layout::new([
        ("a".to_owned(), vec![2]),
        ("b".to_owned(), vec![1]),
    ]));
    let at = |values: &[f64]| Parameters::from_host(&layout, values, &compute);
    let mut parameters = at(&[1.0, -2.0, 0.5]);
    let mut rule = init(config);
    for t in 0..STEPS {
        if resumes && t == 20 {
            let state = rule.save().unwrap();
            rule = init(config);
            rule.load(state, &layout, &compute).unwrap();
        }
        let gradient = at(&pull(&parameters.to_host().unwrap(), t));
        parameters = rule.step(config.learning_rate, parameters, gradient);
    }
    parameters.to_host().unwrap()
}

/*
The expected numbers are what PyTorch gives:

import math, torch
def pull(w, t):
    return torch.stack([3*w[0] - w[1] + math.sin(t), -w[0] + 0.5*w[1] + math.cos(3*t),
                        0.01*w[2]**3 - math.sin(2*t)])
def run(make):
    w = torch.tensor([1.0, -2.0, 0.5], dtype=torch.float64, requires_grad=True)
    optimizer = make([w])
    for t in range(50):
        w.grad = pull(w.detach(), t)
        optimizer.step()
    return w.tolist()
o = torch.optim
print(run(lambda p: o.SGD(p, lr=0.1)))
print(run(lambda p: o.SGD(p, lr=0.1, momentum=0.9, weight_decay=0.01)))
print(run(lambda p: o.SGD(p, lr=0.1, momentum=0.9, nesterov=True, weight_decay=0.01)))
print(run(lambda p: o.Adam(p, lr=0.1, weight_decay=0.01)))
print(run(lambda p: o.AdamW(p, lr=0.1, weight_decay=0.01)))
*/
fn cases() -> Vec<(Optimizer, [f64; 3])> {
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
        case(sgd(0.9, true), 0.01, NESTEROV),
        case(Method::Adam(moments), 0.01, ADAM),
        case(Method::AdamW(moments), 0.01, ADAMW),
    ]
}

const SGD: [f64; 3] = [-0.15326411621365288, -0.6983359676121759, 0.522230568792917];
const MOMENTUM: [f64; 3] = [
    0.019434979426724213,
    -0.07358993999578378,
    0.4825208196008388,
];
const NESTEROV: [f64; 3] = [0.2067902124571805, -0.03887282463005645, 0.4712077474628675];
const ADAM: [f64; 3] = [
    -0.0874704757544375,
    -0.5231535515075603,
    0.48707738029768766,
];
const ADAMW: [f64; 3] = [
    -0.08523849263451973,
    -0.5127141205903533,
    0.49624608583480634,
];

#[test]
fn fifty_steps_equal_those_of_pytorch() {
    for (config, expected) in cases() {
        let found = fifty_steps(&config, Precision::F64, false);
        for (a, b) in found.iter().zip(expected) {
            assert!((a - b).abs() < 1e-14, "{config:?}: {found:?}");
        }
        let found = fifty_steps(&config, Precision::F32, false);
        for (a, b) in found.iter().zip(expected) {
            assert!((a - b).abs() < 1e-5, "{config:?}: {found:?}");
        }
    }
}

#[test]
fn a_saved_and_loaded_state_goes_on_to_the_same_bits() {
    for (config, _) in cases() {
        for precision in [Precision::F32, Precision::F64] {
            assert_eq!(
                fifty_steps(&config, precision, true),
                fifty_steps(&config, precision, false)
            );
        }
    }
}

#[test]
fn a_state_of_another_rule_or_model_is_refused() {
    let compute = Compute::cpu(Precision::F64);
    let layout = Arc::new(Layout::new([("a".to_owned(), vec![2])]));
    let (momentum, adam) = (&cases()[1].0, &cases()[3].0);
    let state = |vectors: &[(&str, usize)]| SavedState {
        steps: 3,
        vectors: vectors
            .iter()
            .map(|(name, length)| ((*name).to_owned(), vec![0.5; *length]))
            .collect(),
    };
    let refused = |config: &Optimizer, state: SavedState| {
        init(config).load(state, &layout, &compute).unwrap_err()
    };
    assert_eq!(
        refused(momentum, state(&[])),
        "it has no `velocity` after 3 steps"
    );
    assert_eq!(
        refused(momentum, state(&[("velocity", 3)])),
        "its `velocity` has 3 numbers, the model has 2 parameters"
    );
    assert_eq!(
        refused(adam, state(&[("first_moment", 2)])),
        "it has no `second_moment` after 3 steps"
    );
    assert_eq!(
        refused(&cases()[0].0, state(&[("velocity", 2)])),
        "it has `velocity`, which this run does not keep"
    );
}
