#!/usr/bin/env python3
"""Runs `cargo bench --bench networks` and the same work in PyTorch, in turns, and prints ratios.

Needs PyTorch (`pip install torch`). Usage: python benches/compare.py [--rounds N] [word ...]
A word names a backend (cpu is the default) or begins the name of a case.
Turns alternate, so that a machine that slows down slows both; each figure is a median over turns.
"""

import argparse
import json
import statistics
import subprocess
import time

import torch


def mlp(*widths):
    layers = []
    for inputs, outputs in zip(widths, widths[1:]):
        layers += [torch.nn.Linear(inputs, outputs), torch.nn.ReLU()]
    return torch.nn.Sequential(*layers[:-1])


class Block(torch.nn.Module):
    def __init__(self, inputs, outputs, stride):
        super().__init__()
        conv = lambda i, o, size, stride: torch.nn.Conv2d(i, o, size, stride, size // 2, bias=False)
        self.conv1, self.bn1 = conv(inputs, outputs, 3, stride), torch.nn.BatchNorm2d(outputs)
        self.conv2, self.bn2 = conv(outputs, outputs, 3, 1), torch.nn.BatchNorm2d(outputs)
        self.downsample = torch.nn.Identity()
        if stride != 1 or inputs != outputs:
            self.downsample = torch.nn.Sequential(
                conv(inputs, outputs, 1, stride), torch.nn.BatchNorm2d(outputs)
            )

    def forward(self, x):
        hidden = torch.relu(self.bn1(self.conv1(x)))
        return torch.relu(self.bn2(self.conv2(hidden)) + self.downsample(x))


def resnet20():
    layers = [
        torch.nn.Unflatten(1, (3, 32, 32)),
        torch.nn.Conv2d(3, 16, 3, padding=1, bias=False),
        torch.nn.BatchNorm2d(16),
        torch.nn.ReLU(),
    ]
    channels = 16
    for stage, width in enumerate([16, 32, 64]):
        for index in range(3):
            layers.append(Block(channels, width, 2 if stage and not index else 1))
            channels = width
    pool = [torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten(), torch.nn.Linear(64, 10)]
    return torch.nn.Sequential(*layers, *pool)


class Attention(torch.nn.Module):
    """Written out, because PyTorch's fused attention has no second derivative."""

    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.qkv, self.out = torch.nn.Linear(width, 3 * width), torch.nn.Linear(width, width)

    def forward(self, x):
        batch, tokens, width = x.shape
        q, k, v = self.qkv(x).view(batch, tokens, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        weights = (q @ k.transpose(-2, -1) / q.shape[-1] ** 0.5).softmax(-1)
        return self.out((weights @ v).transpose(1, 2).reshape(batch, tokens, width))


class Transformer(torch.nn.Module):
    def __init__(self, width=64, depth=4, heads=4, hidden=256):
        super().__init__()
        self.embedding = torch.nn.Conv2d(3, width, 4, 4)
        self.class_token = torch.nn.Parameter(0.02 * torch.randn(1, 1, width))
        self.position = torch.nn.Parameter(0.02 * torch.randn(1, 65, width))
        block = lambda: torch.nn.ModuleList(
            [
                torch.nn.LayerNorm(width),
                Attention(width, heads),
                torch.nn.LayerNorm(width),
                torch.nn.Sequential(
                    torch.nn.Linear(width, hidden), torch.nn.GELU(), torch.nn.Linear(hidden, width)
                ),
            ]
        )
        self.blocks = torch.nn.ModuleList([block() for _ in range(depth)])
        self.norm, self.head = torch.nn.LayerNorm(width), torch.nn.Linear(width, 10)

    def forward(self, x):
        x = self.embedding(x.view(-1, 3, 32, 32)).flatten(2).transpose(1, 2)
        x = torch.cat([self.class_token.expand(len(x), -1, -1), x], 1) + self.position
        for norm1, attention, norm2, mlp in self.blocks:
            x = x + attention(norm1(x))
            x = x + mlp(norm2(x))
        return self.head(self.norm(x[:, 0]))


CASES = {
    "mlp-784-256-256-10-b32": (lambda: mlp(784, 256, 256, 10), 784, 32),
    "mlp-784-512-512-10-b512": (lambda: mlp(784, 512, 512, 10), 784, 512),
    "resnet20-b128": (resnet20, 3072, 128),
    "transformer-200k-b128": (Transformer, 3072, 128),
}


def median_seconds(call, rounds=15, seconds=0.15):
    start = time.perf_counter()
    call()
    call()
    calls = max(3, min(2000, int(seconds / ((time.perf_counter() - start) / 2)) + 1))
    figures = []
    for _ in range(rounds):
        start = time.perf_counter()
        for _ in range(calls):
            call()
        figures.append((time.perf_counter() - start) / calls)
    return statistics.median(figures)


def pytorch(cases):
    figures = {}
    for case in cases:
        network, features, batch = CASES[case]
        torch.manual_seed(0)
        model = network()
        parameters = list(model.parameters())
        x = torch.rand(batch, features)
        y = torch.arange(batch) % 10
        v = [torch.rand_like(p) for p in parameters]
        loss = lambda: torch.nn.functional.cross_entropy(model(x), y)

        def gradient():
            torch.autograd.grad(loss(), parameters)

        def hvp():
            g = torch.autograd.grad(loss(), parameters, create_graph=True)
            slope = sum((a * b).sum() for a, b in zip(g, v))
            torch.autograd.grad(slope, parameters)

        optimizer = torch.optim.SGD(parameters, lr=1e-4, momentum=0.9)

        def step():
            optimizer.zero_grad()
            loss().backward()
            optimizer.step()

        for what, call in [("gradient", gradient), ("hvp", hvp), ("step", step)]:
            figures[case, what] = median_seconds(call)
    return figures


def lab(words):
    command = ["cargo", "bench", "--bench", "networks", "--", *words]
    output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    figures = {}
    for line in output.splitlines():
        if line.startswith("{"):
            row = json.loads(line)
            figures[row["backend"], row["case"], row["what"]] = row["seconds"]
    return figures


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("words", nargs="*", metavar="word")
    arguments = parser.parse_args()
    ours, theirs = {}, {}
    for _ in range(arguments.rounds):
        found = lab(arguments.words)
        for key, value in found.items():
            ours.setdefault(key, []).append(value)
        cases = dict.fromkeys(case for _, case, _ in found)
        for key, value in pytorch(cases).items():
            theirs.setdefault(key, []).append(value)
    print(f"PyTorch {torch.__version__}, {torch.get_num_threads()} threads; milliseconds")
    print("| case | what | backend | lab | PyTorch | lab / PyTorch | in own gradients |")
    print("|---|---|---|---:|---:|---:|---:|")
    for (backend, case, what), values in ours.items():
        value = statistics.median(values)
        peer = statistics.median(theirs[case, what])
        own = statistics.median(ours[backend, case, "gradient"])
        print(
            f"| {case} | {what} | {backend} | {1e3 * value:.3f} | {1e3 * peer:.3f} "
            f"| {value / peer:.2f} | {value / own:.2f} |"
        )


if __name__ == "__main__":
    main()
