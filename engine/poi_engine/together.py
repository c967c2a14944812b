"""Jobs side by side: what each of them asks next goes to storage in one round trip."""

from collections.abc import Iterator, Sequence
from typing import Any, TypeVar, cast, overload

from poi_engine.ports import Job, Queries, Query, Row

A = TypeVar("A")
B = TypeVar("B")
C = TypeVar("C")
D = TypeVar("D")


def rows_of(queries: Sequence[Query]) -> Job[list[list[Row]]]:
    """The rows of each of these statements; see `Queries` for what they may be."""
    return cast(list[list[Row]], (yield Queries(tuple(queries))))


@overload
def together(a: Job[A], b: Job[B], /) -> Job[tuple[A, B]]: ...
@overload
def together(a: Job[A], b: Job[B], c: Job[C], /) -> Job[tuple[A, B, C]]: ...
@overload
def together(a: Job[A], b: Job[B], c: Job[C], d: Job[D], /) -> Job[tuple[A, B, C, D]]: ...
def together(*jobs: Job[Any]) -> Job[Any]:
    """Run these jobs in step and return what each returns: first what all of them ask first, then what those that go
    on ask next. What is asked in one step has to be as `Queries` says.

    Where one raises, the others end where they are.
    """
    results: list[Any] = [None] * len(jobs)
    waiting: list[tuple[int, Any]] = [(number, None) for number in range(len(jobs))]
    try:
        while waiting:
            going, asked = [], []
            for number, rows in waiting:
                try:
                    asked.append(jobs[number].send(rows))
                except StopIteration as stop:
                    results[number] = stop.value
                else:
                    going.append(number)
            if len(asked) > 1:
                found = yield Queries(tuple(query for one in asked for query in statements(one)))
                waiting = list(zip(going, _shared(asked, found), strict=True))
            else:
                waiting = [(going[0], (yield asked[0]))] if asked else []
    finally:
        for job in jobs:
            job.close()
    return tuple(results)


def _shared(asked: Sequence[Query | Queries], found: Sequence[Any]) -> Iterator[Any]:
    """Each one's rows; those of `Queries` are a list for each statement."""
    rows = iter(found)
    for one in asked:
        yield [next(rows) for _ in one.queries] if isinstance(one, Queries) else next(rows)


def statements(asked: Query | Queries) -> Sequence[Query]:
    """What a job asks, statement by statement."""
    return asked.queries if isinstance(asked, Queries) else (asked,)
