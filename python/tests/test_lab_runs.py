"""Reads a real run back. Run as `python python/tests/test_lab_runs.py RUN_DIR`, with lab_runs installed or on PYTHONPATH.

RUN_DIR is that of `lab train --config sgd_b32 --set train.epochs=2`. Needs NumPy and pandas; Polars and PyTorch are
looked at where they are there."""

import json
import shutil
import sys
import tempfile
from pathlib import Path

import lab_runs


def importable(name):
    try:
        __import__(name)
    except ImportError:
        return False
    return True


def raises(kind, words, call):
    try:
        call()
    except kind as error:
        assert words in str(error), str(error)
    else:
        raise AssertionError(f"{kind.__name__} was expected")


def main(run_directory):
    path = Path(run_directory)
    lines = [json.loads(line) for line in (path / "metrics.jsonl").read_text().splitlines()]

    (run,) = lab_runs.runs(path)
    assert (run.name, run.seed, run.status) == ("sgd_b32", 0, "finished")
    assert lab_runs.runs(path.parent) == lab_runs.runs(str(path.parent) + "/seed-*") == [run]
    assert lab_runs.config(run)["train.batch_size"] == 32

    table = lab_runs.rows(path)
    assert len(table) == len(lines)
    assert table["value"].notna().sum() == sum(row["value"] is not None for row in lines)
    last = table[table["name"] == "loss.train"].iloc[-1]
    assert last["value"] == [row for row in lines if row["name"] == "loss.train"][-1]["value"]
    assert last["config.train.batch_size"] == 32
    if importable("polars"):
        polars = lab_runs.rows(path, library="polars")
        assert polars.shape == table.shape

    weights = lab_runs.weights(path)
    shapes = {name: array.shape for name, array in weights.items()}
    assert shapes["layers.0.weight"] == (100, 64), shapes
    norm = sum((array.astype("f8") ** 2).sum() for array in weights.values()) ** 0.5
    measured = [row["value"] for row in lines if row["name"] == "norm.l2"][-1]
    assert abs(norm / measured - 1) < 1e-6, (norm, measured)
    weights["layers.0.weight"][0, 0] = 1.0
    if importable("torch"):
        assert tuple(lab_runs.weights(run, library="torch")["layers.0.weight"].shape) == (100, 64)

    raises(FileNotFoundError, "no run directory", lambda: lab_runs.runs("nowhere/*"))
    raises(FileNotFoundError, "average.safetensors", lambda: lab_runs.weights(path, which="average"))
    raises(ValueError, "'last', 'average'", lambda: lab_runs.weights(path, which="first"))
    raises(ValueError, "'pandas' or 'polars'", lambda: lab_runs.rows(path, library="R"))
    with tempfile.TemporaryDirectory() as folder:
        cut = Path(folder) / "cut"
        shutil.copytree(path, cut)
        text = (cut / "metrics.jsonl").read_text()
        (cut / "metrics.jsonl").write_text(text + '{"run": "sg')
        assert len(lab_runs.rows(cut)) == len(lines)
        (cut / "metrics.jsonl").write_text('{"run": "sg\n' + text)
        raises(ValueError, "line 1", lambda: lab_runs.rows(cut))
        data = (cut / "model.safetensors").read_bytes()
        (cut / "model.safetensors").write_bytes(data[:-100])
        raises(ValueError, "does not lie within the file", lambda: lab_runs.weights(cut))
    print(f"{len(lines)} rows and {len(weights)} arrays read")


main(sys.argv[1])
