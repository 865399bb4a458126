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

/*
Filter-wise ASAM on a network with convolutions: for each of their filters its norm, for every other parameter its
size (Kwon et al. 2021, sec. 3). The expected numbers are what this prints:

import torch
from torch import nn
torch.set_default_dtype(torch.float64)
x = torch.tensor([i*i % 251 for i in range(20)], dtype=torch.float64).reshape(5, 1, 2, 2) / 255
y = torch.tensor([i % 3 for i in range(5)])
class ResNet(nn.Module):
    def __init__(self, norm):
        super().__init__()
        convolution = lambda inputs: nn.Conv2d(inputs, 2, 3, padding=1, bias=False)
        self.conv1, self.bn1 = convolution(1), norm(2)
        self.conv2, self.bn2 = convolution(2), norm(2)
        self.conv3, self.bn3 = convolution(2), norm(2)
        self.fc = nn.Linear(2, 3)
    def forward(self, x):
        x = torch.tanh(self.bn1(self.conv1(x)))
        y = self.bn3(self.conv3(torch.tanh(self.bn2(self.conv2(x)))))
        return self.fc(torch.tanh(y + x).mean((2, 3)))
def run(norm, rho, ball, eta=0.01, by_filter=True):
    m = ResNet(norm)
    p = list(m.parameters())
    n = sum(w.numel() for w in p)
    nn.utils.vector_to_parameters(0.5 * torch.sin(torch.arange(1, n + 1, dtype=torch.float64)), p)
    optimizer = torch.optim.SGD(p, lr=0.05, momentum=0.9)
    gradient = lambda: torch.autograd.grad(nn.functional.cross_entropy(m(x), y), p)
    for t in range(50):
        sizes = lambda w: w.flatten(1).norm(dim=1)[:, None, None, None].expand(w.shape)
        scale = [(sizes(w) if by_filter and w.dim() == 4 else w.abs()).detach() + eta for w in p]
        g = [s * v for s, v in zip(scale, gradient())]
        norm_ = torch.sqrt(sum((v * v).sum() for v in g))
        moves = [rho * s * (v / norm_ if ball == "l2" else v.sign()) for s, v in zip(scale, g)]
        with torch.no_grad():
            for w, d in zip(p, moves): w += d
        after = gradient()
        with torch.no_grad():
            for w, d in zip(p, moves): w -= d
        for w, v in zip(p, after): w.grad = v
        optimizer.step()
    return nn.utils.parameters_to_vector(p)[[0, 40, n - 1]].tolist()
print(run(lambda c: nn.Identity(), 0.5, "l2"))
print(run(lambda c: nn.Identity(), 0.2, "linf"))
print(run(nn.BatchNorm2d, 0.5, "l2"))
print(run(lambda c: nn.Identity(), 0.5, "l2", by_filter=False))
*/
#[test]
fn fifty_steps_of_filter_wise_asam_equal_those_of_the_authors_formula() {
    let filters = "kind = \"asam\", scaling = \"filterwise\"";
    let cases = [
        (
            "none",
            format!("{filters}, rho = 0.5"),
            [
                0.48949996644186844,
                -0.061844798128113145,
                -0.7035549020233547,
            ],
        ),
        (
            "none",
            format!("{filters}, rho = 0.2, ball = \"linf\""),
            [
                0.39633322098315116,
                -0.15438369862072251,
                -0.6996920757082661,
            ],
        ),
        (
            "batch",
            format!("{filters}, rho = 0.5"),
            [0.48857477582556, -0.0830913533130092, -0.5400933105091938],
        ),
        // The other scaling ends elsewhere.
        (
            "none",
            "kind = \"asam\", scaling = \"elementwise\", rho = 0.5".to_owned(),
            [
                0.5460133754200802,
                -0.07083780567490812,
                -0.7519641331853153,
            ],
        ),
    ];
    for (norm, keys, expected) in cases {
        let problem = problem(&format!(
            "model.kind = \"resnet\"\nmodel.width = 2\nmodel.blocks = [1]\nmodel.activation = \"tanh\"\n\
             model.norm = \"{norm}\"\noptimizer.kind = \"gd\"\noptimizer.momentum = 0.9\ntrain.steps = 50\n\
             sharpness_aware = {{ {keys} }}"
        ));
        let found = host(&steps(&mut stepper(&problem), start(&problem), 50));
        for (place, expected) in [0, 40, found.len() - 1].into_iter().zip(expected) {
            let error = (found[place] / expected - 1.0).abs();
            assert!(
                error < 1e-12,
                "{norm}, {keys}: {} for {expected}",
                found[place]
            );
        }
    }
}
