//! Fifty steps of what draws at random, against references that are given what was drawn: which samples, and where
//! jumps lead, are data of the scripts, and the tests ask first that the program draws just these.

use super::*;
use crate::data::{epoch_order, replacement_batch, second_replacement_batch};

/*
The expected numbers are what this prints, with the constants of this file in their places:

import torch
from torch import nn
torch.set_default_dtype(torch.float64)
x = torch.tensor([i*i % 251 for i in range(20)], dtype=torch.float64).reshape(5, 4) / 255
y = torch.tensor([i % 3 for i in range(5)])
def run(step, steps=50):
    m = nn.Sequential(nn.Linear(4, 3), nn.Tanh(), nn.Linear(3, 3))
    nn.utils.vector_to_parameters(0.5 * torch.sin(torch.arange(1, 28, dtype=torch.float64)), m.parameters())
    p = list(m.parameters())
    loss = lambda rows: nn.functional.cross_entropy(m(x[rows]), y[rows])
    gradient = lambda value: nn.utils.parameters_to_vector(torch.autograd.grad(value, p))
    for t in range(steps):
        w = nn.utils.parameters_to_vector(p).detach()
        nn.utils.vector_to_parameters(w + step(t, loss, gradient), p)
    return nn.utils.parameters_to_vector(p)[[0, 12, 26]].tolist()

digits = lambda word: [int(digit) for digit in word]

# SVAG: one step for a pair of independent batches, of the rate over l (Li, Malladi & Arora 2021, eq. 7).
def svag(l, rate):
    root = (2 * l - 1) ** 0.5
    def step(t, loss, gradient):
        pair = digits(PAIRS.split()[t])
        combined = 0.5 * (1 + root) * loss(pair[:2]) + 0.5 * (1 - root) * loss(pair[2:])
        return -rate / l * gradient(combined)
    return step
print("SVAG", [run(svag(l, 0.3)) for l in (2, 3, 8)])

# Epochs over five samples in batches of B f^(e // every), rounded, but not above a largest one; at a rate that follows
# the size of a batch, whatever is left for the last batch of an epoch (Smith et al. 2018; Goyal et al. 2017;
# Krizhevsky 2014, sec. 5).
def growing(first, every=None, factor=1.0, largest=5, power=0.0, base=1, momentum=0.0, rate=0.05):
    batches = []
    for e, order in enumerate(ORDERS.split()):
        size = min(int(first * factor ** (e // every) + 0.5) if every else first, largest)
        batches += [(size, digits(order[i:i + size])) for i in range(0, 5, size)]
    state = {"v": 0.0}
    def step(t, loss, gradient):
        size, rows = batches[t]
        state["v"] = momentum * state["v"] + gradient(loss(rows))
        return -rate * (size / base) ** power * state["v"]
    return step
print("GROWING", [run(growing(*case)) for case in [
    (1, 4, 2.0), (1, 4, 2.0, 5, 1.0, 2), (1, 4, 2.0, 5, 0.5, 2), (1, 3, 1.5, 4, 1.0, 8, 0.9)]])
print("FOLLOWING", [run(growing(2, power=power, base=8, rate=0.4)) for power in (1.0, 0.5)])

# A jump where the gradient is no longer than epsilon and none of the last T steps was one; else descent (Jin et al. 2021).
def perturbed(rate, epsilon, T):
    ways, jumps = iter(way for _, way in JUMPS), []
    def step(t, loss, gradient):
        g = gradient(loss(range(5)))
        if g.norm() <= epsilon and not any(t - T <= jump < t for jump in jumps):
            jumps.append(t)
            return -rate * torch.tensor([float(number) for number in next(ways).split()])
        return -rate * g
    return step, jumps
step, jumps = perturbed(0.2, 0.15, 18)
print("PERTURBED", run(step), jumps)
*/

/// For each step the two samples of a batch and the two of another, drawn with replacement.
const PAIRS: &str = "3402 2302 4402 4412 0123 4431 3220 1412 3434 2432 2101 4212 4303 1302 3004 2201 3210 3032 4444 0343 \
     1300 2010 4223 4231 2143 3222 3210 3424 4133 2012 3202 2212 1421 3223 3214 4140 0030 2034 2100 2432 \
     0002 4014 4310 2420 2112 1243 1104 4132 3323 0103";

/// The samples in the order of each epoch.
const ORDERS: &str = "34102 23140 40123 40213 01423 40213 32140 14203 34102 24013 20314 43210 43021 14302 31420 23401 \
     30421 31240 40123 04123 13420 21403 43102 42301";

/// The steps that are jumps, and where each leads, over the rate, against its direction.
const JUMPS: [(usize, &str); 2] = [
    (
        12,
        "0.19766103124918 -0.4795354489756683 0.5262881427991781 -0.20981282057818768 -0.4276887092312462 \
     0.21816765822491582 -0.0538266051713808 0.12243677859326701 0.2200488928526869 -0.45674336755465894 \
     -0.1308718947365648 0.2287676228952527 -0.158115194094938 -0.5930048562518251 0.4330430461273359 \
     -0.07347260188250199 -0.4781523189225434 0.25322933124851216 0.5059348741028943 -0.6029297677419834 \
     0.5634250506802243 0.5742063944603654 -0.23477422230915215 0.11244893434073633 0.5664723295936935 \
     -0.03877249312568798 0.010842766852624308",
    ),
    (
        31,
        "-0.09197560299542973 0.276514175999128 -0.18072403815176968 0.8713118798772084 -0.5742527683757893 \
     -0.5956888925632358 0.5648235176585745 -0.1533114365588676 -0.5710480697756138 0.7213963342299041 \
     -0.2246082267168883 0.36634197961870313 -0.22399975131318622 -0.16301205001598795 \
     -0.028215748675542107 -0.1495081216491395 0.0022617383683055103 -0.01023144293833278 \
     -0.36623465573935854 0.07282662998138487 0.05770039000510674 -0.627741131066742 -0.16779369214201567 \
     -0.1535852246549032 -0.05418214133445454 0.089692570145125 0.29521489037199533",
    ),
];

const SVAG: [[f64; 3]; 3] = [
    [0.4062461788286486, 0.12859148854343522, 0.1847648113510614],
    [0.39356138324054835, 0.16327222101304512, 0.264087503066733],
    [0.396387239217632, 0.2094915612193107, 0.4086937234535495],
];
const GROWING: [[f64; 3]; 4] = [
    [
        0.40776220513286127,
        0.18373710984964828,
        0.22065804615787724,
    ],
    [0.4088223260629196, 0.18585025783281472, 0.1808340095328625],
    [0.4081526208632411, 0.18496549742001533, 0.21007808402470005],
    [
        0.39850966116482933,
        0.12375003099450266,
        -0.0010212147321266053,
    ],
];
const FOLLOWING: [[f64; 3]; 2] = [
    [0.413557408633502, 0.17401026044053214, 0.11079292250179969],
    [
        0.44081806200842943,
        0.11751584170295545,
        0.024648675043489783,
    ],
];
const PERTURBED: [f64; 3] = [
    0.44766573746009125,
    0.2774340024908862,
    0.013546706543423492,
];

/// The end of fifty steps is that of the reference, to twelve digits of parameters of 0.1 and more.
fn assert_ends(keys: &str, expected: [f64; 3]) {
    let problem = problem(&format!("{keys}\ntrain.steps = 50"));
    let found = host(&steps(&mut stepper(&problem), start(&problem), 50));
    for (place, expected) in [0, 12, 26].into_iter().zip(expected) {
        let error = (found[place] - expected).abs();
        let allowed = 1e-12 * expected.abs().max(0.1);
        assert!(error < allowed, "{keys}: {} for {expected}", found[place]);
    }
}

fn digits(samples: impl IntoIterator<Item = u32>) -> String {
    samples
        .into_iter()
        .map(|sample| sample.to_string())
        .collect()
}

/// What a constant says, whatever lines it is on.
fn words(drawn: &str) -> Vec<&str> {
    drawn.split_whitespace().collect()
}

#[test]
fn fifty_steps_of_svag_equal_those_of_the_authors_formula() {
    let batches =
        "train.batch_size = 2\ntrain.sampling = \"replacement\"\noptimizer.learning_rate = 0.3";
    let streams = problem(batches).streams;
    let pairs: Vec<String> = (0..50)
        .map(|step| {
            let first = replacement_batch(&streams, step, 5, 2);
            digits(
                first
                    .into_iter()
                    .chain(second_replacement_batch(&streams, step, 5, 2)),
            )
        })
        .collect();
    assert_eq!(words(PAIRS), pairs, "{}", pairs.join(" "));
    for (l, expected) in [2, 3, 8].into_iter().zip(SVAG) {
        assert_ends(&format!("{batches}\ntrain.svag = {l}"), expected);
    }
}

#[test]
fn fifty_steps_in_growing_batches_equal_those_of_a_reference() {
    let streams = problem("train.batch_size = 1").streams;
    let orders: Vec<String> = (0..24)
        .map(|epoch| digits(epoch_order(&streams, epoch, 5)))
        .collect();
    assert_eq!(words(ORDERS), orders, "{}", orders.join(" "));
    let doubled = "train.batch_size = 1\ntrain.batch_schedule = \"step\"\ntrain.batch_every = 4";
    let rule = |word: &str, base| {
        format!("learning_rate_rule = {{ rule = \"{word}\", base_batch = {base} }}")
    };
    let cases = [
        doubled.to_owned(),
        format!("{}\n{doubled}", rule("linear", 2)),
        format!("{}\n{doubled}", rule("sqrt", 2)),
        // 1, 1.5, 2.25, 3.375 and 4 samples; the last batches of epochs are smaller.
        format!(
            "{}\noptimizer.momentum = 0.9\ntrain.batch_size = 1\ntrain.batch_schedule = \"step\"\n\
             train.batch_every = 3\ntrain.batch_factor = 1.5\ntrain.largest_batch = 4",
            rule("linear", 8)
        ),
    ];
    for (keys, expected) in cases.iter().zip(GROWING) {
        assert_ends(keys, expected);
    }
    // Without growth: two samples at a rate that is meant for eight, 0.1 and 0.2 in the place of 0.4.
    for (word, rate, expected) in [("linear", 0.1, FOLLOWING[0]), ("sqrt", 0.2, FOLLOWING[1])] {
        let rule = rule(word, 8);
        let keys = format!("{rule}\ntrain.batch_size = 2\noptimizer.learning_rate = 0.4");
        assert_ends(&keys, expected);
        let found = problem(&keys).schedule().learning_rate(7);
        assert!(
            (found / rate - 1.0).abs() < 1e-15,
            "{word}: {found} for {rate}"
        );
    }
}

#[test]
fn fifty_steps_of_perturbed_descent_equal_those_of_the_authors_algorithm() {
    let keys = "optimizer.kind = \"perturbed_gd\"\noptimizer.gradient_threshold = 0.15\n\
                optimizer.perturbation_radius = 2.0\noptimizer.perturbation_interval = 18\n\
                optimizer.learning_rate = 0.2\ntrain.full_batch = true";
    let problem = problem(keys);
    let (mut stepper, mut at) = (stepper(&problem), start(&problem));
    let mut jumps = Vec::new();
    for step in 0..50 {
        let gradient = stepper.gradient(&at);
        let slopes = gradient.gradient.to_host().unwrap();
        let before = host(&at);
        stepper.follow(&mut at, gradient).unwrap();
        let moves: Vec<f64> = before
            .iter()
            .zip(host(&at))
            .map(|(a, b)| (a - b) / 0.2)
            .collect();
        if moves
            .iter()
            .zip(&slopes)
            .any(|(way, slope)| (way - slope).abs() > 1e-10)
        {
            jumps.push((step, moves));
        }
    }
    assert_eq!(jumps.len(), JUMPS.len(), "{jumps:?}");
    for ((step, moves), (expected, numbers)) in jumps.iter().zip(JUMPS) {
        assert_eq!(
            (*step, words(numbers).len()),
            (expected, moves.len()),
            "{moves:?}"
        );
        for (found, expected) in moves.iter().zip(words(numbers)) {
            let expected: f64 = expected.parse().unwrap();
            assert!((found - expected).abs() < 1e-14, "{found} for {expected}");
        }
        // In a ball of radius 2 of 27 dimensions nearly all is near the boundary.
        let length = moves.iter().map(|x| x * x).sum::<f64>().sqrt();
        assert!((1.5..=2.0 + 1e-12).contains(&length), "{length}");
    }
    assert_ends(keys, PERTURBED);
}
