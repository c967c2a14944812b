"""Transfers from account to account: in doubt until the bank tells of the credit, booked once, listed when odd."""

import asyncio
from datetime import UTC, datetime

import pytest
from msgspec.structs import replace

from poi_engine.checkout.checkout import Checkout
from poi_engine.errors import Conflict, RequestError
from poi_engine.ids import Ids
from poi_engine.session import Session
from poi_engine.value.bank import checked_account
from poi_engine.value.bank_rows import Credit
from poi_engine.value.references import reference_in, reference_of
from poi_engine.value.rules import BankAccount, EmvAccount
from poi_engine.value.transfer_codes import code_text
from poi_qr.payloads import emv_mpm, epc
from tests.engine.shop import SELLER, M, Shop

pytestmark = pytest.mark.valkey
IBAN = "FR14 2004 1010 0505 0001 3M02 606"
DAY = datetime(2026, 11, 22, tzinfo=UTC)
ACCOUNT = BankAccount(
    iban=IBAN,
    bic="PSSTFRPPPAR",
    beneficiary="Boulangerie Éclair",
    emv=EmvAccount(guid="org.example", account="0012345", city="PARIS"),
)


@pytest.fixture
async def bank_shop(shop: Shop) -> Shop:
    await shop.engine.bank.change_account(M, ACCOUNT, by=SELLER)
    return shop


async def asked(shop: Shop, amount: int = 1890) -> Session:
    """A session whose customer was asked to transfer."""
    session = await shop.pay(await shop.accept(await shop.basket(amount)), "transfer")
    assert session.state == "unknown"
    assert session.notice is not None
    assert session.notice.code == "transfer-awaited"
    return session


async def credit(shop: Shop, session: Session, amount: int, credit_id: str = "bank-1") -> Credit:
    awaited = (await shop.engine.bank.awaited(M, session.session_id)).awaited
    return Credit(credit_id=credit_id, amount=amount, currency="EUR", booked_at=DAY, reference=awaited.reference)


async def test_the_bank_ends_the_payment_once_however_often_it_tells(bank_shop: Shop) -> None:
    session = await asked(bank_shop)
    told = await credit(bank_shop, session, 1890)
    booked = await bank_shop.engine.bank.book(M, [told, told], by=SELLER)
    assert (booked.new, booked.known, booked.matched) == (1, 1, 1)
    paid = await bank_shop.engine.stations.get(M, session.session_id)
    assert paid.state == "paid"
    again = await bank_shop.engine.bank.book(M, [told], by=SELLER)
    assert (again.new, again.known) == (0, 1)
    sale = await bank_shop.engine.sales.get(M, paid.sale_id or "")
    assert (sale.means, sale.total) == ("transfer", 1890)


async def test_a_crash_between_the_credit_and_the_sale_is_mended_by_the_next_round(
    bank_shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = await asked(bank_shop)
    told = await credit(bank_shop, session, 1890)

    async def killed(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(bank_shop.engine.bank, "_settle", killed)
    with pytest.raises(KeyboardInterrupt):
        await bank_shop.engine.bank.book(M, [told], by=SELLER)
    await bank_shop.restart()
    assert (await bank_shop.engine.stations.get(M, session.session_id)).state == "paid"


@pytest.mark.parametrize(("amount", "state"), [(1889, "under"), (1891, "over")])
async def test_another_amount_waits_for_a_person(bank_shop: Shop, amount: int, state: str) -> None:
    session = await asked(bank_shop)
    await bank_shop.engine.bank.book(M, [await credit(bank_shop, session, amount)], by=SELLER)
    assert (await bank_shop.engine.stations.get(M, session.session_id)).state == "unknown"
    (listed,) = await bank_shop.engine.bank.credits(M, state)  # type: ignore[arg-type]
    assert listed.payment_id is not None
    matched = await bank_shop.engine.bank.assign(M, "bank-1", listed.payment_id, "a cent is a cent", by=SELLER)
    assert matched.state == "matched"
    assert (await bank_shop.engine.stations.get(M, session.session_id)).state == "paid"
    audit = await bank_shop.rows("select act, who from audit where act = 'bank-credit-assigned'")
    assert audit == [{"act": "bank-credit-assigned", "who": "seller:sel_1"}]


async def test_a_credit_without_a_known_reference_is_listed_and_set_aside_with_a_reason(bank_shop: Shop) -> None:
    strange = Credit(credit_id="x", amount=5, currency="EUR", booked_at=DAY, reference="thanks for the bread")
    await bank_shop.engine.bank.book(M, [strange], by=SELLER)
    (listed,) = await bank_shop.engine.bank.credits(M, "unmatched")
    assert listed.reference == "", "what the payer wrote is not kept"
    with pytest.raises(RequestError) as refused:
        await bank_shop.engine.bank.set_aside(M, "x", " ", by=SELLER)
    assert refused.value.code == "reason-needed"
    await bank_shop.engine.bank.set_aside(M, "x", "rent of the flat above", by=SELLER)
    assert await bank_shop.engine.bank.credits(M, "unmatched") == []
    with pytest.raises(Conflict):
        await bank_shop.engine.bank.set_aside(M, "x", "again", by=SELLER)


async def test_money_that_comes_after_a_person_declined_is_listed_to_be_given_back(bank_shop: Shop) -> None:
    session = await asked(bank_shop)
    late = await credit(bank_shop, session, 1890)
    declined = await bank_shop.engine.resolving.payment(M, session.session_id, "declined", "they left", by=SELLER)
    assert declined.state == "declined"
    await bank_shop.engine.bank.book(M, [late], by=SELLER)
    (listed,) = await bank_shop.engine.bank.credits(M, "give_back")
    assert (listed.credit_id, listed.amount) == ("bank-1", 1890)
    assert (await bank_shop.engine.stations.get(M, session.session_id)).state == "declined"


async def test_a_second_transfer_for_the_same_payment_is_given_back(bank_shop: Shop) -> None:
    session = await asked(bank_shop)
    first = await credit(bank_shop, session, 1890, "bank-1")
    second = await credit(bank_shop, session, 1890, "bank-2")
    booked = await bank_shop.engine.bank.book(M, [first, second], by=SELLER)
    assert (booked.matched, booked.open) == (1, 1)
    (listed,) = await bank_shop.engine.bank.credits(M, "give_back")
    assert listed.credit_id == "bank-2"


async def test_a_refund_is_listed_for_a_person_to_transfer(bank_shop: Shop) -> None:
    session = await asked(bank_shop)
    await bank_shop.engine.bank.book(M, [await credit(bank_shop, session, 1890)], by=SELLER)
    paid = await bank_shop.engine.stations.get(M, session.session_id)
    checkout: Checkout = bank_shop.engine.checkout
    back = await checkout.refund(M, paid.sale_id or "", None, "stale bread", key="back", by=SELLER)
    assert back.total == -1890
    (listed,) = await bank_shop.engine.bank.credits(M, "give_back")
    assert (listed.amount, listed.reason) == (1890, "refund")


async def test_the_same_entry_with_another_amount_is_refused(bank_shop: Shop) -> None:
    entry = Credit(credit_id="x", amount=5, currency="EUR", booked_at=DAY)
    await bank_shop.engine.bank.book(M, [entry], by=SELLER)
    with pytest.raises(Conflict) as refused:
        await bank_shop.engine.bank.book(M, [Credit(credit_id="x", amount=6, currency="EUR", booked_at=DAY)], by=SELLER)
    assert refused.value.code == "credit-differs"


async def test_an_entry_that_is_refused_stops_no_other(bank_shop: Shop) -> None:
    session = await asked(bank_shop)
    entry = Credit(credit_id="x", amount=5, currency="EUR", booked_at=DAY)
    await bank_shop.engine.bank.book(M, [entry], by=SELLER)
    with pytest.raises(Conflict):
        await bank_shop.engine.bank.book(
            M, [replace(entry, amount=6), await credit(bank_shop, session, 1890)], by=SELLER
        )
    assert (await bank_shop.engine.stations.get(M, session.session_id)).state == "paid"


async def test_without_an_account_nothing_is_awaited(shop: Shop) -> None:
    session = await shop.pay(await shop.accept(await shop.basket(100)), "transfer")
    assert session.state == "declined"
    assert session.notice is not None
    assert session.notice.values == {"reason": "transfer-not-set-up"}


async def test_the_codes_on_the_screen_say_whom_how_much_and_for_what(bank_shop: Shop) -> None:
    found = await bank_shop.engine.bank.awaited(M, (await asked(bank_shop)).session_id)
    transfer = epc.parse(code_text("epc", found, 2).encode())
    assert (transfer.iban, transfer.amount_minor) == ("FR1420041010050500013M02606", 1890)
    assert transfer.reference == found.awaited.reference == reference_in(found.awaited.reference)
    code = emv_mpm.parse(code_text("emv", found, 2))
    assert (code.values["54"], code.values["53"], code.values["59"]) == ("18.90", "978", "Boulangerie Eclair")
    assert code.templates["62"]["05"] == found.awaited.reference


@pytest.mark.parametrize(
    ("account", "path"),
    [
        (BankAccount(iban="FR14 2004 1010 0505 0001 3M02 607", beneficiary="B"), "$.iban"),
        (BankAccount(iban=IBAN, bic="NOBANK", beneficiary="B"), "$.bic"),
        (BankAccount(iban=IBAN), "$.beneficiary"),
    ],
)
def test_an_account_with_a_slip_of_the_hand_is_refused(account: BankAccount, path: str) -> None:
    with pytest.raises(RequestError) as refused:
        checked_account(account)
    assert refused.value.path == path


@pytest.mark.parametrize("text", ["{} merci", "Ref {}", "/INV/{}/X", "{}\n+++", "{} 12 ECLAIRS"])
def test_a_reference_is_found_in_what_people_write(text: str) -> None:
    reference = reference_of("pay_06d7k3m9x8t2v0qz4h5n6p7r8s")
    grouped = " ".join(reference[start : start + 4] for start in range(0, len(reference), 4))
    assert reference_in(text.format(reference)) == reference
    assert reference_in(text.format(grouped.lower())) == reference
    assert reference_in(text.format("RF00" + reference[4:])) == ""


async def test_a_part_that_came_by_transfer_is_given_back_with_the_sale_that_was_given_up(bank_shop: Shop) -> None:
    accepted = await bank_shop.accept(await bank_shop.basket(1000))
    checkout: Checkout = bank_shop.engine.checkout
    await checkout.pay(M, accepted.session_id, "transfer", 400, key="part", by=SELLER)
    await bank_shop.engine.bank.book(M, [await credit(bank_shop, accepted, 400)], by=SELLER)
    part = await bank_shop.engine.stations.get(M, accepted.session_id)
    assert (part.state, part.due) == ("paying", 600)
    await bank_shop.engine.stations.abandon(M, accepted.session_id, by=SELLER)
    await bank_shop.engine.recovery.run()
    (listed,) = await bank_shop.engine.bank.credits(M, "give_back")
    assert listed.amount == 400


@pytest.mark.parametrize("first", ["bank", "person"])
async def test_the_bank_and_a_person_at_once_never_both_have_their_way(bank_shop: Shop, first: str) -> None:
    """Either the sale is made and the credit is its, or it is not and the credit goes back."""
    for number in range(5):
        session = await asked(bank_shop)
        told = await credit(bank_shop, session, 1890, f"bank-{number}")
        bank = bank_shop.engine.bank.book(M, [told], by=SELLER)
        person = bank_shop.engine.resolving.payment(M, session.session_id, "declined", "they left", by=SELLER)
        both = (bank, person) if first == "bank" else (person, bank)
        await asyncio.gather(*both, return_exceptions=True)
        await bank_shop.engine.recovery.run()
        ended = await bank_shop.engine.stations.get(M, session.session_id)
        matched = {one.credit_id for one in await bank_shop.engine.bank.credits(M, "matched")}
        back = {one.credit_id for one in await bank_shop.engine.bank.credits(M, "give_back")}
        assert (f"bank-{number}" in matched) == (ended.state == "paid")
        assert (f"bank-{number}" in back) == (ended.state == "declined")
        if ended.state == "declined":
            await bank_shop.engine.stations.abandon(M, ended.session_id)


@pytest.mark.parametrize("told", ["{} NOTPROVIDED", "{}/MERCI", "FACTURE {} 22NOV"])
def test_a_reference_is_found_whatever_runs_on_around_it(told: str) -> None:
    ids = Ids(lambda: 0.0)
    for _ in range(300):
        reference = reference_of(ids.new("pay"))
        assert reference_in(told.format(reference)) == reference
