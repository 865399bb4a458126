//! The update rules against PyTorch's.

use super::*;
use crate::backend::{Compute, Precision};
use crate::config::{
    Accumulator, DecayExclusion, MeanSquare, Moments, Momentum, Perturbation, SignMomentum, parse,
};

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
    let fresh = || init(config, &layout, Streams::new(0), &compute);
    let mut rule = fresh();
    for t in 0..STEPS {
        if resumes && t == 20 {
            let state = rule.save().unwrap();
            rule = fresh();
            rule.load(state, &layout, &compute).unwrap();
        }
        let gradient = at(&pull(&parameters.to_host().unwrap(), t));
        let input = StepInput {
            step: u64::from(t),
            learning_rate: config.learning_rate,
            loss: compute.tensor(&[1.0 + 0.5 * f64::from(t).cos()], [1]),
            gradient,
        };
        parameters = rule.step(parameters, input).unwrap();
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
            weight_decay_excludes: Vec::new(),
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

/// Rules whose steps stand against references on a network.
fn others() -> Vec<Optimizer> {
    let rms = |momentum, centered| {
        Method::RmsProp(MeanSquare {
            alpha: 0.9,
            momentum,
            centered,
            epsilon: 1e-8,
        })
    };
    let accumulator = Accumulator {
        initial_accumulator: 0.1,
        epsilon: 1e-10,
    };
    let sign = |coefficient| Method::SignSgd(SignMomentum { coefficient });
    let perturbed = Method::PerturbedGd(Perturbation {
        gradient_threshold: 2.0,
        perturbation_radius: 1.0,
        perturbation_interval: 7,
    });
    let methods = [
        rms(0.0, false),
        rms(0.9, true),
        Method::Adagrad(accumulator),
        Method::AdagradNorm(accumulator),
        sign(0.0),
        sign(0.9),
        Method::NormalizedSgd,
        Method::LossNormalizedSgd,
        perturbed,
    ];
    methods
        .map(|method| Optimizer {
            learning_rate: 0.1,
            weight_decay: 0.01,
            weight_decay_excludes: vec![DecayExclusion::Biases],
            method,
        })
        .to_vec()
}

#[test]
fn a_saved_and_loaded_state_goes_on_to_the_same_bits() {
    let known = cases().into_iter().map(|(config, _)| config);
    for config in known.chain(others()) {
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
        let mut rule = init(config, &layout, Streams::new(0), &compute);
        rule.load(state, &layout, &compute).unwrap_err()
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

/// Steps of a rule from a point of `f = ½w₁² − ½w₀² + ¼w₀⁴`, which has a saddle at 0 and minima at `(±1, 0)`.
fn from_saddle(method: Method, start: [f64; 2], steps: u64) -> Vec<Vec<f64>> {
    let compute = Compute::cpu(Precision::F64);
    let layout = Arc::new(Layout::new([("w".to_owned(), vec![2])]));
    let at = |values: &[f64]| Parameters::from_host(&layout, values, &compute);
    let config = Optimizer {
        learning_rate: 0.1,
        weight_decay: 0.0,
        weight_decay_excludes: Vec::new(),
        method,
    };
    let mut rule = init(&config, &layout, Streams::new(3), &compute);
    let mut path = vec![start.to_vec()];
    for step in 0..steps {
        let w = path[path.len() - 1].clone();
        let input = StepInput {
            step,
            learning_rate: 0.1,
            loss: compute.tensor(&[1.0], [1]),
            gradient: at(&[w[0].powi(3) - w[0], w[1]]),
        };
        let next = rule.step(at(&w), input).unwrap();
        path.push(next.to_host().unwrap());
    }
    path
}

#[test]
fn a_perturbed_descent_leaves_a_saddle_at_which_descent_stays() {
    let plain = Method::Gd(Momentum {
        coefficient: 0.0,
        nesterov: false,
    });
    let perturbed = Method::PerturbedGd(Perturbation {
        gradient_threshold: 0.01,
        perturbation_radius: 0.05,
        perturbation_interval: 80,
    });
    // Along the attracting direction, into the saddle.
    let start = [0.0, 1.0];
    let stuck = from_saddle(plain.clone(), start, 300);
    assert!(stuck[300].iter().all(|w| w.abs() < 1e-9), "{stuck:?}");
    let path = from_saddle(perturbed, start, 300);
    assert!((path[300][0].abs() - 1.0).abs() < 0.01, "{:?}", path[300]);
    // It jumps where the gradient is small, at most once in so many steps, by at most the rate times the radius.
    let gradient = |w: &[f64]| [w[0].powi(3) - w[0], w[1]];
    let off = |step: usize| {
        let (w, g) = (&path[step], gradient(&path[step]));
        (0..2)
            .map(|i| (path[step + 1][i] - w[i] + 0.1 * g[i]).abs())
            .fold(0.0, f64::max)
    };
    let jumps: Vec<usize> = (0..300).filter(|&step| off(step) > 1e-12).collect();
    assert!(jumps.len() > 1, "{jumps:?}");
    assert!(
        jumps.windows(2).all(|pair| pair[1] - pair[0] > 80),
        "{jumps:?}"
    );
    for &step in &jumps {
        let norm = |v: &[f64]| v.iter().map(|x| x * x).sum::<f64>().sqrt();
        assert!(norm(&gradient(&path[step])) <= 0.01);
        let moved: Vec<f64> = (0..2).map(|i| path[step + 1][i] - path[step][i]).collect();
        assert!(norm(&moved) <= 0.1 * 0.05 + 1e-15);
    }
    // The gradient of the first step is large: up to its first jump it is plain descent.
    assert_eq!(path[..=jumps[0]], stuck[..=jumps[0]]);
}

#[test]
fn what_a_rule_divides_by_is_that_of_its_next_state() {
    let compute = Compute::cpu(Precision::F64);
    let layout = Arc::new(Layout::new([("w".to_owned(), vec![2])]));
    let at = |values: &[f64]| Parameters::from_host(&layout, values, &compute);
    let divisor = |method: Method| {
        let config = Optimizer {
            learning_rate: 0.1,
            weight_decay: 0.0,
            weight_decay_excludes: Vec::new(),
            method,
        };
        let mut rule = init(&config, &layout, Streams::new(0), &compute);
        assert_eq!(rule.preconditioner().unwrap(), None);
        for (step, gradient) in [[3.0, -4.0], [1.0, 2.0]].iter().enumerate() {
            let input = StepInput {
                step: step as u64,
                learning_rate: 0.1,
                loss: compute.tensor(&[1.0], [1]),
                gradient: at(gradient),
            };
            rule.step(at(&[0.0, 0.0]), input).unwrap();
        }
        rule.preconditioner().unwrap()
    };
    let mean_square = MeanSquare {
        alpha: 0.5,
        momentum: 0.9,
        centered: true,
        epsilon: 1e-3,
    };
    let accumulator = Accumulator {
        initial_accumulator: 0.25,
        epsilon: 1e-3,
    };
    // v = (2.75, 6), m = (1.25, 0).
    let rms = [
        0.1 * ((2.75_f64 - 1.5625).sqrt() + 1e-3),
        0.1 * (6.0_f64.sqrt() + 1e-3),
    ];
    let all = 30.25_f64.sqrt() + 1e-3;
    let cases = [
        (Method::RmsProp(mean_square), Some(rms)),
        (
            Method::Adagrad(accumulator),
            Some([10.25_f64.sqrt() + 1e-3, 20.25_f64.sqrt() + 1e-3]),
        ),
        (Method::AdagradNorm(accumulator), Some([all, all])),
        (Method::NormalizedSgd, None),
    ];
    for (method, expected) in cases {
        match (divisor(method), expected) {
            (Some(found), Some(expected)) => {
                let pairs = found.iter().zip(expected);
                assert!(
                    pairs.into_iter().all(|(a, b)| (a - b).abs() < 1e-14),
                    "{found:?}"
                );
            }
            (found, expected) => assert_eq!(found.is_some(), expected.is_some()),
        }
    }
}

#[test]
fn conditions_are_for_the_rules_that_have_one() {
    let divisor = [2.0];
    let text = "optimizer.learning_rate = 0.1\ntrain.epochs = 1";
    let mut run = parse(text, "x.toml", &[], "x", &[]).unwrap();
    for config in others() {
        run.optimizer = Optimizer {
            weight_decay_excludes: Vec::new(),
            ..config.clone()
        };
        let rule = step_rule(&run, Some(&divisor));
        match config.method {
            Method::RmsProp(MeanSquare { momentum, .. }) => assert_eq!(
                rule,
                StepRule::Adaptive {
                    momentum,
                    penalty: 0.01,
                    decay: 0.0,
                    preconditioner: Some(&divisor),
                }
            ),
            Method::Adagrad(_) | Method::AdagradNorm(_) => {
                assert!(matches!(rule, StepRule::Adaptive { momentum: 0.0, .. }));
            }
            Method::PerturbedGd(_) => {
                assert!(matches!(rule, StepRule::Descent { momentum: 0.0, .. }));
            }
            _ => assert!(matches!(rule, StepRule::Other { .. }), "{config:?}"),
        }
        // Half of a penalty is a part of the matrix; half of a decay beside the gradient has no condition.
        let own = step_rule(&run, Some(&divisor));
        run.optimizer = config.clone();
        assert!(!reaches_all(&run));
        let beside = matches!(config.method, Method::AdamW(_));
        let is_other = matches!(step_rule(&run, Some(&divisor)), StepRule::Other { .. });
        assert!(
            is_other == (beside || matches!(own, StepRule::Other { .. })),
            "{config:?}"
        );
    }
}

#[test]
fn steps_over_a_norm_or_a_loss_of_0_stay() {
    let compute = Compute::cpu(Precision::F32);
    let layout = Arc::new(Layout::new([("w".to_owned(), vec![2])]));
    let at = |values: &[f64]| Parameters::from_host(&layout, values, &compute);
    for method in [Method::NormalizedSgd, Method::LossNormalizedSgd] {
        let config = Optimizer {
            learning_rate: 0.1,
            weight_decay: 0.0,
            weight_decay_excludes: Vec::new(),
            method,
        };
        let input = StepInput {
            step: 0,
            learning_rate: 0.1,
            loss: compute.tensor(&[0.0], [1]),
            gradient: at(&[0.0, 0.0]),
        };
        let mut rule = init(&config, &layout, Streams::new(0), &compute);
        let next = rule.step(at(&[1.0, 2.0]), input).unwrap();
        assert_eq!(next.to_host().unwrap(), [1.0, 2.0]);
    }
}
