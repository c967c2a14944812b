"""`verify` names every broken invariant, and nothing else."""

import time
from collections.abc import Sequence

import pytest

from poi_engine.ids import Ids
from poi_engine.ports import Job, Query
from poi_engine.storage.postgres import PostgresSql
from poi_engine.storage.sqlite import SqliteSql
from poi_engine.verify import verify
from poi_engine.verify_rules import RULES
from tests.storage.world import AT, M, history, unprotected

IDS = Ids(time.time)
AUDIT = "merchant_id, audit_id, who, act, subject_id, why, created_at"
CUSTOMER = "merchant_id, customer_id, display_name, pseudonym, language, tier, segments, created_at"
BLANK = "'', 1, 'en', '', '[]', 0"
TRANSFER = "merchant_id, transfer_id, checkout_id, kind, phase, resolves, debit, credit, amount, unit, created_at"

HOLD = (
    "merchant_id, hold_id, station_id, connector, state, amount, currency, taken_by, authorisation, reason, opened_by,"
    " created_at, changed_at"
)

CORRUPTIONS: dict[str, tuple[str, Sequence[str], set[str]]] = {
    "a balance was raised": (
        "account",
        ["update account set credits = credits + 1 where account = 'points:cus_1'"],
        {"account-balance", "ledger-zero"},
    ),
    "both sides of an account were raised": (
        "account",
        ["update account set credits = credits + 1, debits = debits + 1 where account = 'points:cus_1'"],
        {"account-balance"},
    ),
    "an account holds something else as well": (
        "account",
        [
            "insert into account select merchant_id, account, 'USD', 0, 0, 0, 0, 0, 99 from account"
            " where account = 'tender:card'",
        ],
        {"account-unit"},
    ),
    "a balance went below zero": (
        "account",
        [
            "update account set debits = 28 where account = 'points:cus_1'",
            "update account set credits = 28 where account = 'points'",
        ],
        {"account-balance", "account-floor"},
    ),
    "a transfer was altered": (
        "transfer",
        ["update transfer set amount = 8 where checkout_id = 'chk_1' and kind = 'points'"],
        {"account-balance", "sale-points"},
    ),
    "a sale gave fewer points than it says": (
        "sale",
        ["update sale set points = 10 where sale_id = 'sal_1'"],
        {"sale-points"},
    ),
    "a sale was paid by a wallet that paid nothing": (
        "transfer",
        [
            "update transfer set debit = 'tender:wallet' where checkout_id = 'chk_1' and kind = 'sale'",
            "insert into account (merchant_id, account, unit, floor, debits) select merchant_id, 'tender:wallet', unit,"
            " 0, 900 from account where account = 'tender:card'",
            "update account set debits = debits - 900 where account = 'tender:card'",
        ],
        {"sale-tender", "sale-wallet"},
    ),
    "a transfer was removed": (
        "transfer",
        ["delete from transfer where checkout_id = 'chk_1' and kind = 'sale'"],
        {"account-balance", "sale-ledger", "sale-tender"},
    ),
    "a pending transfer was resolved twice": (
        "transfer",
        [
            f"insert into transfer ({TRANSFER}) select merchant_id, 'trf_x', checkout_id, kind, 'void', resolves,"
            " debit, credit, amount, unit, created_at from transfer where checkout_id = 'chk_1' and phase = 'post'",
        ],
        {"account-balance", "transfer-resolved-twice"},
    ),
    "a transfer was resolved with another amount": (
        "transfer",
        ["update transfer set amount = 2 where checkout_id = 'chk_1' and phase = 'post'"],
        {"account-balance", "transfer-resolution"},
    ),
    "a hold was left behind": (
        "checkout",
        ["update checkout set state = 'abandoned' where checkout_id = 'chk_9'"],
        {"transfer-left-open"},
    ),
    "a limit was used above what it was given": (
        "transfer",
        ["update transfer set amount = 3 where kind = 'fund'"],
        {"account-balance", "limit-exceeded"},
    ),
    "a limit was given more than its cap": (
        "offer_version",
        ["""update offer_version set document = '{"limits": [{"of": "uses", "cap": 90}]}'"""],
        {"limit-cap"},
    ),
    "an offer's version was broken": (
        "offer_version",
        ["update offer_version set document = 'nothing'"],
        {"limit-cap"},
    ),
    "a paid checkout has no sale": (
        "checkout",
        ["update checkout set state = 'paid', sale_id = 'sal_9' where checkout_id = 'chk_9'"],
        {"checkout-sale", "transfer-left-open"},
    ),
    "a checkout is paid in part by nobody": (
        "checkout",
        ["update checkout set state = 'part_paid' where checkout_id = 'chk_9'"],
        {"checkout-part-paid"},
    ),
    "a card is waiting for the bank that has paid": (
        "forwarding",
        [
            "insert into forwarding (merchant_id, payment_id, connector, station_id, amount, currency, state, reason,"
            " created_at, changed_at) select merchant_id, payment_id, 'simulator', 'sta_1', amount, 'EUR', 'waiting',"
            " '', 0, 0 from payment where checkout_id = 'chk_1'",
        ],
        {"payment-at-risk"},
    ),
    "a card that never was paid is not written off": (
        "forwarding",
        [
            "insert into forwarding (merchant_id, payment_id, connector, station_id, amount, currency, state, reason,"
            " created_at, changed_at) select merchant_id, payment_id, 'simulator', 'sta_1', amount, 'EUR', 'lost',"
            " '', 0, 0 from payment where checkout_id = 'chk_1'",
            "update payment set guaranteed = 0 where checkout_id = 'chk_1'",
        ],
        {"payment-lost"},
    ),
    "a loss is booked of a card that was paid": (
        "transfer",
        [
            f"insert into transfer ({TRANSFER}) select merchant_id, 'trf_x', 'pay_x', 'write_off', 'single', null,"
            " 'losses:card', 'tender:card', 5, unit, created_at from transfer where kind = 'sale'"
            " and checkout_id = 'chk_1'",
        ],
        {"account-balance", "loss-payment"},
    ),
    "a card that was paid in cash since still counts as a card": (
        "forwarding",
        [
            "insert into forwarding (merchant_id, payment_id, connector, station_id, amount, currency, state, reason,"
            " created_at, changed_at, paid_by) select merchant_id, payment_id, 'simulator', 'sta_1', amount, 'EUR',"
            " 'paid', '', 0, 0, 'cash' from payment where checkout_id = 'chk_1'",
            "update payment set guaranteed = 0 where checkout_id = 'chk_1'",
        ],
        {"payment-since"},
    ),
    "a card is booked as paid in cash that nobody said so of": (
        "transfer",
        [
            f"insert into transfer ({TRANSFER}) select merchant_id, 'trf_x', 'pay_x', 'paid_since', 'single', null,"
            " 'tender:cash', 'tender:card', 5, unit, created_at from transfer where kind = 'sale'"
            " and checkout_id = 'chk_1'",
        ],
        {"account-balance", "since-payment"},
    ),
    "a payment takes of a hold that another one has taken": (
        "card_hold",
        [
            f"insert into card_hold ({HOLD}) values ('{M}', 'hld_1', 'sta_1', '', 'held', 900, 'EUR', 'pay_9', '', '',"
            " '', 0, 0)",
            """update payment set document = '{"hold":"hld_1"}' where checkout_id = 'chk_1'""",
        ],
        {"hold-taken", "hold-captured"},
    ),
    "a hold was let go that a payment took": (
        "card_hold",
        [
            f"insert into card_hold ({HOLD}) select merchant_id, 'hld_1', 'sta_1', connector, 'released', 900, 'EUR',"
            " payment_id, '', '', '', 0, 0 from payment where checkout_id = 'chk_1'",
        ],
        {"hold-taken"},
    ),
    "a sale has no checkout": ("checkout", ["delete from checkout where checkout_id = 'chk_1'"], {"sale-checkout"}),
    "a declined checkout has a sale": (
        "checkout",
        ["update checkout set state = 'declined' where checkout_id = 'chk_1'"],
        {"checkout-sale"},
    ),
    "a checkout's total was altered": (
        "checkout",
        ["update checkout set total = 901 where checkout_id = 'chk_1'"],
        {"checkout-sale"},
    ),
    "a payment was captured twice": (
        "payment",
        [
            "update payment set checkout_id = 'chk_1', state = 'captured' where checkout_id = 'chk_9'",
        ],
        {"sale-payment", "sale-tender"},
    ),
    "a sale was never paid": (
        "payment",
        ["update payment set state = 'declined' where checkout_id = 'chk_1'"],
        {"sale-payment", "sale-tender"},
    ),
    "a payment was taken by another means than was booked": (
        "payment",
        ["update payment set means = 'cash' where checkout_id = 'chk_1'"],
        {"sale-tender"},
    ),
    "a payment was captured for nothing": (
        "payment",
        ["update payment set checkout_id = 'chk_8', state = 'captured' where checkout_id = 'chk_9'"],
        {"payment-sale"},
    ),
    "a sale's total was altered": (
        "sale",
        ["update sale set total = 800, saved = 200 where sale_id = 'sal_1'"],
        {"checkout-sale", "sale-payment", "sale-ledger", "sale-lines", "sale-redemptions", "receipt"},
    ),
    "a line was altered": (
        "sale_line",
        ["update sale_line set total = 1, unit_price = 1 where sale_id = 'sal_1' and line_id = '2'"],
        {"sale-lines", "sale-line", "receipt"},
    ),
    "a label was altered": (
        "sale_line",
        ["update sale_line set label = 'Other' where sale_id = 'sal_1' and line_id = '2'"],
        {"receipt"},
    ),
    "a redemption was removed": (
        "redemption",
        ["delete from redemption where sale_id = 'sal_1'"],
        {"sale-redemptions"},
    ),
    "a refund was refunded": (
        "sale",
        ["update sale set refund_of = 'sal_4' where sale_id = 'sal_3'"],
        {"refund-above-sale", "receipt"},
    ),
    "more was refunded than sold": (
        "sale",
        ["update sale set total = -1000 where sale_id = 'sal_4'"],
        {"refund-above-sale", "sale-payment", "sale-ledger", "sale-lines", "receipt"},
    ),
    "a refund went to another means than paid": (
        "payment",
        ["update payment set means = 'cash' where amount < 0"],
        {"refund-above-tender", "sale-tender"},
    ),
    "a line was refunded twice": (
        "sale_line",
        ["update sale_line set quantity = -2000 where sale_id = 'sal_4'"],
        {"refund-above-line", "receipt"},
    ),
    "a receipt was altered": (
        "journal",
        ["update journal set document = hash where number = 2"],
        {"journal-chain", "receipt"},
    ),
    "a receipt and its sale were moved in time": (
        "journal sale",
        [
            "update journal set created_at = created_at + 1 where sale_id = 'sal_2'",
            "update sale set created_at = created_at + 1 where sale_id = 'sal_2'",
        ],
        {"journal-chain"},
    ),
    "a sale was moved to another day": (
        "sale",
        ["update sale set local_day = '2026-11-21' where sale_id = 'sal_2'"],
        {"receipt"},
    ),
    "a sale was given to another seller": (
        "sale",
        ["update sale set seller_id = 'sel_9' where sale_id = 'sal_2'"],
        {"receipt"},
    ),
    "a receipt was removed": ("journal", ["delete from journal where number = 2"], {"journal-chain", "sale-journal"}),
    "the last receipt was cut off": (
        "journal",
        ["delete from journal where number = 4"],
        {"journal-chain", "sale-journal"},
    ),
    "the whole journal was cut off": (
        "journal",
        ["delete from journal", "delete from journal_head"],
        {"sale-journal"},
    ),
    "a receipt has no sale": (
        "sale",
        ["delete from sale where sale_id = 'sal_4'"],
        {"journal-sale", "outbox", "payment-sale"},
    ),
    "a sale's event was lost": ("outbox", ["delete from outbox where event_id = 'evt_2'"], {"outbox"}),
    "a sale's event was broken": (
        "outbox",
        ["update outbox set document = 'nothing' where event_id = 'evt_2'"],
        {"outbox"},
    ),
    "a sale's event was doubled": (
        "outbox",
        [
            "insert into outbox select merchant_id, 'evt_x', kind, document, created_at, null from outbox"
            " where event_id = 'evt_2'"
        ],
        {"outbox"},
    ),
    "an answer was altered": (
        "idempotency",
        ["update idempotency set subject = 'chk_2' where key = 'key-1'"],
        {"idempotency-answer"},
    ),
    "an answer was lost": (
        "idempotency",
        ["update idempotency set answer = null where key = 'key-1'"],
        {"idempotency-answer"},
    ),
    "a merged customer leads to nobody": (
        "customer",
        [f"insert into customer ({CUSTOMER}, merged_into) values ('{M}', 'cus_2', {BLANK}, 'cus_9')"],
        {"customer-merged"},
    ),
    "a merged customer still has points": (
        "customer",
        [
            f"insert into customer ({CUSTOMER}, merged_into) values ('{M}', 'cus_1', {BLANK}, 'cus_2')",
            f"insert into customer ({CUSTOMER}, absorbed) values ('{M}', 'cus_2', {BLANK}, 1)",
        ],
        {"customer-left"},
    ),
    "a customer lives on for more than were merged": (
        "customer",
        [f"insert into customer ({CUSTOMER}, absorbed) values ('{M}', 'cus_1', {BLANK}, 1)"],
        {"customer-absorbed"},
    ),
    "a card number was written down": (
        "audit",
        [f"insert into audit ({AUDIT}) values ('{M}', 'aud_1', 'x', 'y', 'z', 'card 4111 1111 1111 1111 ok', {AT})"],
        {"card-number"},
    ),
}
FIGURES = {rule.name for rule in RULES if rule.name.startswith("rollup-")}


async def test_a_consistent_history_has_no_finding(sql: SqliteSql | PostgresSql) -> None:
    seen: list[str] = []
    await sql.write(lambda: history(IDS))
    assert await verify(sql, progress=lambda name, number, of: seen.append(f"{number}/{of} {name}")) == []
    assert seen[-1].startswith(f"{len(seen)}/{len(seen)} ")


@pytest.mark.parametrize("what", CORRUPTIONS)
async def test_a_corruption_is_named(sql: SqliteSql | PostgresSql, what: str) -> None:
    tables, statements, rules = CORRUPTIONS[what]

    def corrupt() -> Job[None]:
        yield from history(IDS)
        for table in tables.split():
            yield from unprotected(table)
        for statement in statements:
            yield Query(statement)

    await sql.write(corrupt)
    findings = await verify(sql)
    found = {finding.rule for finding in findings}
    assert found - FIGURES == rules, findings  # what alters a sale also differs from the figures: not told here
    assert {finding.merchant_id for finding in findings} == {M}


async def test_a_sale_that_breaks_several_rules_is_told_of_by_each(sql: SqliteSql | PostgresSql) -> None:
    def corrupt() -> Job[None]:
        yield from history(IDS)
        yield from unprotected("sale")
        yield from unprotected("journal")
        yield Query("update sale set total = 901, points = 10 where sale_id = 'sal_1'")
        yield Query("update journal set sale_id = 'sal_2' where number = 1")

    await sql.write(corrupt)
    told = {(finding.rule, finding.subject, finding.message) for finding in await verify(sql)}
    assert told >= {
        ("sale-ledger", "sal_1", "is 901 but the ledger has 900"),
        ("sale-points", "sal_1", "gives 10 points but the ledger has 9"),
        ("sale-journal", "sal_1", "stands 0 times in the journal at its receipt number"),
        ("receipt", "sal_1", "its receipt differs in total"),
        ("journal-sale", "sta_1/1", "records sal_2, which is no sale of that station and number"),
    }
