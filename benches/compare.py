#!/usr/bin/env python3
"""Runs `cargo bench --bench mlp` and the same work in PyTorch, in turns, and prints ratios.

Needs PyTorch (`pip install torch`). Usage: python benches/compare.py [--rounds N] [backend ...]
Turns alternate, so that a machine that slows down slows both; each figure is a median over turns.
"""

import argparse
import json
import statistics
import subprocess
import time

import torch

CASES = {
    "mlp-784-256-256-10-b32": ([784, 256, 256, 10], 32),
    "mlp-784-512-512-10-b512": ([784, 512, 512, 10], 512),
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


def pytorch():
    figures = {}
    for case, (widths, batch) in CASES.items():
        torch.manual_seed(0)
        layers = []
        for inputs, outputs in zip(widths, widths[1:]):
            layers += [torch.nn.Linear(inputs, outputs), torch.nn.ReLU()]
        model = torch.nn.Sequential(*layers[:-1])
        parameters = list(model.parameters())
        x = torch.rand(batch, widths[0])
        y = torch.arange(batch) % widths[-1]
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


def lab(backends):
    command = ["cargo", "bench", "--bench", "mlp", "--", *backends]
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
    parser.add_argument("backends", nargs="*")
    arguments = parser.parse_args()
    ours, theirs = {}, {}
    for _ in range(arguments.rounds):
        for key, value in lab(arguments.backends).items():
            ours.setdefault(key, []).append(value)
        for key, value in pytorch().items():
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
