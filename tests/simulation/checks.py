"""What must be true after every step, read straight from SQL and from the terminal's book."""

from fractions import Fraction
from math import floor

from msgspec import json

from poi_engine.fiscal.chain import JOURNAL, link, origin
from poi_engine.fiscal.journal import Receipt, receipt_of
from poi_engine.ports import Job, Query, Row
from tests.engine.shop import M
from tests.simulation.storage import LoopSql
from tests.simulation.terminal import Terminal


class Broken(AssertionError):
    """An invariant does not hold."""


class Checks:
    """Cheap checks of what is new since the last step, and of the accounts, which are few."""

    def __init__(self, sql: LoopSql, terminal: Terminal, caps: dict[str, int]) -> None:
        self._sql = sql
        self._terminal = terminal
        self._caps = caps
        self._since = 0
        self._told = 0
        self._heads: dict[str, tuple[int, bytes]] = {}
        self._net_points: dict[str, int] = {}
        self._net_value: dict[str, int] = {}
        self._paid_since = 0
        self._read = 0

    def step(self, *, whole: bool = False) -> None:
        """Everything that one step can have broken; `whole` compares the terminal's book from its first line."""
        if whole:
            self._paid_since = 0
        self._sql.now(self._check)

    def _check(self) -> Job[None]:
        yield from self._ledger()
        yield from self._journals()
        yield from self._sales()
        yield from self._customers()
        yield from self._open_holds()
        yield from self._terminal_agrees()
        if not self._paid_since:
            yield from self._paid_once()

    def _paid_once(self) -> Job[None]:
        """One session, one basket, one payment, whichever stations it went over."""
        for row in (
            yield Query(
                "select session_id from checkout where state = 'paid' and session_id like 'ses!_%' escape '!' "
                "group by session_id having count(*) > 1"
            )
        ):
            raise Broken(f"{row['session_id']} was paid twice")

    def _ledger(self) -> Job[None]:
        for row in (
            yield Query(
                "select unit, sum(debits - credits) d, sum(debits_pending - credits_pending) p from account "
                "group by unit"
            )
        ):
            require(row["d"] == 0 and row["p"] == 0, f"ledger of {row['unit']} is off by {row['d']}, {row['p']}")
        for row in (
            yield Query("select account from account where floor = 1 and credits - debits - debits_pending < 0")
        ):
            raise Broken(f"{row['account']} is below zero")
        for row in (yield Query("select account, credits - debits as left_ from account where account like 'limit:%'")):
            cap = self._caps[":".join(row["account"].split(":")[1:3])]
            require(0 <= row["left_"] <= cap, f"{row['account']} has {row['left_']} of {cap} left")

    def _journals(self) -> Job[None]:
        for station in (yield Query("select distinct station_id from journal")):
            station_id = station["station_id"]
            number, previous = self._heads.get(station_id, (0, origin(JOURNAL, M, station_id)))
            rows = yield Query(
                "select * from journal where merchant_id = ? and station_id = ? and number > ? order by number",
                (M, station_id, number),
            )
            for row in rows:
                require(
                    row["number"] == number + 1 and row["previous"] == previous, f"journal of {station_id} is broken"
                )
                number, previous = row["number"], link(previous, row["number"], row["document"])
                require(row["hash"] == previous, f"journal of {station_id} is altered at {number}")
                self._count(receipt_of(row["document"]))
            self._heads[station_id] = (number, previous)

    def _count(self, receipt: Receipt) -> None:
        if receipt.customer_id is not None:
            points = receipt.points_earned - receipt.points_spent
            self._net_points[receipt.customer_id] = self._net_points.get(receipt.customer_id, 0) + points
            value = receipt.value_given + sum(part.amount for part in receipt.payments if part.means == "wallet") * -1
            self._net_value[receipt.customer_id] = self._net_value.get(receipt.customer_id, 0) + value

    def _customers(self) -> Job[None]:
        """What the receipts gave and took is what the ledger has."""
        held = yield Query("select account, credits - debits as posted from account where account like '%:cus_%'")
        posted = {row["account"]: row["posted"] for row in held}
        for customer, net in self._net_points.items():
            has = posted.get(f"points:{customer}", 0) - posted.get(f"points_owed:{customer}", 0)
            require(has == net, f"{customer} has {has} points, the receipts say {net}")
        for customer, net in self._net_value.items():
            has = posted.get(f"wallet:{customer}", 0) - posted.get(f"value_owed:{customer}", 0)
            require(has == net, f"{customer} has stored value of {has}, the receipts say {net}")

    def _sales(self) -> Job[None]:
        rows = yield Query("select rowid as place, * from sale where rowid > ? order by rowid", (self._told,))
        for sale in rows:
            yield from self._sale(sale)
            self._since, self._told = max(self._since, sale["created_at"]), sale["place"]

    def _sale(self, sale: Row) -> Job[None]:
        name, of = sale["sale_id"], (M, sale["checkout_id"])
        paid = yield Query(
            "select coalesce(sum(amount), 0) as a from payment where merchant_id = ? and checkout_id = ? "
            "and state = 'captured'",
            of,
        )
        require(paid[0]["a"] == sale["total"], f"{name} of {sale['total']} was paid {paid[0]['a']}")
        booked = yield Query(
            "select coalesce(sum(case when credit like 'sales:%' then amount when debit like 'sales:%' then -amount "
            "else 0 end), 0) as a from transfer where merchant_id = ? and checkout_id = ? "
            "and phase in ('single', 'post')",
            of,
        )
        require(booked[0]["a"] == sale["total"], f"{name} of {sale['total']} is booked as {booked[0]['a']}")
        lines = yield Query("select sum(total) as t from sale_line where merchant_id = ? and sale_id = ?", (M, name))
        require(lines[0]["t"] == sale["total"], f"the lines of {name} are {lines[0]['t']}")
        told = yield Query(
            "select count(*) as n from outbox where created_at = ? and document like ?",
            (sale["created_at"], f'%"{name}"%'),
        )
        require(told[0]["n"] == 1, f"{name} is told {told[0]['n']} times")
        if sale["refund_of"]:
            yield from self._refund(sale)

    def _refund(self, refund: Row) -> Job[None]:
        """What has come back so far is the floor of its exact share, by money and in points."""
        sale = (yield Query("select * from sale where merchant_id = ? and sale_id = ?", (M, refund["refund_of"])))[0]
        back = (yield Query("select sum(total) t, sum(points) p from sale where refund_of = ?", (sale["sale_id"],)))[0]
        rows = yield Query(
            "select o.line_id, o.total, o.quantity, coalesce((select -sum(l.quantity) from sale_line l join sale r on "
            "r.sale_id = l.sale_id where r.refund_of = o.sale_id and l.line_id = o.line_id), 0) as back "
            "from sale_line o where o.merchant_id = ? and o.sale_id = ?",
            (M, sale["sale_id"]),
        )
        failed = yield Query("select 1 from checkout where session_id = ? and state <> 'paid'", (sale["sale_id"],))
        money = sum(floor(Fraction(row["total"] * row["back"], row["quantity"])) for row in rows)
        near(-back["t"], money, len(failed) * len(rows), f"{sale['sale_id']} gave back")
        if sale["total"]:
            points = floor(Fraction(sale["points"] * -back["t"], sale["total"]))
            near(-back["p"], points, len(failed) * len(rows) * 2, f"{sale['sale_id']} took back points")

    def _open_holds(self) -> Job[None]:
        """A checkout that ended holds nothing; one under way holds what it was accepted with."""
        for row in (
            yield Query(
                "select c.checkout_id, c.state from checkout c join transfer p on p.checkout_id = c.checkout_id "
                "where c.changed_at > ? and p.phase = 'pending' "
                "and c.state not in ('reserved', 'paying', 'unknown', 'part_paid') "
                "and not exists (select 1 from transfer r where r.merchant_id = p.merchant_id "
                "and r.resolves = p.transfer_id)",
                (self._since - 600_000_000,),
            )
        ):
            raise Broken(f"{row['checkout_id']} is {row['state']} and still holds something")
        for row in (
            yield Query(
                "select checkout_id, document from checkout where state in ('reserved', 'paying', 'unknown') "
                "and session_id like 'ses_%' and not exists (select 1 from transfer p where "
                "p.checkout_id = checkout.checkout_id and p.phase = 'pending')"
            )
        ):
            claims = json.decode(row["document"])["claims"]
            require(not claims, f"{row['checkout_id']} holds nothing of {claims}")

    def _terminal_agrees(self) -> Job[None]:
        """Money that stands at the terminal is captured here, and the other way round; doubt may still be open."""
        rows = yield Query(
            "select p.payment_id, p.state, p.amount, p.changed_at, c.state as checkout from payment p join checkout c "
            "on c.merchant_id = p.merchant_id and c.checkout_id = p.checkout_id "
            "where p.means = 'card' and p.amount <> 0 and p.changed_at >= ?",
            (self._paid_since,),
        )
        for row in rows:
            self._paid_since = max(self._paid_since, row["changed_at"])
            if row["state"] == "reversing":
                continue
            if row["state"] not in ("sending", "unknown") or row["checkout"] not in ("paying", "unknown"):
                self._agrees(row)
        known = {row["payment_id"] for row in (yield Query("select payment_id from payment where amount <> 0"))}
        for reference, entry in list(self._terminal.book.items())[self._read :]:
            require(reference in known or not entry.stands, f"{reference} stands at the terminal and nowhere else")
        self._read = len(self._terminal.book)

    def _agrees(self, row: Row) -> None:
        entry = self._terminal.book.get(row["payment_id"])
        stands = entry is not None and entry.stands
        here = row["state"] == "captured"
        require(stands == here, f"{row['payment_id']} is {row['state']} here, the terminal says {entry}")
        require(not here or entry is None or entry.amount == abs(row["amount"]), f"{row['payment_id']} differs")


def require(truth: bool, message: str) -> None:
    """Raise `Broken` unless it is so."""
    if not truth:
        raise Broken(message)


def near(number: int, right: int, room: int, what: str) -> None:
    """Returns that failed or are in doubt may leave others a minor unit apart from the floor of their share."""
    require(abs(number - right) <= room, f"{what} {number}, the share is {right}")
