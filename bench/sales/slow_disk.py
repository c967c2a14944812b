"""A disk that takes longer to say that it has written: a shim of ours, compiled when a run begins."""

import subprocess
from pathlib import Path

_SOURCE = Path(__file__).parents[1] / "slow_fsync.c"


def compiled(folder: Path) -> Path:
    """The shim as a library in `folder`, readable for every user. Blocking."""
    made = folder / "slow_fsync.so"
    subprocess.run(["cc", "-O2", "-shared", "-fPIC", "-o", made, _SOURCE, "-ldl"], check=True)
    made.chmod(0o755)
    return made


def slowed(shim: Path, milliseconds: int) -> dict[str, str]:
    """What a process's environment needs for every fsync to take so much longer; nothing for none."""
    return {"LD_PRELOAD": str(shim), "SLOW_FSYNC_US": str(milliseconds * 1000)} if milliseconds else {}
