"""The instruction gate: what fails it, what it lets pass, and that what it counts is the same every time."""

from array import array
from random import Random
from typing import Any

import pytest

from poi_cext import _match_py
from tests.gate import __main__ as gate
from tests.gate import workload
from tests.gate.run import run

BUDGET = dict.fromkeys(gate.WORKLOADS, 1000)


@pytest.mark.parametrize(("count", "answer", "said"), [(1029, 0, ""), (1031, 1, "OVER BUDGET"), (969, 0, "lower it")])
def test_three_percent_more_fail(count: int, answer: int, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert gate._compared({**BUDGET, "plan": count}, BUDGET, gate.TOLERANCE) == answer
    assert said in capsys.readouterr().out


def test_other_tools_loosen_the_bound_and_are_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert gate._allowed("compiler 12, Python 3.11", "compiler 12, Python 3.11") == 0.03
    assert gate._allowed("compiler 14, Python 3.13", "compiler 12, Python 3.11") == 0.20
    assert "counted with compiler 12, Python 3.11" in capsys.readouterr().out


def made(offers: int) -> dict[str, Any]:
    random = Random(workload.SEED)
    count, owners, starts, words = workload.flat(workload.programs(random, offers))
    index = _match_py.Index.build(
        workload.COLUMNS, workload.FAMILIES, count, array("i", owners), array("q", starts), array("i", words)
    )
    sections = {name: bytes(section) for name, section in index.sections().items()}
    return {"sections": sections, "events": workload.events(random, 8), "added": [(1, [[]])]}


@pytest.mark.parametrize("name", gate.WORKLOADS)
def test_each_workload_finds_the_same_every_time(name: str) -> None:
    found = [run(_match_py, name, made(1500), 1) for _ in range(2)]
    assert found[0] == found[1] > 0
