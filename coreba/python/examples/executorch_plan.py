"""Exports a model to ExecuTorch with its own planner and with idealloc's, and compares them.

    pip install executorch torch torchvision idealloc
    python executorch_plan.py mobilenet_v3_small
    python executorch_plan.py swin_t densenet121 --dump-folder dumps

For each model of torchvision, with random weights: the bytes that each planner sets aside for
tensors, and whether both programs give the same outputs, bit by bit, for the same input. With
--dump-folder the buffers are written as MODEL.json, for `adapt MODEL.json MODEL.csv`.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from typing import Any

import torch
import torchvision
from executorch.exir import EdgeCompileConfig, ExecutorchBackendConfig, to_edge
from executorch.exir.memory_planning import MemoryPlanningAlgorithmSuite, greedy
from executorch.exir.passes import MemoryPlanningPass
from executorch.runtime import Runtime

import idealloc.executorch


def export(model: torch.nn.Module, inputs: tuple[Any, ...], algorithms: list[Any]) -> Any:
    """The program of a model whose memory the best of some algorithms planned."""
    edge = to_edge(
        torch.export.export(model, inputs, strict=False),
        compile_config=EdgeCompileConfig(_check_ir_validity=False),
    )
    suite = MemoryPlanningAlgorithmSuite(algorithms)
    config = ExecutorchBackendConfig(memory_planning_pass=MemoryPlanningPass(suite))
    return edge.to_executorch(config)


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


def compare(name: str, size: int, timeout: float, dumps: str | None) -> bool:
    torch.manual_seed(0)
    model = torchvision.models.get_model(name, weights=None).eval()
    inputs = (torch.randn(1, 3, size, size),)
    dump = None if dumps is None else os.path.join(dumps, f"{name}.json")
    ours = idealloc.executorch.planner(timeout=timeout, dump=dump, stock=greedy if dump else None)
    with torch.no_grad(), tempfile.TemporaryDirectory() as folder:
        outputs, sizes = [], []
        for label, algorithms in (("greedy", [greedy]), ("idealloc", [greedy, ours])):
            began = time.monotonic()
            program = export(model, inputs, algorithms)
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
    parser.add_argument("models", nargs="+", help="names of torchvision's models")
    parser.add_argument("--size", type=int, default=224, help="height and width of the input")
    parser.add_argument("--timeout", type=float, default=5.0, help="seconds for each plan")
    parser.add_argument("--dump-folder", metavar="FOLDER")
    options = parser.parse_args()
    if options.dump_folder is not None:
        os.makedirs(options.dump_folder, exist_ok=True)
    same = [compare(name, options.size, options.timeout, options.dump_folder) for name in options.models]
    return 0 if all(same) else 1


if __name__ == "__main__":
    raise SystemExit(main())
