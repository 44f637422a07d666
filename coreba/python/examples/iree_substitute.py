"""Compiles a program with IREE, lays its transient buffers out by idealloc, and compares.

    pip install iree-base-compiler==3.13.0 iree-base-runtime==3.13.0 ..
    python iree_substitute.py ../../../tests/samples/layers.mlir encode \\
        16x12xf32 12x40xf32 40x24xf32 24x40xf32 40x56xf32 56x40xf32 40x24xf32 24x40xf32 40x16xf32

IREE packs the buffers of a function in one of its passes, which has no place for another
planner. This takes the program as it is before that pass, puts offsets in place of the packs,
and goes through the rest of the compiler by its single passes. So it shows what a better
layout gives, for the version of IREE above; for a list of the buffers alone use `adapt`.
Arguments behind the function's name are the types of its inputs, which get random numbers.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy

import idealloc
from programs import call

ALIGNMENT = 64
TARGET = ["--iree-hal-target-device=local", "--iree-hal-local-target-device-backends=llvm-cpu"]
ON_FUNCTIONS = "iree-stream-reuse-allocations,convert-scf-to-cf"
# What the compiler runs from here to the end of the phase, without the packing.
REST = [
    "util.func(iree-stream-layout-slices)",
    "canonicalize",
    "cse",
    "iree-util-propagate-subranges",
    "canonicalize",
    "cse",
    "iree-util-fold-globals",
    "iree-util-fuse-globals",
    "iree-util-ipo",
    "iree-stream-automatic-reference-counting",
    "iree-stream-annotate-constant-transient-size",
    "iree-stream-verify-lowering-to-cmd",
    f"util.initializer({ON_FUNCTIONS})",
    f"util.func({ON_FUNCTIONS})",
    "iree-stream-elide-timepoints",
    "canonicalize",
    "cse",
    "iree-stream-fuse-dispatch-bindings",
    "iree-stream-annotate-dispatch-arguments",
    "iree-stream-annotate-dispatch-assumptions",
    "iree-stream-pack-dispatch-operands",
    "canonicalize",
    "cse",
    "iree-stream-fold-uniform-operands",
    "symbol-dce",
]
PACK = re.compile(r"^ *(%\w+):\d+ = stream\.resource\.pack .*?slices\(\{\n(.*?)\}\) : index\n", re.S | re.M)
ALLOCATION = re.compile(r"stream\.resource\.alloca .*?stream\.resource<\w+>\{(%[\w#]+)\}")
SLICE = re.compile(r"\[(\d+), (\d+)\] = (%\w+)")
FUNCTION = re.compile(r"^ *(?:util\.func|util\.initializer|stream\.executable) ", re.M)


def before_packing(model: str, folder: Path) -> str:
    """The module with all packs in it: the first that is printed with any."""
    dump = call(
        "iree-compile", model, *TARGET, "--compile-to=stream", "--mlir-disable-threading",
        "--mlir-print-ir-before=iree-stream-layout-slices", "--mlir-print-ir-module-scope",
        "-o", str(folder / "stream.mlir"),
    )  # fmt: skip
    for module in re.split(r"^// -----// IR Dump .*\n", dump, flags=re.M):
        if PACK.search(module):
            return module
    sys.exit(f"{model}: IREE packs nothing: there is one buffer at most")


def sizes_of(module: str, names: list[str], before: int) -> list[int]:
    """The constants that some values are: those defined last before a place."""
    sizes = []
    for name in names:
        found = list(re.finditer(rf"{re.escape(name)} = arith\.constant (\d+) : index", module[:before]))
        if not found:
            sys.exit(f"{name} is no constant: only a program with static shapes has a layout")
        sizes.append(-(-int(found[-1][1]) // ALIGNMENT) * ALIGNMENT)
    return sizes


def stock_makespans(module: str, folder: Path) -> list[int]:
    """How many bytes each pack takes as IREE lays it out: what is allocated by its first result."""
    (folder / "packs.mlir").write_text(module)
    passes = "--pass-pipeline=builtin.module(util.func(iree-stream-layout-slices))"
    call("iree-opt", str(folder / "packs.mlir"), passes, "-o", str(folder / "stock.mlir"))
    stock = (folder / "stock.mlir").read_text()
    allocations = zip(ALLOCATION.finditer(module), ALLOCATION.finditer(stock), strict=True)
    packed = [after for before, after in allocations if before[1].endswith("#0")]
    return [sizes_of(stock, [after[1]], after.start())[0] for after in packed]


def substitute(module: str) -> tuple[str, list[int]]:
    """The module with offsets in place of its packs, and how many bytes each pack takes."""
    makespans = []
    while pack := PACK.search(module):
        slices = SLICE.findall(pack[2])
        sizes = sizes_of(module, [name for _, _, name in slices], pack.start())
        lower = [int(first) for first, _, _ in slices]
        upper = [int(last) + 1 for _, last, _ in slices]
        plan = idealloc.plan(lower, upper, sizes, alignment=ALIGNMENT, timeout=10)
        values = [plan.makespan, *plan.offsets.tolist()]
        result = pack[1]
        constants = [
            f"    %idealloc_{result[1:]}_{number} = arith.constant {value} : index\n"
            for number, value in enumerate(values)
        ]
        next_function = FUNCTION.search(module, pack.end())
        end = next_function.start() if next_function else len(module)
        rest = re.sub(rf"{result}#(\d+)", rf"%idealloc_{result[1:]}_\1", module[pack.end() : end])
        module = module[: pack.start()] + "".join(constants) + rest + module[end:]
        makespans.append(plan.makespan)
    return module, makespans


def run(program: Path, function: str, inputs: list[str], folder: Path) -> tuple[list[bytes], int]:
    """The outputs of a program, and the most bytes that it took on the device."""
    outputs = [folder / f"{program.stem}-{number}.bin" for number in range(8)]
    command = [
        "iree-run-module", f"--module={program}", "--device=local-sync", f"--function={function}",
        *(f"--input={one}" for one in inputs), "--print_statistics=true",
    ]  # fmt: skip
    # One output more than there is, is an error: try how many there are.
    for count in range(1, len(outputs) + 1):
        ran = subprocess.run(
            [*command, *(f"--output=@{path}" for path in outputs[:count])], capture_output=True, text=True
        )
        if ran.returncode == 0:
            peak = re.search(r"DEVICE_LOCAL:\s+(\d+)B peak", ran.stdout + ran.stderr)
            return [path.read_bytes() for path in outputs[:count]], int(peak[1]) if peak else 0
    sys.exit(f"iree-run-module failed:\n{ran.stderr[-2000:]}")


def random_input(kind: str, number: int, folder: Path) -> str:
    *shape, element = kind.split("x")
    if element != "f32":
        sys.exit(f"{kind}: only f32 is drawn")
    path = folder / f"input-{number}.bin"
    values = numpy.random.default_rng(number).standard_normal([int(size) for size in shape])
    path.write_bytes(values.astype(numpy.float32).tobytes())
    return f"{kind}=@{path}"


def listed(sizes: list[int]) -> str:
    return ", ".join(map(str, sizes))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("model", help="MLIR that iree-compile takes")
    parser.add_argument("function", help="the one to run")
    parser.add_argument("inputs", nargs="*", metavar="TYPE", help="such as 16x12xf32")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        stock, ours = folder / "stock.vmfb", folder / "ours.vmfb"
        call("iree-compile", options.model, *TARGET, "-o", str(stock))
        packs = before_packing(options.model, folder)
        theirs = stock_makespans(packs, folder)
        module, makespans = substitute(packs)
        (folder / "placed.mlir").write_text(module)
        pipeline = f"--pass-pipeline=builtin.module({','.join(REST)})"
        call("iree-opt", str(folder / "placed.mlir"), pipeline, "-o", str(folder / "rest.mlir"))
        call("iree-compile", str(folder / "rest.mlir"), *TARGET, "--compile-from=stream", "-o", str(ours))
        inputs = [random_input(kind, number, folder) for number, kind in enumerate(options.inputs)]
        expected, before = run(stock, options.function, inputs, folder)
        found, after = run(ours, options.function, inputs, folder)
    print(f"packs: {listed(theirs)} bytes by IREE, {listed(makespans)} bytes by idealloc")
    print(f"most on the device: {before} bytes by IREE, {after} bytes by idealloc")
    print("the same outputs" if expected == found else "OTHER OUTPUTS")
    return 0 if expected == found else 1


if __name__ == "__main__":
    raise SystemExit(main())
