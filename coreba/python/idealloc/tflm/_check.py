"""Runs a model before and after in TensorFlow Lite Micro's own interpreter.

Needs the package `tflite-micro` (`pip install 'idealloc[tflm]'`). Each model runs in a
process of its own: the interpreter ends its process where a model is not to its liking, and
prints the arena's head to standard error.
"""

from __future__ import annotations

import importlib
import importlib.util
import json
import os
import re
import subprocess
import sys
import tempfile
from typing import TYPE_CHECKING, Any, NamedTuple

from idealloc._errors import FileError

if TYPE_CHECKING:
    import numpy

_SECONDS = 600.0
_RUNS = 3


class Run(NamedTuple):
    """What a model gave for random inputs."""

    head: int
    """The head of the arena, in bytes."""
    digest: str
    """Of all outputs."""
    constant: bool
    """Whether the outputs do not depend on the inputs, so that they prove little."""


def run(model: bytes, seed: int = 0) -> Run:
    """Runs a model on random inputs, the same for the same seed.

    Raises:
        FileError: the interpreter cannot run the model, or is not there.
    """
    if importlib.util.find_spec("tflite_micro") is None:
        raise FileError("to run models needs the package tflite-micro: pip install 'idealloc[tflm]'")
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "model.tflite")
        with open(path, "wb") as file:
            file.write(model)
        command = [sys.executable, "-m", __name__, path, str(seed)]
        try:
            child = subprocess.run(command, capture_output=True, timeout=_SECONDS, check=False)
        except subprocess.TimeoutExpired:
            raise FileError(f"the interpreter took more than {_SECONDS:.0f} seconds") from None
    errors = child.stderr.decode(errors="replace")
    head = re.search(r"Arena allocation head (\d+) bytes", errors)
    if child.returncode != 0 or head is None:
        lines = [line for line in errors.splitlines() if line.strip()]
        why = lines[-1] if lines else f"it ended without a word, with {child.returncode}"
        raise FileError(f"the interpreter cannot run the model: {why}")
    told = json.loads(child.stdout)
    return Run(int(head[1]), told["digest"], told["constant"])


def _main(path: str, seed: int) -> int:
    import hashlib

    import numpy

    runtime = importlib.import_module("tflite_micro.python.tflite_micro.runtime")
    with open(path, "rb") as file:
        model = file.read()
    inputs, outputs = _ports(model)
    arena = _planned(model) + 4 * len(model) + (1 << 20)
    interpreter = runtime.Interpreter.from_bytes(model, arena_size=arena)
    random = numpy.random.default_rng(seed)
    results = []
    for _ in range(_RUNS):
        for number in range(inputs):
            details = interpreter.get_input_details(number)
            interpreter.set_input(_values(random, details["shape"], numpy.dtype(details["dtype"])), number)
        interpreter.invoke()
        results.append(b"".join(interpreter.get_output(number).tobytes() for number in range(outputs)))
    digest = hashlib.sha256(b"".join(results)).hexdigest()
    print(json.dumps({"digest": digest, "constant": len(set(results)) == 1}))
    interpreter.print_allocations()
    return 0


def _values(random: numpy.random.Generator, shape: Any, kind: numpy.dtype[Any]) -> Any:
    if kind.kind == "b":
        return random.integers(0, 2, shape).astype(kind)
    if kind.kind == "f":
        return random.standard_normal(shape).astype(kind)
    # Small where they may be indices.
    least, most = (-128, 127) if kind.itemsize <= 2 else (0, 3)
    return random.integers(max(least, 0) if kind.kind == "u" else least, most, shape).astype(kind)


def _ports(model: bytes) -> tuple[int, int]:
    """How many inputs and outputs the first subgraph has."""
    schema = importlib.import_module("tflite_micro.tensorflow.lite.micro.python.schema_py_generated")
    graph = schema.Model.GetRootAsModel(model, 0).Subgraphs(0)
    return graph.InputsLength(), graph.OutputsLength()


def _planned(model: bytes) -> int:
    """Bytes that no sensible layout passes."""
    from idealloc._idealloc import TfliteModel

    buffers = TfliteModel(model).buffers()
    return 2 * sum(buffer[2] for buffer in buffers)


if __name__ == "__main__":
    sys.exit(_main(sys.argv[1], int(sys.argv[2])))
