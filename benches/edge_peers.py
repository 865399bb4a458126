#!/usr/bin/env python3
"""Gradient descent at the edge of stability: lab beside the programs of two papers, on one problem.

    pip install torch torchvision -r centralflows/requirements.in
    python benches/edge_peers.py --edge-of-stability edge-of-stability --centralflows centralflows --data-dir DATA

Needs clones of locuslab/edge-of-stability and centralflows/centralflows, the binary records of CIFAR-10 in
DATA/cifar-10-batches-bin (the first 1,000 are trained on; all there are centre and scale them), and a built
`target/release/lab` (or --lab). A peer that is not given is left out; the first makes the problem.

The problem: descent on 1,000 images, half the sum of squares over ten outputs, 3072-200-200-10 with tanh. Images
are those of edge-of-stability's own loader (centred and scaled pixel by pixel), written for all. The start is lab's:
the weights of a run of one step at a rate that moves no 32-bit number. All evaluate the loss of both parts at each
step, since neither peer can do otherwise; in the runs of lab with `losses rarely` it is as often as eigenvalues are.

What is changed in the peers: without a graphics card, `cuda` means the processor; in both, where images and starting
weights come from; and centralflows, whose command line has no tanh, has its `main` called with a network made here.
Everything else is theirs, with their defaults: SciPy's eigsh to rounding from a random start, LOBPCG with a warm start
to a residual of 1e-10 times 20 times the number of parameters, and products with its eigenvectors at steps between.

Each run is a process of its own, rounds alternate between all of them, and figures are medians over rounds: seconds on
the clock and of the processors of the whole process, and for the peers of the processors in their main function,
without imports. Products are all of lab and edge-of-stability, and those of LOBPCG in centralflows; curves are of the
first round. `--threads N` is for all. Where others use the machine it should be 1: threads that wait for each other in
a loop make seconds of the processors several times those of the work.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
EIGENVALUES = 5


# What lab is given, and what it says.

CONFIG = """
name = "{name}"
precision = "{precision}"
[data]
dataset = "arrays"
file = "{data}"
[model]
kind = "mlp"
hidden = [200, 200]
activation = "tanh"
init = "lecun"
init_scale = {scale}
[optimizer]
kind = "gd"
learning_rate = {rate}
[train]
loss = "square"
steps = {steps}
evaluate_every = {losses}
checkpoint_every = 100000
"""

HOOK = """
[[hooks]]
measures = [{measures}]
every = {every}
unit = "steps"
warm_start = {warm}
"""


def lab_command(options, name, rate, steps, losses=1, every=None, precision="f32", warm=True):
    text = CONFIG.format(name=name, precision=precision, data=options.work / "problem.npz", scale=options.init_scale,
                         rate=rate, steps=steps, losses=losses)
    if every:
        measures = ", ".join(f'"stability.eigenvalue_{k + 1}"' for k in range(EIGENVALUES))
        text += HOOK.format(measures=measures, every=every, warm=str(warm).lower())
    config = options.work / f"{name}.toml"
    config.write_text(text)
    return [str(options.lab), "train", "--config", str(config), "--out", str(options.work), "--quiet", "--force"]


def lab_curves(options, name):
    losses, tops, products = {}, {}, 0
    for line in (options.work / name / "seed-0" / "metrics.jsonl").read_text().splitlines():
        row = json.loads(line)
        if row["name"] == "loss.train":
            losses[row["step"]] = row["value"]
        elif row["name"] == "stability.eigenvalue_1":
            tops[row["step"]] = row["value"]
            products += row["matvecs"]
    return losses, tops, products


# What a process that runs a peer does.

def records(folder, names):
    """Images as torchvision has them, height, width and channels, and their labels."""
    import numpy

    raw = b"".join((folder / name).read_bytes() for name in names if (folder / name).exists())
    table = numpy.frombuffer(raw, dtype=numpy.uint8).reshape(-1, 3073)
    return table[:, 1:].reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1), table[:, 0].tolist()


class Records:
    """In the place of torchvision's CIFAR10, which downloads and wants files complete."""

    def __init__(self, root, download, train):
        names = [f"data_batch_{k}.bin" for k in range(1, 6)] if train else ["test_batch.bin"]
        self.data, self.targets = records(Path(root) / "cifar-10-batches-bin", names)


def import_edge_of_stability(options):
    import torch

    sys.path.insert(0, str(Path(options.edge_of_stability).resolve() / "src"))
    os.environ["DATASETS"], os.environ["RESULTS"] = str(options.data_dir), str(options.work)
    if not torch.cuda.is_available():
        zeros = torch.zeros
        torch.zeros = lambda *sizes, device=None, **rest: zeros(*sizes, **rest)
        torch.Tensor.cuda = torch.nn.Module.cuda = lambda self: self
    import cifar

    cifar.CIFAR10 = Records
    import gd

    return gd


def write_problem(options):
    import numpy

    parts = import_edge_of_stability(options).load_dataset("cifar10-1k", "mse")
    arrays = {}
    for name, part in zip(["train", "test"], parts):
        images, targets = part.tensors
        arrays[f"x_{name}"] = images.flatten(1).numpy()
        arrays[f"y_{name}"] = targets.argmax(1).numpy()
    numpy.savez(options.work / "problem.npz", **arrays)


def started(network, options):
    """The network with lab's starting weights."""
    import torch

    sys.path.insert(0, str(HERE.parent / "python"))
    import lab_runs

    weights = lab_runs.weights(options.work / "start" / "seed-0", library="torch")
    names = [f"layers.{k}.{part}" for k in range(len(weights) // 2) for part in ("weight", "bias")]
    with torch.no_grad():
        for name, parameter in zip(names, network.parameters(), strict=True):
            assert parameter.shape == weights[name].shape
            parameter.copy_(weights[name])
    return network


def run_edge_of_stability(options):
    import torch

    gd = import_edge_of_stability(options)
    import utilities

    make, product, products = gd.load_architecture, utilities.compute_hvp, 0

    def counted(*words, **rest):
        nonlocal products
        products += 1
        return product(*words, **rest)

    utilities.compute_hvp = counted
    gd.load_architecture = lambda *words: started(make(*words), options)
    begun = time.process_time()
    gd.main("cifar10-1k", "fc-tanh", "mse", "gd", options.rate, options.steps,
            neigs=EIGENVALUES if options.every else 0, eig_freq=options.every or -1)
    seconds = time.process_time() - begun
    folder = gd.get_gd_directory("cifar10-1k", options.rate, "fc-tanh", 0, "gd", "mse")
    losses = dict(enumerate(torch.load(f"{folder}/train_loss_final").tolist()))
    tops = {}
    if options.every:
        eigenvalues = torch.load(f"{folder}/eigs_final")
        tops = {options.every * k: row.max().item() for k, row in enumerate(eigenvalues)}
    return losses, tops, products, seconds


def run_centralflows(options):
    import h5py
    import numpy
    import torch

    # It asks git for the revision of the folder it is in.
    os.chdir(options.centralflows)
    sys.path.insert(0, ".")
    os.environ["EXPERIMENT_DIR"] = str(options.work)
    from dataclasses import dataclass

    import main as program
    from src import datasets, processes, saving

    @dataclass(kw_only=True)
    class Given(datasets.DatasetBuilder):
        def _get_raw_data(self):
            return dict(numpy.load(options.work / "problem.npz"))

        def make(self, raw_data):
            return tuple(datasets.Examples(raw_data[f"x_{part}"], raw_data[f"y_{part}"]) for part in ("train", "test"))

        def get_output_dim(self):
            return 10

        def get_loss_and_acc(self):
            return datasets.mse_categorical_loss, datasets.categorical_accuracy

    @dataclass
    class Tanh:
        def create(self, input_shape, output_dim):
            linear = torch.nn.Linear
            network = torch.nn.Sequential(linear(*input_shape, 200), torch.nn.Tanh(), linear(200, 200),
                                          torch.nn.Tanh(), linear(200, output_dim))
            return started(network, options)

    name = f"centralflows-{os.getpid()}"
    begun = time.process_time()
    program.main(
        opt=program.GradientDescent(lr=options.rate), data=Given(), arch=Tanh(), runs={"discrete"},
        eig_config=processes.EigConfig(frequency=options.every or -1, initial_neigs=EIGENVALUES),
        discrete_config=processes.DiscreteProcessConfig(), midpoint_config=processes.MidpointProcessConfig(),
        stable_config=processes.StableFlowConfig(), central_config=processes.CentralFlowConfig(),
        checkpointer=saving.Checkpointer(), load=saving.LoadOptions(), steps=options.steps,
        device="cuda" if torch.cuda.is_available() else "cpu", expid=name,
    )
    seconds = time.process_time() - begun
    with h5py.File(options.work / name / "data.hdf5") as file:
        losses = dict(enumerate(file["discrete/train_loss"][:].tolist()))
        tops, products = {}, 0
        if options.every:
            products = int(numpy.nansum(file["discrete/eig_logs/matvec_count"][:: options.every]))
            top = file["discrete/hessian_eigs"][:].max(axis=1).tolist()
            tops = {step: top[step] for step in range(0, options.steps, options.every)}
    return losses, tops, products, seconds


def child(options):
    if options.child == "problem":
        return write_problem(options)
    run = {"edge-of-stability": run_edge_of_stability, "centralflows": run_centralflows}[options.child]
    Path(options.answer).write_text(json.dumps(run(options)))


# What the process that the user starts does.

def timed(command, log, threads=None):
    """Seconds on the clock, seconds of processors, MiB at the peak."""
    names = ["OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "RAYON_NUM_THREADS"]
    surroundings = os.environ | (dict.fromkeys(names, str(threads)) if threads else {})
    with open(log, "w") as file:
        begun = time.perf_counter()
        process = subprocess.Popen(command, stdout=file, stderr=file, env=surroundings)
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - begun
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit(f"{' '.join(command)}: {process.returncode}\n{Path(log).read_text()[-3000:]}")
    return wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def child_command(options, what, every=None, answer=""):
    command = [sys.executable, __file__, "--child", what, "--work", str(options.work),
               "--data-dir", str(options.data_dir), "--answer", str(answer),
               "--rate", str(options.rate), "--steps", str(options.steps)]
    for peer in ("edge_of_stability", "centralflows"):
        if getattr(options, peer):
            command += ["--" + peer.replace("_", "-"), str(Path(getattr(options, peer)).resolve())]
    return command + ["--every", str(every or 0)]


def runs(options):
    """(name, tool, eigenvalues every so many steps, losses every so many steps, precision of lab)."""
    every = options.every
    for tool, given in [("lab", True), ("edge-of-stability", options.edge_of_stability),
                        ("centralflows", options.centralflows)]:
        if given:
            yield tool, tool, None, 1, "f32"
            yield f"{tool}, eigenvalues", tool, every, 1, "f32"
    yield "lab, losses rarely", "lab", None, every, "f32"
    yield "lab, losses rarely, eigenvalues", "lab", every, every, "f32"
    if options.double:
        yield "lab in f64, eigenvalues", "lab", every, 1, "f64"


def chosen(options):
    return [run for run in runs(options) if not options.only or run[0] in options.only]


def one(options, name, tool, every, losses, precision):
    stem = name.replace(" ", "_").replace(",", "")
    log = options.work / f"{stem}.log"
    if tool == "lab":
        figures = timed(lab_command(options, stem, options.rate, options.steps, losses, every, precision), log,
                        options.threads)
        losses, tops, products = lab_curves(options, stem)
        return (*figures, None, products), (losses, tops)
    answer = options.work / f"{stem}.json"
    figures = timed(child_command(options, tool, every, answer), log, options.threads)
    *curves, products, seconds = json.loads(answer.read_text())
    return (*figures, seconds, products), [{int(step): value for step, value in curve.items()} for curve in curves]


def apart(ours, theirs):
    """In words, how far two curves are from each other at the steps they share."""
    steps = sorted(ours.keys() & theirs.keys())
    gaps = {step: abs(ours[step] / theirs[step] - 1) for step in steps}
    first = {bound: next((step for step in steps if gaps[step] > bound), None) for bound in (0.001, 0.01, 0.1)}
    until = [max((gap for step, gap in gaps.items() if step <= end), default=0) for end in (50, 100, 200, 400)]
    return (f"{len(steps)} steps; largest up to 50, 100, 200, 400: " + ", ".join(f"{gap:.1e}" for gap in until)
            + "; first above " + ", ".join(f"{bound:.1%}: {step}" for bound, step in first.items()))


def middle(values):
    return statistics.median(values) if values[0] is not None else None


def main(options):
    options.work.mkdir(parents=True, exist_ok=True)
    if options.edge_of_stability:
        timed(child_command(options, "problem"), options.work / "problem.log")
    elif not (options.work / "problem.npz").exists():
        sys.exit("the loader of edge-of-stability makes the problem: --edge-of-stability is needed once")
    timed(lab_command(options, "start", 1e-30, 1), options.work / "start.log")

    table, curves = {}, {}
    for turn in range(options.rounds):
        for name, *rest in chosen(options):
            figures, found = one(options, name, *rest)
            table.setdefault(name, []).append(figures)
            curves.setdefault(name, found)
            words = " ".join(f"{figure:.1f}" for figure in figures if figure is not None)
            print(f"round {turn + 1}: {name}: {words}; load {os.getloadavg()[0]:.1f}", flush=True)

    for place, first in enumerate(curves):
        for second in list(curves)[place + 1:]:
            for what, ours, theirs in zip(["training loss", "top eigenvalue"], curves[first], curves[second]):
                if ours and theirs:
                    print(f"{first} | {second} | {what}: {apart(ours, theirs)}")
    for name, (_, top) in curves.items():
        if top:
            steps = sorted(top)[:: max(1, len(top) // 10)]
            print(f"{name}: top eigenvalue " + ", ".join(f"{step}: {top[step]:.5g}" for step in steps))

    print("| | seconds | of processors | of processors in `main` | products | peak MiB |")
    print("|---|---:|---:|---:|---:|---:|")
    for name, rows in table.items():
        wall, busy, peak, inside, products = map(middle, zip(*rows))
        inside = f"{inside:.1f}" if inside else ""
        print(f"| {name} | {wall:.1f} | {busy:.1f} | {inside} | {products:.0f} | {peak:.0f} |")


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--edge-of-stability", help="a clone of the first peer")
    parser.add_argument("--centralflows", help="a clone of the second")
    parser.add_argument("--data-dir", type=Path, default=Path(os.environ.get("LAB_DATA_DIR") or "data"))
    parser.add_argument("--lab", type=Path, default=HERE.parent / "target" / "release" / "lab")
    parser.add_argument("--work", type=Path, default=Path("edge_peers"), help="where runs are written")
    parser.add_argument("--rate", type=float, default=0.1)
    parser.add_argument("--init-scale", type=float, default=0.3)
    parser.add_argument("--steps", type=int, default=40)
    parser.add_argument("--every", type=int, help="steps from eigenvalues to eigenvalues", default=10)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, help="of every run; else each program's own choice")
    parser.add_argument("--only", action="append", help="a run by its name in the table; may be repeated")
    parser.add_argument("--double", action="store_true", help="lab in 64 bits too")
    parser.add_argument("--child", choices=["problem", "edge-of-stability", "centralflows"], help=argparse.SUPPRESS)
    parser.add_argument("--answer", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if not options.child and options.steps % options.every:
        parser.error("--steps must be a multiple of --every, or edge-of-stability has no room for the last eigenvalues")
    options.work, options.data_dir, options.lab = (
        path.resolve() for path in (options.work, options.data_dir, options.lab))
    return options


if __name__ == "__main__":
    given = arguments()
    child(given) if given.child else main(given)
