"""`Problem` and `Plan`: files, frames, pickles, pictures."""

from __future__ import annotations

import copy
import gzip
import io
import pickle
import xml.etree.ElementTree
from pathlib import Path
from typing import Any

import numpy
import pytest
from hypothesis import given, settings

import idealloc
from idealloc import Buffer, Problem
from oracle import rich

CSV = """\
id,lower,upper,size,alignment,gaps,hint,group,offset,colour
a,0,9,16,8,2-4 5-7@0:8,-1,,-1,red
7,0,5,8,1,,24,one,16,blue
c,5,9,8,1,,-1,one,16,
"""
few = settings(max_examples=40, deadline=None)


@pytest.mark.filterwarnings("ignore:.*colour")
def test_a_csv_round_trips_with_every_column(tmp_path: Path) -> None:
    path = tmp_path / "buffers.csv"
    path.write_text(CSV)
    with pytest.warns(UserWarning, match="colour"):
        problem = Problem.from_csv(path)
    assert problem.buffers == (
        Buffer(0, 9, 16, "a", 8, gaps=((2, 4, None), (5, 7, (0, 8)))),
        Buffer(0, 5, 8, 7, offset=16, hint=24, group="one"),
        Buffer(5, 9, 8, "c", offset=16, group="one"),
    )
    assert problem.to_csv() == CSV
    assert pickle.loads(pickle.dumps(problem)).to_csv() == CSV
    assert problem.to_csv(tmp_path / "again.csv") is None
    assert (tmp_path / "again.csv").read_text() == CSV
    assert Problem.from_csv(io.StringIO(CSV)) == Problem.from_csv(io.BytesIO(CSV.encode())) == problem
    (tmp_path / "packed.csv.gz").write_bytes(gzip.compress(CSV.encode()))
    assert Problem.from_csv(str(tmp_path / "packed.csv.gz")) == problem


ENDS = "id,start,end,size\na,0,4,8\nb,5,6,8\n"


def test_an_end_is_what_lifetimes_says(recwarn: pytest.WarningsRecorder) -> None:
    def uppers(**options: Any) -> list[int]:
        return [buffer.upper for buffer in Problem.from_csv(io.StringIO(ENDS), **options)]

    assert uppers(lifetimes="half-open") == [4, 6]
    assert uppers(lifetimes="inclusive") == [5, 7]
    assert not recwarn
    with pytest.warns(UserWarning, match='last instant of a lifetime.*use lifetimes="half-open"$'):
        assert uppers() == [5, 7]
    with pytest.raises(idealloc.OptionError, match="lifetimes is 'closed', neither"):
        uppers(lifetimes="closed")
    with pytest.raises(idealloc.FileError, match='line 1: an "upper" is exclusive'):
        Problem.from_csv(io.StringIO("id,lower,upper,size\n"), lifetimes="inclusive")
    half_open = Problem.from_csv(io.StringIO(ENDS), lifetimes="half-open")
    assert Problem.from_csv(io.StringIO(half_open.to_csv() or "")) == half_open
    assert pickle.loads(pickle.dumps(half_open)).to_csv() == half_open.to_csv()


def test_a_file_without_a_header_is_no_buffers_where_that_is_allowed() -> None:
    assert len(Problem.from_csv(io.StringIO(""), allow_empty=True)) == 0
    with pytest.raises(idealloc.FileError, match="no header line; allow_empty=True takes"):
        Problem.from_csv(io.StringIO(""))


def test_no_message_names_an_option_of_the_command_line() -> None:
    pins = "id,lower,upper,size,offset\na,0,2,4,0\nb,0,2,4,0\n"
    for text in ("", pins, "id,lower,upper,size\na,0,2,4\na,0,2,4\n"):
        with pytest.raises(idealloc.FileError) as error:
            Problem.from_csv(io.StringIO(text))
        assert "--" not in str(error.value)
    pool = "# pool_offset=64\nid,start,end,size\n"
    with pytest.warns(UserWarning) as warned:
        Problem.from_csv(io.StringIO(pool))
    assert warned and not any("--" in str(one.message) for one in warned)


class Named(Problem):
    """A class of a user, with what is its own."""

    def __init__(self, size: int, owner: str) -> None:
        super().__init__([Buffer(0, 1, size)], name="named")
        self.owner = owner


def test_a_derived_class_pickles_with_what_is_its_own() -> None:
    named = Named(3, "me")
    for again in (pickle.loads(pickle.dumps(named)), copy.copy(named), copy.deepcopy(named)):
        assert type(again) is Named and again == named and (again.name, again.owner) == ("named", "me")


def test_what_is_no_buffer_is_named_by_its_row() -> None:
    with pytest.raises(idealloc.ProblemError, match="^row 1: None is no Buffer") as error:
        Problem([Buffer(0, 1, 1), None])  # type: ignore[list-item]
    assert error.value.row == 1
    with pytest.raises(idealloc.ProblemError, match="^row 0: id .* is not UTF-8 text"):
        Problem([Buffer(0, 1, 1, "\ud800")])


def test_offsets_that_are_none_are_no_placement() -> None:
    for offsets in ([-1], [1.5], [None], ["0"], [0, 0], 3):
        with pytest.raises(idealloc.PlacementError):
            Problem([Buffer(0, 1, 1)]).verify(offsets)  # type: ignore[arg-type]
    with pytest.raises(idealloc.OptionError, match="capacity is None"):
        Problem().explain(None)  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", ["uint8", "int8", "int64", "float32", "float64", "Int64", "object"])
def test_the_end_of_a_frame_is_what_lifetimes_says(kind: str) -> None:
    pandas = pytest.importorskip("pandas")
    most = {"uint8": 255, "int8": 127}.get(kind, 1000)
    frame = pandas.DataFrame({"Begin": [0, 1], "END": pandas.Series([5, most], dtype=kind), "size": [1, 1]})

    def uppers(**options: Any) -> list[int]:
        return [buffer.upper for buffer in Problem.from_dataframe(frame, **options)]

    assert uppers(lifetimes="half-open") == [5, most]
    assert uppers(lifetimes="inclusive") == [6, most + 1]
    with pytest.warns(UserWarning, match="last instant"):
        assert uppers() == [6, most + 1]
    with pytest.raises(idealloc.OptionError, match="lifetimes is 3, neither"):
        uppers(lifetimes=3)


def test_a_frame_that_is_not_sound_says_where() -> None:
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"lower": [0, 1], "end": ["4", None], "size": [1, 1]})
    with pytest.raises(idealloc.ProblemError, match="^row 0: upper '4' is not a number"):
        Problem.from_dataframe(frame, lifetimes="inclusive")
    frame = pandas.DataFrame([[0, 9, 1, 1]], columns=["lower", "upper", "size", "size"])
    with pytest.raises(idealloc.ProblemError, match="columns 'size' and 'size' mean the same"):
        Problem.from_dataframe(frame)
    frame = pandas.DataFrame({"lower": [0], "upper": [9], "size": [1], "gaps": [float("nan")]})
    assert Problem.from_dataframe(frame).buffers == (Buffer(0, 9, 1),)


def test_a_plan_is_written_with_its_offsets() -> None:
    problem = Problem.from_csv(io.StringIO("buffer,start,end,size\nx,0,2,4\ny,2,3,4\n"))
    text = problem.plan().to_csv()
    assert text in ("buffer,start,end,size,offset\nx,0,2,4,0\ny,2,3,4,4\n", "buffer,start,end,size,offset\nx,0,2,4,4\ny,2,3,4,0\n")


@few
@given(rich())
def test_problems_of_columns_and_of_buffers_are_equal_and_pickle(columns: Any) -> None:
    problem = Problem.from_columns(**columns)
    assert Problem(problem.buffers) == problem == pickle.loads(pickle.dumps(problem))
    plan = problem.plan(iterations=20)
    again = pickle.loads(pickle.dumps(plan))
    again.verify()
    assert again.problem == problem and numpy.array_equal(again.offsets, plan.offsets)
    assert (again.makespan, again.status, again.stop) == (plan.makespan, plan.status, plan.stop)


@few
@given(rich())
def test_a_csv_of_sound_buffers_reads_back(columns: Any) -> None:
    columns["size"] = [size + 8 for size in columns["size"]]
    problem = Problem.from_columns(**columns, id=[f"b{row}" for row in range(len(columns["size"]))])
    assert Problem.from_csv(io.StringIO(problem.to_csv())) == problem


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("id,lower,upper,size\na,0,1,x\n", "line 2: "),
        ("id,lower,upper,size\na,0,1,1\na,0,1,1\n", "line 3: duplicate id a"),
        ("id,lower,upper\na,0,1\n", "line 1: no column size"),
        ("id,lower,upper,size\na,1,1,1\n", "line 2: job a: death 1 is not after birth 1"),
    ],
)
def test_a_bad_file_is_refused_with_its_name_and_line(text: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "bad.csv"
    path.write_text(text)
    with pytest.raises(idealloc.FileError) as error:
        Problem.from_csv(path)
    assert str(error.value).startswith(f"{path}: {message}")
    with pytest.raises(idealloc.FileError) as error:
        Problem.from_csv(io.StringIO(text))
    assert str(error.value).startswith(message)


def test_a_missing_file_is_the_error_of_python(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError) as error:
        Problem.from_csv(tmp_path / "none.csv")
    assert error.value.filename == str(tmp_path / "none.csv")
    with pytest.raises(FileNotFoundError):
        Problem([Buffer(0, 1, 1)]).to_csv(tmp_path / "no folder" / "out.csv")


def test_buffers_are_refused_by_their_names() -> None:
    with pytest.raises(idealloc.ProblemError, match="row 1: duplicate id a") as error:
        Problem([Buffer(0, 1, 1, "a"), Buffer(0, 1, 1, "a")])
    assert error.value.row == 1
    with pytest.raises(idealloc.ProblemError, match="row 0: job conv1: upper 1 is not above lower 1"):
        Problem([Buffer(1, 1, 1, "conv1")])
    with pytest.raises(idealloc.ProblemError, match="id 1.5 is neither"):
        Problem.from_columns([0], [1], [1], id=[1.5])
    with pytest.raises(idealloc.ProblemError, match="id has"):
        Problem.from_columns([0], [1], [1], id=["a", "b"])


class Frame:
    """What a frame of pandas is to idealloc."""

    def __init__(self, **columns: list[Any]) -> None:
        self._columns = {name: numpy.array(column) for name, column in columns.items()}
        self.columns = list(columns)

    def __getitem__(self, name: str) -> Any:
        return self._columns[name]


def test_a_frame_has_the_columns_of_a_csv() -> None:
    problem = Problem.from_dataframe(
        Frame(buffer=["a", "b"], start=[0, 2], end=[2, 3], size=[4.0, 4.0], offset=[numpy.nan, 8], extra=[1, 2])
    )
    assert problem.buffers == (Buffer(0, 3, 4, "a"), Buffer(2, 4, 4, "b", offset=8))
    with pytest.raises(idealloc.ProblemError, match="no column upper or end among"):
        Problem.from_dataframe(Frame(id=[1], lower=[0], size=[1]))
    with pytest.raises(idealloc.ProblemError, match="'lower' and 'start' mean the same"):
        Problem.from_dataframe(Frame(id=[1], lower=[0], start=[0], upper=[1], size=[1]))


def test_a_frame_of_pandas_is_read() -> None:
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"lower": [0, 2], "upper": [3, 4], "size": [4, 4], "group": ["g", None]})
    frame["hint"] = pandas.array([None, 4], dtype="Int64")
    assert Problem.from_dataframe(frame).buffers == (Buffer(0, 3, 4, group="g"), Buffer(2, 4, 4, hint=4))


def test_a_placement_of_anyone_is_verified() -> None:
    problem = Problem([Buffer(0, 2, 4, "a"), Buffer(1, 3, 4, "b", alignment=4), Buffer(0, 1, 0)])
    problem.verify([0, 4, 99])
    for offsets, message in [
        ([0, 3, 0], "job b: .* not a multiple of its alignment 4"),
        ([5, 4, 0], "jobs .* overlap at time 1"),
        ([0, 4], "2 offsets for 3 rows"),
    ]:
        with pytest.raises(idealloc.PlacementError, match=message):
            problem.verify(offsets)
    plan = problem.plan()
    plan.offsets[:] = 0
    with pytest.raises(idealloc.PlacementError, match="overlap"):
        plan.verify()


def test_an_explanation_names_rows_that_do_not_fit() -> None:
    problem = Problem.from_columns([0, 0, 5, 5], [1, 1, 9, 9], [0, 1, 6, 7])
    assert problem.explain(12) == (2, 3)
    assert problem.explain(13) is None


def test_the_picture_is_xml_with_every_buffer() -> None:
    problem = Problem([Buffer(0, 2, 4, "<a & b>"), Buffer(1, 9, 4, "c", gaps=[(3, 5)]), Buffer(0, 1, 0, "d")])
    root = xml.etree.ElementTree.fromstring(problem.plan()._repr_svg_())
    titles = [title.text for title in root.iter("{http://www.w3.org/2000/svg}title")]
    assert sorted(str(title).split(":")[0] for title in titles) == ["<a & b>", "c", "c"]


def test_a_plan_is_drawn_by_matplotlib() -> None:
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("Agg")
    axes = idealloc.plan([0, 1], [2, 3], [4, 4]).plot()
    assert axes.get_xlabel() == "time" and axes.get_ylim()[1] >= 8
