import glob
import json
import math
import os
import struct
from pathlib import Path
from typing import Any, Dict, Iterable, Iterator, List, Mapping, NamedTuple, Union

Place = Union[str, "os.PathLike[str]"]


class Run(NamedTuple):
    """A run directory."""

    path: Path
    """The folder."""
    record: Dict[str, Any]
    """What it was made with: `run.json`, with the whole config under `config`."""

    @property
    def name(self) -> str:
        return self.record["config"]["name"]

    @property
    def seed(self) -> int:
        return self.record["config"]["seed"]

    @property
    def status(self) -> str:
        """`finished`, `running`, `interrupted`, `diverged` or `failed`."""
        return self.record["status"]


def runs(places: Union[Place, Iterable[Place]]) -> List[Run]:
    """The runs in these places: run directories, folders of them at any depth, or patterns, in the order of their paths.

    Raises `FileNotFoundError` where a place holds no run.
    """
    if isinstance(places, (str, os.PathLike)):
        places = [places]
    found: Dict[Path, Run] = {}
    for place in places:
        matches = [Path(match) for match in sorted(glob.glob(str(place), recursive=True))]
        records = [record for match in matches for record in _records(match)]
        if not records:
            raise FileNotFoundError(f"{place}: no run directory (a folder with a run.json) is there")
        for record in records:
            found[record.parent] = Run(record.parent, _json(record))
    return [found[path] for path in sorted(found)]


def config(run: Union[Run, Place]) -> Dict[str, Any]:
    """Every key of a run's config with its value, as `{"train.batch_size": 32, ...}`."""
    return dict(_flat(_run(run).record["config"], ""))


def rows(places: Union[Place, Iterable[Place]], library: str = "pandas") -> Any:
    """All measurements of runs as one table: a pandas data frame, or with `library="polars"` a Polars one.

    There is a row for each measurement, with the fields of `metrics.jsonl` (docs/metrics.schema.json), and before them
    `run_directory`, `status`, and every key of the config as `config.train.batch_size`. A number that was not measured
    is missing, and `reason` says why. A last line that a run has not finished to write is left out.
    """
    table: List[Dict[str, Any]] = []
    columns: Dict[str, None] = {}
    for run in runs(places):
        about: Dict[str, Any] = {"run_directory": str(run.path), "status": run.status}
        about.update((f"config.{key}", _cell(value)) for key, value in config(run).items())
        for row in _rows(run.path / "metrics.jsonl"):
            row = {**about, **{key: _cell(value) for key, value in row.items()}}
            columns.update(dict.fromkeys(row))
            table.append(row)
    series = {column: [row.get(column) for row in table] for column in columns}
    if library == "pandas":
        import pandas

        return pandas.DataFrame(series)
    if library == "polars":
        import polars

        return polars.DataFrame(series, strict=False)
    raise ValueError(f"library={library!r}: must be 'pandas' or 'polars'")


def weights(run: Union[Run, Place], which: str = "last", library: str = "numpy") -> Dict[str, Any]:
    """The weights of a run by their names, which are those of a PyTorch state dict, as NumPy arrays or, with
    `library="torch"`, as tensors.

    `which="average"` takes the average of a run that kept one (average.kind). The run may also be a `.safetensors` file.
    """
    if library not in ("numpy", "torch"):
        raise ValueError(f"library={library!r}: must be 'numpy' or 'torch'")
    import numpy

    arrays = {}
    for name, kind, shape, data in _tensors(_weights_file(run, which)):
        if kind == _BRAIN:
            halves = numpy.frombuffer(data, dtype=numpy.dtype("<u2")).astype("u4") << 16
            arrays[name] = halves.view("f4").reshape(shape)
            continue
        array = numpy.frombuffer(data, dtype=numpy.dtype(kind)).reshape(shape)
        arrays[name] = array.astype(array.dtype.newbyteorder("="))
    if library == "numpy":
        return arrays
    import torch

    return {name: torch.from_numpy(array) for name, array in arrays.items()}


_FILES = {"last": "model.safetensors", "average": "average.safetensors"}

# The upper halves of 32-bit floats, which NumPy has no type for.
_BRAIN = "brain2"

_KINDS = {
    "F64": "<f8",
    "F32": "<f4",
    "F16": "<f2",
    "BF16": _BRAIN,
    "I64": "<i8",
    "I32": "<i4",
    "I16": "<i2",
    "I8": "<i1",
    "U8": "<u1",
    "BOOL": "?",
}


def _weights_file(run: Union[Run, Place], which: str) -> Path:
    if which not in _FILES:
        raise ValueError(f"which={which!r}: must be one of {', '.join(map(repr, _FILES))}")
    if not isinstance(run, Run) and Path(run).is_file():
        return Path(run)
    path = _run(run).path / _FILES[which]
    if not path.is_file():
        raise FileNotFoundError(f"{path}: the run has no such weights (is it finished?)")
    return path


def _tensors(path: Path) -> Iterator[Any]:
    """Name, type, shape and bytes of each tensor of a safetensors file."""
    data = path.read_bytes()
    if len(data) < 8:
        raise ValueError(f"{path}: not a safetensors file: it has {len(data)} bytes")
    (length,) = struct.unpack("<Q", data[:8])
    if length > len(data) - 8:
        raise ValueError(f"{path}: not a safetensors file: its header would have {length} bytes")
    header = json.loads(data[8 : 8 + length])
    body = memoryview(data)[8 + length :]
    for name, entry in header.items():
        if name == "__metadata__":
            continue
        kind = _KINDS.get(entry["dtype"])
        if kind is None:
            raise ValueError(f"{path}: tensor {name!r} has the type {entry['dtype']}, which is not read")
        begin, end = entry["data_offsets"]
        size = int(kind[-1]) if kind[-1].isdigit() else 1
        if not 0 <= begin <= end <= len(body) or end - begin != size * math.prod(entry["shape"]):
            raise ValueError(f"{path}: tensor {name!r} does not lie within the file")
        yield name, kind, entry["shape"], body[begin:end]


def _run(run: Union[Run, Place]) -> Run:
    if isinstance(run, Run):
        return run
    found = runs(run)
    if len(found) != 1:
        raise ValueError(f"{run}: holds {len(found)} runs; name one of them")
    return found[0]


def _records(place: Path) -> List[Path]:
    if not place.is_dir():
        return []
    return sorted(place.rglob("run.json"))


def _json(path: Path) -> Dict[str, Any]:
    with open(path, encoding="utf-8") as file:
        return json.load(file)


def _rows(path: Path) -> Iterator[Dict[str, Any]]:
    if not path.is_file():
        return
    with open(path, encoding="utf-8") as file:
        lines = file.read().split("\n")
    for number, line in enumerate(lines, 1):
        if not line:
            continue
        try:
            yield json.loads(line)
        except ValueError as error:
            # Only the last line may be cut off, by a process that was killed while it wrote.
            if number < len(lines):
                raise ValueError(f"{path}, line {number}: {error}") from error


def _flat(table: Mapping[str, Any], before: str) -> Iterator[Any]:
    for key, value in table.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{before}{key}.")
        else:
            yield before + key, value


def _cell(value: Any) -> Any:
    return json.dumps(value) if isinstance(value, (list, dict)) else value
