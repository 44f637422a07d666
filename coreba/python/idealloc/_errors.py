"""The exceptions of the package. All are `ValueError` too."""

from __future__ import annotations


class IdeallocError(ValueError):
    """What every exception of this package is."""


class ProblemError(IdeallocError):
    """The buffers are not sound: `row` is the first bad one, counted from 0.

    `row` is `None` where several are at fault together.
    """

    def __init__(self, message: str, row: int | None = None) -> None:
        super().__init__(message)
        self.row = row


class OptionError(IdeallocError):
    """An option is out of its range."""


class FileError(IdeallocError):
    """A file is not what its format asks for; the message names the line."""


class PlacementError(IdeallocError):
    """Offsets are not a valid placement; the message names what is violated."""


class SolverError(IdeallocError):
    """A defect of idealloc: its placement failed the verifier, and is not given out."""
