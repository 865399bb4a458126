//! Margins, norms and noise of a network with tanh, against an independent program.

use crate::measure::testing::fixture::{Fixture, INPUTS, SAMPLES, assert_close};
use crate::model::Activation;

/*
The expected numbers are what PyTorch gives:

import torch
torch.set_default_dtype(torch.float64)
number = lambda i, a, m: ((i * a) % m - m // 2) / (m - 1)
theta = torch.tensor([number(i, 37, 11) for i in range(43)])
x = torch.tensor([number(i, 29, 13) for i in range(32)]).reshape(8, 4)
y = torch.arange(8) % 3
def net(theta, x):
    w, b, v, c = theta[:20].reshape(5, 4), theta[20:25], theta[25:40].reshape(3, 5), theta[40:]
    return torch.tanh(x @ w.T + b) @ v.T + c
loss = lambda theta, i: torch.nn.functional.cross_entropy(net(theta, x[i:i + 1]), y[i:i + 1])
g = torch.stack([torch.func.grad(loss)(theta, i) for i in range(8)])
h = torch.stack([torch.func.hessian(loss)(theta, i) for i in range(8)])
print("noise.trace", ((g - g.mean(0)) ** 2).sum(1).mean().item())
print("noise.scale", (((g - g.mean(0)) ** 2).sum(1).mean() / (g.mean(0) ** 2).sum()).item())
spread = ((h - h.mean(0)) @ (h - h.mean(0))).mean(0)
print("noise.nonuniformity", torch.linalg.eigvalsh(spread)[-1].sqrt().item())
z, d = net(theta, x), []
for i in range(8):
    j = torch.func.jacrev(lambda x: net(theta, x))(x[i])
    d.append(min(((z[i, y[i]] - z[i, k]) / (j[y[i]] - j[k]).norm()).item() for k in range(3) if k != y[i]))
print("margin.input.median", torch.quantile(torch.tensor(d), 0.5).item())
w, v = theta[:20].reshape(5, 4), theta[25:40].reshape(3, 5)
product = torch.linalg.matrix_norm(w, 2) * torch.linalg.matrix_norm(v, 2)
print("norm.spectral.product", product.item())
top = torch.stack([z[i, y[i]] - max(z[i, k] for k in range(3) if k != y[i]) for i in range(8)])
print("margin.spectral", (top.min() / product).item())
print("norm.path", (v.abs() @ (w.abs().sum(1) + theta[20:25].abs()) + theta[40:].abs()).sum().item())
*/
#[test]
fn measures_are_those_of_pytorch() {
    let number =
        |i: usize, a: usize, m: usize| ((i * a % m) as f64 - (m / 2) as f64) / (m - 1) as f64;
    let mut fixture = Fixture::new(&[5], 3, Activation::Tanh, true);
    fixture.values = (0..43).map(|i| number(i, 37, 11)).collect();
    fixture.inputs = (0..SAMPLES * INPUTS).map(|i| number(i, 29, 13)).collect();
    let expected = [
        ("noise.trace", 1.474717286331881),
        ("noise.scale", 64.0761181324112),
        ("noise.nonuniformity", 0.8522351092058466),
        ("margin.input.median", -0.10013069420710648),
        ("norm.spectral.product", 0.8060730859709643),
        ("margin.spectral", -1.0906983238667123),
        ("norm.path", 6.22),
    ];
    for (name, expected) in expected {
        // An eigenvalue is as good as the square of its residual of at most 1e-3.
        let tolerance = if name == "noise.nonuniformity" {
            1e-5
        } else {
            1e-10
        };
        assert_close(fixture.value(name), expected, tolerance);
    }
}
