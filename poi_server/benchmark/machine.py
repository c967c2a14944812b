"""The machine a figure belongs to, and whether it was free enough for a ratio to mean anything."""

import os
import platform
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

CORES = len(os.sched_getaffinity(0))
TICKS = os.sysconf("SC_CLK_TCK")
SERVING = ("aiohttp", "uvloop", "msgspec", "redis", "Cython")
"""Packages whose versions matter to a server's figures."""


def load() -> float:
    """The load average of the last minute."""
    return os.getloadavg()[0]


def described(packages: Sequence[str] = SERVING) -> str:
    """Processor, cores, load and versions, in two lines."""
    versions = ", ".join(f"{name} {_version(name)}" for name in packages)
    system = f"{platform.system()} {platform.release()}, {_processor()}, {CORES} cores, load {load():.2f}"
    return f"{system}\n{platform.python_implementation()} {platform.python_version()}, {versions}"


def cpu_seconds(pid: int) -> float:
    """What a process (all its threads) has used of processors so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "absent"
