"""What the tutorials of hessian-eigenthings, curvlinops and PyHessian compute, beside what lab measures of the same weights
and data: prints the tables of docs/tutorials.md.

    pip install torch scipy pyhessian hessian-eigenthings==1.0.0a5 curvlinops-for-pytorch==3.0.1
    python python/tutorials.py FOLDER [--lab PROGRAM] [--only NAME] [--pyhessian REPOSITORY --cifar data_batch_1.bin]

FOLDER gets the weights (.pt, as torch.save(model.state_dict())) and data (.npz) of each tutorial, what lab prints of them
and, as PyHessian takes long, what that has found; what is there is not computed again. REPOSITORY is a clone of https://github.com/amirgholami/PyHessian, whose example needs its weights
(checkpoints/net.pkl) and CIFAR-10; without it that example is left out. Where the Hessian is small enough it is computed as
a matrix, so that all can be compared with exact numbers."""

import argparse
import csv
import json
import shlex
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

import numpy
import torch
from torch import nn

LARGEST = ["hessian.lambda_max"] + [f"hessian.lambda_{k}" for k in range(2, 6)]


@dataclass
class Case:
    """A network with data, and what its tutorial says of it."""

    name: str
    title: str
    model: nn.Module
    inputs: torch.Tensor
    targets: torch.Tensor
    loss: nn.Module
    # How many times the loss of lab, and so its curvature, the tutorial's is.
    factor: float
    flags: list = field(default_factory=list)
    # The quantity, its measure in lab, the tutorial's number and the error that it states.
    printed: list = field(default_factory=list)
    # The threshold of the share of the spectrum above it, and the tutorial's share.
    above: tuple = None


def eigenthings(name, title, model, inputs, targets, **more):
    """`lanczos`, `trace` and `spectral_density` with the arguments of the quick start, and more of `lanczos`."""
    from hessian_eigenthings.algorithms import lanczos, spectral_density, trace
    from hessian_eigenthings.loss_fns import supervised_loss
    from hessian_eigenthings.operators import HessianOperator

    batches = [(inputs[i : i + 32], targets[i : i + 32]) for i in range(0, len(inputs), 32)]
    operator = HessianOperator(
        model=model, dataloader=batches, loss_fn=supervised_loss(nn.functional.mse_loss)
    )
    found = lanczos(operator, k=5, max_iter=40, seed=0, **more)
    estimate = trace(operator, num_matvecs=99, method="hutch++", seed=0)
    density = spectral_density(operator, num_runs=8, lanczos_steps=40, seed=0)
    is_above = density.grid > 1
    share = torch.trapz(density.density[is_above], density.grid[is_above]).item()
    # By modulus: those below zero are compared with the smallest of lab.
    values = sorted(zip(found.eigenvalues.tolist(), found.residuals.tolist()), reverse=True)
    positive = [pair for pair in values if pair[0] > 0]
    printed = [
        (f"λ{place}", measure, value, f"residual {residual:.1e}")
        for (place, measure), (value, residual) in zip(enumerate(LARGEST, 1), positive)
    ]
    negative = [pair for pair in values if pair[0] < 0]
    if negative:
        value, residual = negative[-1]
        printed.append(("smallest", "hessian.lambda_min", value, f"residual {residual:.1e}"))
    printed.append(("trace", "hessian.trace", estimate.estimate, f"± {estimate.stderr:.2g}"))
    return Case(
        name,
        title,
        model,
        inputs,
        targets,
        nn.MSELoss(),
        2.0,
        ["--set", "data.task=regression", "--set", "train.loss=square", "--set", "model.activation=tanh"],
        printed,
        (1.0, share),
    )


def eigenthings_quickstart(_):
    """docs/getting-started/quickstart.md"""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(20, 32), nn.Tanh(), nn.Linear(32, 1)).to(torch.float64)
    inputs = torch.randn(128, 20, dtype=torch.float64)
    targets = torch.randn(128, 1, dtype=torch.float64)
    title = "hessian-eigenthings, quick start: MLP 20-32-1, tanh, 128 samples, 64 bits"
    return eigenthings("eigenthings_quickstart", title, model, inputs, targets)


def eigenthings_mlp(_):
    """examples/supervised_mlp.py"""
    torch.manual_seed(0)
    layers = [nn.Linear(20, 32), nn.Tanh(), nn.Linear(32, 16), nn.Tanh(), nn.Linear(16, 1)]
    model = nn.Sequential(*layers).to(torch.float64)
    inputs = torch.randn(256, 20, dtype=torch.float64)
    truth = torch.randn(20, 1, dtype=torch.float64)
    targets = inputs @ truth + 0.1 * torch.randn(256, 1, dtype=torch.float64)
    title = "hessian-eigenthings, `examples/supervised_mlp.py`: MLP 20-32-16-1, tanh, 256 samples, 64 bits"
    return eigenthings("eigenthings_mlp", title, model, inputs, targets, tol=1e-7)


def curvlinops(second):
    """docs/examples/basic_usage/example_eigenvalues.py, with this activation between the second and the third layer."""
    import scipy
    from curvlinops import HessianLinearOperator

    torch.manual_seed(0)
    numpy.random.seed(0)
    first = torch.rand(20, 7), torch.rand(20, 3)
    other = torch.rand(20, 7), torch.rand(20, 3)
    layers = [nn.Linear(7, 5), nn.ReLU(), nn.Linear(5, 5), second, nn.Linear(5, 3)]
    model = nn.Sequential(*layers)
    parameters = [p for p in model.parameters() if p.requires_grad]
    operator = HessianLinearOperator(
        model, nn.MSELoss(reduction="mean"), parameters, [first, other]
    ).to_scipy()
    values, _ = scipy.sparse.linalg.eigsh(operator, k=3, which="LM")
    return model, torch.cat([first[0], other[0]]), torch.cat([first[1], other[1]]), sorted(values, reverse=True)


def curvlinops_eigenvalues(_):
    *_, unchanged = curvlinops(nn.Sigmoid())
    print(f"\ncurvlinops, example_eigenvalues.py as it is (sigmoid, which lab has not): {unchanged}")
    model, inputs, targets, values = curvlinops(nn.ReLU())
    printed = [(f"λ{k}", name, value, "none told") for k, (name, value) in enumerate(zip(LARGEST, values), 1)]
    title = "curvlinops, `example_eigenvalues.py` with ReLU for its sigmoid: MLP 7-5-5-3, 40 samples, 32 bits"
    flags = ["--set", "data.task=regression", "--set", "train.loss=square"]
    # PyTorch's mean is over samples and outputs.
    return Case("curvlinops_eigenvalues", title, model, inputs, targets, nn.MSELoss(), 2 / 3, flags, printed)


def pyhessian_example(options):
    """example_pyhessian_analysis.py, on the CPU and the first 200 images of a file instead of a batch that is drawn."""
    if options.pyhessian is None or options.cifar is None:
        return None
    from pyhessian import hessian

    sys.path.insert(0, str(options.pyhessian))
    from models.resnet import resnet

    records = numpy.fromfile(options.cifar, dtype="u1", count=200 * 3073).reshape(200, 3073)
    labels = torch.tensor(records[:, 0].astype("i8"))
    pixels = torch.tensor(records[:, 1:].reshape(200, 3, 32, 32) / 255.0, dtype=torch.float32)
    mean = torch.tensor([0.4914, 0.4822, 0.4465]).view(3, 1, 1)
    deviation = torch.tensor([0.2023, 0.1994, 0.2010]).view(3, 1, 1)
    inputs = (pixels - mean) / deviation
    model = nn.DataParallel(resnet(num_classes=10, depth=20, residual_not=True, batch_norm_not=True))
    weights = options.pyhessian / "checkpoints" / "net.pkl"
    model.load_state_dict(torch.load(weights, map_location="cpu"))
    model.eval()
    found = options.folder / "pyhessian_resnet20.tutorial.json"
    if not found.exists():
        torch.manual_seed(1)
        peer = hessian(model, nn.CrossEntropyLoss(), data=(inputs, labels), cuda=False)
        top, _ = peer.eigenvalues()
        two, _ = peer.eigenvalues(top_n=2)
        trace = peer.trace()
        error = numpy.std(trace, ddof=1) / len(trace) ** 0.5
        found.write_text(json.dumps([top, two, numpy.mean(trace), error, len(trace)]))
    top, two, trace, error, samples = json.loads(found.read_text())
    printed = [
        ("λ1, `eigenvalues()`", LARGEST[0], top[-1], "none told"),
        ("λ1, `eigenvalues(top_n=2)`", LARGEST[0], two[0], "none told"),
        ("λ2, `eigenvalues(top_n=2)`", LARGEST[1], two[1], "none told"),
        ("trace", "hessian.trace", trace, f"± {error:.2g}, the spread of its {samples} samples"),
    ]
    title = "PyHessian, `example_pyhessian_analysis.py`: its ResNet-20 for CIFAR-10, 200 images, 32 bits"
    return Case("pyhessian_resnet20", title, model, inputs, labels, nn.CrossEntropyLoss(), 1.0, [], printed)


CASES = [eigenthings_quickstart, eigenthings_mlp, curvlinops_eigenvalues, pyhessian_example]


def spectrum(case):
    """All eigenvalues, in 64 bits; none of a network of many parameters."""
    model = case.model.double()
    parameters = {name: p.detach() for name, p in model.named_parameters()}
    if sum(p.numel() for p in parameters.values()) > 2000:
        return None
    inputs = case.inputs.double()
    targets = case.targets.double() if case.targets.is_floating_point() else case.targets

    def loss(vector):
        parts = torch.split(vector, [p.numel() for p in parameters.values()])
        values = {name: part.view_as(p) for part, (name, p) in zip(parts, parameters.items())}
        return case.loss(torch.func.functional_call(model, values, (inputs,)), targets)

    vector = torch.cat([p.flatten() for p in parameters.values()])
    return torch.linalg.eigvalsh(torch.func.hessian(loss)(vector)).flip(0).numpy()


def measured(case, folder, lab):
    """The rows of lab of the same weights and data, by name, and its spectral density by probe."""
    weights, data = folder / f"{case.name}.pt", folder / f"{case.name}.npz"
    torch.save(case.model.state_dict(), weights)
    arrays = case.inputs.numpy(), case.targets.numpy()
    numpy.savez(data, x_train=arrays[0], y_train=arrays[1], x_test=arrays[0], y_test=arrays[1])
    names = list(dict.fromkeys(measure for _, measure, _, _ in case.printed))
    command = [lab, "measure", weights, "--data", "arrays", "--set", f"data.file={data}", *case.flags]
    if case.inputs.dtype == torch.float64:
        command += ["--set", "precision=f64"]
    command += ["--measures", ",".join(["loss.train", *names]), "--format", "json"]
    density = folder / f"{case.name}.csv"
    if case.above:
        command += ["--density", density]
    command = [str(word) for word in command]
    print(f"\n$ {shlex.join(command)}", flush=True)
    found = folder / f"{case.name}.json"
    if not found.exists():
        found.write_bytes(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
    rows = json.loads(found.read_text())
    return {row["name"]: row for row in rows}, density


def exact(values, measure):
    """The same number of the matrix."""
    if values is None:
        return None
    if measure == "hessian.trace":
        return values.sum()
    if measure == "hessian.lambda_min":
        return values[-1]
    return values[LARGEST.index(measure)]


def share_above(file, threshold):
    """The share of the spectrum above a threshold, with the standard error over probes."""
    weights = {}
    with open(file) as lines:
        for row in csv.DictReader(lines):
            place = weights.setdefault(row["probe"], [0.0, 0.0])
            place[float(row["eigenvalue"]) > threshold] += float(row["weight"])
    shares = numpy.array([above / (below + above) for below, above in weights.values()])
    return shares.mean(), shares.std(ddof=1) / len(shares) ** 0.5


def table(case, folder, lab):
    values = spectrum(case)
    with torch.no_grad():
        inputs = case.inputs.to(next(case.model.parameters()).dtype)
        targets = case.targets.to(inputs.dtype) if case.targets.is_floating_point() else case.targets
        loss = case.loss(case.model(inputs), targets).item()
    if case.inputs.dtype == torch.float32:
        case.model.float()
    rows, density = measured(case, folder, lab)
    print(f"\n### {case.title}\n\nlab's loss and curvature times {case.factor:.6g}\n")
    print("| quantity | tutorial | its error | matrix | lab | lab's error | tutorial − lab |")
    print("|---|---:|---|---:|---:|---|---:|")

    def line(quantity, theirs, error, of_matrix, ours, our_error):
        matrix = "-" if of_matrix is None else f"{of_matrix:.6g}"
        print(f"| {quantity} | {theirs:.6g} | {error} | {matrix} | {ours:.6g} | {our_error} | {theirs - ours:.2g} |")

    ours = case.factor * rows["loss.train"]["value"]
    line("loss", loss, "-", None, ours, "rounding")
    for quantity, measure, theirs, error in case.printed:
        row = rows[measure]
        ours, stderr, residual = row["value"], row["stderr"], row["residual"]
        if ours is None:
            print(f"| {quantity} | {theirs:.6g} | {error} | - | none: {row['reason']} | | |")
            continue
        said = "exact"
        if stderr is not None:
            said = f"± {case.factor * stderr:.2g}"
        elif residual is not None:
            said = f"residual {residual:.1e}"
        line(quantity, theirs, error, exact(values, measure), case.factor * ours, said)
    if case.above:
        threshold, theirs = case.above
        ours, error = share_above(density, threshold / case.factor)
        share = None if values is None else (values > threshold).mean()
        line(f"share above {threshold:g}", theirs, "none told", share, ours, f"± {error:.2g}")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--lab", default="lab")
    parser.add_argument("--only")
    parser.add_argument("--pyhessian", type=Path)
    parser.add_argument("--cifar", type=Path)
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    for make in CASES:
        if options.only and options.only != make.__name__:
            continue
        case = make(options)
        if case is None:
            print(f"\n{make.__name__}: left out without --pyhessian and --cifar")
        else:
            table(case, options.folder, options.lab)


main()
