"""Where a person's data are: what an export shows of each table, what an erasure and a merge do to it.

Every table that names a customer is listed here; a test compares the list with the schema.
"""

from typing import Any, Literal, NamedTuple

from poi_engine.clientele.rows import marks
from poi_engine.clock import moment
from poi_engine.ports import Job, Query, Row


class Held(NamedTuple):
    """A table that names a customer in `column`.

    `export` is its name in an export (empty: shown elsewhere there, or derived from what is), of these `columns`.
    `erased`: `delete` the rows, or `keep` them because of `why`. `merged`: `move` them to who lives on, `drop` them
    (made anew from what moved), or `keep` them under their id, which leads there.
    """

    table: str
    erased: Literal["delete", "keep"]
    merged: Literal["move", "drop", "keep"]
    why: str = ""
    export: str = ""
    columns: tuple[str, ...] = ()
    column: str = "customer_id"


HELD = (
    Held("customer", "keep", "keep", "the pseudonym stays; what it tells of a person is wiped", "", ()),
    Held("credential", "delete", "move", "", "cards_and_codes", ("scheme", "subject", "created_at")),
    Held("device", "delete", "move", "", "phones", ("handle", "created_at", "revoked_at")),
    Held("customer_pin", "delete", "drop", "", "", ()),
    Held("confirmation", "delete", "move", "", "spending_confirmed", ("amount", "total", "state", "how", "created_at")),
    Held(
        "coupon",
        "keep",
        "move",
        "voided, and without a person",
        "coupons",
        ("code", "offer_id", "sale_id", "expires_at", "used_at", "voided_at"),
    ),
    Held("customer_note", "delete", "move", "", "notes", ("body", "who", "created_at")),
    Held("customer_word", "delete", "drop", "", "", ()),
    Held("consent", "keep", "keep", "the proof of what was agreed to, under a bare pseudonym", "", ()),
    Held("referral", "delete", "move", "", "referral_codes", ("code", "rewards", "created_at")),
    Held("referred", "delete", "drop", "", "referred_by_a_friend", ("created_at", "rewarded_at")),
    Held("referral_mark", "keep", "move", "digests: the same card is not rewarded twice", "", ()),
    Held("phone_mark", "delete", "drop", "", "", ()),
    Held("segment_member", "delete", "drop", "", "segments", ("segment_id", "since")),
    Held("segment_past", "delete", "keep", "", "segments_before", ("segment_id", "since", "until")),
    Held("segment_due", "delete", "drop", "", "", ()),
    Held("bought", "delete", "drop", "", "last_bought", ("kind", "value", "last_at")),
    Held(
        "orders",
        "keep",
        "move",
        "the books, under a bare pseudonym",
        "orders",
        ("order_id", "state", "how", "total", "currency", "created_at"),
    ),
    Held("order_contact", "delete", "move", "", "orders_for", ("document", "created_at", "confirmed_at")),
    Held("notice_phone", "delete", "move", "", "notifications", ("notice_id", "state", "created_at", "changed_at")),
    Held("push_subscription", "delete", "move", "", "notified_phones", ("endpoint", "language", "created_at")),
    Held("checkout", "keep", "keep", "the books, under a bare pseudonym", "", ()),
    Held("sale", "keep", "keep", "the books, under a bare pseudonym", "", ()),
    Held("redemption", "keep", "keep", "the books, under a bare pseudonym", "", ()),
    Held("lapsing", "delete", "drop", "", "", ()),
    Held("wallet_warning", "delete", "drop", "", "", ()),
    Held("tab", "keep", "move", "the books, under a bare pseudonym", "", ()),
    Held("newcomer", "keep", "keep", "the books, under a bare pseudonym", "", ()),
)
"""Every table that names a customer."""


def export_rows(merchant_id: str, family: tuple[str, ...]) -> Job[dict[str, list[dict[str, Any]]]]:
    """What the tables hold of a person, table by table, times as UTC texts."""
    found: dict[str, list[dict[str, Any]]] = {}
    for held in HELD:
        if held.export:
            rows = yield Query(
                f"select {', '.join(held.columns)} from {held.table} "
                f"where merchant_id = ? and {held.column} in ({marks(family)})",
                (merchant_id, *family),
            )
            found[held.export] = [_told(row) for row in rows]
    return found


def erase_rows(merchant_id: str, customer_id: str, *, keep: tuple[str, ...] = ()) -> Job[None]:
    """Take away what names the person, except what is in the tables to `keep`."""
    for held in HELD:
        if held.erased == "delete" and held.table not in keep:
            yield Query(
                f"delete from {held.table} where merchant_id = ? and {held.column} = ?", (merchant_id, customer_id)
            )


def move_rows(merchant_id: str, customer_id: str, target: str) -> Job[None]:
    """Hand a merged record's rows to who lives on."""
    yield from _move_phones(merchant_id, customer_id, target)
    yield from _move_referrals(merchant_id, customer_id, target)
    yield from _move_purchases(merchant_id, customer_id, target)
    for held in HELD:
        if held.merged == "move":
            yield Query(
                f"update {held.table} set {held.column} = ? where merchant_id = ? and {held.column} = ?",
                (target, merchant_id, customer_id),
            )
        elif held.merged == "drop":
            yield Query(
                f"delete from {held.table} where merchant_id = ? and {held.column} = ?", (merchant_id, customer_id)
            )


def _told(row: Row) -> dict[str, Any]:
    return {name: _plain(name, value) for name, value in row.items()}


def _plain(name: str, value: Any) -> Any:
    is_time = name.endswith("_at") or name in ("since", "until")
    return moment(value).isoformat() if is_time and value is not None else value


def _move_phones(merchant_id: str, customer_id: str, target: str) -> Job[None]:
    """The phones' credentials and open invitations, and the marks of their browsers."""
    for table in ("access", "pairing"):
        yield Query(
            f"update {table} set subject_id = ? where merchant_id = ? and role = 'phone' and subject_id = ?",
            (target, merchant_id, customer_id),
        )
    yield Query(
        "insert into phone_mark (merchant_id, mark, customer_id, created_at) select merchant_id, mark, ?, created_at "
        "from phone_mark where merchant_id = ? and customer_id = ? on conflict (merchant_id, customer_id, mark) "
        "do nothing",
        (target, merchant_id, customer_id),
    )


def _move_purchases(merchant_id: str, customer_id: str, target: str) -> Job[None]:
    """When each thing was bought last, by either record; sales that nobody has looked at yet will be looked at."""
    yield Query(
        "insert into bought (merchant_id, kind, value, customer_id, last_at) select merchant_id, kind, value, ?, "
        "last_at from bought where merchant_id = ? and customer_id = ? "
        "on conflict (merchant_id, kind, value, customer_id) "
        "do update set last_at = case when excluded.last_at > bought.last_at then excluded.last_at "
        "else bought.last_at end",
        (target, merchant_id, customer_id),
    )
    yield Query(
        "insert into segment_due (merchant_id, customer_id, sale_id, created_at) select merchant_id, ?, sale_id, "
        "created_at from segment_due where merchant_id = ? and customer_id = ? "
        "on conflict (merchant_id, customer_id, sale_id) do nothing",
        (target, merchant_id, customer_id),
    )


def _move_referrals(merchant_id: str, customer_id: str, target: str) -> Job[None]:
    """A person is referred once: the word given to the living record stands before the other one."""
    yield Query(
        "insert into referred (merchant_id, customer_id, code, referrer_id, sale_id, created_at, rewarded_at) "
        "select merchant_id, ?, code, referrer_id, sale_id, created_at, rewarded_at from referred "
        "where merchant_id = ? and customer_id = ? and referrer_id <> ? "
        "on conflict (merchant_id, customer_id) do nothing",
        (target, merchant_id, customer_id, target),
    )
    yield Query(
        "delete from referred where merchant_id = ? and customer_id = ? and referrer_id in (?, ?)",
        (merchant_id, target, target, customer_id),
    )
    yield Query(
        "update referred set referrer_id = ? where merchant_id = ? and referrer_id = ?",
        (target, merchant_id, customer_id),
    )
