//! Fifty steps against PyTorch's.

use crate::train::testing::{host, problem, start, stepper, steps};

/*
The expected numbers are what this prints, the authors' formulas written out where PyTorch has none:

import torch
nn, o = torch.nn, torch.optim
x = torch.tensor([i*i % 251 for i in range(20)], dtype=torch.float64).reshape(5, 4) / 255
y = torch.tensor([i % 3 for i in range(5)])
def run(make, follow):
    m = nn.Sequential(nn.Linear(4, 3), nn.Tanh(), nn.Linear(3, 3)).double()
    nn.utils.vector_to_parameters(0.5 * torch.sin(torch.arange(1, 28, dtype=torch.float64)), m.parameters())
    p = list(m.parameters())
    loss = lambda rows: nn.functional.cross_entropy(m(x[rows]), y[rows])
    optimizer = make(p)
    for t in range(50):
        for w, g in zip(p, follow(p, loss, t)): w.grad = g
        optimizer.step()
    return nn.utils.parameters_to_vector(p)[[0, 12, 26]].tolist()
grad = lambda value, p: torch.autograd.grad(value, p)
def sam(rho, ball='l2', eta=None, pieces=[range(5)]):
    def follow(p, loss, t):
        total = [torch.zeros_like(w) for w in p]
        for rows in map(list, pieces):
            scale = [torch.ones_like(w) if eta is None else w.detach().abs() + eta for w in p]
            g = [s * v for s, v in zip(scale, grad(loss(rows), p))]
            norm = torch.sqrt(sum((v * v).sum() for v in g))
            r = rho(t) if callable(rho) else rho
            e = [r * s * (v / norm if ball == 'l2' else v.sign()) for s, v in zip(scale, g)]
            with torch.no_grad():
                for w, d in zip(p, e): w += d
            for sum_, v in zip(total, grad(loss(rows), p)): sum_ += len(rows) / 5 * v
            with torch.no_grad():
                for w, d in zip(p, e): w -= d
        return total
    return follow
def penalty(mu):
    def follow(p, loss, t):
        value = loss(list(range(5)))
        g = torch.autograd.grad(value, p, create_graph=True)
        return grad(value + 0.5 * mu * sum((v * v).sum() for v in g), p)
    return follow
def clipped(clip):
    def follow(p, loss, t):
        for w, g in zip(p, grad(loss(list(range(5))), p)): w.grad = g
        clip(p)
        return [w.grad for w in p]
    return follow
sgd = lambda p: o.SGD(p, lr=0.05, momentum=0.9)
print(run(sgd, sam(0.1)))
print(run(sgd, sam(0.02, ball='linf')))
print(run(sgd, sam(0.5, eta=0.01)))
print(run(sgd, sam(0.2, ball='linf', eta=0.01)))
print(run(sgd, sam(0.1, pieces=[range(2), range(2, 5)])))
print(run(lambda p: o.Adam(p, lr=0.05), sam(lambda t: 0.1 + (0.3 - 0.1) * t / 49)))
print(run(sgd, penalty(0.2)))
print(run(sgd, clipped(lambda p: nn.utils.clip_grad_norm_(p, 0.1))))
print(run(sgd, clipped(lambda p: nn.utils.clip_grad_value_(p, 0.02))))
*/
const SGD: &str = "optimizer.kind = \"gd\"\noptimizer.momentum = 0.9";
const ADAM: &str = "optimizer.kind = \"adam\"\ntrain.full_batch = true";

/// The optimizer, what changes its gradient, and three of the numbers that the script gives.
const CASES: [(&str, &str, [f64; 3]); 9] = [
    (
        SGD,
        "sharpness_aware.rho = 0.1",
        [
            0.5046576719562916,
            0.056075650821991056,
            -0.06726030732132626,
        ],
    ),
    (
        SGD,
        "sharpness_aware = { rho = 0.02, ball = \"linf\" }",
        [
            0.5144523710890252,
            0.049073023465885456,
            -0.05461371085842709,
        ],
    ),
    (
        SGD,
        "sharpness_aware = { rho = 0.5, kind = \"asam\", scaling = \"elementwise\" }",
        [
            0.5315719750951513,
            0.059749002780621244,
            -0.11748131238238353,
        ],
    ),
    (
        SGD,
        "sharpness_aware = { rho = 0.2, kind = \"asam\", scaling = \"elementwise\", ball = \"linf\" }",
        [
            0.5550878675106121,
            0.05304970346036172,
            -0.11159389888564356,
        ],
    ),
    (
        SGD,
        "sharpness_aware = { rho = 0.1, batch = 2 }",
        [0.4984577602576827, 0.03101869368650484, -0.073923184309638],
    ),
    (
        ADAM,
        "sharpness_aware = { rho = 0.1, schedule = \"linear\", final_rho = 0.3 }",
        [2.2643616529160755, 0.5424768024485211, -0.4214277427359367],
    ),
    (
        SGD,
        "gradient_penalty.strength = 0.2",
        [
            0.5078898769441913,
            0.04944098273265247,
            -0.04513246921099461,
        ],
    ),
    (
        SGD,
        "train.clip_norm = 0.1",
        [0.4514582570302116, 0.13647269740063545, -0.0236851318704453],
    ),
    (
        SGD,
        "train.clip_value = 0.02",
        [
            0.43464773192442013,
            0.28629819487908337,
            0.07503358001983881,
        ],
    ),
];

#[test]
fn fifty_steps_equal_those_of_pytorch() {
    for (base, keys, expected) in CASES {
        let problem = problem(&format!("{base}\ntrain.steps = 50\n{keys}"));
        let found = host(&steps(&mut stepper(&problem), start(&problem), 50));
        for (place, expected) in [0, 12, 26].into_iter().zip(expected) {
            assert!((found[place] - expected).abs() < 1e-12, "{keys}: {found:?}");
        }
    }
}
