"""Tell the server what came in on the bank account: a camt.053 or camt.054 file (ISO 20022), or a CSV.

Each entry is kept once, by the bank's own reference: the same file, or one that overlaps it, may be imported again.
Credits with the reference and the amount of a transfer that a customer was asked for end that payment; the others wait
for a person. While a server runs on the data folder it does the work; else the payments end when one is started.

A CSV has a first line with the columns credit_id, amount, currency, booked_on and reference.
"""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Sequence
from contextlib import nullcontext
from functools import partial
from pathlib import Path

import msgspec
from babel.numbers import get_currency_precision

from poi_engine.clock import SystemClock, micros
from poi_engine.errors import PoiError, RequestError
from poi_engine.ids import Ids
from poi_engine.ports import Job, Query
from poi_engine.settings import read_merchant
from poi_engine.storage import open_sql
from poi_engine.storage.folder import lock_folder
from poi_engine.value.bank import MAX_CREDITS, Booked, tell_credit
from poi_engine.value.bank_rows import BankCredit, Credit
from poi_engine.value.rules import BankAccount
from poi_engine.value.statements import MAX_BYTES, read_statement
from poi_server.cli.client import Client
from poi_server.cli.fiscal import WHO
from poi_server.cli.verify import books
from poi_server.config import Config, data_folder
from poi_server.running import read_note

EXAMPLES = """\
  poi-server bank import statement.xml
  poi-server bank import credits.csv
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What to do, and with which file."""
    parser.add_argument("act", choices=("import",))
    parser.add_argument("file", metavar="FILE", type=Path, help="the bank's file, as it was fetched")


def run(options: argparse.Namespace) -> int:
    """Book the credits and say what came of them."""
    config: Config = options.settings
    content = _read(options.file)
    note = None if config.storage.sql else read_note(data_folder(config))
    done = _by_server(Client(note), content) if note is not None else _on_storage(config, content)
    print(
        f"{done.new} new credits, {done.known} known before: {done.matched} paid something, {done.open} wait for you."
    )
    return 0


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(MAX_BYTES + 1)
    except OSError as error:
        raise RequestError("unreadable-file", f"{path} cannot be read: {error.strerror}.") from None


def _by_server(client: Client, content: bytes) -> Booked:
    account = msgspec.convert(client.get("/v1/settings/bank"), BankAccount)
    total, refused = Booked(), list[PoiError]()
    for some in _parts(read_statement(content, get_currency_precision, account.iban)):
        body = msgspec.to_builtins({"credits": some})
        try:
            total = _added(total, msgspec.convert(client.call("POST", "/v1/bank/credits", body), Booked))
        except PoiError as error:
            refused.append(_must_differ(error))
    return _all_of(total, refused)


def _on_storage(config: Config, content: bytes) -> Booked:
    url = books(config)
    with nullcontext() if config.storage.sql else lock_folder(data_folder(config)):
        return asyncio.run(_book(url, content))


async def _book(url: str, content: bytes) -> Booked:
    sql, total, refused, clock = open_sql(url), Booked(), list[PoiError](), SystemClock()
    ids = Ids(clock.now)
    try:
        merchant_id, iban = await sql.read(_merchant)
        for credit in read_statement(content, get_currency_precision, iban):
            told = partial(tell_credit, merchant_id, credit, WHO, ids.new("aud"), micros(clock.now()))
            try:
                made = await sql.write(told)
            except PoiError as error:
                refused.append(_must_differ(error))
            else:
                total = _added(total, _told(made))
    finally:
        await sql.close()
    return _all_of(total, refused)


def _must_differ(error: PoiError) -> PoiError:
    """An entry that was told otherwise before stops none of the others; anything else ends the import."""
    if error.code != "credit-differs":
        raise error
    return error


def _all_of(total: Booked, refused: Sequence[PoiError]) -> Booked:
    """What was booked; the first that was refused, once all the others are."""
    if refused:
        raise refused[0]
    return total


def _merchant() -> Job[tuple[str, str]]:
    """The merchant of this storage, and their account's number."""
    rows = yield Query("select merchant_id from merchant order by created_at, merchant_id limit 1")
    if not rows:
        raise RequestError("no-books", "There is no merchant in this storage.")
    merchant_id = str(rows[0]["merchant_id"])
    return merchant_id, (yield from read_merchant(merchant_id)).programme.bank.iban


def _parts(credits: Sequence[Credit]) -> list[Sequence[Credit]]:
    return [credits[start : start + MAX_CREDITS] for start in range(0, len(credits), MAX_CREDITS)]


def _told(credit: BankCredit | None) -> Booked:
    if credit is None:
        return Booked(known=1)
    matched = credit.state == "matched"
    return Booked(new=1, matched=int(matched), open=int(not matched))


def _added(one: Booked, other: Booked) -> Booked:
    names = Booked.__struct_fields__
    return Booked(**{name: getattr(one, name) + getattr(other, name) for name in names})
