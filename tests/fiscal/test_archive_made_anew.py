"""An archive that somebody made anew, every link and sum of it signed with a key of their own: what does not add up is
named by the script alone, and `--key` names the rest."""

import asyncio
import hashlib
import json
import zipfile
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from poi_engine.fiscal.keys import ARCHIVE, CLOSING, Signer
from poi_engine.fiscal.service import Fiscal
from poi_engine.fiscal.verify_archive import Bad, main, verify
from poi_engine.storage import open_sql
from tests.engine.shop import STATION
from tests.fiscal.books import written
from tests.fiscal.test_archive import archived

Json = dict[str, Any]
Change = Callable[[Json], None]
CHAINS = ("receipts", "closings", "events", "training")


@pytest.fixture
async def books(sqlite_url: str) -> AsyncIterator[Fiscal]:
    sql = open_sql(sqlite_url)
    yield await written(sql)
    await sql.close()


class Forger:
    """Makes an archive anew, with a change to one document or to the manifest."""

    def __init__(self, path: Path) -> None:
        self._signer = Signer(None)
        self._path = path
        with zipfile.ZipFile(path) as archive:
            self._files = {name: archive.read(name) for name in archive.namelist()}
        self._manifest: Json = json.loads(self._files["manifest.json"])

    def write(self, name: str, number: int, change: Change, manifest: Change = lambda _made: None) -> Path:
        """A new archive beside the first one: document `number` of the first station's `name` changed."""
        signed = self._signer.sign(b"")
        self._manifest["keys"] = [{"key_id": signed.key_id, "public_key": signed.public_key.hex()}]
        for chain in CHAINS:
            self._files[f"{chain}.jsonl"] = self._linked(chain, change if chain == name else None, number)
        for file in self._manifest["files"]:
            file["sha256"] = hashlib.sha256(self._files[file["name"]]).hexdigest()
        manifest(self._manifest)
        return self._sealed()

    def other_key(self) -> list[Json]:
        """From now on this one signs, and it is the only one that is told of."""
        self._signer = Signer(None)
        signed = self._signer.sign(b"")
        return [{"key_id": signed.key_id, "public_key": signed.public_key.hex()}]

    def _linked(self, chain: str, change: Change | None, number: int) -> bytes:
        last: dict[str, str] = {}
        lines = []
        spans = {span["station_id"]: span for span in self._manifest["chains"] if span["chain"] == chain}
        for line in self._files[f"{chain}.jsonl"].splitlines():
            row = json.loads(line)
            station = row["station_id"]
            if change is not None and (station, row["number"]) == (STATION, number):
                document = json.loads(row["document"])
                change(document)
                row["document"] = json.dumps(document, separators=(",", ":"), sort_keys=True, ensure_ascii=False)
            row["previous"] = last.get(station, spans[station]["before"])
            row["hash"] = last[station] = _link(row)
            if chain == "closings":
                signed = self._signer.sign(CLOSING + bytes.fromhex(row["hash"]))
                row |= {"key_id": signed.key_id, "signature": signed.signature.hex()}
            lines.append(json.dumps(row).encode() + b"\n")
            spans[station]["hash"] = row["hash"]
        return b"".join(lines)

    def _sealed(self) -> Path:
        content = json.dumps(self._manifest).encode()
        signed = self._signer.sign(ARCHIVE + content)
        seal = {"key_id": signed.key_id, "public_key": signed.public_key.hex(), "signature": signed.signature.hex()}
        made = self._path.with_name("anew.zip")
        with zipfile.ZipFile(made, "w") as archive:
            files = self._files | {"manifest.json": content, "manifest.sig": json.dumps(seal).encode()}
            for name, inside in files.items():
                archive.writestr(name, inside)
        return made


def _link(row: Json) -> str:
    previous, number = bytes.fromhex(row["previous"]), int(row["number"]).to_bytes(8, "big")
    return hashlib.sha256(previous + number + row["document"].encode()).hexdigest()


async def forged(books: Fiscal, folder: Path, *how: Any, manifest: Change = lambda _made: None) -> Path:
    """An archive of the books, made anew."""
    path = folder / "a.zip"
    await archived(books, path)
    return await asyncio.to_thread(lambda: Forger(path).write(*how, manifest))


def more(name: str, amount: int) -> Change:
    """A sum that is said to be greater."""

    def change(document: Json) -> None:
        document[name] += amount

    return change


def nothing(_document: Json) -> None:
    """No change."""


async def test_made_anew_without_a_change_only_its_key_gives_it_away(books: Fiscal, tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    key = await archived(books, path)
    made = await asyncio.to_thread(lambda: Forger(path).write("receipts", 1, nothing))
    assert await asyncio.to_thread(main, [str(made)]) == 0
    with pytest.raises(Bad, match="signed by another key than the one given"):
        await asyncio.to_thread(verify, str(made), key)


@pytest.mark.parametrize(
    ("name", "number", "change", "words"),
    [
        ("receipts", 1, more("total", 1), "closing 1 of sta_1 does not add up its receipts"),
        ("receipts", 1, lambda one: one["vat"][0].update(net=1), "closing 1 of sta_1 does not add up its receipts"),
        ("receipts", 1, lambda one: one.update(payments=[]), "closing 1 of sta_1 does not add up its receipts"),
        ("closings", 1, more("sales", 1), "closing 1 of sta_1 does not add up its receipts"),
        ("closings", 1, more("perpetual_total", 1), "closing 3 of sta_1 does not go on from the one before"),
        ("closings", 1, more("last", 1), "closing 3 of sta_1 does not go on from the one before"),
        ("closings", 1, more("total", 1), "closing 1 of sta_1: its perpetual total is wrong"),
        ("closings", 1, more("perpetual_sales", 1), "closing 3 of sta_1 does not go on from the one before"),
        ("closings", 5, more("perpetual_sales", 1), "closing 5 of sta_1: its perpetual total is wrong"),
        ("closings", 2, more("sales", 1), "closing 2 of sta_1 does not add up the closings that it names"),
        ("closings", 2, more("first", 1), "closing 2 of sta_1 does not add up the closings that it names"),
        (
            "events",
            2,
            lambda one: one["values"].update(amount=1),
            "closing 1 of sta_1 does not add up its receipts and what was paid back",
        ),
        ("closings", 1, lambda one: one["paid_back"].update(by=[]), "closing 1 of sta_1 does not add up its receipts"),
        (
            "closings",
            1,
            lambda one: one["paid_back"].update(last=1),
            "closing 3 of sta_1 does not go on from what was ",
        ),
        ("closings", 2, lambda one: one["paid_back"].update(by=[]), "closing 2 of sta_1 does not add up the closings "),
        (
            "receipts",
            1,
            lambda one: one["lines"][0].update(label="Torte"),
            r"receipt \d+ of sta_1 is not the one ",
        ),
        ("events", 1, lambda one: one.update(by="seller:2"), "event 2 of .* is not the one that closing 1 of "),
        ("training", 1, lambda one: one["lines"][0].update(label="Torte"), "exercise 1 of sta_1 is not the one that "),
    ],
)
async def test_what_does_not_add_up_is_named(
    books: Fiscal, tmp_path: Path, name: str, number: int, change: Change, words: str
) -> None:
    made = await forged(books, tmp_path, name, number, change)
    with pytest.raises(Bad, match=words):
        await asyncio.to_thread(verify, str(made))


async def test_a_manifest_signed_by_a_key_that_is_not_there_is_refused(books: Fiscal, tmp_path: Path) -> None:
    made = await forged(books, tmp_path, "closings", 1, nothing, manifest=lambda one: one.update(keys=[]))
    with pytest.raises(Bad, match="the manifest is signed by a key that is not among the archive's"):
        await asyncio.to_thread(verify, str(made))


async def test_a_closing_signed_by_a_key_that_is_not_there_is_named(books: Fiscal, tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    await archived(books, path)
    forger = await asyncio.to_thread(Forger, path)
    made = await asyncio.to_thread(
        forger.write, "closings", 1, nothing, lambda one: one.update(keys=forger.other_key())
    )
    with pytest.raises(Bad, match=r"closing 1 of sta_1 is signed by key [0-9a-f]{16}, which the archive does not hold"):
        await asyncio.to_thread(verify, str(made))


async def test_rows_of_a_station_that_the_manifest_does_not_know_are_named(books: Fiscal, tmp_path: Path) -> None:
    def without(manifest: Json) -> None:
        manifest["chains"] = [span for span in manifest["chains"] if span["station_id"] != STATION]

    made = await forged(books, tmp_path, "receipts", 1, nothing, manifest=without)
    with pytest.raises(Bad, match="receipt 1 of sta_1: the manifest knows no such station"):
        await asyncio.to_thread(verify, str(made))
