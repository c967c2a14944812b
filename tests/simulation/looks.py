"""What the simulation looks at: what has no end yet in SQL, and what an answer says."""

from poi_engine.ports import Job, Query
from poi_engine.session import Session


def pending(checkout_id: str) -> Job[list[str]]:
    """The payments of a checkout that have no end yet."""
    rows = yield Query(
        "select payment_id from payment where checkout_id = ? and state in ('sending', 'unknown')", (checkout_id,)
    )
    return [row["payment_id"] for row in rows]


def part_paid() -> Job[list[str]]:
    """The sessions that are paid in part."""
    rows = yield Query("select session_id from checkout where state = 'part_paid' order by session_id")
    return [row["session_id"] for row in rows]


def refunds_in_doubt() -> Job[list[tuple[str, str]]]:
    """Sales with the refunds of theirs that are in doubt."""
    rows = yield Query(
        "select checkout_id, session_id from checkout where state = 'unknown' and checkout_id like 'ref_%' "
        "order by checkout_id"
    )
    return [(row["session_id"], row["checkout_id"]) for row in rows]


def open_checkouts() -> Job[list[str]]:
    """The checkouts that have no end."""
    rows = yield Query("select checkout_id from checkout where state in ('reserved', 'paying', 'unknown', 'part_paid')")
    return [row["checkout_id"] for row in rows]


def told(session: Session) -> str:
    """What an answer says."""
    return f"{session.state} {session.sale_id} {session.decision.total if session.decision else None}"
