"""The simulated terminal's own book: what it did, durable before it answers; tests compare it with ours."""

from pathlib import Path

from msgspec import Struct, json

from poi_engine.connectors.book import Book, Row
from poi_offers.situation import PaymentFacts

_SCHEMA = """
create table if not exists operation (
    reference text primary key, kind text not null, of_reference text not null, station_id text not null,
    amount integer not null, currency text not null, approved integer not null, waits integer not null,
    reason text not null, facts text not null, cancelled integer not null default 0,
    captured integer not null default 0, number integer not null, at integer not null)
"""
_OFFLINE = "create table if not exists offline (reference text primary key, forwarded integer not null default 0)"
_READ = "select o.*, f.forwarded from operation o left join offline f on f.reference = o.reference"
_COLUMNS = "reference, kind, of_reference, station_id, amount, currency, approved, waits, reason, facts, number, at"


class Operation(Struct, frozen=True, kw_only=True):
    """One line of the book. `kind`: acquire, authorise, capture, refund. `amount` and `captured` in minor units.

    `forwarded`: how often what was taken without the bank was charged; None: the bank was asked at once.
    """

    reference: str
    kind: str
    of_reference: str = ""
    station_id: str = ""
    amount: int = 0
    currency: str = ""
    approved: bool = True
    waits: int = 0
    reason: str = ""
    facts: PaymentFacts = PaymentFacts()
    cancelled: bool = False
    captured: int = 0
    number: int = 0
    at: int = 0
    forwarded: int | None = None


class SimulatorBook(Book):
    """A SQLite file (or `:memory:`). Blocking: the connector calls it from a thread."""

    def __init__(self, path: str | Path) -> None:
        super().__init__(path, _SCHEMA, _OFFLINE)

    def write(self, operation: Operation) -> Operation:
        """Write an operation and return it; a reference already there returns what was written first."""
        values = (
            *(operation.reference, operation.kind, operation.of_reference, operation.station_id, operation.amount),
            *(operation.currency, int(operation.approved), operation.waits, operation.reason),
            *(json.encode(operation.facts).decode(), operation.number, operation.at),
        )
        marks = ", ".join("?" * len(values))
        statement = f"insert into operation ({_COLUMNS}) values ({marks}) on conflict (reference) do nothing"
        with self._lock:
            self._sql.execute(statement, values)
            return self._find(operation.reference) or operation

    def write_offline(self, operation: Operation) -> Operation:
        """Write what was taken without the bank; the reference is known as such before it is taken."""
        with self._lock:
            self._sql.execute("insert or ignore into offline (reference) values (?)", (operation.reference,))
        return self.write(operation)

    def forward(self, reference: str, approved: bool, waits: int, reason: str) -> Operation | None:
        """Charge what was taken without the bank, the first time; return how it ended."""
        ended = "update operation set approved = ?, waits = ?, reason = ? where reference = ? and cancelled = 0"
        with self._lock, self._sql:
            self._sql.execute("begin immediate")
            fresh = self._sql.execute(
                "update offline set forwarded = 1 where reference = ? and forwarded = 0 and exists "
                "(select 1 from operation o where o.reference = offline.reference and o.cancelled = 0)",
                (reference,),
            )
            if fresh.rowcount:
                self._sql.execute(ended, (int(approved), waits, reason, reference))
            return self._find(reference)

    def find(self, reference: str) -> Operation | None:
        """What was done under this reference, if anything."""
        with self._lock:
            return self._find(reference)

    def count(self, kind: str) -> int:
        """How many operations of a kind there are."""
        with self._lock:
            row = self._sql.execute("select count(*) from operation where kind = ?", (kind,)).fetchone()
            return int(row[0])

    def ask(self, reference: str) -> Operation | None:
        """The operation as a status question sees it; one `waits` is used up."""
        with self._lock:
            found = self._find(reference)
            self._sql.execute("update operation set waits = waits - 1 where reference = ? and waits > 0", (reference,))
            return found

    def cancel(self, reference: str, at: int) -> Operation:
        """Undo an authorisation; a reference never seen is barred, so that it cannot be authorised later."""
        barred = "insert into operation (reference, kind, of_reference, station_id, amount, currency, approved, waits, "
        barred += "reason, facts, cancelled, number, at) values (?, 'authorise', '', '', 0, '', 0, 0, 'cancelled', "
        barred += "'{}', 1, 0, ?) on conflict (reference) do update set cancelled = 1, waits = 0"
        with self._lock:
            self._sql.execute(barred, (reference, at))
            found = self._find(reference)
        assert found is not None
        return found

    def capture(self, reference: str, amount: int) -> Operation | None:
        """Capture an authorisation, at most its amount."""
        statement = "update operation set captured = ? where reference = ? and approved = 1 and cancelled = 0"
        with self._lock:
            self._sql.execute(f"{statement} and amount >= ?", (amount, reference, amount))
            return self._find(reference)

    def operations(self) -> list[Operation]:
        """The whole book in the order of writing."""
        with self._lock:
            return [_operation(row) for row in self._sql.execute(f"{_READ} order by o.rowid")]

    def refunded(self, reference: str) -> int:
        """What was given back on an authorisation, minor units."""
        statement = "select coalesce(sum(amount), 0) from operation where kind = 'refund' and approved = 1"
        with self._lock:
            row = self._sql.execute(f"{statement} and cancelled = 0 and of_reference = ?", (reference,)).fetchone()
            return int(row[0])

    def _find(self, reference: str) -> Operation | None:
        row = self._sql.execute(f"{_READ} where o.reference = ?", (reference,)).fetchone()
        return _operation(row) if row else None


def _operation(row: Row) -> Operation:
    values = dict(row)
    values["facts"] = json.decode(values["facts"], type=PaymentFacts)
    return Operation(**{**values, "approved": bool(values["approved"]), "cancelled": bool(values["cancelled"])})
