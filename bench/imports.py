"""How long a product file takes, and how much memory: `python -m bench.imports --lines 1000000`.

A file as a French spreadsheet writes it, imported by the shipped command into an empty storage in a process of its own.
"""

import argparse
import asyncio
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from poi_engine.access import Access
from poi_engine.clock import SystemClock
from poi_engine.goods.file_values import check_digit
from poi_engine.ids import Ids
from poi_engine.storage import migrate, open_sql


def write_file(path: Path, lines: int) -> None:
    """Products with an EAN each, every tenth with a French text."""
    with path.open("w", encoding="cp1252") as out:
        out.write("code;libellé;prix ttc;tva;catégorie;marque;ean;contenu;description_fr\n")
        for number in range(lines):
            digits = f"300{number:09d}"
            words = "Un texte de présentation" if number % 10 == 0 else ""
            out.write(
                f"REF-{number:08d};Article numéro {number};{number % 900},{number % 100:02d};5,5;"
                f"Épicerie/Rayon {number % 40};Marque {number % 300};{digits}{check_digit(digits)};"
                f"{100 + number % 900} g;{words}\n"
            )


async def merchant(folder: Path) -> None:
    """An empty storage with a merchant."""
    url, clock = f"sqlite:///{folder / 'poi.db'}", SystemClock()
    await migrate(url)
    sql = open_sql(url)
    try:
        await Access(sql, clock, Ids(clock.now), exclusive=True).ensure_owner("Bench", "EUR", "fr")
    finally:
        await sql.close()


def measure(folder: Path, *more: str) -> str:
    """One run of the command: seconds, processor seconds, peak memory of its process."""
    words = [sys.executable, "-m", "poi_server", "products", "import", str(folder / "products.csv")]
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    done = subprocess.run([*words, *more, "--data", str(folder)], capture_output=True, text=True, check=True)
    seconds, after = time.monotonic() - started, resource.getrusage(resource.RUSAGE_CHILDREN)
    spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    peak = after.ru_maxrss / 1024
    return f"{done.stdout.strip()} {seconds:.1f} s, {spent:.1f} s of processor, peak {peak:.0f} MB"


def main() -> None:
    """Measure a dry run, the import, and the same file once more."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lines", type=int, default=1_000_000)
    lines: int = parser.parse_args().lines
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_file(folder / "products.csv", lines)
        asyncio.run(merchant(folder))
        size = (folder / "products.csv").stat().st_size / 1e6
        print(f"{lines} lines, {size:.1f} MB, load average {os.getloadavg()[0]:.1f}")
        for label, more in (("dry run", ("--dry-run",)), ("import", ()), ("again", ())):
            print(f"{label:<8} {measure(folder, *more)}")


if __name__ == "__main__":
    main()
