#!/usr/bin/env python3
"""The largest Hessian eigenvalue of an MLP on 2,000 MNIST images: `lab measure` beside PyHessian.

Needs `pip install torch pyhessian`, MNIST in the data folder, and a built `target/release/lab`.
Usage: python benches/lambda_max.py [--data-dir DIR] [--rounds N]

Trains MLP 784-512-512-10 with lab at two batch sizes, then measures the same weights on the same images
with both, in turns, each lab measurement in a process of its own; figures are medians. Residuals of
PyHessian's pair are computed here, as |Hv - lv| / |l|. Then the products and seconds of lab's methods after
each of the first epochs of a run with batch size 32, from a random start (cold) and from what the epoch
before has left (warm). Last, the peak memory of a Lanczos process of 50 vectors on a million parameters.
"""

import argparse
import gzip
import json
import os
import resource
import statistics
import struct
import subprocess
import sys
import tempfile
import time

import numpy as np
import torch
from pyhessian import hessian

# The module; the package hides it behind its class of the same name.
pyhessian_module = sys.modules["pyhessian.hessian"]

LAB = os.path.join(os.path.dirname(__file__), "..", "target", "release", "lab")
SAMPLES = 2000


def lab(*arguments):
    command = [LAB, *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def train(folder, data, name, hidden, epochs, hooks="", batch_size=100):
    config = os.path.join(folder, f"{name}.toml")
    with open(config, "w") as file:
        file.write(
            f'[data]\ndataset = "mnist"\ntrain = {SAMPLES}\ntest = 1000\n'
            f'[model]\nkind = "mlp"\nhidden = {hidden}\n'
            '[optimizer]\nkind = "sgd"\nlearning_rate = 0.1\n'
            f"[train]\nbatch_size = {batch_size}\nepochs = {epochs}\n{hooks}"
        )
    lab("train", "--config", config, "--data-dir", data, "--out", folder, "--quiet")
    return os.path.join(folder, name, "seed-0")


def matvecs_while_training(folder, data, warm):
    name = f"hook_{'warm' if warm else 'cold'}"
    run = train(folder, data, name, [512, 512], 4, (
        '[[hooks]]\nmeasures = ["hessian.lambda_max"]\nevery = 1\n'
        f"warm_start = {str(warm).lower()}\n"
    ))
    rows = map(json.loads, open(os.path.join(run, "metrics.jsonl")))
    return [r["matvecs"] for r in rows if r["name"] == "hessian.lambda_max"][1:]


def side_by_side(runs, data, x, y, rounds):
    """A row per tool of each run: (batch size, epochs, folder)."""
    ours, theirs = [[] for _ in runs], [[] for _ in runs]
    for _ in range(rounds):
        for place, (_, _, run) in enumerate(runs):
            row = measure(run, data, "--measures", "hessian.lambda_max")[0]
            ours[place].append([row[key] for key in ("value", "residual", "matvecs", "seconds")])
            theirs[place].append(peer(run, x, y))
    print("| batch size | epochs | tool | largest eigenvalue | residual | matvecs | seconds |")
    print("|---:|---:|---|---:|---:|---:|---:|")
    for (batch_size, epochs, _), *both in zip(runs, ours, theirs):
        for tool, rows in zip(["lab", "PyHessian"], both):
            value, residual, matvecs, seconds = map(statistics.median, zip(*rows))
            print(f"| {batch_size} | {epochs} | {tool} | {value:.5g} | {residual:.1e} "
                  f"| {matvecs:.0f} | {seconds:.2f} |", flush=True)


def methods_while_training(runs, data):
    """Methods along one path: the weights of runs of 1, 2, 3, ... epochs."""
    weights_files = [os.path.join(run, "model.safetensors") for run in runs]
    config = os.path.join(runs[-1], "config.toml")
    command = ["cargo", "bench", "--bench", "eigenvalues", "--", config, data, *weights_files]
    output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    rows = [json.loads(line) for line in output.splitlines() if line.startswith("{")]
    print("\n| after epoch | method | start | largest eigenvalue | residual | matvecs | seconds |")
    print("|---:|---|---|---:|---:|---:|---:|")
    for epoch, (run, file) in enumerate(zip(runs, weights_files), 1):
        for row in rows:
            if row["weights"] == file:
                print(f"| {epoch} | {row['method']} | {'warm' if row['warm'] else 'cold'} "
                      f"| {row['value']:.5g} | {row['residual']:.1e} | {row['matvecs']:.1f} "
                      f"| {row['seconds']:.2f} |")


def measure(run, data, *more):
    rows = lab("measure", run, "--data-dir", data, "--format", "json", *more)
    return json.loads(rows)


def weights(run):
    raw = open(os.path.join(run, "model.safetensors"), "rb").read()
    (length,) = struct.unpack("<Q", raw[:8])
    header = json.loads(raw[8 : 8 + length])
    tensors = {}
    for name, entry in header.items():
        if name != "__metadata__":
            start, end = entry["data_offsets"]
            numbers = np.frombuffer(raw[8 + length + start : 8 + length + end], dtype="<f4")
            tensors[name] = torch.tensor(numbers.reshape(entry["shape"]).copy())
    return tensors


def idx(path, header):
    opened = gzip.open(path + ".gz") if os.path.exists(path + ".gz") else open(path, "rb")
    return np.frombuffer(opened.read(), dtype=np.uint8, offset=header)


def network(tensors):
    layers = []
    depth = len(tensors) // 2
    for i in range(depth):
        weight = tensors[f"layers.{i}.weight"]
        layer = torch.nn.Linear(weight.shape[1], weight.shape[0])
        layer.weight.data, layer.bias.data = weight, tensors[f"layers.{i}.bias"]
        layers += [layer, torch.nn.ReLU()]
    return torch.nn.Sequential(*layers[:-1])


def peer(run, x, y):
    model = network(weights(run))
    criterion = torch.nn.CrossEntropyLoss()
    calls = [0]
    product = pyhessian_module.hessian_vector_product

    def counted(*arguments):
        calls[0] += 1
        return product(*arguments)

    pyhessian_module.hessian_vector_product = counted
    torch.manual_seed(0)
    start = time.perf_counter()
    computation = hessian(model, criterion, data=(x, y), cuda=False)
    values, vectors = computation.eigenvalues()
    seconds = time.perf_counter() - start
    pyhessian_module.hessian_vector_product = product
    value, vector = values[0], vectors[0]
    image = product(computation.gradsH, computation.params, vector)
    rest = sum(((h - value * v) ** 2).sum() for h, v in zip(image, vector)).sqrt()
    return value, float(rest) / abs(value), calls[0], seconds


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--data-dir", default=os.environ.get("LAB_DATA_DIR", "data"))
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    data = os.path.abspath(arguments.data_dir)
    folder = os.path.join(data, "mnist")
    pixels = idx(os.path.join(folder, "train-images-idx3-ubyte"), 16)
    labels = idx(os.path.join(folder, "train-labels-idx1-ubyte"), 8)
    x = torch.tensor(pixels[: SAMPLES * 784].reshape(SAMPLES, 784) / 255.0, dtype=torch.float32)
    y = torch.tensor(labels[:SAMPLES].astype(np.int64))
    print(f"MLP 784-512-512-10, {SAMPLES} MNIST images, PyTorch {torch.__version__}, "
          f"{torch.get_num_threads()} threads")
    with tempfile.TemporaryDirectory() as place:
        # A run of e epochs is the beginning of one of e + 1, so their final weights are one path.
        lengths = [(100, 1), (100, 10), *((32, epochs) for epochs in range(1, 6))]
        runs = [
            (size, epochs, train(place, data, f"b{size}e{epochs}", [512, 512], epochs, "", size))
            for size, epochs in lengths
        ]
        side_by_side(runs, data, x, y, arguments.rounds)
        for warm in [False, True]:
            counts = matvecs_while_training(place, data, warm)
            print(f"\nproducts per measurement after epochs 1, 2, 3, 4, "
                  f"{'warm' if warm else 'cold'}: {counts}", end="")
        print()
        methods_while_training([run for size, _, run in runs if size == 32], data)
        run = train(place, data, "million", [900, 360], 1)
        count = sum(tensor.numel() for tensor in weights(run).values())
        row = measure(run, data, "--measures", "hessian.lambda_min", "--max-matvecs", "50")[0]
        peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024**2
        print(f"\n{count} parameters, {row['matvecs']} Lanczos vectors: peak memory {peak:.2f} GiB")


if __name__ == "__main__":
    main()
