"""A customer's wallet: what moved on it, and how it is closed out. Loading and paying are parts of a sale."""

from datetime import datetime
from typing import Literal

from msgspec import Struct, msgpack

from poi_engine import ledger
from poi_engine.checkout.promise import Key, keep_answer, key_of, promise
from poi_engine.checkout.records import insert_audit
from poi_engine.clientele.rows import lock_alive, must_live
from poi_engine.clock import moment
from poi_engine.errors import Conflict, RequestError
from poi_engine.fiscal.pay_backs import begin_pay_back, record_pay_back
from poi_engine.ledger import Move
from poi_engine.ports import Job, Query, Row
from poi_engine.principal import Principal
from poi_engine.settings import read_merchant
from poi_engine.staff.approvals import Allowance, allow
from poi_engine.value.rules import MONTH
from poi_engine.wiring import Wiring

PaidBack = Literal["cash", "transfer"]
_COLUMNS = "transfer_id, checkout_id, kind, amount, created_at"


class Movement(Struct, frozen=True, kw_only=True):
    """One movement: `amount` in minor units, negative when it left the wallet. `sale_id` if a sale or refund made it.

    `kind`: `load`, `unload`, `tender` (paid with), `refund`, `cashback`, `merge`, `expire`, `close_out`, `lapse`.
    """

    movement_id: str
    kind: str
    amount: int
    at: datetime
    sale_id: str | None = None


class Statement(Struct, frozen=True, kw_only=True):
    """A wallet in minor units: `available` to spend, `held` by payments under way; newest movements first.

    `expires_at`: when it lapses if nothing moves until then. `next` goes into `after` for the next page.
    """

    customer_id: str
    currency: str
    available: int
    held: int
    items: tuple[Movement, ...]
    expires_at: datetime | None = None
    next: str | None = None


class ClosedOut(Struct, frozen=True, kw_only=True):
    """What was paid back, in minor units, and by what."""

    customer_id: str
    amount: int
    currency: str
    paid_back: PaidBack


class Wallets:
    """The wallets' service."""

    def __init__(self, wiring: Wiring) -> None:
        self._w = wiring

    async def statement(self, merchant_id: str, customer_id: str, *, limit: int = 50, after: str = "") -> Statement:
        """What is on the wallet, and a page of its movements."""
        return await self._w.sql.read(lambda: _statement(merchant_id, customer_id, limit, after))

    async def close_out(
        self,
        merchant_id: str,
        customer_id: str,
        paid_back: PaidBack,
        reason: str,
        *,
        key: str,
        by: Principal,
        allowance: Allowance | None = None,
    ) -> ClosedOut:
        """Pay back all that is on the wallet, by hand; who, by what and why is in the audit. Once, if repeated."""
        asked = key_of(by, key, "wallet-close-out", customer_id, paid_back, reason)
        if not reason.strip():
            raise RequestError("reason-needed", "Say why: it goes into the audit.", path="$.reason")
        await self._w.places.must_count(merchant_id, by.station_id)
        new_id, audit_id, at = self._w.ids.new("wlo"), self._w.ids.new("aud"), self._w.at()
        found = allowance or Allowance(who=by.who)

        def job() -> Job[ClosedOut]:
            before = yield from promise(merchant_id, asked, new_id, at)
            if before is not None and before.answer is not None:
                return msgpack.decode(before.answer, type=ClosedOut)
            yield from begin_pay_back(merchant_id, by, at)
            person = yield from lock_alive(merchant_id, customer_id)
            wallet = f"wallet:{person.customer_id}"
            left = (yield from ledger.balance(merchant_id, wallet)).available
            if left == 0:
                raise Conflict("nothing-left", "Nothing is on this wallet that could be paid back.")
            yield from allow(merchant_id, found, "refund", person.customer_id, left, new_id, at)
            currency = (yield from read_merchant(merchant_id)).currency
            move = Move(kind="close_out", debit=wallet, credit=f"tender:{paid_back}", amount=left, unit=currency)
            yield from ledger.enter(merchant_id, new_id, [move], ids=self._w.ids, at=at)
            why = f"{left} {currency} by {paid_back}; {reason}"
            act, whose = "wallet-closed-out", person.customer_id
            yield insert_audit(merchant_id, audit_id, by.who, act, whose, why, at, by.station_id)
            yield from record_pay_back(merchant_id, by, new_id, left, currency, paid_back, at)
            made = ClosedOut(customer_id=whose, amount=left, currency=currency, paid_back=paid_back)
            yield _kept(merchant_id, asked, made)
            return made

        return await self._w.sql.write(job)


def _kept(merchant_id: str, asked: Key, made: ClosedOut) -> Query:
    return keep_answer(merchant_id, asked.principal, asked.key, msgpack.encode(made))


# --- jobs ----------------------------------------------------------------------------------------------------------


def movements(account: str, column: Literal["debit", "credit"]) -> str:
    """The statement that reads one side of an account of stored value, newest first, by an index of its own."""
    kind = "like 'wallet:%'" if account.startswith("wallet:") else "like 'gift!_card:%' escape '!'"
    return (
        f"select {_COLUMNS} from transfer where merchant_id = ? and {column} = ? and {column} {kind} "
        "and transfer_id < ? and phase in ('single', 'post') order by transfer_id desc limit ?"
    )


def last_movement(merchant_id: str, account: str) -> Job[int | None]:
    """When something moved on the account last, in microseconds."""
    newest = (yield from _page(merchant_id, account, 1, ""))[:1]
    return newest[0][0]["created_at"] if newest else None


def _statement(merchant_id: str, customer_id: str, limit: int, after: str) -> Job[Statement]:
    person = yield from must_live(merchant_id, customer_id)
    merchant = yield from read_merchant(merchant_id)
    account = f"wallet:{person.customer_id}"
    held = yield from ledger.balance(merchant_id, account)
    page = yield from _page(merchant_id, account, limit + 1, after)
    last, months = (yield from last_movement(merchant_id, account)), merchant.programme.stored_value.wallet_months
    ends = moment(last + months * MONTH) if last is not None and months is not None and held.posted else None
    return Statement(
        customer_id=person.customer_id,
        currency=merchant.currency,
        available=held.available,
        held=held.pending,
        items=tuple(_movement(row, sign) for row, sign in page[:limit]),
        expires_at=ends,
        next=page[limit - 1][0]["transfer_id"] if len(page) > limit else None,
    )


def _page(merchant_id: str, account: str, limit: int, after: str) -> Job[list[tuple[Row, int]]]:
    found: list[tuple[Row, int]] = []
    sides: tuple[tuple[Literal["debit", "credit"], int], ...] = (("debit", -1), ("credit", 1))
    for column, sign in sides:
        rows = yield Query(movements(account, column), (merchant_id, account, after or "~", limit))
        found += [(row, sign) for row in rows]
    return sorted(found, key=lambda one: one[0]["transfer_id"], reverse=True)[:limit]


def _movement(row: Row, sign: int) -> Movement:
    prefix, _, rest = row["checkout_id"].partition("_")
    return Movement(
        movement_id=row["transfer_id"],
        kind=row["kind"],
        amount=sign * row["amount"],
        at=moment(row["created_at"]),
        sale_id=f"sal_{rest}" if prefix in ("chk", "ref") else None,
    )
