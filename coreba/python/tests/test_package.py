"""The package as a whole: its types, its pages, what an import brings."""

from __future__ import annotations

import doctest
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import idealloc

HERE = Path(__file__).parent
README = HERE.parent / "README.md"


def python(*arguments: str, folder: Path = HERE) -> str:
    ran = subprocess.run([sys.executable, *arguments], cwd=folder, capture_output=True, text=True, timeout=300)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout


def test_the_example_of_the_package_is_true() -> None:
    assert doctest.testmod(idealloc).failed == 0


@pytest.mark.parametrize("page", [README, HERE.parent.parent / "compilers.md"], ids=lambda page: page.name)
def test_the_code_of_the_page_runs(page: Path, tmp_path: Path) -> None:
    pytest.importorskip("omnimalloc")
    blocks = re.findall(r"```python\n(.*?)```", page.read_text(), re.DOTALL)
    assert blocks
    (tmp_path / "page.py").write_text("if __name__ == '__main__':\n" + "".join(
        re.sub(r"^", "    ", block, flags=re.MULTILINE) + "\n" for block in blocks
    ))
    python("page.py", folder=tmp_path)


def test_an_import_brings_neither_numpy_nor_what_is_optional() -> None:
    loaded = python("-c", "import sys, idealloc; print(*sys.modules)").split()
    assert "idealloc" in loaded
    assert not {"numpy", "pandas", "matplotlib", "omnimalloc", "dask", "concurrent.futures"} & set(loaded)


def test_the_types_are_those_of_the_extension_and_hold() -> None:
    pytest.importorskip("mypy")
    python("-m", "mypy.stubtest", "idealloc._idealloc", "--ignore-missing-stub")
    sources = ["--cache-dir", os.devnull, "idealloc"]
    python("-m", "mypy", "--strict", "--ignore-missing-imports", *sources, folder=HERE.parent)


def test_a_sample_of_a_user_has_types(tmp_path: Path) -> None:
    pytest.importorskip("mypy")
    (tmp_path / "sample.py").write_text(
        "import numpy\n"
        "import idealloc\n"
        "column = numpy.array([1, 2])\n"
        "plan = idealloc.plan(column, [2, 3], (4, 5), alignment=8, offset=[None, 3], group=['a', None])\n"
        "reveal_type(plan.makespan)\n"
        "reveal_type(plan.status)\n"
        "reveal_type(idealloc.plan_many([idealloc.Problem()], seeds=range(3)))\n"
        "idealloc.plan(column, [2, 3], (4, 5), progress=lambda now: now.makespan < 9)\n"
    )
    said = python("-m", "mypy", "--strict", "--cache-dir", os.devnull, "sample.py", folder=tmp_path)
    assert '"int"' in said.replace("builtins.", "") and "'optimal'" in said and "list[idealloc._plan.Plan]" in said
