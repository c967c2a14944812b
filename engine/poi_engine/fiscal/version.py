"""The version of this package and the hash of its sources: printed on receipts, so that a change to it shows.

The hash is SHA-256 over the name and content of every source file of the package but `published.py`, in the order of
their names. `published.py` says which hash was published for which version; after a change on purpose

    python -m poi_engine.fiscal.version

writes it anew. Whoever changes a parameter that touches the books answers for the result: it is then no longer the
unmodified part, and it says so.
"""

import hashlib
import sys
from pathlib import Path

from poi_engine.errors import Conflict
from poi_engine.fiscal.published import PUBLISHED

VERSION = "1.0"
_HERE = Path(__file__).parent
_PUBLISHED = _HERE / "published.py"
_SHOWN = 12  # hex digits


def hash_of_sources(folder: Path = _HERE) -> str:
    """SHA-256 over the package's sources, in hex."""
    digest = hashlib.sha256()
    for file in sorted(folder.glob("*.py")):
        if file.name != _PUBLISHED.name:
            content = file.read_bytes().replace(b"\r\n", b"\n")
            digest.update(f"{file.name}\n{len(content)}\n".encode() + content)
    return digest.hexdigest()


SOURCES = hash_of_sources()
"""The hash of the sources that run."""
STAMP = f"{VERSION} {SOURCES[:_SHOWN]}"
"""What receipts, closings and events carry."""


def unmodified() -> bool:
    """Whether the sources are those that were published for this version."""
    return PUBLISHED.get(VERSION) == SOURCES


def statement() -> str:
    """The sentence that the fiscal part is the published one; refused when it is not."""
    if not unmodified():
        published = PUBLISHED.get(VERSION, "nothing")
        message = (
            f"The fiscal part {VERSION} was changed: its sources have the hash {SOURCES}, published is {published}."
            " Whoever changed it is its publisher."
        )
        raise Conflict("fiscal-modified", message)
    return f"The fiscal part of this poi-server is version {VERSION}, unmodified: its sources have the hash {SOURCES}."


def publish(file: Path = _PUBLISHED) -> None:
    """Write this version's hash down as the published one."""
    known = {**PUBLISHED, VERSION: SOURCES}
    lines = "".join(f'    "{version}": "{digest}",\n' for version, digest in sorted(known.items()))
    head = '"""The hash that was published for each version; written by `python -m poi_engine.fiscal.version`."""\n\n'
    file.write_text(f"{head}PUBLISHED: dict[str, str] = {{\n{lines}}}\n", "utf-8")


if __name__ == "__main__":
    publish()
    sys.stdout.write(f"{STAMP}\n")
