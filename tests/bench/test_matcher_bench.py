"""`poi-server bench matcher`: what it measures, how it treats who lies or does not come, what it writes."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import msgspec
import pytest

from poi_server.benchmark import registry
from poi_server.benchmark.children import Child, NotReached, spare_memory, timed
from poi_server.benchmark.facts import Facts
from poi_server.benchmark.goals import goals
from poi_server.benchmark.harness import Extent, measure
from poi_server.benchmark.offers import offer_of, situation_of
from poi_server.benchmark.peers.naive import Naive
from poi_server.benchmark.registry import NAIVE, POI, Competitor
from poi_server.benchmark.rows import Row
from poi_server.benchmark.workload import Workload, make_workload
from poi_server.cli import main

EXTENT = Extent(events=12, cycled=24, seconds=1.0, oracle=6)
KEYS = {"workload", "competitor", "offers", "events", "median_us", "p99_us", "cpu_median_us", "matches_median"}
KEYS |= {"correct", "ratio_to_poi"}


@pytest.fixture(scope="module")
def workload() -> Workload:
    return make_workload(300, events=24)


class Liar(Naive):
    """Leaves out the last of what it finds."""

    def match(self, facts: Facts) -> list[int]:
        return super().match(facts)[:-1]


def by_name(rows: list[Row]) -> dict[str, Row]:
    return {row.competitor: row for row in rows}


def test_every_answer_is_compared_and_a_liar_is_shown(workload: Workload) -> None:
    liar = Competitor("liar", "")
    makers = {"liar": lambda: Liar(workload)}
    rows = by_name(measure(workload, (POI, NAIVE, liar), EXTENT, quiet, ("hot",), makers))
    assert (rows["poi"].correct, rows["naive"].correct, rows["poi-c"].correct) == (True, True, True)
    assert rows["liar"].correct is False
    naive = Naive(workload)
    assert rows["liar"].differing == sum(bool(naive.match(facts)) for facts in workload.hot[:12])
    assert rows["poi"].events == 12
    assert rows["poi-c"].events == 24
    assert all(row.workload == "generated-hot" and row.median_us and row.p99_us for row in rows.values())


def test_without_the_naive_loop_the_oracle_is_asked_of_some(workload: Workload) -> None:
    liar = Competitor("liar", "")
    rows = by_name(measure(workload, (POI, liar), EXTENT, quiet, ("hot",), {"liar": lambda: Liar(workload)}))
    assert rows["poi"].correct is True
    assert rows["liar"].correct is False


def test_ratios_are_of_the_same_events_and_need_a_free_machine(
    workload: Workload, monkeypatch: pytest.MonkeyPatch
) -> None:
    for load, shown in ((0.0, True), (1000.0, False)):
        monkeypatch.setattr("poi_server.benchmark.harness.load", lambda load=load: load)
        rows = by_name(measure(workload, (POI, NAIVE), EXTENT, quiet, ("cold",)))
        assert all((row.ratio_to_poi is not None) == shown for row in rows.values())
        if shown:
            assert rows["poi"].ratio_to_poi == pytest.approx(1.0, abs=0.01)  # its median is shown rounded


def test_a_competitor_that_is_absent_or_does_not_get_ready_is_named(
    workload: Workload, monkeypatch: pytest.MonkeyPatch
) -> None:
    absent = Competitor("absent", "nowhere:Nothing", "no_such_module_anywhere")
    broken = Competitor("broken", "")
    rows = by_name(measure(workload, (absent, broken), EXTENT, quiet, ("cold",), {"broken": lambda: 1 / 0}))
    assert rows["absent"].note == "not installed"
    assert rows["broken"].note.startswith("not reached: ZeroDivisionError")
    assert rows["broken"].median_us is None


def test_a_child_that_is_late_or_takes_too_much_memory_is_not_reached() -> None:
    slow = Child("slow", lambda: time.sleep(60), {}, spare_memory())  # type: ignore[arg-type, func-returns-value]
    with pytest.raises(NotReached, match=r"not built in 0 s"):
        slow.built(0.05)
    slow.end()
    greedy = Child("greedy", lambda: bytearray(1 << 34), {}, 1 << 26)  # type: ignore[arg-type, return-value]
    with pytest.raises(NotReached, match="more memory"):
        greedy.built()
    greedy.end()


def test_a_child_does_not_outlive_who_started_it(tmp_path: Path) -> None:
    told = tmp_path / "pid"
    script = (
        "import os, pathlib, sys, time\n"
        "from poi_server.benchmark.children import Child, spare_memory\n"
        "def make():\n"
        "    pathlib.Path(sys.argv[1]).write_text(str(os.getpid()))\n"
        "    time.sleep(100)\n"
        "child = Child('one', make, {}, spare_memory())\n"
        "while not (path := pathlib.Path(sys.argv[1])).exists() or not path.read_text():\n"
        "    time.sleep(0.01)\n"
        "os._exit(0)\n"
    )
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    subprocess.run([sys.executable, "-c", script, told], env=environment, timeout=60, check=True)
    process = Path("/proc") / told.read_text()
    deadline = time.monotonic() + 10
    while alive(process) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not alive(process)


def alive(process: Path) -> bool:
    """It runs; one that waits for its parent to notice its end does not."""
    try:
        return (process / "stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def test_a_slow_competitor_is_asked_fewer_events(workload: Workload) -> None:
    class Slow(Naive):
        def match(self, facts: Facts) -> list[int]:
            time.sleep(0.021)
            return super().match(facts)

    extent = Extent(events=24, cycled=24, seconds=0.5, oracle=6)
    slow = Competitor("slow", "")
    rows = by_name(measure(workload, (POI, slow), extent, quiet, ("cold",), {"slow": lambda: Slow(workload)}))
    assert rows["slow"].events < rows["poi"].events == 24
    assert rows["slow"].correct is True


def test_the_best_of_at_least_five_calls_counts() -> None:
    calls: list[str] = []
    wall, cpu, found = timed(lambda asked: calls.append(asked) or [1], "event")
    assert found == [1]
    assert 0 < wall < 1_000_000
    assert cpu < 1_000_000
    assert len(calls) >= 5


def test_goals_are_shown_beside_what_was_measured() -> None:
    rows = [Row("generated", "poi", 1_000, median_us=1.2), Row("generated", "poi", 10_000, median_us=4.0)]
    rows += [Row("generated", "numpy", 100_000, ratio_to_poi=650.0)]
    rows += [Row("generated", "poi-c", 1_000_000, median_us=5.0), Row("updates-2%", "poi-c", 1_000_000, median_us=5.2)]
    shown = {figure.what: figure.cells() for figure in goals(rows, {1_000_000: {"build_cpu_s": 0.7}})}
    assert shown["Python call, 1,000 offers, median"][1:] == ("1.20 us", "1.5 us", "yes")
    assert shown["Python call, 10,000 offers, median"][1:] == ("4.00 us", "2 us", "no, 2 times it")
    assert shown["numpy by poi, 100,000 offers"][1:] == ("650 times", "at least 1,300 times", "no, 50% of it")
    assert shown["bulk build, 1,000,000 offers, processor time"][3] == "yes"
    assert shown["match with 2 % un-merged updates, 1,000,000 offers, more"][1:] == ("4.00 %", "10 %", "yes")
    assert shown["adding an offer, called from Python, median"][1] == "not measured"


@pytest.mark.slow
def test_the_quick_run_measures_everything_and_writes_it(tmp_path: Path) -> None:
    results, page = tmp_path / "results.json", tmp_path / "results.md"
    done = subprocess.run(
        [*(sys.executable, "-m", "poi_server", "bench", "matcher", "--quick"), "--json", results, "--markdown", page],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path)), "TMPDIR": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    written = json.loads(results.read_text())
    assert written.keys() >= {"machine", "load", "rows"}
    rows = written["rows"]
    assert all(row.keys() >= KEYS for row in rows)
    generated = {row["competitor"]: row for row in rows if row["workload"] == "generated"}
    assert set(generated) == {"poi", "poi-c", *(one.name for one in registry.PEERS)}
    assert {row["workload"] for row in rows} >= {"generated-hot", "updates-20%", "free-position", "one-counter"}
    assert all(row["correct"] for row in rows if row["competitor"] in ("poi", "poi-c", "numpy"))
    assert {"bytes_an_offer", "add_us", "two_threads", "snapshot_open_ms", "choice_us"} <= set(
        written["figures"]["500"]
    )
    assert "| generated | 500 | poi |" in page.read_text()
    assert "generated" in done.stdout
    assert set(tmp_path.iterdir()) == {results, page}


def test_a_catalogue_of_ones_own_is_asked_with_ones_own_requests(
    workload: Workload, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    offers, requests, results = (tmp_path / name for name in ("offers.ndjson", "requests.ndjson", "results.json"))
    encode = msgspec.json.encode
    offers.write_bytes(b"\n".join(encode(offer_of(workload, number)) for number in range(100)))
    requests.write_bytes(b"\n".join(encode(situation_of(facts)) for facts in workload.cold))
    told = ["bench", "matcher", "--catalogue", str(offers), "--requests", str(requests), "--json", str(results)]
    assert main(told) == 0
    rows = {row["competitor"]: row for row in json.loads(results.read_text())["rows"]}
    assert set(rows) == {"poi", "poi-c", "naive"}
    assert all(row["correct"] and row["offers"] == 100 for row in rows.values())
    assert "catalogue" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--competitor", "nobody"), "There is no competitor nobody"),
        (("--catalogue", "offers.ndjson"), "go together"),
    ],
)
def test_what_cannot_be_measured_is_said(
    arguments: tuple[str, ...], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["bench", "matcher", *arguments]) == 2
    assert told in capsys.readouterr().err


def test_without_the_extra_the_way_to_it_is_said(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert main(["bench", "matcher"]) == 2
    assert "pip install 'poi-server[bench]'" in capsys.readouterr().err


def quiet(_: str) -> None:
    """Says nothing."""
