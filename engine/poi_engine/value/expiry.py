"""Stored value whose time is over: wallets on which nothing moved for so long, and gift cards. A round, once a day."""

import logging

from poi_engine import ledger
from poi_engine.checkout.records import insert_audit, insert_event
from poi_engine.clientele.rows import lock_living
from poi_engine.errors import PoiError
from poi_engine.facts import DAY
from poi_engine.ledger import Move
from poi_engine.ports import Job, Query, Row
from poi_engine.principal import Principal
from poi_engine.settings import read_merchant, write_setting
from poi_engine.value.gift_cards import account_of, lock_card
from poi_engine.value.rules import MONTH, StoredValueRules
from poi_engine.value.wallet import last_movement
from poi_engine.wiring import Wiring

EXPIRED = "stored_value_expired"
WHO = "server:expiry"
_PAGE = 200
_log = logging.getLogger(__name__)


class Expiry:
    """Lets stored value expire by the merchant's rules, in small transactions; what moves in between stays."""

    def __init__(self, wiring: Wiring) -> None:
        self._w = wiring
        self._next: float | None = None

    async def rules(self, merchant_id: str) -> StoredValueRules:
        """The merchant's rules of stored value."""
        return (await self._w.sql.read(lambda: read_merchant(merchant_id))).programme.stored_value

    async def change(self, merchant_id: str, rules: StoredValueRules, *, by: Principal) -> StoredValueRules:
        """Other rules; cards that are active keep their end."""
        audit_id, at = self._w.ids.new("aud"), self._w.at()

        def job() -> Job[None]:
            yield from write_setting(merchant_id, "stored_value", rules)
            why = f"most {rules.most}, wallets {rules.wallet_months} months, cards {rules.card_months} months"
            yield insert_audit(merchant_id, audit_id, by.who, "change-stored-value", "stored_value", why, at)

        await self._w.sql.write(job)
        return rules

    async def round(self) -> None:
        """Once a day: every merchant's rules, carried out."""
        now = self._w.clock.monotonic()
        if self._next is not None and now < self._next:
            return
        self._next = now + 86_400
        for merchant_id in await self._w.sql.read(_merchants):
            await self.run(merchant_id)

    async def run(self, merchant_id: str) -> int:
        """Returns how many wallets and cards have expired."""
        rules = await self.rules(merchant_id)
        expired = 0
        for card_id in await self._w.sql.read(lambda: _cards_due(merchant_id, self._w.at())):
            expired += await self._card(merchant_id, card_id)
        after = "wallet:"
        while rules.wallet_months is not None:
            page = await self._w.sql.read(lambda after=after: _wallets(merchant_id, after))  # type: ignore[misc]
            for account in page:
                expired += await self._wallet(merchant_id, account, rules)
            if len(page) < _PAGE:
                break
            after = page[-1]
        return expired

    async def _wallet(self, merchant_id: str, account: str, rules: StoredValueRules) -> bool:
        at = self._w.at()
        try:
            return await self._w.sql.write(lambda: expire_wallet(merchant_id, account, rules, self._w, at))
        except PoiError as error:  # the next round finds it again
            _log.warning("expiry of %s: %s", account, error.code)
            return False

    async def _card(self, merchant_id: str, card_id: str) -> bool:
        at = self._w.at()
        return await self._w.sql.write(lambda: expire_card(merchant_id, card_id, self._w, at))


def expire_wallet(merchant_id: str, account: str, rules: StoredValueRules, wiring: Wiring, at: int) -> Job[bool]:
    """What nothing holds on a wallet that nobody moved for so long expires; somewhat before, the customer is told."""
    customer_id = account.partition(":")[2]
    yield from lock_living(merchant_id, customer_id)
    last = yield from last_movement(merchant_id, account)
    held = yield from ledger.balance(merchant_id, account)
    if rules.wallet_months is None or last is None or held.available == 0 or held.pending:
        return False
    ends = last + rules.wallet_months * MONTH
    warned = yield from _warned(merchant_id, customer_id, ends)
    if warned is None:
        if at >= ends - rules.warn_days * DAY:
            yield from _warn(merchant_id, customer_id, held.available, ends, wiring, at)
        return False
    if at < max(ends, warned + rules.warn_days * DAY):
        return False
    unit = (yield from read_merchant(merchant_id)).currency
    yield from _move(merchant_id, account, held.available, unit, customer_id, wiring, at)
    return True


def expire_card(merchant_id: str, card_id: str, wiring: Wiring, at: int) -> Job[bool]:
    """What is on a card whose time is over expires."""
    card = yield from lock_card(merchant_id, card_id)
    left = yield from ledger.balance(merchant_id, account_of(card_id))
    if left.available == 0 or left.pending or card["expires_at"] is None or card["expires_at"] > at:
        return False
    yield from _move(merchant_id, account_of(card_id), left.available, card["currency"], card_id, wiring, at)
    return True


def _move(merchant_id: str, account: str, amount: int, unit: str, subject: str, wiring: Wiring, at: int) -> Job[None]:
    move = Move(kind="expire", debit=account, credit=EXPIRED, amount=amount, unit=unit)
    yield from ledger.enter(merchant_id, wiring.ids.new("exp"), [move], ids=wiring.ids, at=at)
    why = f"{amount} {unit}"
    yield insert_audit(merchant_id, wiring.ids.new("aud"), WHO, "value-expired", subject, why, at)


def _warned(merchant_id: str, customer_id: str, ends: int) -> Job[int | None]:
    """When the customer was told of this very end: a movement since then has put it off, and made that word void."""
    rows = yield Query(
        "select warned_at from wallet_warning where merchant_id = ? and customer_id = ? and expires_at = ?",
        (merchant_id, customer_id, ends),
    )
    return rows[0]["warned_at"] if rows else None


def _warn(merchant_id: str, customer_id: str, amount: int, ends: int, wiring: Wiring, at: int) -> Job[None]:
    yield Query(
        "insert into wallet_warning (merchant_id, customer_id, expires_at, warned_at) values (?, ?, ?, ?) "
        "on conflict (merchant_id, customer_id) do update set expires_at = excluded.expires_at, "
        "warned_at = excluded.warned_at",
        (merchant_id, customer_id, ends, at),
    )
    told: dict[str, object] = {"customer_id": customer_id, "amount": amount, "expires_at": ends}
    yield insert_event(merchant_id, wiring.ids.new("evt"), "wallet.expiring", told, at)


def _wallets(merchant_id: str, after: str) -> Job[list[str]]:
    rows: list[Row] = yield Query(
        "select account from account where merchant_id = ? and account > ? and account like 'wallet:%' "
        "and credits - debits > 0 order by account limit ?",
        (merchant_id, after, _PAGE),
    )
    return [row["account"] for row in rows]


def _cards_due(merchant_id: str, at: int) -> Job[list[str]]:
    rows = yield Query(
        "select c.card_id from gift_card c join account a on a.merchant_id = c.merchant_id "
        "and a.account = 'gift_card:' || c.card_id where c.merchant_id = ? and c.expires_at <= ? "
        "and a.credits - a.debits > 0",
        (merchant_id, at),
    )
    return sorted(row["card_id"] for row in rows)


def _merchants() -> Job[list[str]]:
    rows = yield Query("select merchant_id from merchant order by merchant_id")
    return [row["merchant_id"] for row in rows]
