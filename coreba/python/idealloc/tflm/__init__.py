"""Less memory for models of TensorFlow Lite Micro.

The library lays out the tensors and scratch buffers of a model in the head of its arena,
greedily, when a program starts; or as a plan in the model's metadata says. `plan` puts such a
plan into a model, so that the same program needs less memory and nothing else changes.

>>> import idealloc.tflm
>>> planned = idealloc.tflm.plan(open("model.tflite", "rb").read())  # doctest: +SKIP

`layout` tells more: the memory before and after, and what was taken for granted. Sizes and
offsets are in bytes. Models with control flow are planned over all subgraphs, which the library
honours since March 2023.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import NamedTuple, Union

from idealloc._errors import FileError, OptionError, PlacementError
from idealloc._idealloc import Jobs, TfliteModel
from idealloc._plan import solve

__all__ = ["Buffer", "Layout", "layout", "plan"]

_ALIGNMENT = 16

Bytes = Union[bytes, bytearray, memoryview]


class Buffer(NamedTuple):
    """What the library plans: a tensor or a scratch buffer."""

    tensor: int | None
    """The tensor's number over all subgraphs; `None` for a scratch buffer."""
    name: str
    size: int
    """Bytes, rounded up to 16."""
    first: int
    """The first step at which it is live; -1 where no operator creates it."""
    last: int
    """The last step at which it is live."""


@dataclass(frozen=True, slots=True, eq=False)
class Layout:
    """A model with its memory laid out, and what that is worth."""

    model: bytes = field(repr=False)
    """The model with the plan; the same bytes as before where `changed` is false."""
    changed: bool
    """Whether the model has a new plan."""
    before: int
    """The head of the arena that the library takes for the model as it was, in bytes."""
    after: int
    """The head of the arena that it takes for `model`, in bytes."""
    lower_bound: int
    """No layout takes less, proved, in bytes. 0 where none was looked for."""
    buffers: list[Buffer] = field(repr=False)
    """All that is planned, in the order in which the library's planner hears of it."""
    offsets: list[int] | None = field(repr=False)
    """One a buffer, scratch buffers too: for a planner that takes all of them. `None` where the
    model's own plan was left alone and does not keep buffers apart."""
    reason: str
    """Why the model was changed, or was not."""
    notes: list[str] = field(repr=False)
    """What was taken for granted, or left out."""

    @property
    def optimal(self) -> bool:
        """Whether it is proved that no layout takes less."""
        return self.after <= self.lower_bound

    def header(self, name: str = "model") -> str:
        """A C and C++ header with `offsets`, for the library's `NonPersistentMemoryPlannerShim`.

        A program that plans by it needs no greedy planner; `name` begins the names in it.

        Raises:
            PlacementError: there are no offsets that keep the buffers apart.
        """
        if not name.isidentifier() or not name.isascii():
            raise OptionError(f"name is {name!r}, not a name in C")
        if self.offsets is None:
            raise PlacementError("the model's own plan does not keep its buffers apart: no header says so")
        return _header(name, self.buffers, self.offsets)


def plan(
    model: Bytes,
    *,
    timeout: float | None = 10.0,
    iterations: int | None = None,
    seed: int = 0,
    threads: int | None = None,
    log: Bytes | None = None,
    force: bool = False,
) -> bytes:
    """A model that needs less memory: `layout(model, ...).model`.

    What does not shrink comes back as it was. See `layout` for the arguments.
    """
    return layout(
        model, timeout=timeout, iterations=iterations, seed=seed, threads=threads, log=log, force=force
    ).model


def layout(
    model: Bytes,
    *,
    timeout: float | None = 10.0,
    iterations: int | None = None,
    seed: int = 0,
    threads: int | None = None,
    log: Bytes | None = None,
    force: bool = False,
) -> Layout:
    """Lays out a model's memory, and puts the plan into the model where that needs less.

    Scratch buffers cannot be in a plan: the library puts them around it, and `after` counts them
    where it does. They are taken to be those of the library's reference kernels, unless `log`
    tells.

    Args:
        model: the content of a `.tflite` file.
        timeout: seconds until the search ends with the best so far; it ends before where
            that is optimal. `None`: no limit, or that of `iterations`.
        iterations: how many placements to try.
        seed: of all randomness.
        threads: how many to use; `None`: those of the machine.
        log: what a build of the library with TF_LITE_SHOW_MEMORY_USE printed for this model:
            its scratch buffers are taken.
        force: replace a plan that the model has also where its tensors overlap on purpose, as
            Arm's Vela compiler makes them, or where the library refuses it.

    Raises:
        FileError: the model cannot be read or planned; the message names the byte.
        OptionError: an option is out of its range, or the log is of another model.
    """
    content = bytes(model)
    read = TfliteModel(content, None if log is None else bytes(log))
    buffers = [Buffer(*buffer) for buffer in read.buffers()]
    jobs = Jobs(*read.columns(), None, _ALIGNMENT)
    notes = read.notes()
    if read.has_plan and not force:
        before, own = _own_plan(read)
        reason = _why_left_alone(read, jobs, own)
        if reason is not None:
            return Layout(content, False, before, before, 0, buffers, None, reason, notes)
    else:
        own = read.place()
        before = read.head(own)
    assert own is not None
    solved = solve(jobs, timeout=timeout, iterations=iterations, seed=seed, threads=threads)
    offsets = [int(offset) for offset in solved.offsets]
    placed = read.place(offsets)
    jobs.verify(placed, 0)
    after = read.head(placed)
    # With `force`, a plan goes in also where there is nothing to gain.
    changed = after < before or (force and read.has_plan and after == before)
    if solved.makespan > before:
        offsets = own
    if changed:
        reason = f"{before} bytes before, {after} after"
        return Layout(
            read.with_plan(placed), True, before, after, solved.lower_bound, buffers, offsets, reason, notes
        )
    reason = "no smaller layout was found" if before > solved.lower_bound else "no layout is smaller"
    if solved.makespan < before:
        reason += ", as the library puts scratch buffers around a plan"
    return Layout(content, False, before, before, solved.lower_bound, buffers, offsets, reason, notes)


def _own_plan(read: TfliteModel) -> tuple[int, list[int] | None]:
    refusal = read.refusal()
    own = read.by_own_plan()
    if own is None:
        raise FileError(f"{refusal}; to replace it, force that")
    return own


def _why_left_alone(read: TfliteModel, jobs: Jobs, own: list[int] | None) -> str | None:
    if read.is_for_ethos_u or own is None:
        return "the model has a plan that its compiled parts, or its variables, rely on"
    try:
        jobs.verify(own, 0)
    except PlacementError as overlap:
        return f"the model has a plan whose buffers overlap on purpose, as it seems: {overlap}"
    return None


def _header(name: str, buffers: list[Buffer], offsets: list[int]) -> str:
    head = max((offset + buffer.size for buffer, offset in zip(buffers, offsets)), default=0)
    tensors = sum(buffer.tensor is not None for buffer in buffers)
    lines = [
        f"// Offsets of {tensors} tensors and {len(buffers) - tensors} scratch buffers in {head} bytes, made by idealloc.",
        "// They are of one model and one build: what the planner is asked for must not change.",
        "//",
        "//     tflite::NonPersistentMemoryPlannerShim planner(",
        f"//         reinterpret_cast<const tflite::BufferPlan*>(&{name}_buffer_plan));",
        f"#ifndef {name.upper()}_BUFFER_PLAN_H_",
        f"#define {name.upper()}_BUFFER_PLAN_H_",
        "",
        "#include <stdint.h>",
        "",
        f"#define {name.upper()}_HEAD_BYTES {head}",
        "",
        "// Laid out as tflite::BufferPlan is.",
        "static const struct {",
        "  int32_t buffer_count;",
        f"  int32_t offsets[{max(len(offsets), 1)}];",
        f"}} {name}_buffer_plan = {{",
        f"    {len(offsets)},",
        "    {",
    ]
    for buffer, offset in zip(buffers, offsets):
        what = "scratch" if buffer.tensor is None else f"tensor {buffer.tensor}"
        lines.append(f"        {offset},  // {what}, {buffer.size} bytes")
    if not offsets:
        lines.append("        0,")
    lines += ["    }};", "", "#endif", ""]
    return "\n".join(lines)


def _read(path: str | os.PathLike[str]) -> bytes:
    with open(path, "rb") as file:
        return file.read()
