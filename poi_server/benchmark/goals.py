"""What is promised of the matcher, and what a run measured of it."""

from collections.abc import Mapping, Sequence

from poi_server.benchmark.rows import Figure, Row

MILLION = 1_000_000
CALLS = ((1_000, 1.5), (10_000, 2.0), (100_000, 4.0), (MILLION, 6.0), (10 * MILLION, 10.0))
RATIOS = (
    (MILLION, (("pyroaring", 400.0), ("dict-strtree", 700.0), ("numpy", 6_500.0))),
    (100_000, (("pyroaring", 100.0), ("dict-strtree", 600.0), ("numpy", 1_300.0))),
)

Figures = Mapping[int, Mapping[str, float]]
"""By number of offers, then by name."""


def goals(rows: Sequence[Row], figures: Figures) -> list[Figure]:
    """The goals beside what was measured."""
    table = _Table(rows)
    million = figures.get(MILLION, {})
    found = [
        Figure(f"Python call, {offers:,} offers, median", "us", table.median("generated", "poi", offers), goal)
        for offers, goal in CALLS
    ]
    found += [
        Figure("C level, 1,000,000 offers, cold stores", "us", table.median("generated", "poi-c", MILLION), 4.0),
        Figure("the same, 99th percentile", "us", table.p99("generated", "poi-c", MILLION), 12.0),
        Figure("first event of a store, 1,000,000 offers, median", "us", million.get("first_event_us"), 80.0),
        Figure("free position, 1,000,000 offers, median", "us", table.median("free-position", "poi", MILLION), 15.0),
        Figure("100,000 live offers on one counter, median", "us", table.median("one-counter", "poi", 100_000), 250.0),
        Figure("the same at C level", "us", table.median("one-counter", "poi-c", 100_000)),
        Figure(
            "match and exact choice (30 eligible, 20 or 50 lines), 100,000 offers, 99th percentile",
            "us",
            figures.get(100_000, {}).get("choice_p99_us"),
            300.0,
        ),
    ]
    for offers, ratios in RATIOS:
        found += [
            Figure(f"{name} by poi, {offers:,} offers", "times", table.ratio(name, offers), goal, at_least=True)
            for name, goal in ratios
        ]
    return found + _others(table, million, figures.get(100_000, {}))


def _others(table: "_Table", million: Mapping[str, float], fewer: Mapping[str, float]) -> list[Figure]:
    share = million.get("second_worker_share")
    return [
        Figure("bytes an offer, 1,000,000 offers, without plans", "bytes", million.get("bytes_an_offer"), 150.0),
        Figure("bulk build, 1,000,000 offers, processor time", "s", million.get("build_cpu_s"), 0.8),
        Figure("snapshot opened in a second worker, 1,000,000 offers", "ms", million.get("snapshot_open_ms"), 20.0),
        Figure("memory of its own that it takes for it", "%", None if share is None else 100 * share, 5.0),
        Figure("adding an offer, called from Python, median", "us", million.get("add_us"), 1.0),
        Figure(
            "removing an offer, beyond a call from Python that changes nothing", "ns", million.get("remove_ns"), 7.0
        ),
        Figure("match with 2 % un-merged updates, 1,000,000 offers, more", "%", table.updates(MILLION), 10.0),
        Figure("two threads, 100,000 offers", "times", fewer.get("two_threads"), 1.9, at_least=True),
        Figure("two threads, 1,000,000 offers", "times", million.get("two_threads"), 1.9, at_least=True),
    ]


class _Table:
    """Rows by what they are about."""

    def __init__(self, rows: Sequence[Row]) -> None:
        self._rows = {(row.workload, row.competitor, row.offers): row for row in rows}

    def median(self, workload: str, competitor: str, offers: int) -> float | None:
        """Microseconds, or None."""
        row = self._rows.get((workload, competitor, offers))
        return None if row is None else row.median_us

    def p99(self, workload: str, competitor: str, offers: int) -> float | None:
        """Microseconds, or None."""
        row = self._rows.get((workload, competitor, offers))
        return None if row is None else row.p99_us

    def ratio(self, competitor: str, offers: int) -> float | None:
        """How many times slower than us, or None."""
        row = self._rows.get(("generated", competitor, offers))
        return None if row is None else row.ratio_to_poi

    def updates(self, offers: int) -> float | None:
        """Per cent that un-merged updates add inside the compiled code."""
        merged, loose = (self.median(name, "poi-c", offers) for name in ("generated", "updates-2%"))
        return None if merged is None or loose is None else 100 * (loose / merged - 1)
