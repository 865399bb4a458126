#!/usr/bin/env python3
"""Runs `cargo bench --bench kernels` and the same work in PyTorch, in turns, and prints ratios.

Needs PyTorch (`pip install torch`). Usage: python benches/compare_kernels.py [--rounds N] [case ...]
Words choose the cases whose names contain one of them. Turns alternate, so that a machine that slows
down slows both; each figure is a median over turns.
"""

import argparse
import json
import statistics
import subprocess

import torch
from compare import median_seconds
from torch import nn
from torch.nn import functional

BATCH = 128
LAYERS = [(3, 16, 1, 32), (16, 16, 1, 32), (16, 32, 2, 32), (32, 32, 1, 16), (32, 64, 2, 16), (64, 64, 1, 8)]


def convolution(inputs, outputs, extent, stride):
    return nn.Conv2d(inputs, outputs, extent, stride, extent // 2, bias=False)


class Block(nn.Module):
    def __init__(self, inputs, outputs, stride):
        super().__init__()
        self.first = convolution(inputs, outputs, 3, stride)
        self.second = convolution(outputs, outputs, 3, 1)
        self.shortcut = convolution(inputs, outputs, 1, stride) if stride > 1 else nn.Identity()

    def forward(self, x):
        return torch.relu(self.second(torch.relu(self.first(x))) + self.shortcut(x))


def six_convolutions():
    return [part for i, o, s, _ in LAYERS for part in (convolution(i, o, 3, s), nn.ReLU())]


def residual_network():
    blocks = [convolution(3, 16, 3, 1), nn.ReLU()]
    for inputs, outputs, stride in [(16, 16, 1), (16, 32, 2), (32, 64, 2)]:
        blocks += [Block(inputs, outputs, stride)] + [Block(outputs, outputs, 1) for _ in range(2)]
    return blocks


def time_layer(inputs, outputs, stride, extent):
    x = torch.rand(BATCH, inputs, extent, extent) - 0.5
    w = torch.rand(outputs, inputs, 3, 3) - 0.5
    leaves = x.clone().requires_grad_(), w.clone().requires_grad_()
    convolve = lambda x, w: functional.conv2d(x, w, stride=stride, padding=1)
    return {
        "forward": median_seconds(lambda: convolve(x, w), 9, 0.05),
        "forward and input": median_seconds(
            lambda: torch.autograd.grad(convolve(leaves[0], w).sum(), leaves[0]), 9, 0.05
        ),
        "forward and weight": median_seconds(
            lambda: torch.autograd.grad(convolve(x, leaves[1]).sum(), leaves[1]), 9, 0.05
        ),
    }


def time_network(body):
    model = nn.Sequential(*body, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, 10, bias=False))
    parameters = list(model.parameters())
    directions = [torch.rand_like(p) - 0.5 for p in parameters]
    images = 2 * torch.rand(BATCH, 3, 32, 32) - 1
    targets = torch.arange(BATCH) % 10
    loss = lambda: functional.cross_entropy(model(images), targets)

    def hvp():
        gradient = torch.autograd.grad(loss(), parameters, create_graph=True)
        slope = sum((a * b).sum() for a, b in zip(gradient, directions))
        torch.autograd.grad(slope, parameters)

    return {
        "gradient": median_seconds(lambda: torch.autograd.grad(loss(), parameters), 9, 0.05),
        "hvp": median_seconds(hvp, 9, 0.05),
    }


def time_function(function):
    x = 8 * torch.rand(1 << 18) - 4
    return {"forward": median_seconds(lambda: function(x), 9, 0.05)}


CASES = {
    **{f"layer-{i}": (lambda layer=layer: time_layer(*layer)) for i, layer in enumerate(LAYERS)},
    "six-convolutions": lambda: time_network(six_convolutions()),
    "resnet-20": lambda: time_network(residual_network()),
    "tanh": lambda: time_function(torch.tanh),
    "exp": lambda: time_function(torch.exp),
    "erf": lambda: time_function(torch.erf),
}


def pytorch(words):
    torch.manual_seed(0)
    return {
        (case, what): seconds
        for case, call in CASES.items()
        if not words or any(word in case for word in words)
        for what, seconds in call().items()
    }


def lab(words):
    command = ["cargo", "bench", "--bench", "kernels", "--", *words]
    output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    rows = [json.loads(line) for line in output.splitlines() if line.startswith("{")]
    return {(row["case"], row["what"], row["of"]): row["seconds"] for row in rows}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("cases", nargs="*")
    arguments = parser.parse_args()
    figures = {}
    for _ in range(arguments.rounds):
        for key, value in lab(arguments.cases).items():
            figures.setdefault(key, []).append(value)
        for key, value in pytorch(arguments.cases).items():
            figures.setdefault((*key, "pytorch"), []).append(value)
    medians = {key: statistics.median(values) for key, values in figures.items()}
    print(f"PyTorch {torch.__version__}, {torch.get_num_threads()} threads; milliseconds")
    print("| case | what | lab | Burn | PyTorch | lab / Burn | lab / PyTorch |")
    print("|---|---|---:|---:|---:|---:|---:|")
    for case, what in [key[:2] for key in medians if key[2] == "kernel"]:
        own, library, peer = [medians[case, what, of] for of in ("kernel", "library", "pytorch")]
        print(
            f"| {case} | {what} | {1e3 * own:.3f} | {1e3 * library:.3f} | {1e3 * peer:.3f} "
            f"| {own / library:.2f} | {own / peer:.2f} |"
        )


if __name__ == "__main__":
    main()
