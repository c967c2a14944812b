"""Every act of staff is on record: a changing route either leaves an audit row, or is named here with its reason."""

import pytest

from poi_server.routes import route_table
from tests.server.audited_day import CAMPAIGN, CUSTOMER, OFFER, ORDER, PRODUCT, SALE, SEGMENT, SELLER, SESSION, Day
from tests.server.shop import Shop

STAFF = {"owner", "manager", "seller", "auditor", "station"}

AUDITED = {
    "POST /v1/pairings": "pair",
    "POST /v1/stores": "add-store",
    "PUT /v1/stores/{store_id}": "change-store",
    "POST /v1/stations": "add-station",
    "PUT /v1/stations/{station_id}": "change-station",
    "POST /v1/api-keys": "grant",
    "DELETE /v1/api-keys/{access_id}": "revoke",
    "DELETE /v1/access/{access_id}": "revoke",
    "POST /v1/sellers": "add-seller",
    f"PATCH {SELLER}": "change-seller",
    f"PUT {SELLER}/pin": "set-pin",
    f"DELETE {SELLER}/pin": "remove-pin",
    f"POST {SELLER}/badges": "link-badge",
    f"DELETE {SELLER}/badges/{{scheme}}/{{subject}}": "unlink-badge",
    "PUT /v1/settings/sign-in": "set-sign-in",
    "POST /v1/stations/{station_id}/sign-in": "sign-in",
    "POST /v1/stations/{station_id}/sign-out": "sign-out",
    "POST /v1/stations/{station_id}/pin": "set-pin",
    "POST /v1/approvals": "approve-refund",
    f"POST {SESSION}/confirm-identity": "confirm-identity",
    f"POST {SESSION}/confirmation": "confirm-spending",
    "PUT /v1/settings/spending": "set-spend-cap",
    "PUT /v1/settings/means": "set-means",
    "PUT /v1/settings/offline": "set-offline",
    "PUT /v1/settings/receipt": "set-receipt",
    "POST /v1/stations/{station_id}/offline-sales": "offline-sale",
    "POST /v1/stations/{station_id}/offline-sales/dropped": "offline-dropped",
    "PUT /v1/settings/meal-vouchers": "set-meal-vouchers",
    f"POST {SESSION}/resolve": "resolve-paid",
    "POST /v1/payments/{payment_id}/at-risk": "forward-lost",
    "POST /v1/payments/{payment_id}/reversing": "reversing-declined",
    f"POST {SALE}/refunds": "refund",
    f"POST {SALE}/refunds/{{refund_id}}/resolve": "resolve-refund-refunded",
    "POST /v1/customers": "create-customer",
    f"PATCH {CUSTOMER}": "change-customer",
    f"POST {CUSTOMER}/credentials": "link-credential",
    f"POST {CUSTOMER}/merge": "merge-customers",
    f"DELETE {CUSTOMER}": "erase-customer",
    f"POST {CUSTOMER}/notes": "write-note",
    f"DELETE {CUSTOMER}/notes/{{note_id}}": "erase-note",
    f"DELETE {PRODUCT}/prices/{{plan_id}}": "cancel-price",
    f"POST {PRODUCT}/pictures": "add-picture",
    f"PUT {PRODUCT}/pictures": "order-pictures",
    f"POST {CUSTOMER}/referral": "referred",
    "PUT /v1/consent-texts/{purpose}": "consent-text",
    "PUT /v1/programme/referral": "change-referral",
    "PUT /v1/programme/retention": "change-retention",
    "POST /v1/offers": "create-offer",
    f"PUT {OFFER}": "change-offer",
    f"DELETE {OFFER}": "remove-offer",
    f"POST {OFFER}/notify": "notify-offer",
    "PUT /v1/programme/notices": "change-notices",
    f"POST {OFFER}/pause": "pause-offer",
    f"POST {OFFER}/resume": "resume-offer",
    "POST /v1/campaigns": "create-campaign",
    f"PUT {CAMPAIGN}": "change-campaign",
    f"DELETE {CAMPAIGN}": "remove-campaign",
    f"POST {CAMPAIGN}/start": "start-campaign",
    f"POST {CAMPAIGN}/withdraw": "withdraw-campaign",
    f"POST {CAMPAIGN}/stop": "stop-campaign",
    "DELETE /v1/suggestions/{suggestion_id}": "dismiss-suggestion",
    "POST /v1/segments": "create-segment",
    f"PUT {SEGMENT}": "change-segment",
    f"DELETE {SEGMENT}": "remove-segment",
    "POST /v1/stock/movements": "stock-received",
    "POST /v1/orders": "order-placed",
    f"PATCH {ORDER}": "mend-order",
    f"POST {ORDER}/moves": "order-ready",
    f"POST {ORDER}/refunds": "refund",
    "PUT /v1/settings/orders": "change-orders",
    "POST /v1/stations/{station_id}/training": "training-on",
    "POST /v1/stations/{station_id}/closings": "close-day",
    f"POST {SALE}/receipt/prints": "print",
    "POST /v1/gift-cards": "gift-card-issued",
    "POST /v1/gift-cards/{card_id}/close": "gift-card-closed",
    f"POST {CUSTOMER}/wallet/close-out": "wallet-closed-out",
    "PUT /v1/settings/stored-value": "change-stored-value",
    "PUT /v1/settings/bank": "change-bank-account",
    "PUT /v1/settings/tabs": "change-tabs",
    f"POST {SESSION}/tab": "open-tab",
    "POST /v1/tabs/{tab_id}/close": "close-tab",
    "POST /v1/tabs/{tab_id}/pay-back": "tab-paid-back",
    "POST /v1/tabs/{tab_id}/resolve": "resolve-tab-declined",
    "POST /v1/bank/credits": "bank-credit-told",
    "POST /v1/bank/assignments": "bank-credit-assigned",
    "POST /v1/bank/set-aside": "bank-credit-set-aside",
}
"""The changing routes of staff and the act they leave in the audit."""

BASKET = "a basket moves nothing; the sale it becomes names who took the payment"
NAMED = "the row it writes names who did it"
EXEMPT = {
    "POST /v1/stations/{station_id}/session": BASKET,
    "POST /v1/stations/{station_id}/scan": BASKET,
    "POST /v1/stations/{station_id}/tap": "an emulated card: what it leads to is presented as any tap is",
    "POST /v1/stations/{station_id}/question/answer": "a word to the till that asks; nothing is kept of it",
    "POST /v1/stations/{station_id}/join-code": "a code of two minutes for whoever stands there; no access of staff",
    f"PUT {SESSION}/basket": BASKET,
    f"POST {SESSION}/card": BASKET,
    f"POST {SESSION}/accept": "the checkout it writes names who accepted",
    "POST /nexo": "a till's sale and its journal name who took the payment; a refund leaves the row that all do",
    f"POST {SESSION}/pay": "the sale, its receipt and the journal name who took the payment",
    "POST /v1/stations/{station_id}/sale": "the sale, its receipt and the journal name who took the payment",
    f"POST {SESSION}/status": "asks the terminal; the payment's own row has the answer",
    f"POST {SESSION}/abandon": BASKET,
    f"POST {SESSION}/hand-over": BASKET,
    f"POST {SESSION}/forget-customer": "takes an identity away from a basket and gives nobody anything",
    f"POST {SESSION}/forget-card": BASKET,
    f"PUT {SESSION}/fulfilments": BASKET,
    f"PUT {SESSION}/contact": "the order that the sale makes names who took it",
    f"POST {ORDER}/session": BASKET,
    f"POST {SESSION}/set-aside": "the doubtful payment stays as it is",
    f"PUT {PRODUCT}": "a new price is a row of the price history that names who changed it",
    "POST /v1/products.csv": "a new price is a row of the price history that names who changed it",
    f"POST {PRODUCT}/prices": NAMED,
    f"PUT {CUSTOMER}/consents/{{purpose}}": "the consent's own row is the proof and names who took it",
    "POST /v1/campaigns/preview": "a dry run",
    "POST /v1/suggestions": "reads the figures and says what they say",
    "POST /v1/retention": "each customer it makes a pseudonym of has a row of their own",
    "POST /v1/decisions": "a dry run",
    "POST /v1/gift-cards/look": "a question",
    "POST /v1/orders/quote": "a dry run",
    f"POST {OFFER}/explain": "a dry run",
    "POST /v1/segments/size": "a question",
}
"""The others, and why they leave none."""


def changing() -> set[str]:
    """The routes by which staff change something."""
    return {f"{route.method} {route.path}" for route in route_table() if route.method != "GET" and route.roles & STAFF}


def test_every_changing_route_of_staff_is_audited_or_says_why_not() -> None:
    assert AUDITED.keys().isdisjoint(EXEMPT)
    unnamed = changing() - AUDITED.keys() - EXEMPT.keys()
    assert not unnamed, "write an audit row in the act's own transaction, or give the reason"
    assert AUDITED.keys() | EXEMPT.keys() <= changing(), "named here, but no route any more"


NO_PERSON = {
    "POST /v1/stations/{station_id}/sign-in": "it makes the person sign in",
    "POST /v1/stations/{station_id}/sign-out": "it ends what signing in began",
    "POST /v1/stations/{station_id}/pin": "the PIN itself proves the person",
    "POST /v1/stations/{station_id}/tap": "a badge has to be read before anybody is signed in",
    "POST /v1/stations/{station_id}/join-code": "it asks by itself: a screen that keeps its code fresh is no person",
    "POST /v1/decisions": "a dry run; about a customer it asks by itself",
    f"POST {OFFER}/explain": "a dry run; about a customer it asks by itself",
    "POST /nexo": "each kind of message asks for its own right",
}
"""Changing routes that ask no person's right, and why."""


def test_every_changing_route_of_staff_asks_for_a_right() -> None:
    without = {
        f"{route.method} {route.path}"
        for route in route_table()
        if route.method != "GET" and route.roles & STAFF and route.right is None
    }
    assert without == NO_PERSON.keys()


ELSEWHERE = {place for place in AUDITED if "/v1/customers" in place} | {
    "PUT /v1/programme/referral",
    "PUT /v1/programme/retention",
    "POST /v1/stock/movements",
    "PUT /v1/consent-texts/{purpose}",
    f"POST {SESSION}/confirmation",
    *(place for place in AUDITED if "orders" in place or "/v1/products" in place),
}
"""Audited by tests of the clientele, of the goods and of confirmations."""


async def test_a_day_of_staff_is_in_the_audit_with_who_and_where(shop: Shop) -> None:
    day = Day(shop)
    await day.staff()
    await day.counter()
    await day.offers()
    await day.campaigns()
    await day.bank_away()
    await day.value()
    await day.tabs()
    await day.books()
    assert day.done == AUDITED.keys() - ELSEWHERE
    entries = (await shop.ask("GET", "/v1/audit?limit=200")).json["items"]
    acts = {entry["act"] for entry in entries}
    assert {AUDITED[place] for place in day.done} <= acts
    assert {entry["who"] for entry in entries if entry["act"] == "add-store"} == {"owner:owner"}
    entered = next(entry for entry in entries if entry["act"] == "sign-in")
    assert (entered["name"], entered["station_id"], entered["station"]) == ("Bob", shop.station_id, "Counter 1")


@pytest.mark.parametrize("role", ["seller", "station", "phone", "partner"])
async def test_only_readers_read_the_audit(shop: Shop, role: str) -> None:
    assert (await shop.ask("GET", "/v1/audit", role=role)).status == 403
    assert (await shop.ask("GET", "/v1/audit/acts", role=role)).status == 403
    assert (await shop.ask("GET", "/v1/audit", role="auditor")).status == 200
