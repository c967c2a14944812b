"""Effects and limits: combinations that could never work."""

from poi_offers import model, offer_effects, offer_parts
from poi_offers.errors import OfferError
from poi_offers.model import Offer

MONEY = (
    offer_effects.PercentOff,
    offer_effects.AmountOff,
    offer_effects.FixedPrice,
    offer_effects.FreeItem,
    offer_effects.BuyXGetY,
    offer_effects.Cashback,
)
"""Effects that cost money, so that a limit in money makes sense."""


def check_effects(offer: Offer) -> None:
    """Each effect can do something, and does not contradict itself."""
    for i, effect in enumerate(offer.effects):
        path = f"$.effects[{i}]"
        if isinstance(effect, offer_effects.Cashback):
            _check_cashback(effect, path)
        elif isinstance(effect, (offer_effects.FixedPrice, offer_effects.FreeItem, offer_effects.BuyXGetY)):
            _check_named(effect.items, f"{path}.items")
        elif isinstance(effect, offer_effects.PercentOff):
            _check_percent(effect, path)
        elif isinstance(effect, offer_effects.NextVisitCoupon) and effect.offer_id == offer.offer_id:
            raise OfferError("coupon_to_itself", f"{path}.offer_id", "a coupon leads to another offer: name that one")
        elif isinstance(effect, offer_effects.Message) and not effect.text:
            raise OfferError("message_missing", f"{path}.text", "write the message in one language at least: fr or en")
        if isinstance(effect, (offer_effects.PercentOff, offer_effects.AmountOff, offer_effects.PointsPerUnit)):
            check_selector(effect.items, f"{path}.items")


def check_limits(
    limits: tuple[model.Limit, ...], effects: tuple[offer_effects.Effect, ...], campaign_id: str | None
) -> None:
    """No limit twice for the same scope and period, money limits only where money is given, shared ones in campaigns.

    An offer without money may stand under a limit that its campaign's other offers fill.
    """
    seen: set[tuple[str, str, str, bool]] = set()
    for i, limit in enumerate(limits):
        if limit.shared and campaign_id is None:
            message = "only the offers of a campaign share a limit: name the campaign, or set shared to false"
            raise OfferError("shared_without_campaign", f"$.limits[{i}].shared", message)
        if limit.of == "money" and not (limit.shared or costs_money(effects)):
            message = "no effect of this offer costs money: limit its uses instead"
            raise OfferError("limit_without_money", f"$.limits[{i}].of", message)
        bucket = (limit.of, limit.per, limit.period, limit.shared)
        if bucket in seen:
            message = f"a second limit of {limit.of} per {limit.per} and {limit.period}: keep the lower cap only"
            raise OfferError("limit_twice", f"$.limits[{i}]", message)
        seen.add(bucket)


def costs_money(effects: tuple[offer_effects.Effect, ...]) -> bool:
    """True when an effect takes money off or gives stored value."""
    return any(isinstance(effect, MONEY) for effect in effects)


def check_selector(selector: offer_parts.Selector, path: str) -> None:
    """The selector does not exclude all it includes."""
    for kind in ("products", "brands", "categories"):
        excluded = set(getattr(selector, f"exclude_{kind}"))
        for i, word in enumerate(getattr(selector, kind)):
            if word in excluded:
                message = f"{word!r} is included and excluded: take it out of one list"
                raise OfferError("selector_contradiction", f"{path}.{kind}[{i}]", message)


def names_something(selector: offer_parts.Selector) -> bool:
    """The selector has an include list."""
    return bool(selector.products or selector.brands or selector.categories)


def _check_named(selector: offer_parts.Selector, path: str) -> None:
    if not names_something(selector):
        message = "name the products, brands or categories this effect works on"
        raise OfferError("selector_empty", path, message)
    check_selector(selector, path)


def _check_cashback(effect: offer_effects.Cashback, path: str) -> None:
    if (effect.percent is None) == (effect.amount is None):
        raise OfferError("cashback_amount", path, "give either percent or amount, not both and not neither")
    if effect.amount is not None and effect.cap is not None:
        raise OfferError("cashback_cap", f"{path}.cap", "a fixed amount needs no cap: leave it out")


def _check_percent(effect: offer_effects.PercentOff, path: str) -> None:
    if effect.n != 1 and effect.on != "cheapest":
        raise OfferError("n_without_cheapest", f"{path}.n", "n counts the cheapest units: set on to 'cheapest'")
    if effect.cap == 0:
        raise OfferError("cap_zero", f"{path}.cap", "a cap of 0 takes nothing off: raise it or leave it out")
