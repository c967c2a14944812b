"""What a demo shop consists of, and the words its catalogues are written with."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

Json = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ware:
    """A product: its sheet as a merchant would send it, its picture, its stock, how it sells.

    `drawing` is a thing's name and its details. `stock`: pieces at central, then at each store; nothing is counted
    without. `weight`: how often it is bought beside the others; `pieces`: how many at a time.
    """

    sheet: Json
    drawing: tuple[Any, ...] = ()
    stock: tuple[int, ...] = ()
    weight: float = 0
    pieces: tuple[int, ...] = (1,)


@dataclass(frozen=True, slots=True, kw_only=True)
class Clerk:
    """A person of the staff with the PIN that the demo tells."""

    pin: str
    person: Json


@dataclass(frozen=True, slots=True, kw_only=True)
class Ordered:
    """An order that waits: for whom (a loyalty card), what, where to, for when, and how far it has come.

    `when`: days from today and the store's time; None is as soon as can be. `paid`: ahead.
    """

    card: str
    entries: tuple[tuple[str, int], ...]
    name: str
    address: Json | None = None
    note: str = ""
    when: tuple[int, str] | None = None
    moves: tuple[str, ...] = ()
    paid: bool = False
    channel: str = "phone"


@dataclass(frozen=True, slots=True, kw_only=True)
class Trade:
    """How a shop sells. `sales`: on an average Monday .. Sunday, store by store. `hours`: weight by hour.

    `lines`: how many products a basket has, each as likely. `every`: days between a regular's visits. `beside`: a
    product, one bought with it, how often, and until which hour.
    """

    sales: tuple[tuple[int, ...], ...]
    hours: Mapping[int, float]
    lines: tuple[int, ...]
    every: tuple[int, ...]
    beside: tuple[tuple[str, str, float, int], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoShop:
    """A whole shop. `stations`: the place of their store in `stores`, and a name; `cards`: loyalty cards of persons."""

    merchant: str
    vat_rate: int
    stores: tuple[Json, ...]
    stations: tuple[tuple[int, str], ...]
    wares: tuple[Ware, ...]
    staff: tuple[Clerk, ...]
    cards: Mapping[str, Json]
    offers: tuple[Json, ...]
    campaign: Json
    trade: Trade
    orders: tuple[Ordered, ...] = ()
    friend: Json | None = None


def gtin(number: int) -> str:
    """An EAN-13 of the range for use within one company (prefix 200): it is nobody's real product."""
    digits = f"200{number:09d}"
    total = sum(int(digit) * (3 if place % 2 else 1) for place, digit in enumerate(digits))
    return f"{digits}{-total % 10}"


def texts(french: tuple[str, str], english: tuple[str, str]) -> Json:
    """A sheet's label and description in both languages."""
    pairs = {"fr": french, "en": english}
    return {language: {"label": label, "description": about} for language, (label, about) in pairs.items()}


def offer(offer_id: str, french: str, english: str, effects: list[Json], *conditions: Json, **more: Any) -> Json:
    """An offer of which all conditions must hold."""
    return {
        "offer_id": offer_id,
        "name": {"fr": french, "en": english},
        "currency": "EUR",
        "effects": effects,
        "conditions": {"type": "all", "of": list(conditions)},
        **more,
    }


def percent_on(percent: int, category: str) -> Json:
    """An effect: basis points off every line of a category."""
    return {"type": "percent_off", "percent": percent, "on": "line", "items": {"categories": [category]}}


def gold_points() -> Json:
    """An offer: double points for the highest tier."""
    return offer(
        "off_gold_points",
        "Points doublés pour les membres Or",
        "Double points for Gold members",
        [{"type": "points_multiplier", "factor": 2000}],
        {"type": "tier", "any_of": ["gold"]},
    )


def reward(euros: int, points: int) -> Json:
    """An offer: euros off, for points."""
    return offer(
        f"off_reward_{euros}",
        f"{euros} € pour {points} points",
        f"{euros} € for {points} points",
        [{"type": "amount_off", "amount": euros * 100}],
        reward_points=points,
    )


def campaign(name: str, french: str, english: str, effect: Json, cap: int) -> Json:
    """A campaign of one offer, within a sum of money, a fifth of its audience held out."""
    return {
        "name": name,
        "offers": [{"name": {"fr": french, "en": english}, "effects": [effect]}],
        "limits": [{"of": "money", "cap": cap, "per": "total"}],
        "holdout": 2000,
    }
