"""Badges: cards and chips that sign their person in and out. A card is a badge or a customer's, never both."""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from poi_engine.errors import Conflict, NotFound, RequestError
from poi_engine.pan import find_pan
from poi_engine.ports import Job, Query

BadgeScheme = Literal["loyalty", "uid"]
SCHEMES: dict[str, BadgeScheme] = {"loyalty": "loyalty", "ndef": "loyalty", "uid": "uid"}
"""A badge's scheme by the credential's: a reference is the same whether it is printed or written on a chip."""
MOST_BADGES = 10


class Badge(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A card that signs its person in: `loyalty` for the reference written on it, `uid` for the chip's number."""

    scheme: BadgeScheme
    subject: Annotated[str, Meta(min_length=4, max_length=128, pattern=r"^[!-~]+\Z")]


def masked(badge: Badge) -> Badge:
    """The badge without what it takes to make a copy."""
    return Badge(scheme=badge.scheme, subject=f"...{badge.subject[-3:]}")


def check_badge(badge: Badge) -> None:
    """Refuse a chip that shows another number each time, and a payment card."""
    if find_pan(badge.subject) is not None:
        raise RequestError("card-number", "This is a payment card's number; it is kept nowhere.", path="$.subject")
    if badge.scheme == "uid" and badge.subject.lower().startswith("08"):
        raise RequestError("random-uid", "This chip makes up another number at every tap.", path="$.subject")


def read_badge(merchant_id: str, scheme: str, subject: str) -> Job[str | None]:
    """Whose badge this is."""
    rows = yield Query(
        "select seller_id from badge where merchant_id = ? and scheme = ? and subject = ?",
        (merchant_id, scheme, subject),
    )
    return str(rows[0]["seller_id"]) if rows else None


def must_be_no_badge(merchant_id: str, scheme: str, subject: str) -> Job[None]:
    """Refuse to make a badge a customer's card."""
    if (yield from read_badge(merchant_id, scheme, subject)) is not None:
        raise Conflict("card-is-badge", "This card is the badge of somebody who works here.", path="$.subject")


def link(merchant_id: str, seller_id: str, badge: Badge, at: int) -> Job[None]:
    """Make a card the person's badge."""
    customers = yield Query(
        "select customer_id from credential where merchant_id = ? and scheme = ? and subject = ?",
        (merchant_id, badge.scheme, badge.subject),
    )
    if customers:
        raise Conflict("badge-is-customers", "This card identifies a customer.", path="$.subject")
    rows = yield Query(
        "insert into badge (merchant_id, scheme, subject, seller_id, created_at) values (?, ?, ?, ?, ?)"
        " on conflict (merchant_id, scheme, subject) do update set subject = excluded.subject returning seller_id",
        (merchant_id, badge.scheme, badge.subject, seller_id, at),
    )
    if rows[0]["seller_id"] != seller_id:
        raise Conflict("badge-taken", "This card is somebody else's badge.", path="$.subject")
    count = yield Query(
        "select count(*) as n from badge where merchant_id = ? and seller_id = ?", (merchant_id, seller_id)
    )
    if count[0]["n"] > MOST_BADGES:
        raise Conflict("too-many-badges", f"A person has at most {MOST_BADGES} badges.")


def unlink(merchant_id: str, seller_id: str, badge: Badge) -> Job[None]:
    """Take a badge away."""
    rows = yield Query(
        "delete from badge where merchant_id = ? and scheme = ? and subject = ? and seller_id = ? returning subject",
        (merchant_id, badge.scheme, badge.subject, seller_id),
    )
    if not rows:
        raise NotFound("badge", badge.subject)
