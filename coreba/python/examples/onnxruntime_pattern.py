"""Traces a run of a model in onnxruntime, and plans the memory of its tensors anew.

    pip install torch torchvision onnx onnxscript onnxruntime ..
    python onnxruntime_pattern.py mobilenet_v3_small

onnxruntime learns in a model's first run which tensors it needs and for how long (its memory
pattern), and places them in one block that later runs take. It has no place for another planner
and tells nobody how large the block is, so this looks from outside, with `idealloc-trace` and
`adapt`, which must be on the PATH. In a second run with the pattern, the block is the largest
allocation. In a second run without it, each tensor is an allocation of its own, and idealloc
places these. Allocations below 512 bytes are left out on both sides: Python's and the runtime's
own. Sizes are in bytes, rounded up to 64; time is counted in allocations.
"""

from __future__ import annotations

import argparse
import csv
import os
import sys
import tempfile

import numpy

import idealloc
from programs import call

ALIGNMENT = 64
LEAST = 512
# Sizes that nothing else has: allocations of them tell where the second run begins and ends.
MARKS = (7770001, 7770002)
Job = tuple[int, int, int]
"""When it is allocated, when it is freed, and its size in bytes."""


def run(model: str, pattern: bool) -> None:
    """What is traced: a first run, and a second one between two marks."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.enable_cpu_mem_arena = False
    options.enable_mem_pattern = pattern
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    generator = numpy.random.default_rng(0)
    inputs = {
        one.name: generator.standard_normal(one.shape).astype(numpy.float32) for one in session.get_inputs()
    }
    session.run(None, inputs)
    numpy.empty(MARKS[0], numpy.uint8)
    session.run(None, inputs)
    numpy.empty(MARKS[1], numpy.uint8)


def between_marks(jobs: list[Job]) -> list[Job]:
    """What was allocated and freed between the marks, without what is small; sizes rounded up."""
    begin, end = ([lower for lower, _, size in jobs if size == mark] for mark in MARKS)
    if len(begin) != 1 or len(end) != 1:
        sys.exit(f"allocations of {MARKS[0]} and {MARKS[1]} bytes were not found once each in the trace")
    return [
        (lower, upper, -(-size // ALIGNMENT) * ALIGNMENT)
        for lower, upper, size in jobs
        if begin[0] < lower and upper <= end[0] and size >= LEAST
    ]


def second_run(model: str, pattern: bool) -> list[Job]:
    """What the second run of a model allocated and freed, by its trace."""
    stem = f"{os.path.splitext(model)[0]}-{'pattern' if pattern else 'tensors'}"
    trace, jobs = f"{stem}.trc", f"{stem}.csv"
    child = [sys.executable, __file__, model, "--traced", "on" if pattern else "off"]
    call("idealloc-trace", "--no-follow", "-o", trace, "--", *child)
    call("adapt", trace, jobs, "--clock", "events", "--size", "requested")
    with open(jobs, newline="") as file:
        rows = csv.DictReader(file)
        return between_marks([(int(row["lower"]), int(row["upper"]), int(row["size"])) for row in rows])


def plan(jobs: list[Job]) -> idealloc.Plan:
    lower, upper, sizes = zip(*jobs)
    return idealloc.plan(lower, upper, sizes, alignment=ALIGNMENT, timeout=10)


def compare(name: str, size: int, folder: str) -> None:
    import models
    import torch

    model, inputs = models.make(name, size)
    path = os.path.join(folder, f"{name}.onnx")
    with torch.no_grad():
        torch.onnx.export(model, inputs, path, dynamo=True, external_data=False, verbose=False)
    with_pattern, tensors = second_run(path, True), second_run(path, False)
    block = max(size for _, _, size in with_pattern)
    # Outputs and the kernels' workspaces lie beside the block, and are among the tensors.
    theirs, ours = plan(with_pattern).load, plan(tensors)
    print(f"{name}: the pattern's block: {block} bytes; with what lives beside it: {theirs} bytes")
    print(f"{name}: {len(tensors)} tensors by idealloc: {ours.makespan} bytes, {ours.status}")
    print(f"{name}: {100 * (1 - ours.makespan / theirs):.1f} % less", flush=True)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("models", nargs="+", help="names of torchvision's models, or whisper")
    parser.add_argument("--size", type=int, default=224, help="height and width of a picture")
    parser.add_argument("--folder", help="where the traces and the jobs are kept")
    parser.add_argument("--traced", choices=["on", "off"], help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.traced is not None:
        run(options.models[0], options.traced == "on")
        return 0
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.folder or temporary
        os.makedirs(folder, exist_ok=True)
        for name in options.models:
            compare(name, options.size, folder)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
