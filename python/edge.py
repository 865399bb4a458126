#!/usr/bin/env python3
"""Where the eigenvalues of runs lie to their line of stability, over the last third of their steps.

    python3 python/edge.py runs/edge_gd_0.05/seed-0 ...

Needs nothing but Python. Rows are read from metrics.jsonl: stability.line, stability.eigenvalue_1 and,
where there are any, stability.batch and sharpness.batch.pooled. With --by-loss they are told by the training loss
of their step, decade by decade, in the place of the last third.
"""

import json
import math
import statistics
import sys
from pathlib import Path


def series(run, name):
    """The values of a measure by step."""
    found = {}
    for line in (Path(run) / "metrics.jsonl").read_text().splitlines():
        row = json.loads(line)
        if row["name"] == name and row["value"] is not None:
            found[row["step"]] = row["value"]
    return found


def report(run):
    top, line = series(run, "stability.eigenvalue_1"), series(run, "stability.line")
    if not top:
        return f"{run}: no row of stability.eigenvalue_1"
    last = max(top)
    ratios = {step: value / line[step] for step, value in top.items() if step in line}
    late = [ratio for step, ratio in ratios.items() if step >= 2 * last / 3]
    above = sum(ratio > 1 for ratio in late) / len(late)
    words = (
        f"{run}: line {line[last]:.4g}; over the last third ({len(late)} rounds) median {statistics.median(late):.3f} "
        f"of the line, {above:.0%} of rounds above, at most {max(late):.3f}; peak of the run "
        f"{max(top.values()):.4g} at step {max(top, key=top.get)}, at the end {top[last]:.4g}"
    )
    batch = series(run, "stability.batch")
    late = [value for step, value in batch.items() if step >= 2 * last / 3]
    if late:
        words += f"; batch sharpness, median {statistics.median(late):.3f} of 2/eta"
    loss = series(run, "loss.train")
    if loss:
        words += f"; training loss {loss[max(loss)]:.4g}"
    return words


def report_by_loss(run):
    """A line for each decade of the training loss."""
    line, loss = series(run, "stability.line"), series(run, "loss.train")
    multiples = {
        "lambda_max": {step: value / line[step] for step, value in series(run, "stability.eigenvalue_1").items()},
        "batch sharpness": series(run, "stability.batch"),
        "pooled": {step: value / line[step] for step, value in series(run, "sharpness.batch.pooled").items()},
    }
    decades = {}
    for step, value in loss.items():
        if value > 0 and step in line:
            decades.setdefault(math.floor(math.log10(value)), []).append(step)
    words = [f"{run}: medians in multiples of the line, by training loss"]
    for decade, steps in sorted(decades.items(), reverse=True):
        parts = []
        for name, values in multiples.items():
            found = [values[step] for step in steps if step in values]
            if found:
                parts.append(f"{name} {statistics.median(found):.3f}")
        words.append(f"  1e{decade} to 1e{decade + 1}, steps {min(steps)} to {max(steps)}, {len(steps)} rounds: " + ", ".join(parts))
    return "\n".join(words)


if __name__ == "__main__":
    by_loss = "--by-loss" in sys.argv
    for run in sys.argv[1:]:
        if run != "--by-loss":
            print(report_by_loss(run) if by_loss else report(run))
