"""Every money act x everybody at a counter x limits: refused, or done and on record with who, where, when, why."""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from poi_server.http import COUNTER
from poi_server.routes import route_table
from tests.server.shop import Answer, open_shop
from tests.server.test_sellers import MANAGERS_PIN, PIN, UNHEARD, Counter

NOTHING: dict[str, Any] = {"take_payment": False, "refund_limit": 0}
TRUSTED: dict[str, Any] = {"refund_limit": None, "override_limit": 100, "close_day": True}
WHY = "because it is so"


class Floor(Counter):
    """The shop's counter, with a cake on sale and what the acts are done to, prepared by a manager signed in."""

    async def furnish(self, rights: dict[str, Any]) -> None:
        """PINs, Ada's rights, a cake."""
        await self.setup(**rights)
        cake = {"code": "CAKE", "label": "Cake", "unit_price": 1000}
        await self.done("PUT", "/v1/products/CAKE", cake, role="owner")

    async def come(self, who: str) -> None:
        """Sign in, or leave the counter to nobody."""
        if who == "seller":
            await self.enter(pin=PIN)
        elif who == "manager":
            await self.enter(self.shop.manager_id, MANAGERS_PIN)

    async def tidy(self) -> None:
        """Nobody is signed in, and no sale is under way."""
        await self.done("POST", "{station}/sign-out")
        session = await self.done("GET", "{station}/session", role="owner")
        ending = {"paying": "abandon", "unknown": "set-aside"}.get(session["state"]) if session else None
        if ending:
            await self.done("POST", f"/v1/sessions/{session['session_id']}/{ending}", role="owner")

    async def rows(self, act: str) -> list[dict[str, Any]]:
        """The audit's rows of an act."""
        items: list[dict[str, Any]] = (await self.done("GET", f"/v1/audit?act={act}", role="auditor"))["items"]
        return items


Prepare = Callable[[Floor], Awaitable[dict[str, str]]]


async def _accepted(floor: Floor) -> dict[str, str]:
    session = await floor.basket(700)
    path = f"/v1/sessions/{session['session_id']}"
    await floor.done("POST", f"{path}/accept", {"decision_id": session["decision_id"], "total": 700})
    return {"session": session["session_id"]}


async def _part_paid(floor: Floor) -> dict[str, str]:
    found = await _accepted(floor)
    await floor.done("POST", f"/v1/sessions/{found['session']}/pay", {"means": "cash", "amount": 300})
    return found


async def _sold(floor: Floor) -> dict[str, str]:
    return {"sale": (await floor.sell(700))["sale_id"]}


async def _doubtful(floor: Floor) -> dict[str, str]:
    return {"session": (await floor.sell(UNHEARD, "card"))["session_id"]}


async def _refund_in_doubt(floor: Floor) -> dict[str, str]:
    sale = (await floor.sell(1000, "card"))["sale_id"]
    assert (await floor.refund(sale, lines=[{"line_id": "1", "quantity": 713}])).code == "refund-unknown"
    (doubt,) = (await floor.done("GET", f"/v1/sales/{sale}/refunds"))["items"]
    return {"sale": sale, "refund": doubt["refund_id"]}


async def _basket(floor: Floor) -> dict[str, str]:
    return {"session": (await floor.basket(100))["session_id"]}


async def _nothing(floor: Floor) -> dict[str, str]:
    return {}


@dataclass(frozen=True)
class MoneyAct:
    """An act: what it needs first, its request, the audit's word for it, and what each person's attempt comes to."""

    name: str
    prepare: Prepare
    request: tuple[str, str, dict[str, Any]]
    audited: str
    why: str
    nothing: str
    default: str
    trusted: str
    nobody: str
    manager: str = ""

    def expected(self, who: str, rights: str) -> str:
        """The refusal's code, or nothing. Signing out gives nobody more: where the shop's seller is refused, or has to
        ask, nobody is asked to sign in."""
        if who == "nobody":
            return self.nobody or (SIGN if rights != "gone" and getattr(self, rights) else "")
        return str(getattr(self, rights if who == "seller" else who))


ENTRY = {"line_id": "1", "code": "CAKE", "override": {"unit_price": 500, "reason": WHY}}
LOAD = {"code": "value:gift_card:gft_none", "amount": 1000}
RIGHT, FOUR, SIGN = "right-missing", "approval-needed", "sign-in-needed"
ACTS = [
    MoneyAct("pay", _accepted, ("POST", "/v1/sessions/{session}/pay", {"means": "cash"}), "", "", RIGHT, "", "", ""),
    MoneyAct("refund", _sold, ("POST", "/v1/sales/{sale}/refunds", {"reason": WHY}), "refund", WHY, FOUR, FOUR, "", ""),
    MoneyAct(
        "override",
        _basket,
        ("PUT", "/v1/sessions/{session}/basket", {"entries": [ENTRY]}),
        *("override", WHY, FOUR, FOUR, "", SIGN),
    ),
    MoneyAct(
        "resolve",
        _doubtful,
        ("POST", "/v1/sessions/{session}/resolve", {"outcome": "paid", "reason": WHY}),
        *("resolve-paid", WHY, FOUR, FOUR, FOUR, ""),
    ),
    MoneyAct(
        "resolve a refund",
        _refund_in_doubt,
        ("POST", "/v1/sales/{sale}/refunds/{refund}/resolve", {"outcome": "refunded", "reason": WHY}),
        *("resolve-refund-refunded", WHY, FOUR, FOUR, FOUR, ""),
    ),
    MoneyAct(
        "give back a part",
        _part_paid,
        ("POST", "/v1/sessions/{session}/abandon", {}),
        *("give-back", "given back by hand", RIGHT, "", "", ""),
    ),
    MoneyAct("make a gift card", _nothing, ("POST", "/v1/gift-cards", {}), "gift-card-issued", "", RIGHT, "", "", ""),
    MoneyAct(
        "close the day",
        _sold,
        ("POST", "/v1/stations/{station}/closings", {"kind": "day"}),
        *("close-day", "", RIGHT, RIGHT, "", SIGN),
    ),
    MoneyAct(
        "train",
        _nothing,
        ("POST", "/v1/stations/{station}/training", {"on": True}),
        *("training-on", "", RIGHT, RIGHT, "", SIGN),
    ),
]
RIGHTS = {"nothing": NOTHING, "default": {"refund_limit": 0}, "trusted": TRUSTED, "gone": {"active": False}, "": {}}
PEOPLE = [
    *[("nobody", rights) for rights in ("nothing", "default", "trusted", "gone")],
    *[("seller", rights) for rights in ("nothing", "default", "trusted")],
    ("manager", ""),
]


@pytest.fixture
async def floor(tmp_path: Path, sqlite_url: str, valkey_url: str) -> AsyncIterator[Floor]:
    """A furnished server's counter."""
    async with open_shop(tmp_path, valkey_url) as shop:
        yield Floor(shop)


async def attempt(floor: Floor, act: MoneyAct, who: str) -> Answer:
    """Prepare as a manager, let the person come, and try."""
    method, path, body = act.request
    await floor.come("manager")
    found = {"station": floor.shop.station_id} | await act.prepare(floor)
    await floor.done("POST", "{station}/sign-out")
    await floor.come(who)
    return await floor.ask(method, path.format(**found), body)


@pytest.mark.parametrize(("who", "rights"), PEOPLE, ids=lambda one: one or "-")
async def test_each_act_is_refused_or_on_record(floor: Floor, who: str, rights: str) -> None:
    """One after the other on one counter; after its closing nothing is sold."""
    await floor.furnish(RIGHTS[rights])
    for act in ACTS:
        await floor.tidy()
        answer = await attempt(floor, act, who)
        check(act, answer, act.expected(who, rights))
        if answer.status < 300 and act.audited:
            await must_be_on_record(floor, act, who)


def check(act: MoneyAct, answer: Answer, refused: str) -> None:
    """Refused with exactly that, or done."""
    if refused:
        assert (answer.status, answer.code) == (403, refused), (act.name, answer.content)
    else:
        assert answer.status < 300, (act.name, answer.content)


async def must_be_on_record(floor: Floor, act: MoneyAct, who: str) -> None:
    """Who, where, when, why."""
    row = (await floor.rows(act.audited))[0]
    shop = floor.shop
    people = {"seller": f"seller:{shop.seller_id}", "manager": f"seller:{shop.manager_id}"}
    assert row["who"] == people.get(who, f"station:{shop.station_id}"), act.name
    assert row["station_id"] == shop.station_id, act.name
    assert act.why in row["why"], act.name
    assert row["at"], act.name


async def test_selling_stored_value_takes_the_right_to_load_it(floor: Floor) -> None:
    await floor.furnish(NOTHING)
    session = (await floor.basket(100))["session_id"]
    await floor.come("seller")
    refused = await floor.ask("PUT", f"/v1/sessions/{session}/basket", {"entries": [LOAD]})
    assert (refused.status, refused.code) == (403, RIGHT)


async def test_an_auditor_does_none_of_it(floor: Floor) -> None:
    await floor.furnish({})
    for act in ACTS:
        method, path, body = act.request
        found = {"station": floor.shop.station_id, "session": "ses_x", "sale": "sal_x", "refund": "ref_x"}
        answer = await floor.ask(method, path.format(**found), body, role="auditor")
        assert (answer.status, answer.code) == (403, "role-refused"), act.name


def test_no_route_that_moves_money_at_a_counter_is_without_a_right() -> None:
    """Whatever is sent once by its key moves something: at a counter it names the right that it takes."""
    for route in route_table():
        if route.idempotent and route.roles & COUNTER:
            assert route.right is not None, f"{route.method} {route.path}"
