"""Jobs on tabs: small sales on one hold of a card, and one capture of what they come to.

The card is held for a ceiling. While the tab is open its account `tab:{tab_id}` holds what can still be spent, so the
ledger's floor is the ceiling; `tabs` owes it, and is even again when the tab is closed. Whoever changes a tab holds the
customer's row, then the tab's.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Literal

from msgspec import Struct

from poi_engine import ledger
from poi_engine.checkout.records import insert_audit
from poi_engine.clientele.rows import lock_living, must_live
from poi_engine.clock import moment
from poi_engine.errors import Conflict, NotFound
from poi_engine.ids import Ids
from poi_engine.ledger import Move, Step
from poi_engine.ports import Job, PaymentResult, Query, Row

State = Literal["opening", "open", "closing", "closed", "declined", "unpaid"]
UNDER_WAY = ("opening", "closing")
"""States in which the terminal has been asked for something, and perhaps not answered."""
TabEnd = Literal["approved", "declined"]
"""What a person saw at the terminal: the card is held, or charged; or it is not."""
LIVE = ("opening", "open", "closing")
TABS = "tabs"


class Tab(Struct, frozen=True, kw_only=True):
    """A tab; amounts in minor units. `spent` so far, `left` to spend, `captured` from the card when it was closed.

    `opening` and `closing` wait for the terminal's word. `unpaid`: the capture was declined, and the customer owes
    what was spent. On a closed tab `left` is what a later refund owes the customer.
    """

    tab_id: str
    customer_id: str
    station_id: str
    state: State
    currency: str
    ceiling: int
    spent: int
    left: int
    captured: int
    opened_at: datetime
    card_scheme: str | None = None
    reason: str = ""


def tab_account(tab_id: str) -> str:
    """The ledger's account of a tab."""
    return f"tab:{tab_id}"


def capture_ref(tab_id: str) -> str:
    """The reference under which a tab is captured, once."""
    return f"{tab_id}.capture"


def insert_tab(
    merchant_id: str,
    tab_id: str,
    customer_id: str,
    store_id: str,
    station_id: str,
    connector: str,
    currency: str,
    ceiling: int,
    who: str,
    at: int,
) -> Job[None]:
    """Write a tab before the card is held for it; a customer has one at a time."""
    customer_id = (yield from lock_living(merchant_id, customer_id)).customer_id
    if (yield from _newest(merchant_id, customer_id, LIVE)) is not None:
        raise Conflict("tab-open", "This customer has an open tab already.")
    yield Query(
        "insert into tab (merchant_id, tab_id, customer_id, store_id, station_id, connector, state, currency, ceiling, "
        "captured, card_scheme, authorisation, reason, opened_by, created_at, changed_at) "
        "values (?, ?, ?, ?, ?, ?, 'opening', ?, ?, 0, null, '', '', ?, ?, ?)",
        (merchant_id, tab_id, customer_id, store_id, station_id, connector, currency, ceiling, who, at, at),
    )


def tab_of(merchant_id: str, customer_id: str) -> Job[str]:
    """The id of the customer's open tab, its row locked; the customer's is by the caller. `Conflict` `no-tab`."""
    row = yield from _newest(merchant_id, customer_id, ("open",))
    if row is not None and (yield from _lock(merchant_id, row["tab_id"]))["state"] == "open":
        return str(row["tab_id"])
    raise Conflict("no-tab", "This customer has no open tab; open one with a card.")


def opened(merchant_id: str, tab_id: str, result: PaymentResult, *, ids: Ids, at: int) -> Job[bool]:
    """The card is held: the tab can be spent. False when it had an answer before."""
    row = yield from lock_tab(merchant_id, tab_id)
    if row["state"] != "opening":
        return False
    yield Query(
        "update tab set state = 'open', card_scheme = ?, authorisation = ?, changed_at = ? "
        "where merchant_id = ? and tab_id = ?",
        (result.facts.scheme, result.authorisation, at, merchant_id, tab_id),
    )
    given = Move(kind="tab", debit=TABS, credit=tab_account(tab_id), amount=row["ceiling"], unit=row["currency"])
    yield from ledger.enter(merchant_id, tab_id, [given], ids=ids, at=at)
    return True


def not_opened(merchant_id: str, tab_id: str, reason: str, at: int) -> Query:
    """The card is not held."""
    return Query(
        "update tab set state = 'declined', reason = ?, changed_at = ? where merchant_id = ? and tab_id = ? "
        "and state = 'opening'",
        (reason[:200], at, merchant_id, tab_id),
    )


def begin_closing(
    merchant_id: str, tab_id: str, who: str, why: str, audit_id: str, at: int, station_id: str | None
) -> Job[Row]:
    """From now on nothing more is spent: what was is the sum to capture, written before the terminal is asked."""
    row = yield from lock_tab(merchant_id, tab_id)
    if row["state"] != "open":
        return row
    held = yield from ledger.balance(merchant_id, tab_account(tab_id))
    if held.pending:
        raise Conflict("tab-busy", "A payment on this tab is under way; close it when that has ended.")
    spent = row["ceiling"] - held.posted
    rows = yield Query(
        "update tab set state = 'closing', captured = ?, reason = ?, changed_at = ? "
        "where merchant_id = ? and tab_id = ? returning *",
        (spent, why[:200], at, merchant_id, tab_id),
    )
    yield insert_audit(
        merchant_id, audit_id, who, "close-tab", tab_id, f"{spent} {row['currency']}; {why}", at, station_id
    )
    return rows[0]


def closed(merchant_id: str, tab_id: str, *, paid: bool, reason: str, ids: Ids, at: int) -> Job[bool]:
    """The capture has an end: the rest of the ceiling is let go, the card owes what was taken. Once.

    What a refund gave back since the sum was written stays. Not `paid`: the customer owes it, `tabs` says how much.
    """
    row = yield from lock_tab(merchant_id, tab_id)
    if row["state"] != "closing":
        return False
    spent, unit = row["captured"], row["currency"]
    rest = row["ceiling"] - spent
    moves = [Move(kind="tab", debit=tab_account(tab_id), credit=TABS, amount=rest, unit=unit)]
    moves += [Move(kind="tab", debit="tender:card", credit=TABS, amount=spent, unit=unit)] if paid else []
    made = tuple(move for move in moves if move.amount > 0)
    step = Step(checkout_id=capture_ref(tab_id), phase="single", moves=made)
    yield from ledger.change(merchant_id, [step], ids=ids, at=at)
    yield Query(
        "update tab set state = ?, reason = ?, changed_at = ? where merchant_id = ? and tab_id = ?",
        ("closed" if paid else "unpaid", (reason or row["reason"])[:200], at, merchant_id, tab_id),
    )
    return True


def doubtful(row: Row) -> int:
    """What a tab under way may have moved on the card, minor units."""
    return int(row["ceiling"] if row["state"] == "opening" else row["captured"])


def end_doubt(merchant_id: str, row: Row, said: PaymentResult, *, ids: Ids, at: int) -> Job[None]:
    """A person's word takes the place of the terminal's; the tab's row is locked."""
    tab_id, paid = row["tab_id"], said.outcome == "approved"
    if row["state"] == "closing":
        yield from closed(merchant_id, tab_id, paid=paid, reason=said.reason, ids=ids, at=at)
    elif paid:
        yield from opened(merchant_id, tab_id, said, ids=ids, at=at)
    else:
        yield not_opened(merchant_id, tab_id, said.reason, at)


def owed_on(merchant_id: str, tab_id: str) -> Job[tuple[int, str]]:
    """What refunds left on a tab that is closed, minor units, and their currency; its rows are locked.

    On one that is `unpaid` they lower what the customer owes: nothing was taken that could be paid back.
    """
    row = yield from lock_tab(merchant_id, tab_id)
    left = (yield from ledger.balance(merchant_id, tab_account(tab_id))).available
    if row["state"] != "closed" or left == 0:
        raise Conflict("nothing-left", "Nothing is owed to the customer on this tab.")
    return left, row["currency"]


def lock_tab(merchant_id: str, tab_id: str) -> Job[Row]:
    """A tab's row, its customer's and its own locked until the transaction ends."""
    row = yield from _read(merchant_id, tab_id)
    yield from lock_living(merchant_id, row["customer_id"])
    return (yield from _lock(merchant_id, tab_id))


def read_tab(merchant_id: str, tab_id: str) -> Job[Tab]:
    """A tab by its id."""
    return (yield from _tab(merchant_id, (yield from _read(merchant_id, tab_id))))


def tabs_of(merchant_id: str, customer_id: str, limit: int) -> Job[list[Tab]]:
    """A customer's tabs, newest first."""
    person = yield from must_live(merchant_id, customer_id)
    rows = yield Query(
        "select * from tab where merchant_id = ? and customer_id = ? order by created_at desc limit ?",
        (merchant_id, person.customer_id, limit),
    )
    return (yield from _tabs(merchant_id, rows))


def rows_in(merchant_id: str, states: Sequence[str]) -> Job[list[Row]]:
    """The tabs in these states, oldest first."""
    marks = ", ".join("?" * len(states))
    rows = yield Query(f"select * from tab where merchant_id = ? and state in ({marks})", (merchant_id, *states))
    return sorted(rows, key=lambda row: row["tab_id"])


def _read(merchant_id: str, tab_id: str) -> Job[Row]:
    rows = yield Query("select * from tab where merchant_id = ? and tab_id = ?", (merchant_id, tab_id))
    if not rows:
        raise NotFound("tab", tab_id)
    return rows[0]


def _lock(merchant_id: str, tab_id: str) -> Job[Row]:
    rows = yield Query(
        "update tab set changed_at = changed_at where merchant_id = ? and tab_id = ? returning *", (merchant_id, tab_id)
    )
    return rows[0]


def _newest(merchant_id: str, customer_id: str, states: tuple[str, ...]) -> Job[Row | None]:
    marks = ", ".join("?" * len(states))
    rows = yield Query(
        f"select * from tab where merchant_id = ? and customer_id = ? and state in ({marks}) "
        "order by created_at desc limit 1",
        (merchant_id, customer_id, *states),
    )
    return rows[0] if rows else None


def _tabs(merchant_id: str, rows: Sequence[Row]) -> Job[list[Tab]]:
    found: list[Tab] = []
    for row in rows:
        found += [(yield from _tab(merchant_id, row))]
    return found


def _tab(merchant_id: str, row: Row) -> Job[Tab]:
    held = yield from ledger.balance(merchant_id, tab_account(row["tab_id"]))
    spent = row["ceiling"] - held.posted if row["state"] == "open" else row["captured"]
    return Tab(
        tab_id=row["tab_id"],
        customer_id=row["customer_id"],
        station_id=row["station_id"],
        state=row["state"],
        currency=row["currency"],
        ceiling=row["ceiling"],
        spent=spent,
        left=held.available,
        captured=row["captured"] if row["state"] == "closed" else 0,
        opened_at=moment(row["created_at"]),
        card_scheme=row["card_scheme"],
        reason=row["reason"],
    )
