"""A disk that takes longer to say that it has written: a shim of ours, compiled when a run begins."""

import subprocess
from pathlib import Path

_SOURCE = Path(__file__).parents[1] / "slow_fsync.c"


def slowed(folder: Path, milliseconds: int) -> dict[str, str]:
    """A process's environment in which every fsync takes so much longer. Blocking: it compiles into `folder`."""
    if not milliseconds:
        return {}
    shim = folder / "slow_fsync.so"
    subprocess.run(["cc", "-O2", "-shared", "-fPIC", "-o", shim, _SOURCE, "-ldl"], check=True)
    shim.chmod(0o755)
    return {"LD_PRELOAD": str(shim), "SLOW_FSYNC_US": str(milliseconds * 1000)}
