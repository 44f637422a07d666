"""Calls the programs that the other examples need."""

from __future__ import annotations

import subprocess
import sys


def call(*command: str) -> str:
    """Runs a program; gives what it writes to standard error. Ends this one where that fails."""
    try:
        ran = subprocess.run(command, capture_output=True, text=True)
    except FileNotFoundError:
        sys.exit(f"{command[0]}: not found: put its folder on the PATH")
    if ran.returncode != 0:
        sys.exit(f"{command[0]} failed:\n{ran.stderr[-2000:]}")
    return ran.stderr
