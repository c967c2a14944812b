"""Leaves over the basket (before any discount), the means of payment, the channel and the codes."""

from collections.abc import Collection

from poi_offers import offer_conditions
from poi_offers.decision import NearMiss
from poi_offers.leaves_customer import within
from poi_offers.scene import NO, NO_CARD, UNKNOWN, YES, Answer, Scene, fold_code


def subtotal(leaf: offer_conditions.Subtotal, scene: Scene) -> Answer:
    """Amount of the selected lines; the near miss is in minor units."""
    items = scene.situation.basket.items
    amount = sum(items[line].amount for line in scene.lines(leaf.items))
    if within(amount, leaf.min, leaf.max):
        return YES
    short = leaf.min is not None and amount < leaf.min
    return (False, NearMiss(what="subtotal", missing=(leaf.min or 0) - amount)) if short else NO


def quantity(leaf: offer_conditions.Quantity, scene: Scene) -> Answer:
    """Quantity of the selected lines; the near miss is in thousandths."""
    items = scene.situation.basket.items
    count = sum(items[line].quantity for line in scene.lines(leaf.items))
    if within(count, leaf.min, leaf.max):
        return YES
    short = leaf.min is not None and count < leaf.min
    return (False, NearMiss(what="quantity", missing=(leaf.min or 0) - count)) if short else NO


def bundle(leaf: offer_conditions.Bundle, scene: Scene) -> Answer:
    """Every component, none of the basket's quantity counted twice; the near miss is in thousandths."""
    missing = unserved(leaf, scene)
    return YES if missing == 0 else (False, NearMiss(what="item", missing=missing))


def unserved(leaf: offer_conditions.Bundle, scene: Scene) -> int:
    """What the best sharing of the lines among the components leaves missing, in thousandths (maximum flow)."""
    items = scene.situation.basket.items
    left = [item.quantity for item in items]
    fitting = [scene.lines(part.items) for part in leaf.of]
    given: list[dict[int, int]] = [{} for _ in leaf.of]
    missing = 0
    for part, component in enumerate(leaf.of):
        wanted = component.quantity
        while wanted > 0 and (path := _way(part, fitting, left, given)):
            wanted -= _shift(path, wanted, left, given)
        missing += wanted
    return missing


def _way(
    start: int, fitting: list[tuple[int, ...]], left: list[int], given: list[dict[int, int]]
) -> list[tuple[int, int]]:
    """Steps (component, line) from a component to a line with something left, over lines others could give up."""
    came_from: dict[int, tuple[int, int] | None] = {start: None}
    queue = [start]
    for part in queue:
        for line in fitting[part]:
            if left[line] > 0:
                return _unwind(part, line, came_from)
            for other, lines in enumerate(given):
                if other not in came_from and lines.get(line, 0) > 0:
                    came_from[other] = (part, line)
                    queue.append(other)
    return []


def _unwind(part: int, line: int, came_from: dict[int, tuple[int, int] | None]) -> list[tuple[int, int]]:
    path = [(part, line)]
    while (step := came_from[path[-1][0]]) is not None:
        path.append(step)
    return path[::-1]


def _shift(path: list[tuple[int, int]], wanted: int, left: list[int], given: list[dict[int, int]]) -> int:
    """Give each component on the path its line, taking it from the next component; the last line has some left."""
    handed_on = [given[path[i + 1][0]][line] for i, (_, line) in enumerate(path[:-1])]
    amount = min([wanted, left[path[-1][1]], *handed_on])
    left[path[-1][1]] -= amount
    for i, (part, line) in enumerate(path):
        given[part][line] = given[part].get(line, 0) + amount
        if i + 1 < len(path):
            given[path[i + 1][0]][line] -= amount
    return amount


def card_scheme(leaf: offer_conditions.CardScheme, scene: Scene) -> Answer:
    """Unknown until a card is seen."""
    payment = scene.situation.payment
    return _one_of(None if payment is None else payment.scheme, leaf.any_of)


def card_type(leaf: offer_conditions.CardType, scene: Scene) -> Answer:
    """Unknown until a card is seen."""
    payment = scene.situation.payment
    return _one_of(None if payment is None else payment.card_type, leaf.any_of)


def entry_mode(leaf: offer_conditions.EntryMode, scene: Scene) -> Answer:
    """Unknown until the means of payment is presented."""
    payment = scene.situation.payment
    return _one_of(None if payment is None else payment.entry_mode, leaf.any_of)


def bin_prefix(leaf: offer_conditions.BinPrefix, scene: Scene) -> Answer:
    """Unknown until a card is seen, or when too few of its digits are known to tell."""
    payment = scene.situation.payment
    if payment is None or payment.bin is None:
        return NO_CARD
    digits = payment.bin
    if any(digits.startswith(prefix) for prefix in leaf.any_of):
        return YES
    return NO_CARD if any(prefix.startswith(digits) for prefix in leaf.any_of) else NO


def channel(leaf: offer_conditions.Channel, scene: Scene) -> Answer:
    """Always known."""
    return YES if scene.situation.channel in leaf.any_of else NO


def partner(leaf: offer_conditions.Partner, scene: Scene) -> Answer:
    """Unknown when no partner asks."""
    asking = scene.situation.partner
    if asking is None:
        return UNKNOWN
    return YES if asking in leaf.any_of else NO


def code(leaf: offer_conditions.Code, scene: Scene) -> Answer:
    """Unknown until the customer gives a code."""
    if any(fold_code(one) in scene.codes for one in leaf.any_of):
        return YES
    return (False if scene.codes else None), NearMiss(what="code")


def _one_of(fact: str | None, any_of: Collection[str]) -> Answer:
    if fact is None:
        return NO_CARD
    return YES if fact in any_of else NO
