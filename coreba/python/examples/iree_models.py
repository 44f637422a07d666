"""Makes models that IREE compiles, from PyTorch by ONNX, for `iree_substitute.py`.

    pip install torch torchvision onnx onnxscript iree-base-compiler==3.13.0
    python iree_models.py mobilenet_v2 whisper

Writes MODEL.mlir into the current folder (or that of --folder) and prints the arguments with
which `iree_substitute.py` compiles and runs it. What the names mean is in models.py.
"""

from __future__ import annotations

import argparse
import os
import tempfile

import torch

import models
import programs


def convert(name: str, size: int, folder: str) -> str:
    """Writes a model; gives the arguments that tell `iree_substitute.py` of it."""
    model, inputs = models.make(name, size)
    path = os.path.join(folder, f"{name}.mlir")
    with tempfile.TemporaryDirectory() as work, torch.no_grad():
        onnx = os.path.join(work, f"{name}.onnx")
        torch.onnx.export(model, inputs, onnx, dynamo=True, external_data=False, verbose=False)
        programs.call("iree-import-onnx", onnx, "-o", path)
    types = ("x".join(map(str, one.shape)) + "xf32" for one in inputs)
    return f"{path} main_graph {' '.join(types)}"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("models", nargs="+", help="names of torchvision's models, or whisper")
    parser.add_argument("--size", type=int, default=224, help="height and width of a picture")
    parser.add_argument("--folder", default=".", help="where the models go")
    options = parser.parse_args()
    os.makedirs(options.folder, exist_ok=True)
    for name in options.models:
        print("python iree_substitute.py", convert(name, options.size, options.folder), flush=True)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
