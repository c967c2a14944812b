"""The clientele over HTTP: who sees what of whom, searches that resist, consents, merges, the phone's own side."""

from pathlib import Path
from typing import Any

import pytest

from poi_engine.clientele.search import ALLOWED
from poi_engine.ports import Job, Query
from tests.engine.shop import Card
from tests.server.process import ServerProcess
from tests.server.shop import Answer, Shop
from tests.server.test_cli import run

OFFERS = (("off_friend", 200), ("off_thanks", 300))


@pytest.fixture
async def ada(shop: Shop) -> str:
    """A named customer with a birthday and a card."""
    made = await shop.ask("POST", "/v1/customers", {"display_name": "Ada Byron", "birthday": "1990-02-28"})
    customer_id = str(made.json["customer_id"])
    card = {"scheme": "loyalty", "subject": "LOYAL-77"}
    await shop.ask("POST", f"/v1/customers/{customer_id}/credentials", card)
    return customer_id


@pytest.fixture
async def blind(shop: Shop) -> str:
    """A partner's secret that may read customers."""
    return await shop.partner("customers:read", "customers:write")


async def tapped(shop: Shop, sure: bool) -> str:
    """A session at the station in which the card was read; `sure`: and the customer confirmed."""
    session = await shop.services.engine.stations.present(shop.merchant_id, shop.station_id, Card("ndef", "LOYAL-77"))
    if sure:
        confirmed = await shop.ask(
            "POST", f"/v1/sessions/{session.session_id}/confirm-identity", {"how": "known"}, role="station"
        )
        assert confirmed.json["identity"]["assurance"] == "staff"
    return session.session_id


async def sell(shop: Shop, customer_id: str, amount: int = 1000) -> dict[str, Any]:
    """A sale to the customer; the paid session."""
    m, engine = shop.merchant_id, shop.services.engine
    session = await engine.stations.open(m, shop.station_id)
    await engine.stations.identify(
        m, session.session_id, customer_id, scheme="poi1", assurance="authenticate", source="test"
    )
    path, key = f"/v1/sessions/{session.session_id}", {"Idempotency-Key": session.session_id}
    shown = (await shop.ask("PUT", f"{path}/basket", {"entries": [{"label": "Tea", "amount": amount}]})).json
    accepted = {"decision_id": shown["decision_id"], "total": shown["decision"]["total"]}
    await shop.ask("POST", f"{path}/accept", accepted)
    paid: dict[str, Any] = (await shop.ask("POST", f"{path}/pay", {"means": "cash"}, headers=key)).json
    assert paid["state"] == "paid"
    return paid


# --- who sees what -------------------------------------------------------------------------------------------------


async def test_a_manager_sees_more_than_a_seller_and_a_seller_more_than_a_partner(
    shop: Shop, ada: str, blind: str
) -> None:
    path = f"/v1/customers/{ada}"
    seen = {role: (await shop.ask("GET", path, role=role)).json for role in ("manager", "seller", blind)}
    assert seen["manager"] | {"display_name": "Ada Byron", "birthday": "1990-02-28", "spend": 0} == seen["manager"]
    assert set(seen["seller"]) == {"customer_id", "display_name", "pseudonym", "tier"}
    assert seen["seller"]["display_name"] == "Ada Byron", "this seller has the right to see history"
    assert seen[blind]["display_name"] == "Ada B."
    assert set(seen[blind]) == {"customer_id", "display_name", "pseudonym", "tier"}


async def test_a_seller_sees_the_history_of_who_stands_there_and_proved_it(shop: Shop, ada: str) -> None:
    path = f"/v1/customers/{ada}/profile"
    for role in ("seller", "station"):
        answer = await shop.ask("GET", path, role=role)
        assert (answer.status, answer.code) == (403, "not-present")
    session_id = await tapped(shop, sure=False)
    card = (await shop.ask("GET", f"/v1/customers/{ada}?session_id={session_id}", role="station")).json
    assert (card["display_name"], card["points"]) == ("Ada Byron", 0)
    assert "birthday" not in card
    answer = await shop.ask("GET", f"{path}?session_id={session_id}", role="station")
    assert (answer.status, answer.code) == (403, "assurance-needed")
    session_id = await tapped(shop, sure=True)
    profile = await shop.ask("GET", f"{path}?session_id={session_id}", role="station")
    assert (profile.status, profile.json["customer"]["display_name"]) == (200, "Ada Byron")
    other = (await shop.ask("POST", "/v1/customers", {"display_name": "Bo"})).json["customer_id"]
    answer = await shop.ask("GET", f"/v1/customers/{other}/profile?session_id={session_id}", role="station")
    assert answer.code == "not-present", "the session is of somebody else"
    assert (await shop.ask("GET", path, role="manager")).status == 200


async def test_an_auditor_reads_the_books_and_no_customer(shop: Shop, ada: str) -> None:
    for path in ("", f"/{ada}", f"/{ada}/profile", f"/{ada}/export"):
        assert (await shop.ask("GET", f"/v1/customers{path}", role="auditor")).code == "role-refused"


async def test_a_search_needs_letters_is_bounded_and_ends_in_429(shop: Shop, ada: str, blind: str) -> None:
    for role in ("seller", blind):
        for q in ("", "a", "ad", "%25%25%25"):
            answer = await shop.ask("GET", f"/v1/customers?q={q}", role=role)
            assert (answer.status, answer.code, answer.json["path"]) == (422, "search-too-short", "$.q")
    found = (await shop.ask("GET", "/v1/customers?q=byr", role="seller")).json
    assert [one["customer_id"] for one in found["items"]] == [ada]
    for _ in range(ALLOWED["partner"].ten_minutes):
        assert (await shop.ask("GET", "/v1/customers?q=byr", role=blind)).status == 200
    answer = await shop.ask("GET", "/v1/customers?q=byr", role=blind)
    assert (answer.status, answer.code) == (429, "too-many-searches")
    assert 0 < int(answer.headers["Retry-After"]) <= 600
    assert (await shop.ask("GET", "/v1/customers?q=byr", role="seller")).status == 200


# --- becoming known ------------------------------------------------------------------------------------------------


async def test_a_seller_makes_a_customer_known_only_with_their_agreement_on_record(shop: Shop) -> None:
    answer = await shop.ask("POST", "/v1/customers", {"display_name": "Bo"}, role="seller")
    assert (answer.status, answer.code, answer.json["path"]) == (422, "consent-needed", "$.consent")
    body = {"display_name": "Bo", "consent": {"version": 1, "how": "signed"}}
    bo = (await shop.ask("POST", "/v1/customers", body, role="station")).json["customer_id"]
    states = (await shop.ask("GET", f"/v1/customers/{bo}/consents", role="seller")).json["items"]
    [membership] = [state for state in states if state["purpose"] == "membership"]
    [word] = membership["history"]
    assert (word["given"], word["how"], word["who"], word["place"]) == (
        *(True, "signed"),
        *(f"station:{shop.station_id}", shop.station_id),
    )


async def test_a_card_stays_a_pseudonym_until_its_bearer_agrees(shop: Shop) -> None:
    session = await shop.services.engine.stations.present(shop.merchant_id, shop.station_id, Card("ndef", "LOYAL-1"))
    assert session.identity is not None
    assert session.identity.pseudonym
    path = f"/v1/customers/{session.identity.customer_id}"
    answer = await shop.ask("PATCH", path, {"display_name": "Cy"}, role="seller")
    assert answer.code == "consent-needed"
    named = await shop.ask("PATCH", path, {"display_name": "Cy", "consent": {"version": 1}}, role="seller")
    assert (named.json["display_name"], named.json["pseudonym"]) == ("Cy", False)


async def test_the_customers_own_phone_gives_and_takes_back_consent(shop: Shop) -> None:
    assert (await shop.ask("PATCH", "/v1/me", {"display_name": "Di"}, role="phone")).status == 204
    texts = (await shop.ask("GET", "/v1/consent-texts", role="phone")).json["items"]
    version = next(text["version"] for text in texts if text["purpose"] == "push")
    for given in (True, False):
        word = {"given": given, "version": version}
        states = (await shop.ask("PUT", "/v1/me/consents/push", word, role="phone")).json["items"]
        assert next(state["given"] for state in states if state["purpose"] == "push") is given
    [membership] = [state for state in states if state["purpose"] == "membership"]
    assert membership["history"][0]["who"] == f"phone:{shop.customer_id}", "a name is told by oneself"
    text = {"text": {"fr": "Un nouveau texte.", "en": "A new text."}}
    assert (await shop.ask("PUT", "/v1/consent-texts/push", text, role="manager")).json["version"] == 2
    answer = await shop.ask("PUT", "/v1/me/consents/push", {"given": True, "version": 1}, role="phone")
    assert (answer.status, answer.code) == (409, "text-changed")
    unknown = await shop.ask("PUT", "/v1/me/consents/everything", {"given": True, "version": 1}, role="phone")
    assert unknown.status == 422


# --- one person ----------------------------------------------------------------------------------------------------


async def test_a_merged_phone_goes_on_as_the_living_record(shop: Shop, ada: str) -> None:
    paid = await sell(shop, shop.customer_id)
    await sell(shop, ada, 500)
    body, key = {"absorbed_id": shop.customer_id}, {"Idempotency-Key": "merge-1"}
    for _ in range(2):
        merged = await shop.ask("POST", f"/v1/customers/{ada}/merge", body, role="manager", headers=key)
        assert (merged.status, merged.json["customer_id"], merged.json["points"]) == (200, ada, 15)
    me = (await shop.ask("GET", "/v1/me", role="phone")).json
    assert (me["customer_id"], me["display_name"], me["points"], me["visits"]) == (ada, "Ada Byron", 15, 2)
    assert len((await shop.ask("GET", "/v1/me/receipts", role="phone")).json["items"]) == 2
    assert (await shop.ask("GET", f"/v1/sales/{paid['sale_id']}/receipt", role="phone")).status == 200
    assert (await shop.ask("GET", f"/v1/customers/{shop.customer_id}")).json["customer_id"] == ada
    for role in ("seller", "station", "phone"):
        answer = await shop.ask("POST", f"/v1/customers/{ada}/merge", body, role=role, headers=key)
        assert answer.code == "role-refused"


async def test_an_open_socket_learns_that_its_customer_was_merged(shop: Shop, ada: str) -> None:
    headers = {"Authorization": f"Bearer {shop.secrets['phone']}"}
    async with shop.http.ws_connect("/v1/live", headers=headers) as socket:
        await socket.send_json({"watch": "customer"})
        assert (await socket.receive_json())["kind"] == "watching"
        body, key = {"absorbed_id": shop.customer_id}, {"Idempotency-Key": "merge-2"}
        await shop.ask("POST", f"/v1/customers/{ada}/merge", body, headers=key)
        await socket.receive()
        assert socket.closed, "it comes back as the living record"
    async with shop.http.ws_connect("/v1/live", headers=headers) as socket:
        await socket.send_json({"watch": "customer"})
        await socket.receive_json()
        await shop.services.live.customer_changed(shop.merchant_id, ada, "sale")
        assert await socket.receive_json() == {"kind": "customer", "notice": "sale"}


# --- friends -------------------------------------------------------------------------------------------------------


async def programme(shop: Shop) -> None:
    """Open the referral programme."""
    for offer_id, amount in OFFERS:
        segment = {"type": "segment", "any_of": [f"coupon:{offer_id}"]}
        offer = {"offer_id": offer_id, "name": {"en": offer_id}, "currency": "EUR", "conditions": segment}
        made = await shop.ask("POST", "/v1/offers", offer | {"effects": [{"type": "amount_off", "amount": amount}]})
        assert made.status == 201, made.content
    rule = {"open": True, "friend_offer_id": "off_friend", "referrer_offer_id": "off_thanks"}
    assert (await shop.ask("PUT", "/v1/programme/referral", rule, role="manager")).status == 200


async def test_a_friend_sent_by_phone_rewards_both(shop: Shop, ada: str) -> None:
    await programme(shop)
    code = (await shop.ask("GET", f"/v1/customers/{ada}/referral", role="seller")).json["code"]
    assert (await shop.ask("POST", "/v1/me/referral", {"code": code}, role="phone")).status == 204
    assert (await shop.ask("GET", "/v1/me/referral", role="phone")).json["waiting"]
    await sell(shop, shop.customer_id)
    assert [one["offer_id"] for one in (await shop.ask("GET", "/v1/me", role="phone")).json["coupons"]] == [
        "off_friend"
    ]
    profile = (await shop.ask("GET", f"/v1/customers/{ada}/profile")).json
    assert [one["offer_id"] for one in profile["coupons"]] == ["off_thanks"]


async def test_two_customers_on_one_browser_are_not_friends(shop: Shop) -> None:
    await programme(shop)
    cookies, phones = {}, []
    for _ in range(2):
        invited = await shop.services.access.invite(shop.merchant_id, "phone", "")
        sent = {"Cookie": "; ".join(f"{name}={value}" for name, value in cookies.items())} if cookies else {}
        answer = await shop.ask("POST", "/v1/pairings/claim", {"secret": invited.secret}, role=None, headers=sent)
        for cookie in answer.headers.getall("Set-Cookie"):
            name, _, value = cookie.partition(";")[0].partition("=")
            cookies[name] = value
        phones.append((answer.json["customer_id"], cookies["poi_access"]))
    code = (await shop.ask("GET", "/v1/me/referral", role=phones[0][1])).json["code"]
    answer = await shop.ask("POST", "/v1/me/referral", {"code": code}, role=phones[1][1])
    assert (answer.status, answer.code) == (409, "referred-oneself")


async def _by_link(shop: Shop, url: str, cookies: dict[str, str] | None = None, **more: str) -> Answer:
    """Open a friend's link in a browser with these cookies."""
    merchant_id, _, code = url.partition("#")[2].rpartition(".")
    sent = {"Cookie": "; ".join(f"{name}={value}" for name, value in cookies.items())} if cookies else {}
    body = {"merchant_id": merchant_id, "code": code} | more
    return await shop.ask("POST", "/v1/pairings/friend", body, role=None, headers=sent)


def _kept(answer: Answer) -> dict[str, str]:
    """The cookies an answer sets."""
    pairs = (cookie.partition(";")[0].partition("=") for cookie in answer.headers.getall("Set-Cookie"))
    return {name: value for name, _, value in pairs}


async def test_a_friends_link_makes_a_member_whom_both_are_rewarded_for_once(shop: Shop) -> None:
    await programme(shop)
    mine = (await shop.ask("GET", "/v1/me/referral", role="phone")).json
    assert mine["url"] == f"{shop.base_url}/join#{shop.merchant_id}.{mine['code']}"
    assert "<svg" in mine["qr_svg"]
    joined = await _by_link(shop, mine["url"])
    assert (joined.status, joined.json["role"]) == (200, "phone")
    assert joined.json["device"]["key"]
    friend, secret = joined.json["customer_id"], _kept(joined)["poi_access"]
    assert (await shop.ask("GET", "/v1/me/referral", role=secret)).json["waiting"] is True
    await sell(shop, friend)
    coupons = [(await shop.ask("GET", "/v1/me", role=role)).json["coupons"] for role in (secret, "phone")]
    assert [[one["name"] for one in own] for own in coupons] == [[{"en": "off_friend"}], [{"en": "off_thanks"}]]
    await sell(shop, friend)
    assert await _count(shop, "coupon") == 2, "with the first sale, and never again"
    acts = (await shop.ask("GET", "/v1/audit")).json["items"]
    assert [act["subject_id"] for act in acts if act["act"] == "referred"] == [friend]


async def test_nobody_joins_by_their_own_link(shop: Shop) -> None:
    """The browser that the link is of is known by its cookie; nothing is made of a refusal."""
    await programme(shop)
    mine = (await shop.ask("GET", "/v1/me/referral", role="phone")).json
    first = await _by_link(shop, mine["url"])
    theirs = (await shop.ask("GET", "/v1/me/referral", role=_kept(first)["poi_access"])).json
    before = await _count(shop)
    again = await _by_link(shop, theirs["url"], {"poi_phone": _kept(first)["poi_phone"]})
    assert (again.status, again.code) == (409, "referred-oneself")
    twice = await _by_link(shop, mine["url"], {"poi_phone": _kept(first)["poi_phone"]})
    assert (twice.status, twice.code) == (409, "referred-oneself"), "the phone has joined by a friend before"
    assert await _count(shop) == before


async def _count(shop: Shop, table: str = "customer") -> int:
    def job() -> Job[int]:
        return int((yield Query(f"select count(*) as n from {table}"))[0]["n"])

    return await shop.services.sql.read(job)


async def test_a_link_of_nobody_makes_nothing_and_is_not_guessed(shop: Shop) -> None:
    await programme(shop)
    before = await _count(shop)
    link = f"{shop.base_url}/join#{shop.merchant_id}.guessed1"
    assert (await _by_link(shop, link)).status == 404
    assert (await _by_link(shop, link, merchant_id="mer_none")).status == 404
    guesses = [await _by_link(shop, link) for _ in range(20)]
    assert guesses[-1].status == 429
    assert await _count(shop) == before


async def test_guessing_codes_is_slowed_down(shop: Shop) -> None:
    await programme(shop)
    codes = [await shop.ask("POST", "/v1/me/referral", {"code": f"guess{n:03}"}, role="phone") for n in range(21)]
    assert {answer.status for answer in codes[:20]} == {404}
    assert codes[-1].status == 429


# --- rights of the person ------------------------------------------------------------------------------------------


async def test_an_export_is_for_the_manager_and_for_the_person(shop: Shop, ada: str) -> None:
    await sell(shop, shop.customer_id)
    mine = (await shop.ask("GET", "/v1/me/export", role="phone")).json
    assert mine["identity"]["customer_id"] == shop.customer_id
    assert mine["purchases"][0]["total"] == "10.00 EUR"
    assert (await shop.ask("GET", f"/v1/customers/{ada}/export")).json["identity"]["birthday"] == "1990-02-28"
    assert (await shop.ask("GET", f"/v1/customers/{ada}/export", role="seller")).code == "role-refused"


async def test_a_manager_erases_and_the_phone_is_out_at_once(shop: Shop) -> None:
    assert (await shop.ask("GET", "/v1/me", role="phone")).status == 200
    path = f"/v1/customers/{shop.customer_id}"
    assert (await shop.ask("DELETE", path, role="seller")).code == "role-refused"
    assert (await shop.ask("DELETE", path, role="manager")).status == 204
    assert (await shop.ask("GET", "/v1/me", role="phone")).status == 401
    assert (await shop.ask("GET", path)).status == 404


async def test_a_note_is_its_writers_or_the_managers_to_take_away(shop: Shop, ada: str) -> None:
    path = f"/v1/customers/{ada}/notes"
    mine = (await shop.ask("POST", path, {"text": "Tall"}, role="seller")).json
    theirs = (await shop.ask("POST", path, {"text": "Likes tea"}, role="manager")).json
    assert (await shop.ask("DELETE", f"{path}/{theirs['note_id']}", role="seller")).status == 404
    assert (await shop.ask("DELETE", f"{path}/{mine['note_id']}", role="seller")).status == 204
    assert [note["text"] for note in (await shop.ask("GET", f"/v1/customers/{ada}/profile")).json["notes"]] == [
        "Likes tea"
    ]
    answer = await shop.ask("POST", path, {"text": "4111 1111 1111 1111"})
    assert (answer.status, answer.code) == (422, "card-number")


async def test_the_rule_of_retention_is_read_changed_and_tried(shop: Shop) -> None:
    rule = (await shop.ask("GET", "/v1/programme/retention", role="auditor")).json
    assert rule == {"years": 3, "action": "erase"}
    changed = {"years": 2, "action": "pseudonymise"}
    assert (await shop.ask("PUT", "/v1/programme/retention", changed, role="manager")).json == changed
    report = (await shop.ask("POST", "/v1/retention", {"dry_run": True}, role="manager")).json
    assert (report["years"], report["action"], report["due"]) == (2, "pseudonymise", 0)
    for wrong in ({"years": 0}, {"years": 3, "action": "sell"}):
        assert (await shop.ask("PUT", "/v1/programme/retention", wrong)).status == 422


@pytest.mark.slow
def test_the_command_line_says_whom_the_rule_concerns_and_carries_it_out(tmp_path: Path) -> None:
    """Through the running server, and on the storage itself when none runs."""
    folder = tmp_path / "data"
    server = ServerProcess(folder)
    try:
        assert "0 customers without an act for 3 years would be erased." in told("--dry-run", folder=folder)
    finally:
        server.stop()
    assert "0 of 0 customers without an act for 3 years: erased." in told(folder=folder)


def told(*words: str, folder: Path) -> str:
    """What `poi-server retention` prints."""
    done = run("retention", *words, folder=folder)
    assert done.returncode == 0, done.stderr
    return done.stdout
