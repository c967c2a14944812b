"""`make gate`: the matcher's instructions for a fixed workload, counted by valgrind, against a budget kept in the code.

Seconds depend on the machine and its neighbours; instructions depend on the code and the compiler.
"""

import json
import marshal
import os
import platform
import re
import shutil
import subprocess
import sys
from array import array
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from random import Random
from typing import NoReturn

from tests.gate import workload

FOLDER = Path("build/gate")
BUDGET = Path(__file__).parent / "budget.json"
FLAGS = "-O2 -msse4.2 -mpopcnt -g"
"""Instructions that every x86-64 of the last ten years has, and valgrind too."""
PLAIN = "glibc.cpu.hwcaps=-AVX512F,-AVX2,-AVX,-FMA,-FMA4,-ERMS,-FSRM"
"""The C library takes the same routines on every machine."""
WORKLOADS = {
    "plan": "at a store whose plan is built",
    "overlay": "the same from Python, 2 % of the offers added since",
    "free": "at a free position",
    "first": "the first of a store from Python, its plan built",
}
ROUNDS = 1, 3
EVENTS, ADDED = 60, workload.OFFERS // 50
TOLERANCE, OTHER_TOOLS = 0.03, 0.20


def main() -> int:
    """Count, compare, and answer 1 when a budget is overrun."""
    if shutil.which("valgrind") is None:
        _absent("valgrind is missing (apt: valgrind)")
    if platform.machine() not in ("x86_64", "AMD64") or sys.platform != "linux":
        _absent("the budget is for x86-64 Linux")
    subprocess.run([".ci/extensions", str(FOLDER), FLAGS], check=True)
    tools = _tools()
    print(f"{tools}, {FLAGS}: {workload.OFFERS:,} offers, {EVENTS} events", flush=True)
    counts = _counted()
    if "--write" in sys.argv:
        BUDGET.write_text(json.dumps({"tools": tools, "instructions": counts}, indent=2) + "\n", encoding="utf-8")
        print(f"written to {BUDGET.name}: {counts}")
        return 0
    budget = json.loads(BUDGET.read_text(encoding="utf-8"))
    return _compared(counts, budget["instructions"], _allowed(tools, budget["tools"]))


def _allowed(tools: str, recorded: str) -> float:
    """How much more than the budget is let pass."""
    if tools == recorded:
        return TOLERANCE
    print(f"The budget was counted with {recorded}: {OTHER_TOOLS:.0%} more are let pass instead of {TOLERANCE:.0%}.")
    return OTHER_TOOLS


def _absent(reason: str) -> NoReturn:
    print(f"The instructions cannot be counted here: {reason}", file=sys.stderr)
    raise SystemExit(1 if os.environ.get("CI") == "true" else 0)


def _tools() -> str:
    """What else decides the counts: the compiler's major version, and the interpreter's minor one."""
    version = [os.environ.get("CC", "cc"), "-dumpversion"]
    compiler = subprocess.run(version, capture_output=True, text=True, check=True).stdout.partition(".")[0].strip()
    return f"compiler {compiler}, Python {sys.version_info.major}.{sys.version_info.minor}"


def _counted() -> dict[str, int]:
    """Instructions per event, by workload."""
    made = FOLDER / "workload"
    subprocess.run([sys.executable, "-m", "tests.gate.__main__", "--make", str(made)], env=_environment(), check=True)
    runs = [(name, rounds) for name in WORKLOADS for rounds in ROUNDS]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        totals = dict(zip(runs, pool.map(lambda one: _total(*one, made), runs), strict=True))
    few, many = ROUNDS
    return {name: round((totals[name, many] - totals[name, few]) / (many - few) / EVENTS) for name in WORKLOADS}


def _environment() -> dict[str, str]:
    roots = os.pathsep.join((str(FOLDER / "lib"), ".", "engine", "nfc", "qr", "offers"))
    return {**os.environ, "PYTHONPATH": roots, "PYTHONHASHSEED": "0", "GLIBC_TUNABLES": PLAIN}


def _total(name: str, rounds: int, made: Path) -> int:
    """Instructions of a whole run."""
    tool = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null"]
    # -B: if one run kept the bytecode it compiled, the next would have less to do
    command = [*tool, sys.executable, "-S", "-B", "-m", "tests.gate.run", name, str(made), str(rounds)]
    done = subprocess.run(command, env=_environment(), capture_output=True, text=True, check=False)
    found = re.search(r"Collected : (\d+)", done.stderr)
    if done.returncode or found is None:
        raise SystemExit(f"the counted run {name} failed:\n{done.stderr[-3000:]}")
    return int(found[1])


def _compared(counts: dict[str, int], budget: dict[str, int], allowed: float) -> int:
    over = [name for name, count in counts.items() if count > budget[name] * (1 + allowed)]
    for name, count in counts.items():
        change = count / budget[name] - 1
        verdict = "OVER BUDGET" if name in over else "lower it: make gate WRITE=1" if change < -TOLERANCE else ""
        print(f"{WORKLOADS[name]:52} {count:>9,} an event, budget {budget[name]:>9,} ({change:+.1%}) {verdict}")
    if over:
        print("More instructions than the budget allows. If they are worth it: make gate WRITE=1")
    return 1 if over else 0


def make(path: Path) -> None:
    """Build the index once, and keep it with its events."""
    from poi_cext import _match

    random = Random(workload.SEED)
    count, owners, starts, words = workload.flat(workload.programs(random, workload.OFFERS))
    index = _match.Index.build(
        workload.COLUMNS, workload.FAMILIES, count, array("i", owners), array("q", starts), array("i", words)
    )
    orders = [(random.randrange(count) << 32) + n + 1 for n in range(ADDED)]
    made = {
        "sections": {name: bytes(section) for name, section in index.sections().items()},
        "events": workload.events(random, EVENTS),
        "added": list(zip(orders, workload.programs(random, ADDED), strict=True)),
    }
    path.write_bytes(marshal.dumps(made))


if __name__ == "__main__":
    if sys.argv[1:2] == ["--make"]:
        make(Path(sys.argv[2]))
    else:
        raise SystemExit(main())
