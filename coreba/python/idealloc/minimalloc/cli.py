"""`idealloc-minimalloc`: minimalloc's command line, solved by idealloc.

It takes the flags of google/minimalloc's program (`--minimize_capacity`, `--flag=value` or
`--flag value`, `--noflag`) and of its Python bindings (`--minimize-capacity`,
`--no-flag`), writes the same columns, and exits with 1 where there is no solution.
"""

from __future__ import annotations

import argparse
import math
import re
import sys
import time

from idealloc import minimalloc
from idealloc._errors import IdeallocError

_UNITS = {"ns": 1e-9, "us": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
# About minimalloc's own search: taken, and without effect.
_OTHERS = (
    "canonical_only",
    "section_inference",
    "dynamic_ordering",
    "check_dominance",
    "unallocated_floor",
    "static_preordering",
    "dynamic_decomposition",
    "monotonic_floor",
    "hatless_pruning",
)
_TRUE, _FALSE = ("true", "t", "yes", "y", "1"), ("false", "f", "no", "n", "0")


def _duration(text: str) -> float:
    """Seconds: `30s`, `1h30m`, `500ms`, a bare number, or `inf`."""
    text = text.strip().lower()
    if text in ("", "inf", "infinite", "infinity"):
        return math.inf
    number = r"(\d+\.?\d*|\.\d+)"
    if re.fullmatch(number, text):
        return float(text)
    if re.fullmatch(f"({number}(ns|us|ms|s|m|h))+", text):
        return sum(float(count) * _UNITS[unit] for count, unit in re.findall(f"{number}(ns|us|ms|s|m|h)", text))
    raise argparse.ArgumentTypeError(f"{text!r} is not a length of time such as 30s, 1h30m or inf")


def _truth(text: str) -> bool:
    if text.lower() in _TRUE + _FALSE:
        return text.lower() in _TRUE
    raise argparse.ArgumentTypeError(f"{text!r} is neither true nor false")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="idealloc-minimalloc",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--input", required=True, metavar="FILE", help="the CSV of the buffers")
    parser.add_argument("--output", metavar="FILE", help="the CSV of the solution [default: standard output]")
    parser.add_argument("--capacity", type=int, default=0, metavar="BYTES", help="the memory that there is")
    parser.add_argument(
        "--timeout", type=_duration, default=math.inf, metavar="TIME", help="30s, 1h30m, 500ms, inf [default: inf]"
    )
    _add_switch(parser, "validate", "check the solution with the verifier, and say so")
    _add_switch(parser, "minimize_capacity", "the smallest memory, within --capacity where that is given")
    for name in _OTHERS:
        _add_switch(parser, name, argparse.SUPPRESS)
    parser.add_argument("--preordering_heuristics", help=argparse.SUPPRESS)
    return parser


def _add_switch(parser: argparse.ArgumentParser, name: str, purpose: str) -> None:
    parser.add_argument(f"--{name}", type=_truth, nargs="?", const=True, default=False, help=purpose)
    parser.add_argument(f"--no{name}", dest=name, action="store_false", help=argparse.SUPPRESS)


def _one_spelling(argument: str) -> str:
    """A flag as minimalloc's program spells it."""
    if not argument.startswith("-") or len(argument) < 3:
        return argument
    name, equals, value = argument.lstrip("-").partition("=")
    name = name.replace("-", "_")
    if name.startswith("no_"):
        name = "no" + name[3:]
    return f"--{name}{equals}{value}"


def main(arguments: list[str] | None = None) -> int:
    """Runs the program; gives its exit code."""
    arguments = sys.argv[1:] if arguments is None else arguments
    chosen = _parser().parse_args([_one_spelling(argument) for argument in arguments])
    try:
        return _run(chosen)
    except (IdeallocError, OSError) as error:
        print(f"Error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


def _run(chosen: argparse.Namespace) -> int:
    # The reader of idealloc says what is wrong, and where.
    problem = minimalloc._read(chosen.input)
    params = minimalloc.SolverParams()
    params.timeout = chosen.timeout
    params.minimize_capacity = chosen.minimize_capacity
    problem.capacity = chosen.capacity
    if chosen.minimize_capacity and chosen.capacity <= 0:
        problem.capacity = 2**63 - 1
    begun = time.perf_counter()
    solution = minimalloc.Solver(params).solve(problem)
    print(f"Elapsed time {time.perf_counter() - begun:.3f}s", file=sys.stderr)
    if solution is None:
        print(f"Error: no solution within {problem.capacity} bytes was found", file=sys.stderr)
        return 1
    if chosen.validate:
        result = minimalloc.validate(problem, solution)
        if result != minimalloc.ValidationResult.GOOD:
            print(f"Error: Validation FAIL {result.name}", file=sys.stderr)
            return 1
        print(f"Validation PASS, height {solution.height}", file=sys.stderr)
    if chosen.output:
        minimalloc.to_csv_file(chosen.output, problem, solution)
    else:
        sys.stdout.write(minimalloc.to_csv(problem, solution))
    return 0


if __name__ == "__main__":
    sys.exit(main())
