"""What came of a replay, in a few lines for people."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from babel.numbers import get_currency_precision

from poi_offers.decision import Decision
from poi_server.replay.lines import counted

SHOWN = 30
"""Offers that get a row of their own."""
_NAMES = 10
"""Offers named among those that were never chosen."""


@dataclass(slots=True)
class Sums:
    """One currency's baskets: their amounts before offers, what was taken off, what it was worth (minor units)."""

    subtotal: int = 0
    saved: int = 0
    value: int = 0


@dataclass(slots=True)
class Use:
    """How one offer was used (amounts in minor units)."""

    currency: str
    uses: int = 0
    saved: int = 0
    value: int = 0


@dataclass(slots=True)
class Summary:
    """Adds up decisions."""

    baskets: int = 0
    with_offer: int = 0
    greedy: int = 0
    sums: dict[str, Sums] = field(default_factory=dict)
    uses: dict[str, Use] = field(default_factory=dict)
    outcomes: Counter[str] = field(default_factory=Counter)

    def add(self, decision: Decision) -> None:
        """One more basket."""
        self.baskets += 1
        self.with_offer += bool(decision.offers)
        self.greedy += not decision.optimal
        self.outcomes.update(reason.outcome for reason in decision.reasons)
        sums = self.sums.setdefault(decision.currency, Sums())
        sums.subtotal += decision.subtotal
        sums.saved += decision.saved
        sums.value += decision.value
        for chosen in decision.offers:
            use = self.uses.setdefault(chosen.offer_id, Use(decision.currency))
            use.uses += 1
            use.saved += chosen.saved
            use.value += chosen.value

    def lines(self, offers: Sequence[str], paused: Sequence[str] = ()) -> Iterator[str]:
        """The summary; `offers` are the ids of the catalogue, `paused` those it left out."""
        share = f" ({self.with_offer / self.baskets:.1%})" if self.baskets else ""
        yield f"{counted(self.baskets, 'basket')}, {self.with_offer:,} with an offer{share}"
        for currency, sums in sorted(self.sums.items()):
            yield from _money_lines(currency, sums)
        if self.greedy:
            yield f"{counted(self.greedy, 'basket')} got the greedy answer: too many offers to search through"
        if self.outcomes["limit_reached"]:
            yield f"a limit stood in the way of an offer {counted(self.outcomes['limit_reached'], 'time')}"
        yield from self._table()
        never = [offer_id for offer_id in offers if offer_id not in self.uses]
        if never:
            yield f"never chosen ({len(never):,} of {counted(len(offers), 'offer')}): {_some(never)}"
        if paused:
            yield f"left out, not live ({len(paused):,}): {_some(paused)}"

    def _table(self) -> Iterator[str]:
        ranked = sorted(self.uses.items(), key=lambda item: (-item[1].uses, -item[1].value, item[0]))
        rows = [(offer_id, f"{use.uses:,}", *_both(use)) for offer_id, use in ranked[:SHOWN]]
        if not rows:
            return
        rows = [("offer", "uses", "saved", "value"), *rows]
        widths = [max(len(row[column]) for row in rows) for column in range(4)]
        yield ""
        for row in rows:
            numbers = (text.rjust(width) for text, width in zip(row[1:], widths[1:], strict=True))
            yield "  ".join((row[0].ljust(widths[0]), *numbers))
        if len(ranked) > SHOWN:
            rest = sum(use.uses for _, use in ranked[SHOWN:])
            yield f"... and {counted(len(ranked) - SHOWN, 'offer')} more, used {counted(rest, 'time')}"


def _money_lines(currency: str, sums: Sums) -> Iterator[str]:
    share = f"  ({sums.saved / sums.subtotal:.1%})" if sums.subtotal else ""
    yield f"  before  {money(sums.subtotal, currency)}"
    yield f"  saved   {money(sums.saved, currency)}{share}"
    yield f"  value   {money(sums.value, currency)}  (with points and stored value)"


def _both(use: Use) -> tuple[str, str]:
    return money(use.saved, use.currency), money(use.value, use.currency)


def _some(names: Sequence[str]) -> str:
    shown = ", ".join(names[:_NAMES])
    return f"{shown}, ..." if len(names) > _NAMES else shown


def money(minor: int, currency: str) -> str:
    """An amount as people write it: `EUR 1,234.50`."""
    digits = get_currency_precision(currency)
    return f"{currency} {minor / 10**digits:,.{digits}f}"
