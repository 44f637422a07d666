"""Offsets for buffers of known sizes and lifetimes, in as little memory as possible.

`plan` takes columns of numbers, `Problem` takes buffers or a CSV file, and `plan_many`
many problems at once. Each gives a `Plan`: an offset for every buffer, and what is known
about the memory that they take.

Sizes and offsets are in bytes. A lifetime `[lower, upper)` is half-open, on any clock that
counts in integers: two buffers conflict where `a.lower < b.upper and b.lower < a.upper`.
All numbers are from 0 to 2^63 - 1.

>>> import idealloc
>>> plan = idealloc.plan(lower=[0, 3, 0, 9, 0], upper=[3, 9, 9, 21, 21], size=[4, 4, 4, 4, 4])
>>> plan.makespan, plan.status
(12, 'optimal')
"""

from idealloc._errors import (
    FileError,
    IdeallocError,
    OptionError,
    PlacementError,
    ProblemError,
    SolverError,
)
from idealloc._idealloc import Progress
from idealloc._many import plan_many
from idealloc._plan import Plan, plan
from idealloc._problem import Buffer, Problem

__all__ = [
    "Buffer",
    "FileError",
    "IdeallocError",
    "OptionError",
    "PlacementError",
    "Plan",
    "Problem",
    "ProblemError",
    "Progress",
    "SolverError",
    "plan",
    "plan_many",
]
