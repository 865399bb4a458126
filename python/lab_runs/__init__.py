"""Runs of `lab` in Python: their rows as a table, their weights as arrays.

    import lab_runs
    table = lab_runs.rows("runs/*/seed-*")
    weights = lab_runs.weights("runs/sgd_b32/seed-0")

Reads the files of run directories; writes nothing, and runs nothing. `rows` needs pandas or Polars, `weights` NumPy or
PyTorch; `runs` and `config` need nothing.
"""

from ._runs import Run, config, rows, runs, weights

__all__ = ["Run", "config", "rows", "runs", "weights"]
