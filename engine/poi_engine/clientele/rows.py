"""One person, several records: one that was merged points to the one that lives on, and every reader follows it."""

from msgspec import Struct
from msgspec.structs import replace

from poi_engine.clientele.words import words_of
from poi_engine.errors import InternalError, NotFound
from poi_engine.ports import Job, Query, Row

COLUMNS = "customer_id, merged_into, absorbed, visits, tier, erased_at"
"""What `person_of` needs."""
_MERGES = 8  # in the time of one look-up


class Living(Struct, frozen=True, kw_only=True):
    """The record that lives on for an id, and the ids of those it absorbed."""

    customer_id: str
    visits: int = 0
    tier: str = ""
    erased: bool = False
    absorbed: tuple[str, ...] = ()

    @property
    def family(self) -> tuple[str, ...]:
        """Every id this person ever had: sales keep the one they were made with."""
        return (self.customer_id, *self.absorbed)


def living(merchant_id: str, customer_id: str) -> Job[Living]:
    """Who lives on for this id; an id that nobody has lives for itself."""
    return (yield from _living(merchant_id, customer_id)) or Living(customer_id=customer_id)


def lock_living(merchant_id: str, customer_id: str) -> Job[Living]:
    """Who lives on for this id, the row locked until the transaction ends.

    Whoever changes what is the customer's on the ledger does it first, before orders and accounts are locked.
    """
    return (yield from _changed(merchant_id, customer_id, "absorbed = absorbed"))


def count_visit(merchant_id: str, customer_id: str, spent: int, at: int) -> Job[Living]:
    """Count a sale of `spent` minor units, and lock who lives on as `lock_living` does; `visits` are those before."""
    change = "visits = visits + 1, spend = spend + ?, last_visit_at = ?"
    person = yield from _changed(merchant_id, customer_id, change, spent, at)
    return replace(person, visits=max(0, person.visits - 1))


def _changed(merchant_id: str, customer_id: str, change: str, *values: int) -> Job[Living]:
    for _ in range(_MERGES):
        rows = yield Query(
            f"update customer set {change} where merchant_id = ? and customer_id = ? "
            f"and merged_into is null returning {COLUMNS}",
            (*values, merchant_id, customer_id),
        )
        if rows:
            return (yield from person_of(merchant_id, rows[0]))
        row = yield from _row(merchant_id, customer_id)
        if row is None:
            return Living(customer_id=customer_id)
        customer_id = row["merged_into"] or customer_id
    raise InternalError("customer-merged", f"The record {customer_id!r} leads on and on.")


def must_live(merchant_id: str, customer_id: str) -> Job[Living]:
    """Who lives on for this id; one that nobody has, or that was erased, is not found."""
    found = yield from _living(merchant_id, customer_id)
    if found is None or found.erased:
        raise NotFound("customer", customer_id)
    return found


def lock_alive(merchant_id: str, customer_id: str) -> Job[Living]:
    """The same, the row locked as `lock_living` does: what is written next is written of nobody who is erased."""
    person = yield from lock_living(merchant_id, (yield from must_live(merchant_id, customer_id)).customer_id)
    if person.erased:
        raise NotFound("customer", customer_id)
    return person


def _living(merchant_id: str, customer_id: str) -> Job[Living | None]:
    row = yield from _row(merchant_id, customer_id)
    if row is not None and row["merged_into"] is not None:
        row = yield from _row(merchant_id, row["merged_into"])
    return None if row is None else (yield from person_of(merchant_id, row))


def person_of(merchant_id: str, row: Row) -> Job[Living]:
    """Who a living record's row is, with `COLUMNS`."""
    absorbed = (yield from absorbed_by(merchant_id, row["customer_id"])) if row["absorbed"] else ()
    return Living(
        customer_id=row["customer_id"],
        visits=row["visits"],
        tier=row["tier"],
        erased=row["erased_at"] is not None,
        absorbed=absorbed,
    )


def absorbed_by(merchant_id: str, customer_id: str) -> Job[tuple[str, ...]]:
    """The ids that this record lives on for."""
    rows = yield Query(
        "select customer_id from customer where merchant_id = ? and merged_into = ?", (merchant_id, customer_id)
    )
    return tuple(sorted(row["customer_id"] for row in rows))


def marks(values: tuple[str, ...]) -> str:
    """As many placeholders."""
    return ", ".join("?" * len(values))


def write_words(merchant_id: str, customer_id: str, name: str) -> Job[None]:
    """The words by which a search finds the customer."""
    yield Query("delete from customer_word where merchant_id = ? and customer_id = ?", (merchant_id, customer_id))
    for word in words_of(name):
        yield Query(
            "insert into customer_word (merchant_id, word, customer_id) values (?, ?, ?)",
            (merchant_id, word, customer_id),
        )


def _row(merchant_id: str, customer_id: str) -> Job[Row | None]:
    rows = yield Query(
        f"select {COLUMNS} from customer where merchant_id = ? and customer_id = ?",
        (merchant_id, customer_id),
    )
    return rows[0] if rows else None
