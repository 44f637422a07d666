"""`python -m idealloc.tflm model.tflite -o planned.tflite`."""

from __future__ import annotations

import argparse
import os
import re
import sys

from idealloc import tflm
from idealloc._errors import IdeallocError
from idealloc._idealloc import write_files
from idealloc.tflm import _check

_EXAMPLES = """\
examples:
  python -m idealloc.tflm model.tflite                      what a plan is worth; writes nothing
  python -m idealloc.tflm model.tflite -o planned.tflite
  python -m idealloc.tflm model.tflite -o planned.tflite --check
  python -m idealloc.tflm model.tflite --header plan.h      for NonPersistentMemoryPlannerShim

A model that needs no less memory is written as it is. Either all files are written or none.

exit codes: 0 done; 1 --check found a difference, and nothing is written; 2 bad usage or input
"""


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m idealloc.tflm",
        description="Puts an offline memory plan into a model of TensorFlow Lite Micro, so that its arena needs less memory.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("model", help="a .tflite file")
    parser.add_argument("-o", "--output", metavar="FILE", help="the model with the plan")
    parser.add_argument("--header", metavar="FILE", help="a C header with the offsets of tensors and scratch buffers")
    parser.add_argument(
        "--log",
        metavar="FILE",
        help="what a build with TF_LITE_SHOW_MEMORY_USE printed for the model: its scratch buffers are taken,"
        " not those of the reference kernels",
    )
    parser.add_argument("--force", action="store_true", help="replace a plan whose buffers overlap on purpose, as Vela's")
    parser.add_argument(
        "--check", action="store_true", help="run both models in the interpreter of tflite-micro, and compare"
    )
    parser.add_argument("--timeout", type=float, default=10.0, metavar="SECONDS", help="[default: 10]")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="of the search and of --check's inputs")
    return parser


def main(arguments: list[str] | None = None) -> int:
    """Runs the program; gives its exit code."""
    chosen = _parser().parse_args(arguments)
    try:
        return _run(chosen)
    except OSError as error:
        _tell(f"{error.filename}: {error.strerror}" if error.filename else str(error))
    except IdeallocError as error:
        text = str(error)
        outputs = [path for path in (chosen.output, chosen.header) if path]
        is_named = any(text.startswith(f"{path}: ") for path in outputs)
        _tell(text if is_named else f"{chosen.model}: {text}")
    except KeyboardInterrupt:
        return 130
    return 2


def _run(chosen: argparse.Namespace) -> int:
    if chosen.output and chosen.header and os.path.realpath(chosen.output) == os.path.realpath(chosen.header):
        _tell(f"{chosen.header}: the header would replace the model: give it another name")
        return 2
    model = tflm._read(chosen.model)
    log = tflm._read(chosen.log) if chosen.log else None
    layout = tflm.layout(model, timeout=chosen.timeout, seed=chosen.seed, log=log, force=chosen.force)
    for note in layout.notes:
        _tell(f"{chosen.model}: {note}")
    print(_summary(layout))
    if chosen.check and not _same(chosen, model, layout):
        return 1
    files = []
    if chosen.output:
        files.append((chosen.output, layout.model))
    if chosen.header:
        name = re.sub(r"\W", "_", os.path.splitext(os.path.basename(chosen.model))[0], flags=re.ASCII)
        name = name if name.isidentifier() else f"model_{name}"
        files.append((chosen.header, layout.header(name).encode()))
    write_files(files)
    return 0


def _summary(layout: tflm.Layout) -> str:
    scratch = sum(buffer.tensor is None for buffer in layout.buffers)
    lines = [
        f"buffers    {len(layout.buffers) - scratch} tensors, {scratch} scratch",
        f"before     {layout.before} bytes",
        f"after      {layout.after} bytes",
    ]
    if layout.changed and layout.before > 0:
        saved = 100 * (layout.before - layout.after) / layout.before
        lines.append(f"saved      {layout.before - layout.after} bytes ({saved:.1f} %)")
    if layout.lower_bound > 0:
        lines.append(f"least      {layout.lower_bound} bytes")
    status = "optimal: no layout is smaller" if layout.optimal else layout.reason
    lines.append(f"status     {status}" + ("" if layout.changed else "; the model stays as it is"))
    return "\n".join(lines)


def _same(chosen: argparse.Namespace, model: bytes, layout: tflm.Layout) -> bool:
    """Whether both models do the same, and take the memory that they should."""
    before, after = _check.run(model, chosen.seed), _check.run(layout.model, chosen.seed)
    for name, run, expected in (("before", before, layout.before), ("after", after, layout.after)):
        if run.head != expected:
            _tell(f"{chosen.model}: {name}, the interpreter's head is {run.head} bytes, not {expected}")
    if before.digest != after.digest:
        _tell(f"{chosen.model}: the outputs differ: nothing is written")
        return False
    if after.head > before.head:
        _tell(f"{chosen.model}: the interpreter needs more memory than before: nothing is written")
        return False
    weak = ", though they depend on no input" if after.constant else ""
    print(f"check      equal outputs{weak}; heads of {before.head} and {after.head} bytes in the interpreter")
    return True


def _tell(what: str) -> None:
    print(f"idealloc.tflm: {what}", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
