"""`plan_many`: the same plans wherever they are made."""

from __future__ import annotations

import multiprocessing
import random
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor

import pytest

import idealloc
from idealloc import Problem, plan_many
from oracle import hard


def problems() -> list[Problem]:
    return [Problem.from_columns(**hard(count, 8), name=f"of {count}") for count in (40, 10, 120, 0, 80)]


def offsets(plans: list[idealloc.Plan]) -> list[list[int]]:
    return [plan.offsets.tolist() for plan in plans]


@pytest.fixture(scope="module")
def here() -> list[list[int]]:
    return offsets(plan_many(problems(), iterations=300, seed=5))


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_processes_give_the_same_plans(method: str, here: list[list[int]]) -> None:
    context = multiprocessing.get_context(method)
    with ProcessPoolExecutor(2, mp_context=context) as executor:
        plans = plan_many(problems(), executor, iterations=300, seed=5)
    assert offsets(plans) == here
    for plan in plans:
        plan.verify()


def test_threads_give_the_same_plans(here: list[list[int]]) -> None:
    with ThreadPoolExecutor(3) as executor:
        assert offsets(plan_many(problems(), executor, iterations=300, seed=5, threads=1)) == here


def test_a_dask_cluster_gives_the_same_plans(here: list[list[int]]) -> None:
    distributed = pytest.importorskip("distributed")
    cluster = distributed.LocalCluster(n_workers=1, threads_per_worker=2, dashboard_address=None)
    with cluster, distributed.Client(cluster) as client:
        assert offsets(plan_many(problems(), client.get_executor(), iterations=300, seed=5)) == here


def test_a_portfolio_gives_the_best_of_its_seeds() -> None:
    single = [[plan.makespan for plan in plan_many(problems(), iterations=60, seed=seed)] for seed in range(3)]
    best = plan_many(problems(), seeds=range(3), iterations=60)
    with ThreadPoolExecutor(2) as executor:
        assert offsets(plan_many(problems(), executor, seeds=range(3), iterations=60)) == offsets(best)
    assert [plan.makespan for plan in best] == [min(of_problem) for of_problem in zip(*single)]


@pytest.mark.parametrize("executor", [None, ThreadPoolExecutor(2)])
def test_a_failure_names_the_problem(executor: Executor | None) -> None:
    pinned = Problem.from_columns([0], [1], [1], offset=[3], alignment=2, name="pinned.csv")
    with pytest.raises(idealloc.ProblemError, match=r"^problem 1 \(pinned.csv\): row 0: start 0 \+ offset 3") as error:
        plan_many([Problem(), pinned], executor)
    assert isinstance(error.value.__cause__, idealloc.ProblemError)
    with pytest.raises(idealloc.IdeallocError, match="^problem 0: AttributeError: "):
        plan_many([None], executor)  # type: ignore[list-item]
    with pytest.raises(idealloc.OptionError, match="^problem 0: seed is -1"):
        plan_many([Problem()], executor, seed=-1)


def test_nothing_gives_nothing_and_no_seeds_are_refused() -> None:
    assert plan_many([]) == []
    with pytest.raises(idealloc.IdeallocError, match="seeds is empty"):
        plan_many([Problem()], seeds=[])


def test_a_large_problem_is_planned_in_a_forked_process() -> None:
    draw = random.Random(1)
    lower = [draw.randrange(10**6) for _ in range(110_000)]
    large = Problem.from_columns(lower, [birth + 9 for birth in lower], [8] * len(lower))
    options = {"iterations": 1, "threads": 1}
    here = plan_many([large], **options)
    # What starts threads that outlive a call is lost to a forked process.
    large.verify(here[0].offsets)
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("fork")) as executor:
        there = plan_many([large], executor, **options)
        assert executor.submit(large.verify, there[0].offsets).result() is None
    assert offsets(here) == offsets(there)
