"""The yearly archive: whole, signed, readable without us, and verified by a script that needs Python alone."""

import asyncio
import csv
import io
import json
import random
import subprocess
import sys
import zipfile
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from poi_engine.errors import Conflict
from poi_engine.fiscal.service import Fiscal
from poi_engine.fiscal.verify_archive import Bad, main, verify, verify_signature
from poi_engine.ports import Sql
from tests.engine.shop import SELLER, M
from tests.fiscal.books import DAYS, written

RFC_8032 = (  # section 7.1: public key, message, signature
    (
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
    ),
    (
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
    ),
    (
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        "af82",
        "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a",
    ),
    (
        "ec172b93ad5e563bf4932c70e1245034c35467ef2efd4d64ebf819683467e2bf",
        "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f",
        "dc2a4459e7369633a52b1bf277839a00201009a3efbf3ecb69bea2186c26b58909351fc9ac90b3ecfdfbc7c66431e0303dca179c138ac17ad9bef1177331a704",
    ),
)


@pytest.mark.parametrize(("public", "message", "signature"), RFC_8032)
def test_the_scripts_own_ed25519_agrees_with_the_standards_vectors(public: str, message: str, signature: str) -> None:
    key, text, seal = (bytes.fromhex(part) for part in (public, message, signature))
    assert verify_signature(key, text, seal)
    assert not verify_signature(key, text + b"x", seal)
    assert not verify_signature(key, text, seal[:-1])
    for bit in range(0, 512, 37):
        altered = bytearray(seal)
        altered[bit // 8] ^= 1 << bit % 8
        assert not verify_signature(key, text, bytes(altered))


def test_the_scripts_own_ed25519_agrees_with_another_implementation() -> None:
    for number in range(8):
        private = Ed25519PrivateKey.from_private_bytes(bytes([number]) * 32)
        public = private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        message = bytes(range(number * 7))
        assert verify_signature(public, message, private.sign(message))
        assert not verify_signature(public, message, private.sign(message + b"."))


def test_a_signature_whose_scalar_is_not_reduced_is_refused() -> None:
    """Else one signature had many forms (RFC 8032, 5.1.7)."""
    key, message, seal = (bytes.fromhex(part) for part in RFC_8032[1])
    order = 2**252 + 27742317777372353535851937790883648493
    scalar = int.from_bytes(seal[32:], "little") + order
    assert not verify_signature(key, message, seal[:32] + scalar.to_bytes(32, "little"))


@pytest.fixture
async def books(sql: Sql) -> AsyncIterator[Fiscal]:
    yield await written(sql)


async def archived(fiscal: Fiscal, path: Path, year: str = "2026") -> str:
    """Write the archive; the public key."""
    with await asyncio.to_thread(path.open, "wb") as file:
        made = await fiscal.archive(M, year, file, digits=2, by=SELLER)
    return made.manifest.keys[0].public_key


def altered(path: Path, name: str, old: bytes, new: bytes) -> Path:
    """A copy in which one file says something else."""
    copy = path.with_name("altered.zip")
    with zipfile.ZipFile(path) as source, zipfile.ZipFile(copy, "w") as target:
        for info in source.infolist():
            content = source.read(info)
            if info.filename == name:
                assert old in content
                content = content.replace(old, new, 1)
            target.writestr(info, content)
    return copy


async def test_an_archive_verifies_with_python_alone(books: Fiscal, tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    key = await archived(books, path)
    with zipfile.ZipFile(path) as archive:
        script = Path(archive.extract("verify_archive.py", tmp_path))
        names = sorted(archive.namelist())
    run = await asyncio.to_thread(
        subprocess.run, [sys.executable, "-I", "-S", script, path, "--key", key], capture_output=True, text=True
    )
    assert run.returncode == 0, run.stdout + run.stderr
    assert run.stdout.startswith(f"Everything holds: {DAYS * 6} in receipts.jsonl, ")
    assert names == [
        *("README.txt", "closings.jsonl", "events.jsonl", "manifest.json", "manifest.sig", "receipts.jsonl"),
        *("totals.csv", "training.jsonl", "verify_archive.py"),
    ]


@pytest.mark.parametrize(
    ("name", "old", "new", "words"),
    [
        ("receipts.jsonl", b"Tarte", b"Torte", "receipt 1 of sta_1 was altered"),
        ("receipts.jsonl", b'"number":3', b'"number":4', "receipt 4 of sta_1 stands where number 3 belongs"),
        ("receipts.jsonl", b'"previous":"', b'"previous":"00', "receipt 1 of sta_1 does not follow the row before it"),
        ("closings.jsonl", b'"signature":"', b'"signature":"00', "its signature does not hold"),
        ("events.jsonl", b"seller:1", b"seller:2", "event "),
        ("training.jsonl", b"Tarte", b"Torte", "exercise 1 of sta_1 was altered"),
        ("totals.csv", b"EUR", b"USD", "totals.csv: SHA-256 differs"),
        ("manifest.json", b"Boulangerie", b"Patisserie", "the manifest's signature does not hold"),
        ("manifest.sig", b'"signature":"', b'"signature":"00', "the manifest's signature does not hold"),
    ],
)
async def test_an_altered_archive_is_refused_at_its_first_bad_row(
    books: Fiscal, tmp_path: Path, name: str, old: bytes, new: bytes, words: str
) -> None:
    path = tmp_path / "a.zip"
    await archived(books, path)
    copy = await asyncio.to_thread(altered, path, name, old, new)
    with pytest.raises(Bad, match=words.replace(".", r"\.")):
        await asyncio.to_thread(verify, str(copy))


async def test_lines_that_are_missing_are_named(books: Fiscal, tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    await archived(books, path)
    lines = await asyncio.to_thread(lambda: zipfile.ZipFile(path).read("receipts.jsonl").splitlines(keepends=True))
    copy = await asyncio.to_thread(altered, path, "receipts.jsonl", lines[4], b"")
    with pytest.raises(Bad, match="receipt 6 of sta_1 stands where number 5 belongs"):
        await asyncio.to_thread(verify, str(copy))
    copy = await asyncio.to_thread(altered, path, "receipts.jsonl", lines[-1], b"")
    with pytest.raises(Bad, match=r"receipt \d+ of sta_2 is missing"):
        await asyncio.to_thread(verify, str(copy))


async def test_random_changes_of_an_archive_are_found(books: Fiscal, tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    await archived(books, path)
    chance = random.Random(5)
    with zipfile.ZipFile(path) as archive:
        contents = {info.filename: archive.read(info) for info in archive.infolist()}
    for _ in range(60):
        name = chance.choice([name for name in contents if contents[name]])
        content = bytearray(contents[name])
        content[chance.randrange(len(content))] ^= 1 << chance.randrange(8)
        copy = tmp_path / "b.zip"

        def write(name: str = name, content: bytes = bytes(content), copy: Path = copy) -> None:
            with zipfile.ZipFile(copy, "w") as target:
                for other, kept in contents.items():
                    target.writestr(other, content if other == name else kept)

        await asyncio.to_thread(write)
        with pytest.raises((Bad, ValueError, KeyError, TypeError)):
            await asyncio.to_thread(verify, str(copy))


async def test_another_key_than_the_published_one_is_refused(books: Fiscal, tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    await archived(books, path)
    with pytest.raises(Bad, match="signed by another key"):
        await asyncio.to_thread(verify, str(path), "00" * 32)


async def test_a_second_manifest_beside_the_signed_one_is_refused(books: Fiscal, tmp_path: Path) -> None:
    """Who unpacks the archive would read the first, and verify the second."""
    path, copy = tmp_path / "a.zip", tmp_path / "b.zip"
    await archived(books, path)

    def doubled() -> None:
        with zipfile.ZipFile(path) as source, zipfile.ZipFile(copy, "w") as target:
            target.writestr("manifest.json", b"{}")
            for info in source.infolist():
                target.writestr(info, source.read(info))

    with pytest.warns(UserWarning, match="Duplicate"):
        await asyncio.to_thread(doubled)
    with pytest.raises(Bad, match="not those of its manifest"):
        await asyncio.to_thread(verify, str(copy))


async def test_a_key_that_was_forgotten_is_asked_for(books: Fiscal, tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    await archived(books, path)
    assert await asyncio.to_thread(main, [str(path)]) == 0
    assert await asyncio.to_thread(main, [str(path), "--key"]) == 2


async def test_the_totals_file_says_what_the_closings_say(books: Fiscal, tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    await archived(books, path)
    with zipfile.ZipFile(path) as archive:
        rows = list(csv.DictReader(io.StringIO(archive.read("totals.csv").decode())))
        manifest = json.loads(archive.read("manifest.json"))
    assert {row["day"] for row in rows} == {f"2026-{day}" for day in ("11-30", "12-01", "12-02", "12-03")}
    assert [row["amount"] for row in rows if row["kind"] == "means"] == ["15.01"] * 3 + ["30.02"]
    back = [(row["key"], row["amount"], row["count"]) for row in rows if row["kind"] == "paid-back"]
    assert back == [("cash", "1.00", "1"), ("cash", "1.01", "1"), ("cash", "1.02", "1"), ("cash", "2.06", "2")]
    assert manifest["year"] == "2026"


async def test_making_an_archive_is_on_record(books: Fiscal, tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    await archived(books, path)
    newest = (await books.events(M, "", before=1 << 60, limit=1))[0]
    assert (newest.kind, newest.subject, newest.who) == ("archive", "2026", SELLER.who)


async def test_a_year_without_a_closed_day_has_no_archive(books: Fiscal, tmp_path: Path) -> None:
    with pytest.raises(Conflict) as refused:
        await archived(books, tmp_path / "a.zip", "2025")
    assert refused.value.code == "nothing-to-archive"
