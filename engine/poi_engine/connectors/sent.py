"""What a connector has sent to its terminals: written before a byte leaves, so that no crash makes it send twice."""

import asyncio
from pathlib import Path

from msgspec import Struct, json

from poi_engine.clock import Clock, micros
from poi_engine.connectors.book import Book, BookFailure, Row
from poi_engine.errors import DeviceError
from poi_engine.ports import CardSeen, PaymentResult

FINAL = frozenset({"approved", "declined"})
"""Outcomes that never change."""
KEPT_US = 400 * 86_400_000_000
"""How long what has ended is kept: a refund within the year needs the terminal's own reference."""
_SWEEP_US = 86_400_000_000
_WITNESSES = 3
_SCHEMA = (
    "create table if not exists sent (reference text primary key, kind text not null, station_id text not null,"
    " of_reference text not null, amount integer not null, currency text not null, token text not null,"
    " result text not null, at integer not null)",
    "create index if not exists sent_of on sent (of_reference)",
    "create index if not exists sent_at on sent (at)",
)
_APPROVED = """result like '{"outcome":"approved"%'"""
_OVER = f"""at < ? and (kind = 'acquire' or {_APPROVED} or result like '{{"outcome":"declined"%')"""


class Sent(Struct, frozen=True, kw_only=True):
    """One line; `amount` in minor units, `at` in microseconds, UTC.

    `kind`: acquire, authorise, hold, capture (of a hold), refund, cancel.
    `token` is the terminal's own reference, once it is known; `result` its last word, None while there is none.
    """

    reference: str
    kind: str
    station_id: str = ""
    of_reference: str = ""
    amount: int = 0
    currency: str = ""
    token: str = ""
    result: PaymentResult | None = None
    at: int = 0


class SentBook(Book):
    """A SQLite file; each call is a transaction of its own, in a thread."""

    def __init__(self, path: str | Path, clock: Clock) -> None:
        super().__init__(path, *_SCHEMA)
        self._clock = clock
        self._swept = 0

    async def begin(
        self, reference: str, kind: str, station_id: str, amount: int = 0, currency: str = "", of_reference: str = ""
    ) -> Sent | None:
        """Write a line; answers the one that is there already, and None when this one is new.

        Raises `DeviceError` when it cannot be written (the disk is full): then nothing is sent.
        """
        sent = Sent(
            reference=reference,
            kind=kind,
            station_id=station_id,
            of_reference=of_reference,
            amount=amount,
            currency=currency,
            at=micros(self._clock.now()),
        )
        try:
            return await asyncio.to_thread(self._begin, sent)
        except BookFailure as error:
            why = f"The connector's book cannot be written ({error}); nothing was sent."
            raise DeviceError("book-away", why) from error

    async def end(self, reference: str, *, token: str | None = None, result: PaymentResult | None = None) -> None:
        """Write what the terminal said; what is None stays as it is."""
        said = None if result is None else json.encode(result).decode()
        await asyncio.to_thread(self._end, reference, token, said)

    async def forget(self, reference: str) -> None:
        """Strike a line out: nothing was sent, so the reference may be used."""
        await asyncio.to_thread(self._forget, reference)

    async def find(self, reference: str) -> Sent | None:
        """The line of a reference."""
        return await asyncio.to_thread(self._find_locked, reference)

    async def answered_before(self, reference: str, station_id: str) -> list[Sent]:
        """The newest lines that the station's terminal has answered, begun before this one: it knows of them still,
        or it has lost its memory since."""
        return await asyncio.to_thread(self._answered_before, reference, station_id)

    async def waits(self, station_id: str, seconds: float) -> bool:
        """Whether something was sent to the station's terminal, by whichever process, in the last `seconds`, and has
        not ended."""
        since = micros(self._clock.now() - seconds)
        try:
            return await asyncio.to_thread(self._waits, station_id, since)
        except BookFailure as error:
            raise DeviceError("book-away", f"The connector's book cannot be read ({error}).") from error

    async def left(self, payment_ref: str, *, sure: bool = False) -> int | None:
        """What can still be given back on a payment, or taken of a hold, minor units; None for one not in this book.

        `sure`: only what was certainly given counts; the rest is a person's to judge, of which no book hears.
        """
        return await asyncio.to_thread(self._left, payment_ref, sure)

    def _begin(self, sent: Sent) -> Sent | None:
        with self._lock:
            self._sweep(sent.at)
            made = self._sql.execute(
                "insert into sent values (?, ?, ?, ?, ?, ?, ?, ?, ?) on conflict (reference) do nothing",
                (
                    *(sent.reference, sent.kind, sent.station_id, sent.of_reference, sent.amount, sent.currency),
                    *(sent.token, json.encode(sent.result).decode() if sent.result else "", sent.at),
                ),
            )
            return None if made.rowcount else self._find(sent.reference)

    def _sweep(self, at: int) -> None:
        """Once a day, forget what has ended long ago, unless something that is kept is about it; the lock is held."""
        if at - self._swept < _SWEEP_US:
            return
        self._swept, old = at, at - KEPT_US
        kept = f"select 1 from sent later where later.of_reference = sent.reference and not ({_OVER})"
        self._sql.execute(f"delete from sent where {_OVER} and not exists ({kept})", (old, old))

    def _end(self, reference: str, token: str | None, said: str | None) -> None:
        with self._lock:
            self._sql.execute(
                "update sent set token = coalesce(?, token), result = coalesce(?, result) where reference = ?",
                (token, said, reference),
            )

    def _forget(self, reference: str) -> None:
        with self._lock:
            self._sql.execute("delete from sent where reference = ?", (reference,))

    def _find_locked(self, reference: str) -> Sent | None:
        with self._lock:
            return self._find(reference)

    def _find(self, reference: str) -> Sent | None:
        row = self._sql.execute("select * from sent where reference = ?", (reference,)).fetchone()
        return _sent(row) if row else None

    def _answered_before(self, reference: str, station_id: str) -> list[Sent]:
        with self._lock:
            rows = self._sql.execute(
                "select * from sent where station_id = ? and rowid < coalesce((select rowid from sent where"
                f" reference = ?), 9223372036854775807) and (token <> '' or {_APPROVED}) order by rowid desc limit ?",
                (station_id, reference, _WITNESSES),
            ).fetchall()
        return [_sent(row) for row in rows]

    def _waits(self, station_id: str, since: int) -> bool:
        with self._lock:
            query = "select 1 from sent where at > ? and station_id = ? and result = ''"
            return self._sql.execute(query, (since, station_id)).fetchone() is not None

    def _left(self, payment_ref: str, sure: bool) -> int | None:
        with self._lock:
            paid = self._find(payment_ref)
            rows = self._sql.execute(
                "select * from sent where of_reference = ? and kind in ('refund', 'capture')", (payment_ref,)
            )
            given = sum(line.amount for line in map(_sent, rows) if (_done(line) if sure else not _failed(line)))
        if paid is None:
            return None
        return 0 if _failed(paid) else paid.amount - given


def declined(reference: str, why: str) -> PaymentResult:
    """Nothing was taken, and nothing will be."""
    return PaymentResult(outcome="declined", payment_ref=reference, reason=why)


def unknown(reference: str, why: str) -> PaymentResult:
    """Nobody knows."""
    return PaymentResult(outcome="unknown", payment_ref=reference, reason=why)


def card_seen(reference: str, result: PaymentResult | None) -> CardSeen:
    """The card that an acquisition has read. Raises `DeviceError` where it has read none."""
    if result is None or result.outcome != "approved":
        reason = result.reason if result else "the terminal still waits for one"
        raise DeviceError("card-not-read", f"No card was read: {reason}.")
    return CardSeen(facts=result.facts, acquisition_ref=reference)


def _done(line: Sent) -> bool:
    return line.result is not None and line.result.outcome == "approved"


def _failed(line: Sent) -> bool:
    return line.result is not None and line.result.outcome == "declined"


def _sent(row: Row) -> Sent:
    values = dict(row)
    said = values.pop("result")
    return Sent(**values, result=json.decode(said, type=PaymentResult) if said else None)
