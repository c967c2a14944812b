"""Gift cards by their code, and what is on an account."""

from __future__ import annotations

import msgspec

from poi_engine.errors import NotFound, RequestError
from poi_engine.ports import Job, Query
from poi_engine.staff.approvals import allowance_of
from poi_engine.value.cards import Moved
from poi_server.nexo.answered import account_of, said
from poi_server.nexo.conditions import SUCCESS, Failed, money_may_move
from poi_server.nexo.counter import OWN
from poi_server.nexo.messages import Echo, access_of
from poi_server.nexo.money import decimal_of, minor_units
from poi_server.nexo.turn import Category, Turn
from poi_server.nexo.wire.common import LoyaltyAccount
from poi_server.nexo.wire.loyalty import (
    AccountTold,
    BalanceInquiryRequest,
    BalanceInquiryResponse,
    LoyaltyAccountReq,
    LoyaltyAccountStatus,
    PaymentAccountStatus,
    StoredValueAccountStatus,
    StoredValueData,
    StoredValueRequest,
    StoredValueResponse,
    StoredValueResult,
)
from poi_server.nexo.wire.names import Wire

_PATH = "$.StoredValueRequest.StoredValueData"


async def store(turn: Turn, request: StoredValueRequest) -> Wire:
    """Load a gift card, take off it, or undo that; the till takes and gives the money."""
    if not request.stored_value_data:
        raise Failed("MessageFormat", "Say what to do with which gift card: StoredValueData.", "no-data")
    if len(request.stored_value_data) > 1:
        raise Failed("NotAllowed", "One gift card a request.", "one-at-a-time")
    with money_may_move():
        return _answer(turn, await _moved(turn, request.stored_value_data[0]))


async def stored(turn: Turn) -> Wire | None:
    """The answer of one that nobody here is working on any more."""
    merchant_id, principal, key = turn.merchant_id, access_of(turn.header), turn.message_id

    def job() -> Job[bytes | None]:
        rows = yield Query(
            "select answer from idempotency where merchant_id = ? and principal = ? and key = ?",
            (merchant_id, principal, key),
        )
        return bytes(rows[0]["answer"]) if rows and rows[0]["answer"] is not None else None

    found = await turn.services.sql.read(job)
    if found is None:
        turn.must_be_nobodys()
        raise Failed("Aborted", "It was interrupted before it began; nothing was moved.", "interrupted")
    return _answer(turn, msgspec.msgpack.decode(found, type=Moved))


async def inquire(turn: Turn, request: BalanceInquiryRequest) -> Wire:
    """What is on a gift card, or on a customer's account."""
    asked = request.payment_account_req
    instrument = asked.payment_instrument_data if asked else None
    account = instrument.stored_value_account_id if instrument else None
    if account is not None and account.code:
        card = await turn.engine.gift_cards.look(turn.merchant_id, account.code)
        status = PaymentAccountStatus(currency=card.currency, current_balance=decimal_of(card.balance, card.currency))
        return BalanceInquiryResponse(response=SUCCESS, payment_account_status=status)
    if request.loyalty_account_req is not None:
        found = await _loyalty(turn, request.loyalty_account_req)
        return BalanceInquiryResponse(response=SUCCESS, loyalty_account_status=found)
    raise Failed("MessageFormat", "Say which account: a gift card's code, or a customer's.", "no-account")


async def _loyalty(turn: Turn, asked: LoyaltyAccountReq) -> LoyaltyAccountStatus:
    merchant = await turn.engine.offers.merchant(turn.merchant_id)
    customer = await turn.engine.customers.get(turn.merchant_id, await _customer_id(turn, asked))
    account = LoyaltyAccount(loyalty_account_id=account_of(customer.customer_id), loyalty_brand=merchant.name)
    return LoyaltyAccountStatus(
        loyalty_account=account, current_balance=decimal_of(customer.points, "JPY"), loyalty_unit="Point"
    )


async def _customer_id(turn: Turn, asked: LoyaltyAccountReq) -> str:
    acquired = asked.card_acquisition_reference
    if acquired is not None:
        session = await turn.engine.stations.get(turn.merchant_id, acquired.transaction_id)
        if session.station_id == turn.station_id and session.identity is not None:
            return session.identity.customer_id
        raise NotFound("acquired customer", acquired.transaction_id)
    number = (asked.loyalty_account_id.loyalty_id if asked.loyalty_account_id else None) or ""
    if number.startswith(OWN):
        return number
    found = await turn.engine.customers.by_credential(turn.merchant_id, "loyalty", number, create=False)
    if found is None:
        raise RequestError("unknown-credential", "Nobody is known by this card or code.", path="$.LoyaltyAccountID")
    return found.customer_id


async def _moved(turn: Turn, asked: StoredValueData) -> Moved:
    cards, key, allowance = turn.engine.gift_cards, turn.message_id, allowance_of(turn.acting, "refund", None)
    kind = asked.stored_value_transaction_type
    if kind in ("Reserve", "Duplicate"):
        raise Failed("NotAllowed", f"Gift cards here know no {kind}.", "stored-value-type")
    if kind == "Reverse":
        reference = asked.original_poi_transaction
        if reference is None or reference.poi_transaction_id is None:
            raise Failed("MessageFormat", "Say which transaction: OriginalPOITransaction.", "no-original")
        operation_id = reference.poi_transaction_id.transaction_id
        return await cards.reverse(turn.merchant_id, operation_id, key=key, by=turn.by, allowance=allowance)
    code, amount = await _asked(turn, asked)
    if kind == "Activate":
        return await cards.activate(turn.merchant_id, code, amount, key=key, by=turn.by)
    if kind == "Unload":
        return await cards.unload(turn.merchant_id, code, amount, key=key, by=turn.by, allowance=allowance)
    return await cards.load(turn.merchant_id, code, amount, key=key, by=turn.by)


async def _asked(turn: Turn, asked: StoredValueData) -> tuple[str, int]:
    merchant = await turn.engine.offers.merchant(turn.merchant_id)
    code = asked.stored_value_account_id.code if asked.stored_value_account_id else None
    if not code:
        raise Failed("MessageFormat", "Say which gift card: StoredValueAccountID.Value.", "no-account")
    if asked.currency not in (None, merchant.currency):
        raise Failed("NotAllowed", f"This POI works in {merchant.currency}.", "currency-differs")
    path = f"{_PATH}[0].ItemAmount"
    amount = 0 if asked.item_amount is None else minor_units(asked.item_amount, merchant.currency, path)
    if amount < 1:
        raise RequestError("bad-amount", "An amount is more than nothing.", path=path)
    return code, amount


def _answer(turn: Turn, moved: Moved) -> Wire:
    kind, _, product = turn.echo.kind.partition(" ")
    account = AccountTold(
        stored_value_account_type="GiftCard", identification_type="AccountNumber", entry_mode=(), value=moved.card_id
    )
    result = StoredValueResult(
        stored_value_transaction_type=kind,
        product_code=product,
        item_amount=decimal_of(abs(moved.amount), moved.currency),
        currency=moved.currency,
        stored_value_account_status=StoredValueAccountStatus(
            stored_value_account_id=account, current_balance=decimal_of(moved.balance, moved.currency)
        ),
        host_transaction_id=turn.named(moved.operation_id),
    )
    return StoredValueResponse(
        response=SUCCESS,
        sale_data=said(turn),
        poi_data=turn.poi_data(moved.operation_id),
        stored_value_result=(result,),
    )


def _echo(request: StoredValueRequest) -> Echo:
    first = request.stored_value_data[0] if request.stored_value_data else None
    kind = f"{first.stored_value_transaction_type} {first.product_code or ''}" if first else ""
    return Echo(sale_data=request.sale_data.echo, kind=kind)


CATEGORIES = {
    "StoredValue": Category(StoredValueRequest, store, right="load_value", kept=True, echo=_echo, ended=stored),
    "BalanceInquiry": Category(BalanceInquiryRequest, inquire),
}
