"""`idealloc.tflm`: what it plans, the library's own interpreter must run, and run alike."""

from __future__ import annotations

import shutil
import struct
import subprocess
import sys
from pathlib import Path

import pytest

import idealloc
from idealloc import tflm
from idealloc._idealloc import TfliteModel
from idealloc.tflm import __main__ as program
from idealloc.tflm import _check

schema = pytest.importorskip(
    "tflite_micro.tensorflow.lite.micro.python.schema_py_generated", reason="tflite-micro is not installed"
)
import tflm_models as models  # noqa: E402  (needs the schema)

NAME = "OfflineMemoryAllocation"
SHARED = Path(__file__).parents[3] / "../shared/data/compilers/inception48.tflite"

MODELS = [models.residual, models.upscaling, models.spotter, models.loop, models.choice, models.resource]


def words_of(model: bytes) -> list[int]:
    """The words of a model's only plan, as TensorFlow's schema reads them."""
    read = schema.ModelT.InitFromPackedBuf(model, 0)
    (entry,) = [entry for entry in read.metadata if entry.name in (NAME, NAME.encode())]
    data = read.buffers[entry.buffer].data
    return list(struct.unpack(f"<{len(data) // 4}i", bytes(bytearray(data))))


def apart(buffers: list[tflm.Buffer], offsets: list[int]) -> bool:
    """Whether no two buffers that live at once overlap, pair by pair."""
    rows = [(b.first, b.last, o, o + b.size) for b, o in zip(buffers, offsets)]
    return not any(
        a[0] <= b[1] and b[0] <= a[1] and a[2] < b[3] and b[2] < a[3]
        for place, a in enumerate(rows)
        for b in rows[:place]
    )


@pytest.mark.parametrize("build", MODELS)
def test_a_planned_model_gives_the_same_outputs_in_the_memory_that_was_said(build) -> None:
    model = build().to_bytes()
    layout = tflm.layout(model)
    assert layout.changed and layout.lower_bound <= layout.after < layout.before
    before, after = _check.run(model), _check.run(layout.model)
    assert (before.head, after.head) == (layout.before, layout.after)
    assert before.digest == after.digest and not before.constant
    assert apart(layout.buffers, layout.offsets)
    assert tflm.plan(model) == layout.model


@pytest.mark.parametrize("build", [models.loop, models.upscaling])
def test_any_plan_that_keeps_buffers_apart_runs(build) -> None:
    model = build().to_bytes()
    read = TfliteModel(model)
    sizes = [buffer[2] for buffer in read.buffers()]
    # Each behind the one before.
    stacked = [sum(sizes[place + 1 :]) for place in range(len(sizes))]
    planned = read.with_plan(stacked)
    run = _check.run(planned)
    assert run.head == read.head(read.place(stacked))
    assert run.digest == _check.run(model).digest
    # A plan of ours is no obstacle to a better one.
    layout = tflm.layout(planned)
    assert layout.before == run.head and layout.changed
    assert layout.after == tflm.layout(model).after
    assert len(layout.model) == len(planned)


@pytest.mark.parametrize("build", MODELS)
def test_a_model_is_the_same_but_for_the_plan(build) -> None:
    made = build()
    made.add_metadata("other", b"kept")
    model = made.to_bytes()
    layout = tflm.layout(model)
    version, graphs, count, *offsets = words_of(layout.model)
    tensors = sum(len(graph.tensors) for graph in made.model.subgraphs)
    assert (version, graphs, count, len(offsets)) == (0, len(made.model.subgraphs), tensors, tensors)
    planned = {buffer.tensor for buffer in layout.buffers}
    assert [offset >= 0 for offset in offsets] == [number in planned for number in range(tensors)]

    def fields(value) -> object:
        if isinstance(value, list):
            return [fields(one) for one in value]
        if hasattr(value, "tolist"):
            return value.tolist()
        if hasattr(value, "__dict__"):
            return {name: fields(one) for name, one in vars(value).items()}
        return value

    old, new = (fields(schema.ModelT.InitFromPackedBuf(one, 0)) for one in (model, layout.model))
    added = [new["metadata"].pop(), new["buffers"].pop()]
    assert added[0]["buffer"] == len(new["buffers"])
    assert new == old
    # What follows the block has not moved against any alignment up to 64.
    assert (len(layout.model) - len(model)) % 64 == 0
    assert layout.model.endswith(model[8:])


def test_planning_again_changes_nothing() -> None:
    once = tflm.layout(models.residual().to_bytes())
    again = tflm.layout(once.model)
    assert not again.changed and again.model == once.model and again.optimal
    assert again.before == again.after == once.after


def test_a_plan_whose_buffers_overlap_is_left_alone_unless_forced() -> None:
    made = models.residual()
    tensors = len(made.model.subgraphs[0].tensors)
    made.add_metadata(NAME, struct.pack(f"<{3 + tensors}i", 0, 1, tensors, *[0] * tensors))
    model = made.to_bytes()
    layout = tflm.layout(model)
    assert not layout.changed and layout.model == model and "overlap" in layout.reason
    with pytest.raises(idealloc.PlacementError, match="apart"):
        layout.header()
    forced = tflm.layout(model, force=True)
    plain = tflm.layout(models.residual().to_bytes())
    assert forced.changed and (forced.before, forced.after) == (plain.before, plain.after)
    assert _check.run(forced.model).digest == _check.run(plain.model).digest
    assert len(forced.model) == len(model)


def test_a_plan_that_the_library_refuses_is_told_and_replaced_by_force() -> None:
    made = models.residual()
    made.add_metadata(NAME, struct.pack("<5i", 0, 1, 2, 0, 0))
    model = made.to_bytes()
    with pytest.raises(idealloc.FileError, match=r"byte \d+: an offline plan of 2 tensors.*force"):
        tflm.plan(model)
    forced = tflm.layout(model, force=True)
    assert _check.run(forced.model).head == forced.after


def test_a_model_that_cannot_shrink_stays_as_it_is() -> None:
    made = models.Model()
    graph = made.graph()
    source = graph.tensor(1, 20)
    graph.graph.inputs, graph.graph.outputs = [source], [graph.dense(source, 30)]
    model = made.to_bytes()
    layout = tflm.layout(model)
    assert not layout.changed and layout.model == model and layout.optimal
    assert layout.before == layout.after == 64


def test_the_same_seed_gives_the_same_bytes() -> None:
    model = models.loop().to_bytes()
    one, other = (tflm.plan(model, iterations=200, timeout=None, seed=7, threads=t) for t in (1, 2))
    assert one == other


def test_a_log_tells_the_scratch_buffers() -> None:
    model = models.loop().to_bytes()
    buffers = TfliteModel(model).buffers()
    lines = [
        f"{place} (id={place}): size={size}, offset=0, first_used={first} last_used={last}"
        for place, (_, _, size, first, last) in enumerate([*buffers, (None, "", 4000, 3, 3)])
    ]
    layout = tflm.layout(model, log="\n".join(lines).encode())
    assert layout.buffers[-1].tensor is None and layout.buffers[-1].size == 4000
    assert layout.after >= 4000
    with pytest.raises(idealloc.OptionError, match="TF_LITE_SHOW_MEMORY_USE"):
        tflm.layout(model, log=b"nothing")
    with pytest.raises(idealloc.FileError, match="the log is of another model"):
        tflm.layout(models.choice().to_bytes(), log="\n".join(lines).encode())


@pytest.mark.parametrize("bad", [b"", b"TFL3", b"\0\0\0\0TFL3", b"\x1c\0\0\0TFL3" + b"\xff" * 40])
def test_what_is_no_model_is_refused(bad: bytes) -> None:
    with pytest.raises(idealloc.FileError, match=r"byte \d+: "):
        tflm.plan(bad)


@pytest.mark.parametrize("cut", [9, 64, 500, -4])
def test_a_model_that_is_cut_is_refused(cut: int) -> None:
    with pytest.raises(idealloc.FileError, match=r"byte \d+: "):
        tflm.plan(models.residual().to_bytes()[:cut][:-1])


@pytest.mark.parametrize("language", ["c", "c++"])
def test_a_header_compiles_and_holds_the_offsets(language: str, tmp_path: Path) -> None:
    compiler = {"c": "gcc", "c++": "g++"}[language]
    if shutil.which(compiler) is None:
        pytest.skip(f"no {compiler}")
    layout = tflm.layout(models.upscaling().to_bytes())
    (tmp_path / "plan.h").write_text(layout.header("net"))
    (tmp_path / "main.c").write_text(
        '#include "plan.h"\n#include <stdio.h>\nint main(void) {\n'
        'printf("%d %d", NET_HEAD_BYTES, net_buffer_plan.buffer_count);\n'
        "const int32_t *words = (const int32_t *)&net_buffer_plan;\n"
        'for (int i = 1; i <= words[0]; i++) printf(" %d", words[i]);\nreturn 0; }\n'
    )
    built = [compiler, "-x", language, "-Wall", "-Wextra", "-Werror", "-pedantic", "main.c", "-o", "main"]
    subprocess.run(built, cwd=tmp_path, check=True)
    printed = subprocess.run([tmp_path / "main"], capture_output=True, check=True).stdout
    head, count, *offsets = map(int, printed.split())
    assert count == len(layout.buffers) and offsets == layout.offsets
    assert head == max(offset + buffer.size for buffer, offset in zip(layout.buffers, offsets))
    assert apart(layout.buffers, offsets)
    with pytest.raises(idealloc.OptionError, match="not a name in C"):
        layout.header("no name")


def run(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "idealloc.tflm", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_the_program_plans_checks_and_writes_all_files(tmp_path: Path) -> None:
    model, planned, header = (tmp_path / name for name in ("2 net.tflite", "planned.tflite", "plan.h"))
    model.write_bytes(models.loop().to_bytes())
    done = run(model, "-o", planned, "--header", header, "--check")
    assert done.returncode == 0, done.stderr
    assert "before     352 bytes" in done.stdout and "after      320 bytes" in done.stdout
    assert "equal outputs; heads of 352 and 320 bytes" in done.stdout
    assert planned.read_bytes() == tflm.plan(model.read_bytes())
    assert "model_2_net_buffer_plan" in header.read_text()


def test_the_program_writes_all_or_nothing(tmp_path: Path) -> None:
    model, planned = tmp_path / "net.tflite", tmp_path / "planned.tflite"
    model.write_bytes(models.loop().to_bytes())
    done = run(model, "-o", planned, "--header", tmp_path / "none" / "plan.h")
    assert (done.returncode, done.stderr.count("\n")) == (2, 1) and "none/plan.h" in done.stderr
    assert not planned.exists()
    done = run(model, "-o", planned, "--header", planned)
    assert done.returncode == 2 and not planned.exists()
    model.write_bytes(b"\x1c\0\0\0TFL3")
    done = run(model, "-o", planned)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert f"{model}: byte " in done.stderr and not planned.exists()
    done = run(tmp_path / "missing.tflite", "-o", planned)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1) and "missing.tflite" in done.stderr


def test_a_difference_is_told_and_nothing_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    model, planned = tmp_path / "net.tflite", tmp_path / "planned.tflite"
    model.write_bytes(models.loop().to_bytes())
    runs = iter([_check.Run(352, "a", False), _check.Run(320, "b", False)])
    monkeypatch.setattr(_check, "run", lambda *_: next(runs))
    assert program.main([str(model), "-o", str(planned), "--check"]) == 1
    assert "outputs differ" in capsys.readouterr().err and not planned.exists()


def test_a_wrong_plan_is_noticed_by_the_check() -> None:
    model = models.residual().to_bytes()
    read = TfliteModel(model)
    wrong = read.with_plan([0] * len(read.buffers()))
    assert _check.run(model).digest != _check.run(wrong).digest


def test_the_shared_model_shrinks_as_measured() -> None:
    if not SHARED.exists():
        pytest.skip(f"no {SHARED}")
    model = SHARED.read_bytes()
    layout = tflm.layout(model)
    assert (layout.before, layout.after, layout.optimal) == (80640, 69120, True)
    before, after = _check.run(model), _check.run(layout.model)
    assert (before.head, after.head) == (80640, 69120)
    assert before.digest == after.digest
