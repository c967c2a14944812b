"""A price changed by hand at the counter: by whom, how far alone, what offers make of it, and what is on record."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from poi_engine.basket import BasketEntry, check_entries
from poi_engine.errors import RequestError, StorageError
from poi_engine.overrides import Override
from tests.server.shop import Answer, Shop
from tests.server.test_sellers import MANAGERS_PIN, Counter

CAKE = {"code": "CAKE", "label": "Cake", "unit_price": 1000, "vat_rate": 550}
TENTH_OFF = {
    "offer_id": "tenth",
    "name": {"en": "A tenth off"},
    "currency": "EUR",
    "effects": [{"type": "percent_off", "percent": 1000}],
}


class Baker(Counter):
    """A counter that sells cakes for 10.00."""

    async def start(self, **rights: Any) -> None:
        """A cake on sale, Ada with these rights."""
        await self.setup(**rights)
        await self.done("PUT", "/v1/products/CAKE", CAKE, role="owner")

    async def lay(self, quantity: int = 1000) -> str:
        """A session with a cake on line 1."""
        session_id = (await self.done("POST", "{station}/session"))["session_id"]
        await self.put(session_id, quantity=quantity)
        return str(session_id)

    async def put(
        self, session_id: str, price: int | None = None, *, quantity: int = 1000, approval: str | None = None
    ) -> Answer:
        """The basket with its one line, at a price by hand."""
        entry: dict[str, Any] = {"line_id": "1", "code": "CAKE", "quantity": quantity}
        if price is not None:
            entry["override"] = {"unit_price": price, "reason": "a dent"}
        body = {"entries": [entry], "approval_id": approval}
        return await self.ask("PUT", f"/v1/sessions/{session_id}/basket", body)

    async def audited(self) -> list[str]:
        """Why prices were changed, the newest first."""
        items = (await self.done("GET", "/v1/audit?act=override", role="auditor"))["items"]
        return [item["why"] for item in items]


@pytest.fixture
def baker(shop: Shop) -> Baker:
    """The shop's counter."""
    return Baker(shop)


async def test_a_seller_changes_a_price_within_their_percentage_and_it_is_on_record(baker: Baker) -> None:
    await baker.start(override_limit=20)
    await baker.enter()
    session_id = await baker.lay()
    answer = await baker.put(session_id, 800)
    assert answer.json["decision"]["total"] == 800
    assert answer.json["overrides"] == [
        {
            **{"line_id": "1", "code": "CAKE", "quantity": 1000, "list_price": 1000, "unit_price": 800},
            **{"reason": "a dent", "by": f"seller:{baker.shop.seller_id}"},
        }
    ]
    entry = (await baker.done("GET", "/v1/audit?act=override", role="auditor"))["items"][0]
    assert (entry["who"], entry["subject_id"]) == (f"seller:{baker.shop.seller_id}", session_id)
    assert (entry["why"], entry["station_id"]) == ("CAKE x 1: 1000 -> 800; a dent", baker.shop.station_id)


async def test_the_changed_price_is_what_offers_judge_and_the_receipt_says(baker: Baker) -> None:
    await baker.start(override_limit=50)
    await baker.done("POST", "/v1/offers", TENTH_OFF, role="owner")
    await baker.enter()
    session = (await baker.put(await baker.lay(), 500)).json
    path = f"/v1/sessions/{session['session_id']}"
    assert session["decision"]["total"] == 450
    await baker.done("POST", f"{path}/accept", {"decision_id": session["decision_id"], "total": 450})
    paid = await baker.done("POST", f"{path}/pay", {"means": "cash"})
    line = (await baker.done("GET", f"/v1/sales/{paid['sale_id']}"))["lines"][0]
    assert (line["unit_price"], line["total"]) == (500, 450)


async def test_beyond_the_percentage_a_second_person_consents_to_the_difference(baker: Baker) -> None:
    await baker.start()
    await baker.enter()
    session_id = await baker.lay()
    refused = await baker.put(session_id, 990)
    assert (refused.status, refused.code) == (403, "approval-needed"), "without a percentage, never alone"
    less = await baker.consent("override", session_id, 9)
    assert (await baker.put(session_id, 990, approval=less)).code == "approval-differs"
    enough = await baker.consent("override", session_id, 10)
    assert (await baker.put(session_id, 990, approval=enough)).json["decision"]["total"] == 990
    assert await baker.audited() == [f"CAKE x 1: 1000 -> 990; a dent; with seller:{baker.shop.manager_id}"]


async def test_a_consent_is_not_lost_with_the_session_that_could_not_be_stored(
    baker: Baker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same is allowed once, and once on record, however often it is sent; anything else is asked for."""
    await baker.start()
    await baker.enter()
    session_id = await baker.lay(2000)
    approval = await baker.consent("override", session_id, 1000)
    with away(baker, monkeypatch):
        assert (await baker.put(session_id, 500, quantity=2000, approval=approval)).code == "sessions-away"
    assert (await baker.put(session_id, 499, quantity=2000)).code == "approval-needed"
    assert (await baker.put(session_id, 500, quantity=3000, approval=approval)).code == "approval-used"
    for again in (None, approval):
        answer = await baker.put(session_id, 500, quantity=2000, approval=again)
        assert (answer.status, answer.json["decision"]["total"]) == (200, 1000)
    assert len(await baker.audited()) == 1
    await baker.done("POST", f"/v1/sessions/{session_id}/abandon")
    other = await baker.lay(2000)
    assert (await baker.put(other, 500, quantity=2000)).code == "approval-needed", "the consent was for one session"


@contextmanager
def away(baker: Baker, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Sessions cannot be stored for a moment."""

    async def silent(*_: Any, **__: Any) -> bool:
        raise StorageError("sessions-away", "Redis does not answer.")

    with monkeypatch.context() as patch:
        patch.setattr(baker.shop.services.engine.wiring.sessions, "save", silent)
        yield


async def test_what_was_allowed_stays_and_more_of_it_is_asked_for_anew(baker: Baker) -> None:
    await baker.start()
    await baker.enter()
    session_id = await baker.lay(3000)
    approval = await baker.consent("override", session_id, 1500)
    assert (await baker.put(session_id, 500, quantity=3000, approval=approval)).status == 200
    fewer = await baker.put(session_id, 500, quantity=2000)
    assert fewer.json["decision"]["total"] == 1000, "no second consent for less of the same"
    assert (await baker.put(session_id, 500, quantity=3000)).status == 200, "three were consented to"
    assert (await baker.put(session_id, 500, quantity=4000)).code == "approval-needed"
    assert (await baker.put(session_id, 400)).code == "approval-needed"
    assert (await baker.put(session_id)).json["overrides"] == [], "back to the product's price"
    assert len(await baker.audited()) == 1


async def test_a_price_goes_up_within_the_percentage_too(baker: Baker) -> None:
    await baker.start(override_limit=10)
    await baker.enter()
    session_id = await baker.lay()
    assert (await baker.put(session_id, 1100)).status == 200
    assert (await baker.put(session_id, 1101)).code == "approval-needed"


async def test_a_manager_changes_a_price_alone_and_a_counter_without_anybody_does_not(baker: Baker) -> None:
    await baker.start()
    session_id = await baker.lay()
    nobody = await baker.put(session_id, 1)
    assert (nobody.status, nobody.code) == (403, "sign-in-needed")
    await baker.enter(baker.shop.manager_id, MANAGERS_PIN)
    assert (await baker.put(session_id, 1)).json["decision"]["total"] == 1


@pytest.mark.parametrize(
    ("entry", "code"),
    [
        ({"line_id": "1", "amount": 100}, "override-line"),
        ({"code": "CAKE"}, "override-line"),
    ],
)
async def test_only_a_products_line_has_another_price(baker: Baker, entry: dict[str, Any], code: str) -> None:
    await baker.start(override_limit=100)
    await baker.enter()
    session_id = await baker.lay()
    body = {"entries": [{**entry, "override": {"unit_price": 1, "reason": "because"}}]}
    answer = await baker.ask("PUT", f"/v1/sessions/{session_id}/basket", body)
    assert (answer.status, answer.code, answer.json["path"]) == (422, code, "$.entries[0].override")


async def test_a_reason_is_needed_and_elsewhere_no_price_is_changed(baker: Baker) -> None:
    await baker.start(override_limit=100)
    await baker.enter()
    session_id = await baker.lay()
    line = {"line_id": "1", "code": "CAKE", "override": {"unit_price": 1, "reason": "   "}}
    body: dict[str, Any] = {"entries": [line]}
    assert (await baker.ask("PUT", f"/v1/sessions/{session_id}/basket", body)).status == 422
    entry = BasketEntry(line_id="1", code="CAKE", override=Override(unit_price=1, reason="because"))
    with pytest.raises(RequestError) as refused:
        check_entries([entry])
    assert (refused.value.code, refused.value.path) == ("override-elsewhere", "$.entries[0].override")
