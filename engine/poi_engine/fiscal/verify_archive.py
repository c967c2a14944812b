"""Verify an archive of receipts, closings and events: nothing but Python 3.10 or newer is needed, and no network.

    python3 verify_archive.py archive_2026.zip [--key PUBLIC_KEY]

Says which row is the first that does not hold, and ends with 1; with 0 when everything holds. Without `--key` it says
which keys signed the archive: compare each with those that the merchant published. What is checked: the manifest's
Ed25519 signature (RFC 8032), each file's SHA-256, each chain's links from its first row to its last, each closing's
signature, what its receipts, its days or its months add up to, that the perpetual totals go on, and that receipts,
events and exercises are those that the closings saw.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import sys
import zipfile
from collections.abc import Iterator
from typing import Any

Point = tuple[int, int, int, int]

P = 2**255 - 19
L = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P
ROOT = pow(2, (P - 1) // 4, P)


class Bad(Exception):
    """What does not hold."""


# --- Ed25519 (RFC 8032, section 5.1), in extended coordinates ------------------------------------------------------


def _add(p: Point, q: Point) -> Point:
    a, b = (p[1] - p[0]) * (q[1] - q[0]) % P, (p[1] + p[0]) * (q[1] + q[0]) % P
    c, d = 2 * p[3] * q[3] * D % P, 2 * p[2] * q[2] % P
    e, f, g, h = b - a, d - c, d + c, b + a
    return e * f % P, g * h % P, f * g % P, e * h % P


def _times(scalar: int, point: Point) -> Point:
    result = (0, 1, 1, 0)
    while scalar:
        if scalar & 1:
            result = _add(result, point)
        point, scalar = _add(point, point), scalar >> 1
    return result


def _x_of(y: int, odd: int) -> int | None:
    if y >= P:
        return None
    square = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    x = pow(square, (P + 3) // 8, P)
    if (x * x - square) % P:
        x = x * ROOT % P
    if (x * x - square) % P or (x == 0 and odd):
        return None
    return P - x if (x & 1) != odd else x


def _point(data: bytes) -> Point | None:
    number = int.from_bytes(data, "little")
    y = number & ((1 << 255) - 1)
    x = _x_of(y, number >> 255)
    return None if x is None else (x, y, 1, x * y % P)


_BASE_Y = 4 * pow(5, P - 2, P) % P
_BASE_X = _x_of(_BASE_Y, 0) or 0
BASE = (_BASE_X, _BASE_Y, 1, _BASE_X * _BASE_Y % P)


def verify_signature(public_key: bytes, message: bytes, signature: bytes) -> bool:
    """Whether the signature (64 bytes) of the message is the key's (32 bytes)."""
    if len(public_key) != 32 or len(signature) != 64:
        return False
    key, commitment = _point(public_key), _point(signature[:32])
    scalar = int.from_bytes(signature[32:], "little")
    if key is None or commitment is None or scalar >= L:
        return False
    digest = hashlib.sha512(signature[:32] + public_key + message).digest()
    left = _times(scalar, BASE)
    right = _add(commitment, _times(int.from_bytes(digest, "little") % L, key))
    return (left[0] * right[2] - right[0] * left[2]) % P == 0 and (left[1] * right[2] - right[1] * left[2]) % P == 0


# --- the archive ---------------------------------------------------------------------------------------------------

CHAINS = {"receipts": "receipt", "closings": "closing", "events": "event", "training": "exercise"}


def verify(path: str, key: str | None = None) -> dict[str, Any]:
    """Check an archive; returns its manifest, raises `Bad`."""
    with zipfile.ZipFile(path) as archive:
        manifest = _manifest(archive, key)
        _files(archive, manifest)
        closings = _chains(archive, manifest)
        _totals(archive, closings)
        _anchored(archive, manifest, closings)
    return manifest


def _manifest(archive: zipfile.ZipFile, key: str | None) -> dict[str, Any]:
    try:
        content, sealed = archive.read("manifest.json"), json.loads(archive.read("manifest.sig"))
        public, signature = bytes.fromhex(sealed["public_key"]), bytes.fromhex(sealed["signature"])
    except (KeyError, ValueError) as error:
        raise Bad(f"the archive has no manifest with a signature: {error}") from None
    if sealed != {"key_id": _key_id(public), "public_key": public.hex(), "signature": signature.hex()}:
        raise Bad("the manifest's signature is not written as it should be")
    if key is not None and public != bytes.fromhex(key):
        raise Bad(f"the manifest is signed by another key than the one given: {public.hex()}")
    if not verify_signature(public, b"poi-server archive 1\n" + content, signature):
        raise Bad("the manifest's signature does not hold")
    manifest: dict[str, Any] = json.loads(content)
    if {"key_id": sealed["key_id"], "public_key": sealed["public_key"]} not in manifest["keys"]:
        raise Bad(f"the manifest is signed by a key that is not among the archive's: {public.hex()}")
    manifest["signed_by"] = public.hex()
    return manifest


def _key_id(public: bytes) -> str:
    return hashlib.sha256(public).hexdigest()[:16]


def _files(archive: zipfile.ZipFile, manifest: dict[str, Any]) -> None:
    named = [file["name"] for file in manifest["files"]]
    if sorted(archive.namelist()) != sorted([*named, "manifest.json", "manifest.sig"]):  # each once
        raise Bad("the archive's files are not those of its manifest")
    for file in manifest["files"]:
        digest = hashlib.sha256()
        try:
            with archive.open(file["name"]) as content:
                for piece in iter(lambda: content.read(1 << 20), b""):
                    digest.update(piece)
        except zipfile.BadZipFile as error:
            file["broken"] = str(error)
        if digest.hexdigest() != file["sha256"]:
            file["broken"] = "SHA-256 differs"


def _rows(archive: zipfile.ZipFile, name: str) -> Iterator[dict[str, Any]]:
    try:
        with archive.open(name + ".jsonl") as lines:
            for place, line in enumerate(lines, 1):
                try:
                    yield json.loads(line)
                except ValueError:
                    raise Bad(f"{name}.jsonl line {place} is no JSON") from None
    except zipfile.BadZipFile as error:
        raise Bad(f"{name}.jsonl cannot be read to its end: {error}") from None


def _chains(archive: zipfile.ZipFile, manifest: dict[str, Any]) -> dict[str, list[dict[str, Any]]]:
    """Every chain, row by row; returns the closings by station."""
    closings: dict[str, list[dict[str, Any]]] = {}
    keys = {key["key_id"]: bytes.fromhex(key["public_key"]) for key in manifest["keys"]}
    for name, word in CHAINS.items():
        spans = {span["station_id"]: span for span in manifest["chains"] if span["chain"] == name}
        at = {station: (span["first"] - 1, bytes.fromhex(span["before"])) for station, span in spans.items()}
        for row in _rows(archive, name):
            station = row["station_id"]
            where = f"{word} {row['number']} of {station or 'the merchant'}"
            if station not in at:
                raise Bad(where + ": the manifest knows no such station")
            at[station] = _step(where, row, *at[station])
            if name == "closings":
                _signed(where, row, keys)
                closings.setdefault(station, []).append(json.loads(row["document"]))
        for station, (number, digest) in at.items():
            if (number, digest.hex()) != (spans[station]["last"], spans[station]["hash"]):
                raise Bad(f"{word} {number + 1} of {station or 'the merchant'} is missing")
    for file in manifest["files"]:
        if "broken" in file:
            raise Bad(f"{file['name']}: {file['broken']}")
    return closings


def _step(where: str, row: dict[str, Any], number: int, previous: bytes) -> tuple[int, bytes]:
    if row["number"] != number + 1:
        raise Bad(f"{where} stands where number {number + 1} belongs")
    if row["previous"] != previous.hex():
        raise Bad(where + " does not follow the row before it")
    digest = hashlib.sha256(previous + row["number"].to_bytes(8, "big") + row["document"].encode()).digest()
    if row["hash"] != digest.hex():
        raise Bad(where + " was altered")
    return row["number"], digest


def _signed(where: str, row: dict[str, Any], keys: dict[str, bytes]) -> None:
    public = keys.get(row["key_id"], b"")
    if _key_id(public) != row["key_id"]:
        raise Bad(f"{where} is signed by key {row['key_id']}, which the archive does not hold")
    message = b"poi-server closing 1\n" + bytes.fromhex(row["hash"])
    if not verify_signature(public, message, bytes.fromhex(row["signature"])):
        raise Bad(where + ": its signature does not hold")


def _totals(archive: zipfile.ZipFile, closings: dict[str, list[dict[str, Any]]]) -> None:
    """Days add up their receipts and pay-backs and go on from one another; months add up days, years add up months."""
    for station, made in closings.items():
        _perpetual(station, made)
    sums: dict[tuple[str, int], dict[str, int]] = {}
    for day, receipt in _of_days(archive, "receipts", closings):
        _count(sums.setdefault((day["station_id"], day["number"]), {}), receipt)
    for day, event in _of_days(archive, "events", closings):
        if event["kind"] == "paid-back":
            _count_back(sums.setdefault((day["station_id"], day["number"]), {}), event["values"])
    for station, made in closings.items():
        for one in made:
            if one["kind"] == "day" and _told(one) != sums.get((station, one["number"]), {}):
                raise Bad(f"closing {one['number']} of {station} does not add up its receipts and what was paid back")
        _periods(station, made)


def _of_days(
    archive: zipfile.ZipFile, chain: str, closings: dict[str, list[dict[str, Any]]]
) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """The documents of a chain that days add up, each with the closing of its day."""
    days = {station: _days(made) for station, made in closings.items()}
    for row in _rows(archive, chain):
        waiting, number = days.get(row["station_id"], []), row["number"]
        while waiting and _span(waiting[-1], chain)["last"] < number:  # closed, perhaps without a row
            waiting.pop()
        if waiting and number >= _span(waiting[-1], chain)["first"]:
            yield waiting[-1], json.loads(row["document"])


def _days(made: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The closings of days, newest first."""
    return [one for one in made if one["kind"] == "day"][::-1]


def _span(closing: dict[str, Any], chain: str) -> dict[str, Any]:
    """Where a closing says its first and last row of a chain."""
    return closing if chain == "receipts" else _back(closing)


def _back(closing: dict[str, Any]) -> dict[str, Any]:
    none = {"first": 1, "last": 0, "by": []}
    found: dict[str, Any] = closing.get("paid_back", none)
    return found


def _anchored(archive: zipfile.ZipFile, manifest: dict[str, Any], closings: dict[str, list[dict[str, Any]]]) -> None:
    """Each closing names the rows with which the other chains ended when it was made: by their numbers and hashes."""
    seen: dict[tuple[str, str, int], tuple[str, str]] = {}
    for station, made in closings.items():
        for one in made:
            where = f"closing {one['number']} of {station}"
            _named(seen, ("receipts", station, one["last"]), one["journal_hash"], where)
            for chain, of, name in (
                ("events", station, "events"),
                ("events", "", "merchant_events"),
                ("training", station, "training"),
            ):
                _named(seen, (chain, of, one[name]["number"]), one[name]["hash"], where)
    for span in manifest["chains"]:
        _stands(seen, (span["chain"], span["station_id"], span["first"] - 1), span["before"])
    for name in ("receipts", "events", "training"):
        for row in _rows(archive, name):
            _stands(seen, (name, row["station_id"], row["number"]), row["hash"])


def _named(
    seen: dict[tuple[str, str, int], tuple[str, str]], place: tuple[str, str, int], digest: str, where: str
) -> None:
    _stands(seen, place, digest)
    seen.setdefault(place, (digest, where))


def _stands(seen: dict[tuple[str, str, int], tuple[str, str]], place: tuple[str, str, int], digest: str) -> None:
    known, where = seen.get(place, (digest, ""))
    if known != digest:
        name, station, number = place
        raise Bad(f"{CHAINS[name]} {number} of {station or 'the merchant'} is not the one that {where} saw")


def _perpetual(station: str, made: list[dict[str, Any]]) -> None:
    """The perpetual totals go on from day to day."""
    for later, earlier in itertools.pairwise(_days(made)):
        carried = (later["carried_sales"], later["carried_total"])
        if carried != (earlier["perpetual_sales"], earlier["perpetual_total"]) or later["first"] != earlier["last"] + 1:
            raise Bad(f"closing {later['number']} of {station} does not go on from the one before")
        if _back(later)["first"] != _back(earlier)["last"] + 1:
            raise Bad(f"closing {later['number']} of {station} does not go on from what was paid back before")
    for one in made:
        perpetual = (one["carried_sales"] + one["sales_total"], one["carried_total"] + one["total"])
        if perpetual != (one["perpetual_sales"], one["perpetual_total"]):
            raise Bad(f"closing {one['number']} of {station}: its perpetual total is wrong")


def _periods(station: str, made: list[dict[str, Any]]) -> None:
    """Months and years come to what the closings that they name come to."""
    by_number = {one["number"]: one for one in made}
    for one in made:
        if one["kind"] == "day":
            continue
        parts = [by_number[number] for number in one["adds_up"]]
        sums: dict[str, int] = {}
        for name, amount in (item for part in parts for item in _told(part).items()):
            sums[name] = sums.get(name, 0) + amount
        reach = (parts[0]["first"], parts[-1]["last"], parts[0]["carried_sales"], parts[0]["carried_total"])
        back = (_back(parts[0])["first"], _back(parts[-1])["last"])
        if (
            _told(one) != sums
            or reach != (one["first"], one["last"], one["carried_sales"], one["carried_total"])
            or back != (_back(one)["first"], _back(one)["last"])
        ):
            raise Bad(f"closing {one['number']} of {station} does not add up the closings that it names")


def _count(sums: dict[str, int], receipt: dict[str, Any]) -> None:
    def add(name: str, amount: int) -> None:
        sums[name] = sums.get(name, 0) + amount

    add(receipt["kind"], receipt["total"])
    add(receipt["kind"] + "s", 1)
    add("stored", receipt.get("stored", 0))
    for part in receipt["vat"]:
        for name in ("net", "vat", "gross"):
            add(f"{name} at {part['rate']}", part[name])
    for payment in receipt["payments"]:
        add("by " + payment["means"], payment["amount"])


def _count_back(sums: dict[str, int], paid_back: dict[str, Any]) -> None:
    for name, amount in (("paid back", paid_back["amount"]), ("pay-backs", 1)):
        by = f"{name} by {paid_back['means']}"
        sums[by] = sums.get(by, 0) + amount


def _told(closing: dict[str, Any]) -> dict[str, int]:
    """A closing's sums as `_count` and `_count_back` name them."""
    told: dict[str, int] = {}
    for kind, count, total in (("sale", "sales", "sales_total"), ("refund", "refunds", "refunds_total")):
        if closing[count]:
            told[kind], told[kind + "s"] = closing[total], closing[count]
            told["stored"] = closing.get("stored", 0)
    for part in closing["vat"]:
        for name in ("net", "vat", "gross"):
            told[f"{name} at {part['rate']}"] = part[name]
    for part in closing["means"]:
        told["by " + part["means"]] = part["amount"]
    for part in _back(closing)["by"]:
        told["paid back by " + part["means"]] = part["amount"]
        told["pay-backs by " + part["means"]] = part["count"]
    return told


def main(arguments: list[str]) -> int:
    """Verify the archive named on the command line."""
    key = arguments.pop(arguments.index("--key") + 1) if "--key" in arguments[:-1] else None
    paths = [word for word in arguments if word != "--key"]
    if len(paths) != 1 or (key is None and "--key" in arguments):
        sys.stdout.write(__doc__ or "")
        return 2
    try:
        manifest = verify(paths[0], key)
    except (Bad, OSError, zipfile.BadZipFile, KeyError, TypeError, ValueError) as error:
        sys.stdout.write(f"DOES NOT HOLD: {error}\n")
        return 1
    rows = ", ".join(f"{file['rows']} in {file['name']}" for file in manifest["files"] if file.get("rows"))
    sys.stdout.write(f"Everything holds: {rows or 'no rows'}.\n")
    sys.stdout.write(f"The archive is signed by the key {manifest['signed_by']}.\n")
    keys = ", ".join(key["public_key"] for key in manifest["keys"])
    sys.stdout.write(f"Compare it and the closings' keys with those that the merchant published: {keys}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
