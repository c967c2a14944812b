"""One person, several records: one that was merged points to the one that lives on, and every reader follows it."""

from msgspec import Struct

from poi_engine.clientele.words import words_of
from poi_engine.errors import NotFound
from poi_engine.ports import Job, Query, Row


class Living(Struct, frozen=True, kw_only=True):
    """The record that lives on for an id, and the ids of those it absorbed."""

    customer_id: str
    visits: int = 0
    erased: bool = False
    absorbed: tuple[str, ...] = ()

    @property
    def family(self) -> tuple[str, ...]:
        """Every id this person ever had: sales keep the one they were made with."""
        return (self.customer_id, *self.absorbed)


def living(merchant_id: str, customer_id: str) -> Job[Living]:
    """Who lives on for this id; an id that nobody has lives for itself."""
    return (yield from _living(merchant_id, customer_id)) or Living(customer_id=customer_id)


def must_live(merchant_id: str, customer_id: str) -> Job[Living]:
    """Who lives on for this id; one that nobody has, or that was erased, is not found."""
    found = yield from _living(merchant_id, customer_id)
    if found is None or found.erased:
        raise NotFound("customer", customer_id)
    return found


def _living(merchant_id: str, customer_id: str) -> Job[Living | None]:
    row = yield from _row(merchant_id, customer_id)
    if row is not None and row["merged_into"] is not None:
        row = yield from _row(merchant_id, row["merged_into"])
    if row is None:
        return None
    absorbed = (yield from absorbed_by(merchant_id, row["customer_id"])) if row["absorbed"] else ()
    return Living(
        customer_id=row["customer_id"],
        visits=row["visits"],
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
        "select customer_id, merged_into, absorbed, visits, erased_at from customer "
        "where merchant_id = ? and customer_id = ?",
        (merchant_id, customer_id),
    )
    return rows[0] if rows else None
