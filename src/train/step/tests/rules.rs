//! Fifty steps of each update rule, averages, bounds on the rate, and going on from a saved state.

use super::*;
use crate::config::parse;
use crate::curvature::{CurvatureOperator, Matrix};
use crate::linear::{Interrupt, LanczosOptions, lanczos};
use crate::random::Streams;
use crate::train::persistence;
use crate::train::testing::data;

/*
The expected numbers are what PyTorch gives, or NumPy by the authors' formulas where PyTorch has no such rule:

import numpy as np, torch
def model():
    m = torch.nn.Sequential(torch.nn.Linear(4, 3), torch.nn.Tanh(), torch.nn.Linear(3, 3)).double()
    values = 0.5 * torch.sin(torch.arange(1, 28, dtype=torch.float64))
    torch.nn.utils.vector_to_parameters(values, m.parameters())
    return m
x = torch.tensor([i*i % 251 for i in range(20)], dtype=torch.float64).reshape(5, 4) / 255
y = torch.tensor([i % 3 for i in range(5)])
vector = torch.nn.utils.parameters_to_vector
def run(make):
    m = model()
    step = make(m)
    for _ in range(50):
        m.zero_grad()
        loss = torch.nn.functional.cross_entropy(m(x), y)
        loss.backward()
        step(loss.item())
    return vector(m.parameters())[[0, 12, 26]].tolist()
def torchs(make):
    def of(m):
        optimizer = make(m)
        return lambda loss: optimizer.step()
    return of
def authors(update, decay=0.0):
    def of(m):
        state = {}
        def step(loss):
            w = vector(m.parameters()).detach().numpy().copy()
            g = vector([p.grad for p in m.parameters()]).numpy() + decay * w
            w = w - 0.05 * update(state, g, loss + 0.5 * decay * (w @ w))
            torch.nn.utils.vector_to_parameters(torch.from_numpy(w), m.parameters())
        return step
    return of
def norm(s, g, loss):
    s["b2"] = s.get("b2", 0.25) + g @ g
    return g / (np.sqrt(s["b2"]) + 1e-10)
def signum(s, g, loss):
    s["m"] = 0.9 * s.get("m", 0.0) + 0.1 * g
    return np.sign(s["m"])
o = torch.optim
excluded = lambda m: [{"params": [p for p in m.parameters() if p.dim() > 1]},
                      {"params": [p for p in m.parameters() if p.dim() == 1], "weight_decay": 0.0}]
print(run(torchs(lambda m: o.RMSprop(m.parameters(), lr=0.05))))
print(run(torchs(lambda m: o.RMSprop(m.parameters(), lr=0.05, alpha=0.9, eps=1e-3, momentum=0.5,
                                     centered=True, weight_decay=0.01))))
print(run(torchs(lambda m: o.Adagrad(m.parameters(), lr=0.05))))
print(run(torchs(lambda m: o.Adagrad(m.parameters(), lr=0.05, initial_accumulator_value=0.25, eps=1e-3,
                                     weight_decay=0.01))))
print(run(torchs(lambda m: o.AdamW(excluded(m), lr=0.05, weight_decay=0.01))))
print(run(torchs(lambda m: o.SGD(excluded(m), lr=0.05, weight_decay=0.01, momentum=0.9))))
print(run(authors(norm)))
print(run(authors(lambda s, g, l: np.sign(g))))
print(run(authors(signum, 0.01)))
print(run(authors(lambda s, g, l: g / np.linalg.norm(g), 0.01)))
print(run(authors(lambda s, g, l: g / l)))
print(run(authors(lambda s, g, l: g / l, 0.01)))

and of the averages, with `a.module` read in the place of `m`:

a = o.swa_utils.AveragedModel(m, multi_avg_fn=o.swa_utils.get_ema_multi_avg_fn(0.9))
a.update_parameters(m)
... fifty steps of SGD(lr=0.05, momentum=0.9), with a.update_parameters(m) after each
*/
#[test]
fn fifty_steps_equal_those_of_references() {
    let rms = "alpha = 0.9\noptimizer.epsilon = 1e-3\noptimizer.momentum = 0.5\noptimizer.centered = true\noptimizer.weight_decay = 0.01";
    let adagrad =
        "initial_accumulator = 0.25\noptimizer.epsilon = 1e-3\noptimizer.weight_decay = 0.01";
    let excluded = "weight_decay = 0.01\noptimizer.weight_decay_excludes = [\"biases\"]";
    let cases = [
        ("rmsprop", "weight_decay = 0", RMSPROP),
        ("rmsprop", rms, RMSPROP_CENTERED),
        ("adagrad", "weight_decay = 0", ADAGRAD),
        ("adagrad", adagrad, ADAGRAD_DECAYING),
        ("adamw", excluded, ADAMW_EXCLUDING),
        (
            "sgd",
            &format!("momentum = 0.9\noptimizer.{excluded}"),
            SGD_EXCLUDING,
        ),
        ("adagrad_norm", "initial_accumulator = 0.25", ADAGRAD_NORM),
        ("signsgd", "weight_decay = 0", SIGN),
        (
            "signsgd",
            "momentum = 0.9\noptimizer.weight_decay = 0.01",
            SIGNUM,
        ),
        ("normalized_sgd", "weight_decay = 0.01", NORMALISED),
        ("loss_normalized_sgd", "weight_decay = 0", LOSS_NORMALISED),
        (
            "loss_normalized_sgd",
            "weight_decay = 0.01",
            LOSS_NORMALISED_DECAYING,
        ),
    ];
    for (kind, keys, expected) in cases {
        let keys =
            format!("optimizer.kind = \"{kind}\"\noptimizer.{keys}\ntrain.full_batch = true");
        let problem = problem(&keys);
        let found = host(&steps(&mut stepper(&problem), start(&problem), 50));
        for (place, expected) in [0, 12, 26].into_iter().zip(expected) {
            assert!((found[place] - expected).abs() < 1e-12, "{keys}: {found:?}");
        }
    }
}

const RMSPROP: [f64; 3] = [-2.636332613129206, 1.454811583847126, -0.8768861623260639];
const RMSPROP_CENTERED: [f64; 3] = [2.4488179910235406, 0.28170129345742023, -1.252467512123978];
const ADAGRAD: [f64; 3] = [0.7616329384331736, 0.4947647947319844, 0.08658301760050348];
const ADAGRAD_DECAYING: [f64; 3] = [
    0.39502334869151856,
    0.19028513730825103,
    0.15178109862089495,
];
const ADAMW_EXCLUDING: [f64; 3] = [2.472778159239823, 0.6943313780836953, -0.5715087680643444];
const SGD_EXCLUDING: [f64; 3] = [
    0.4341381301186593,
    0.06501329588311096,
    -0.04048186144432074,
];
const ADAGRAD_NORM: [f64; 3] = [0.40900009560078027, 0.1874670639514937, 0.2874457110099798];
const SIGNUM: [f64; 3] = [2.3207354924039483, 0.5100835184133204, -1.321812035797749];
const SIGN: [f64; 3] = [
    1.420735492403949,
    0.31008351841332044,
    -0.021812035797748416,
];
const NORMALISED: [f64; 3] = [
    0.5552163957890052,
    0.11880002626794886,
    -0.10241792990432387,
];
const LOSS_NORMALISED: [f64; 3] = [0.4086642457151325, 0.18800708735321864, 0.25122242921777443];
const LOSS_NORMALISED_DECAYING: [f64; 3] = [
    0.39949847336812283,
    0.18387822474255397,
    0.24477318414368593,
];
const AVERAGE: [f64; 3] = [
    0.46575937591729494,
    0.07713367315475785,
    -0.03300796267940189,
];

#[test]
fn an_average_equals_that_of_pytorch_and_begins_when_it_is_to() {
    let keys = "optimizer.momentum = 0.9\ntrain.full_batch = true\naverage.kind = \"ema\"\naverage.decay = 0.9";
    let whole = problem(keys);
    let mut stepper_ = stepper(&whole);
    let position = steps(&mut stepper_, start(&whole), 50);
    let found = host(&stepper_.average_at(&position).unwrap());
    for (place, expected) in [0, 12, 26].into_iter().zip(AVERAGE) {
        assert!((found[place] - expected).abs() < 1e-12, "{found:?}");
    }

    let late = problem(&format!("{keys}\naverage.start = 3"));
    let mut stepper_ = stepper(&late);
    let third = steps(&mut stepper_, start(&late), 3);
    let average = stepper_.average_at(&third).unwrap();
    assert_eq!(host(&average), host(&third));
    let fourth = steps(&mut stepper_, third.clone(), 1);
    let found = host(&stepper_.average_at(&fourth).unwrap());
    for ((average, third), fourth) in found.iter().zip(host(&third)).zip(host(&fourth)) {
        assert!((average - (0.9 * third + 0.1 * fourth)).abs() < 1e-15);
    }
}

#[test]
fn running_statistics_are_averaged_and_their_counter_is_not() {
    let problem = problem(
        "model.norm = \"batch\"\ntrain.batch_size = 5\naverage.kind = \"ema\"\naverage.decay = 0.75",
    );
    let values = problem.initial_values();
    let mut stepper = stepper(&problem);
    let mut position = persistence::first(&problem, &values).position;
    let statistics = |at: &Position| at.statistics.to_host().unwrap();
    let mut expected = statistics(&position);
    for _ in 0..6 {
        position = steps(&mut stepper, position, 1);
        for (mean, now) in expected.iter_mut().zip(statistics(&position)) {
            *mean = 0.75 * *mean + 0.25 * now;
        }
    }
    let found = statistics(&stepper.average_at(&position).unwrap());
    let counter = found.len() - 1;
    assert_eq!(found[counter], 6.0);
    for (found, expected) in found[..counter].iter().zip(&expected) {
        assert!((found - expected).abs() < 1e-14);
    }
}

/// The largest eigenvalue of the Hessian of the loss over all samples, by another search.
fn sharpness(problem: &Problem, at: &Position) -> f64 {
    let samples = problem.train_chunks(None, crate::model::NormMode::Eval);
    let interrupt = Interrupt::never();
    let mut hessian = CurvatureOperator::new(
        Matrix::Hessian,
        &problem.objective,
        &at.parameters,
        &samples,
        interrupt,
    );
    let mut rng = Streams::new(9).stream("test", 0);
    let options = LanczosOptions {
        largest: 1,
        ..LanczosOptions::default()
    };
    let found = lanczos(&mut hessian, None, &mut rng, options, interrupt).unwrap();
    found.largest[0].value
}

#[test]
fn a_rate_bounded_by_sharpness_is_a_share_of_two_over_it() {
    let mut problem = problem(
        "optimizer.kind = \"gd\"\nschedule.limit = \"sharpness\"\nschedule.limit_factor = 0.5\n\
         schedule.limit_every = 3\nschedule.limit_steps = 20",
    );
    problem.config.optimizer.learning_rate = 4.0;
    let mut stepper = stepper(&problem);
    let mut position = start(&problem);
    let mut measured = 0.0;
    let mut is_bound = 0;
    for step in 0..24 {
        if step % 3 == 0 {
            measured = sharpness(&problem, &position);
        }
        let expected = match step {
            ..20 if measured > 0.0 => f64::min(4.0, 0.5 * 2.0 / measured),
            _ => 4.0,
        };
        assert_eq!(
            stepper.rate_of_next(&position).unwrap(),
            stepper.rate_of_next(&position).unwrap()
        );
        position = steps(&mut stepper, position, 1);
        let rate = stepper.rate_of_last(position.step);
        assert!(
            (rate / expected - 1.0).abs() < 2e-3,
            "{step}: {rate} {expected}"
        );
        is_bound += usize::from(rate < 4.0);
    }
    // The test must have seen it at work.
    assert!((5..=20).contains(&is_bound), "{is_bound}");
}

const KINDS: [&str; 10] = [
    "\"sgd\"\noptimizer.momentum = 0.9",
    "\"perturbed_gd\"\noptimizer.gradient_threshold = 10\noptimizer.perturbation_radius = 0.1\n\
     optimizer.perturbation_interval = 2",
    "\"normalized_sgd\"",
    "\"loss_normalized_sgd\"",
    "\"signsgd\"\noptimizer.momentum = 0.5",
    "\"adam\"",
    "\"adamw\"",
    "\"rmsprop\"\noptimizer.momentum = 0.5\noptimizer.centered = true",
    "\"adagrad\"",
    "\"adagrad_norm\"",
];

const NETWORKS: [&str; 3] = [
    "model.hidden = [3]\nmodel.norm = \"batch\"",
    "model.kind = \"resnet\"\nmodel.width = 2\nmodel.blocks = [1]",
    "model.kind = \"transformer\"\nmodel.patch = 1\nmodel.width = 4\nmodel.depth = 1\nmodel.heads = 2\n\
     model.mlp_width = 4\nmodel.dropout = 0.2",
];

/// On each of the networks: steps from a state that was saved, in a stepper made anew, are the steps of one
/// that was left alone, to the bit; their averages and rates too.
#[test]
fn every_rule_goes_on_from_what_it_has_saved_on_every_network() {
    for network in NETWORKS {
        for kind in KINDS {
            let batches = match kind.contains("perturbed") {
                true => "train.full_batch = true",
                false => "train.batch_size = 3",
            };
            let text = format!(
                "precision = \"f64\"\n{network}\noptimizer.kind = {kind}\noptimizer.learning_rate = 0.3\n\
                 optimizer.weight_decay = 0.01\noptimizer.weight_decay_excludes = [\"norms\", \"biases\"]\n\
                 train.steps = 30\n{batches}\naverage.kind = \"ema\"\naverage.decay = 0.8\naverage.start = 2\n\
                 schedule.limit = \"sharpness\"\nschedule.limit_every = 3"
            );
            let config = parse(&text, "x.toml", &[], "x", &[]).unwrap();
            let problem = Problem::with_data(config, data()).unwrap();
            let values = problem.initial_values();
            let start = persistence::first(&problem, &values).position;
            let mut whole = stepper(&problem);
            let expected = steps(&mut whole, start.clone(), 9);
            let mut first = stepper(&problem);
            let middle = steps(&mut first, start, 5);
            let mut second = stepper(&problem);
            let layout = problem.objective.network().layout();
            second
                .load(first.save().unwrap(), layout, problem.compute())
                .unwrap();
            assert_eq!(second.rate_of_last(5), first.rate_of_last(5), "{text}");
            let found = steps(&mut second, middle, 4);
            assert_eq!(host(&found), host(&expected), "{text}");
            assert!(host(&found).iter().all(|value| value.is_finite()), "{text}");
            assert_eq!(second.save().unwrap(), whole.save().unwrap(), "{text}");
            assert_eq!(second.rate_of_last(9), whole.rate_of_last(9), "{text}");
        }
    }
}

#[test]
fn what_a_checkpoint_lacks_or_has_too_much_is_told() {
    let keys = "train.batch_size = 2\naverage.kind = \"ema\"\nschedule.limit = \"sharpness\"";
    let (with, without) = (problem(keys), problem("train.batch_size = 2"));
    let mut whole = stepper(&with);
    let _ = steps(&mut whole, start(&with), 3);
    let parts = whole.save().unwrap();
    let layout = with.objective.network().layout();
    let load = |problem: &Problem, parts: Parts| {
        let mut stepper = stepper(problem);
        stepper.load(parts, layout, problem.compute()).unwrap_err()
    };
    assert_eq!(
        load(&without, parts.clone()),
        "it holds the state of `average`, which this run does not have"
    );
    let mut damaged = parts.clone();
    damaged.get_mut("average").unwrap().vectors.remove(0);
    assert_eq!(load(&with, damaged), "it has no `parameters` after 3 steps");
    let mut damaged = parts;
    let rate = damaged.get_mut("learning_rate").unwrap();
    rate.vectors.last_mut().unwrap().1.pop();
    let message = load(&with, damaged);
    assert!(message.starts_with("its `eigenvectors` have "), "{message}");
}
