"""`plan_many`: many problems, or one with many seeds, on any executor."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Iterable

from idealloc._errors import IdeallocError
from idealloc._plan import Plan

if TYPE_CHECKING:
    from concurrent.futures import Executor

    from idealloc._problem import Problem


def plan_many(
    problems: Iterable[Problem],
    executor: Executor | None = None,
    *,
    seeds: Iterable[int] | None = None,
    **options: Any,
) -> list[Plan]:
    """Plans each problem; the plans are in the order of the problems.

    With `iterations` and without `timeout` among the options, plans do not depend on the
    executor.

    Args:
        problems: instances of `Problem`.
        executor: where to work: any `concurrent.futures.Executor`, such as one of processes,
            of a dask cluster (`Client.get_executor()`) or of MPI (mpi4py.futures). `None`:
            here, one after another.
        seeds: a portfolio: each problem is planned once with each of these seeds, and the
            plan of the smallest makespan is given, of equal ones that of the first seed.
        **options: those of `idealloc.plan`. Where problems run side by side, `threads=1` is
            a good choice. `interrupt` is "raise" by default.

    Raises:
        IdeallocError: a problem failed; the message begins with its number and name, and
            the cause is the exception itself. What has not begun by then is cancelled.
    """
    problems = list(problems)
    options.setdefault("interrupt", "raise")
    portfolio = [options] if seeds is None else [{**options, "seed": seed} for seed in seeds]
    if not portfolio:
        raise IdeallocError("seeds is empty: a problem needs one at least")
    if executor is None:
        plans = [[_in_turn(index, problem, each) for each in portfolio] for index, problem in enumerate(problems)]
        return [_best(of_problem) for of_problem in plans]
    futures = [[executor.submit(_plan, problem, each) for each in portfolio] for problem in problems]
    try:
        best = []
        for index, of_problem in enumerate(futures):
            try:
                best.append(_best([future.result() for future in of_problem]))
            except Exception as error:
                raise _named(index, problems[index], error) from error
        return best
    finally:
        for of_problem in futures:
            for future in of_problem:
                future.cancel()


def _plan(problem: Problem, options: dict[str, Any]) -> Plan:
    return problem.plan(**options)


def _in_turn(index: int, problem: Problem, options: dict[str, Any]) -> Plan:
    try:
        return problem.plan(**options)
    except Exception as error:
        raise _named(index, problem, error) from error


def _best(plans: list[Plan]) -> Plan:
    return min(plans, key=lambda plan: plan.makespan)


def _named(index: int, problem: Problem, error: Exception) -> IdeallocError:
    name = "" if getattr(problem, "name", None) is None else f" ({problem.name})"
    what = str(error) if isinstance(error, IdeallocError) else f"{type(error).__name__}: {error}"
    kind = type(error) if isinstance(error, IdeallocError) else IdeallocError
    return kind(f"problem {index}{name}: {what}")
