"""Curvature of a run by other programs: `python python/peers.py RUN_DIR`, for a run of

    lab train --config sgd_b32 --set data.dataset=mnist --set data.train=1000 --set precision=f64

Needs torch, pyhessian, hessian-eigenthings, curvlinops-for-pytorch and the MNIST files in $LAB_DATA_DIR (else data), and
prints what docs/migration.md shows: the largest eigenvalues and the trace of the Hessian of the training loss at the
run's weights."""

import gzip
import json
import os
import sys
from pathlib import Path

import lab_runs
import numpy
import torch
from networks import Mlp
from torch import nn


def bytes_of(name, header):
    folder = Path(os.environ.get("LAB_DATA_DIR", "data")) / "mnist"
    with gzip.open(folder / name) as file:
        return numpy.frombuffer(file.read(), dtype=numpy.uint8, offset=header)


def problem(run):
    """Network, inputs and labels of the run, in 64 bits."""
    images = bytes_of("train-images-idx3-ubyte.gz", 16)[: 1000 * 784].reshape(1000, 784)
    inputs = torch.tensor(images / 255.0, dtype=torch.float64)
    labels = torch.tensor(bytes_of("train-labels-idx1-ubyte.gz", 8)[:1000].astype("i8"))
    network = Mlp([784, 100, 10]).double()
    network.load_state_dict(lab_runs.weights(run, library="torch"))
    return network, inputs, labels


def pyhessian(network, inputs, labels):
    from pyhessian import hessian

    peer = hessian(network, nn.CrossEntropyLoss(), data=(inputs, labels), cuda=False)
    values, _ = peer.eigenvalues(maxIter=1000, tol=1e-10, top_n=2)
    trace = peer.trace(maxIter=200, tol=0)
    return values, (numpy.mean(trace), numpy.std(trace, ddof=1) / len(trace) ** 0.5)


def eigenthings(network, inputs, labels, steps=None):
    from hessian_eigenthings import HessianOperator, lanczos, supervised_loss, trace

    loss = supervised_loss(nn.CrossEntropyLoss())
    operator = HessianOperator(network, [(inputs, labels)], loss)
    found = lanczos(operator, k=2, tol=1e-10, which="LA", seed=0, max_iter=steps)
    print(f"eigenthings, max_iter={steps}: residuals {found.residuals.tolist()}, converged {found.converged.tolist()}")
    estimate = trace(operator, num_matvecs=200, seed=0)
    return found.eigenvalues.tolist(), (estimate.estimate, estimate.stderr)


def eigenthings_50(network, inputs, labels):
    return eigenthings(network, inputs, labels, 50)


def eigenthings_100(network, inputs, labels):
    return eigenthings(network, inputs, labels, 100)


def curvlinops(network, inputs, labels):
    from curvlinops import HessianLinearOperator, hutchinson_trace
    from scipy.sparse.linalg import eigsh

    parameters = [p for p in network.parameters() if p.requires_grad]
    operator = HessianLinearOperator(network, nn.CrossEntropyLoss(), parameters, [(inputs, labels)])
    values = eigsh(operator.to_scipy(), k=2, which="LA", return_eigenvectors=False, tol=1e-10)
    torch.manual_seed(0)
    return sorted(values, reverse=True), (float(hutchinson_trace(operator, num_matvecs=200)), None)


def main(run):
    rows = [json.loads(line) for line in (Path(run) / "metrics.jsonl").read_text().splitlines()]
    last = {row["name"]: row for row in rows}
    network, inputs, labels = problem(run)
    with torch.no_grad():
        loss = nn.CrossEntropyLoss()(network(inputs), labels).item()
    print(f"training loss: lab {last['loss.train']['value']:.9f}, PyTorch {loss:.9f}")
    names = ["hessian.lambda_max", "hessian.lambda_2", "hessian.trace"]
    for name in names:
        row = last.get(name)
        if row:
            print(f"lab, in training: {name} {row['value']:.6g}, stderr {row['stderr']}, residual {row['residual']}")
    for peer in (pyhessian, eigenthings, eigenthings_50, eigenthings_100, curvlinops):
        values, (trace, error) = peer(network, inputs, labels)
        told = "no error told" if error is None else f"± {error:.2g}"
        print(f"{peer.__name__}: {values[0]:.6g}, {values[1]:.6g}; trace {trace:.4g} ({told})")


main(sys.argv[1])
