"""Exports a model to ExecuTorch with its own planner and with idealloc's, and compares them.

    pip install executorch torch torchvision ..
    python executorch_plan.py mobilenet_v3_small
    python executorch_plan.py swin_t densenet121 --dump-folder dumps
    python executorch_plan.py whisper --delegate xnnpack

For each model (models.py), with random weights: the bytes that each planner sets aside for
tensors, and whether both programs give the same outputs, bit by bit, for the same input. With
--dump-folder the buffers are written as MODEL.json, for `adapt MODEL.json MODEL.csv`. With
--delegate xnnpack XNNPACK runs what it can, and plans the memory inside of that itself.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from typing import Any

import torch
from executorch.exir import EdgeCompileConfig, ExecutorchBackendConfig, to_edge_transform_and_lower
from executorch.exir.memory_planning import MemoryPlanningAlgorithmSuite, Verifier, greedy
from executorch.exir.passes import MemoryPlanningPass
from executorch.runtime import Runtime

import idealloc.executorch
import models


def partitioners(delegate: str | None) -> list[Any]:
    """What takes parts of a model away from the portable operators."""
    if delegate is None:
        return []
    from executorch.backends.xnnpack.partition.xnnpack_partitioner import XnnpackPartitioner

    return [XnnpackPartitioner()]


def export(
    model: torch.nn.Module, inputs: tuple[Any, ...], algorithms: list[Any], delegate: str | None
) -> Any:
    """The program of a model whose memory the best of some algorithms planned."""
    edge = to_edge_transform_and_lower(
        torch.export.export(model, inputs, strict=False),
        partitioner=partitioners(delegate),
        compile_config=EdgeCompileConfig(_check_ir_validity=False),
    )
    suite = MemoryPlanningAlgorithmSuite(algorithms)
    config = ExecutorchBackendConfig(memory_planning_pass=MemoryPlanningPass(suite))
    program = edge.to_executorch(config)
    planned = program.exported_program()
    # ExecuTorch's own check, which it leaves out unless it logs for debugging.
    verifier = Verifier(planned.graph_module, True, True, True, planned.graph_signature)
    pairs = verifier.verify_storage_reuse()
    print(f"{pairs} pairs of tensors share memory, none of them live at once", flush=True)
    return program


def planned_bytes(program: Any) -> int:
    plans = program.executorch_program.execution_plan
    return sum(sum(plan.non_const_buffer_sizes) for plan in plans)


def run(program: Any, inputs: tuple[Any, ...], folder: str, name: str) -> list[torch.Tensor]:
    # A name of its own: a program stays mapped from its file as long as it is loaded.
    path = os.path.join(folder, f"{name}.pte")
    with open(path, "wb") as file:
        program.write_to_file(file)
    method = Runtime.get().load_program(path).load_method("forward")
    return [output.clone() for output in method.execute(inputs)]


def compare(name: str, size: int, timeout: float, dumps: str | None, delegate: str | None) -> bool:
    model, inputs = models.make(name, size)
    dump = None if dumps is None else os.path.join(dumps, f"{name}.json")
    ours = idealloc.executorch.planner(timeout=timeout, dump=dump, stock=greedy if dump else None)
    with torch.no_grad(), tempfile.TemporaryDirectory() as folder:
        outputs, sizes = [], []
        for label, algorithms in (("greedy", [greedy]), ("idealloc", [greedy, ours])):
            began = time.monotonic()
            program = export(model, inputs, algorithms, delegate)
            sizes.append(planned_bytes(program))
            outputs.append(run(program, inputs, folder, label))
            print(f"{name}: {label}: {sizes[-1]} bytes, {time.monotonic() - began:.0f} s", flush=True)
    first, second = outputs
    same = len(first) == len(second) and all(map(torch.equal, first, second))
    # An output that is constant would be the same whatever lies where.
    varied = all(output.unique().numel() > 1 for output in first)
    saved = 100 * (1 - sizes[1] / sizes[0])
    verdict = "the same outputs" if same else "OTHER OUTPUTS"
    weak = "" if varied else " (constant ones, which say little)"
    print(f"{name}: {saved:.1f} % less, {verdict}{weak}", flush=True)
    return same


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("models", nargs="+", help="names of torchvision's models, or whisper")
    parser.add_argument("--size", type=int, default=224, help="height and width of a picture, in pixels")
    parser.add_argument("--timeout", type=float, default=5.0, help="seconds for each plan")
    parser.add_argument("--dump-folder", metavar="FOLDER")
    parser.add_argument("--delegate", choices=["xnnpack"], help="what runs the parts that it can")
    options = parser.parse_args()
    if options.dump_folder is not None:
        os.makedirs(options.dump_folder, exist_ok=True)
    same = [
        compare(name, options.size, options.timeout, options.dump_folder, options.delegate)
        for name in options.models
    ]
    return 0 if all(same) else 1


if __name__ == "__main__":
    raise SystemExit(main())
