"""A suggestion: why, in figures, and the draft of a campaign that is one click away. Nothing in it names a person."""

from datetime import date, datetime, timedelta
from typing import Any, Literal

from msgspec import Struct

from poi_engine.campaigns.audience import LAPSING
from poi_engine.campaigns.model import CampaignDraft, CampaignOffer
from poi_engine.suggestions.pairs import Pair
from poi_engine.suggestions.quiet import QuietHours
from poi_offers.model import Limit
from poi_offers.offer_conditions import All, Birthday, Bundle, BundleItem, Stores, Weekly, WeeklyWindow
from poi_offers.offer_effects import PercentOff
from poi_offers.offer_parts import Selector

Kind = Literal["together", "companion", "quiet_hours", "lapsing", "birthdays"]
SuggestionState = Literal["open", "dismissed", "used", "gone"]
WEEKS = 4
"""How long a suggested campaign runs."""
HOLDOUT = 1000
"""Share (basis points) held out of a campaign for known customers, so that its effect can be measured."""
Texts = dict[Literal["fr", "en"], str]


class Suggestion(Struct, frozen=True, kw_only=True):
    """`figures` say why (see docs/campaigns.md); `weight`: baskets, sales or customers concerned, the sort order."""

    suggestion_id: str
    kind: Kind
    state: SuggestionState
    figures: dict[str, Any]
    draft: CampaignDraft
    weight: int
    created_at: datetime
    changed_at: datetime


class Found(Struct, frozen=True, kw_only=True):
    """What a computation found; of each kind and `subject` there is one suggestion."""

    kind: Kind
    subject: str
    figures: dict[str, Any]
    draft: CampaignDraft
    weight: int


def together(pair: Pair, labels: dict[str, str], today: date, language: str) -> Found:
    """Two products that go together: the second at 10 % off beside the first."""
    return Found(
        kind="together",
        subject=f"{pair.first}\t{pair.second}",
        figures=_of_pair(pair, labels),
        draft=_bundle_draft(pair.first, pair.second, labels, 1000, today, language),
        weight=pair.both,
    )


def companion(
    pair: Pair, code: str, alone: int, rank: int, labels: dict[str, str], today: date, language: str
) -> Found:
    """A best seller often bought without what goes best with it: its companion at 15 % off beside it."""
    other = pair.second if pair.first == code else pair.first
    with_code = pair.with_first if pair.first == code else pair.with_second
    figures: dict[str, Any] = {
        "code": code,
        "label": labels[code],
        "companion": other,
        "companion_label": labels[other],
    }
    figures |= {"rank": rank, "alone": alone, "with_code": with_code, "share": round(pair.both / with_code, 4)}
    return Found(
        kind="companion",
        subject=code,
        figures=_of_pair(pair, labels) | figures,
        draft=_bundle_draft(code, other, labels, 1500, today, language),
        weight=with_code - pair.both,
    )


def quiet(window: QuietHours, store_id: str, store_name: str, only: bool, today: date, language: str) -> Found:
    """Hours in which little is sold: 10 % off everything then. `only`: the merchant has no other store."""
    hours = WeeklyWindow(days=window.days, start=f"{window.start:02d}:00", end=f"{window.end % 24:02d}:00")
    named = Weekly(windows=(hours,))
    conditions = All(of=(named,) if only else (Stores(any_of=(store_id,)), named))
    figures: dict[str, Any] = {"store_id": store_id, "store": "" if only else store_name, "days": list(window.days)}
    figures |= {"start": window.start, "end": window.end}
    figures |= {"sales": round(window.sales, 2), "usual": round(window.usual, 2)}
    name: Texts = {
        "en": f"Quiet hours: 10% off from {hours.start} to {hours.end}",
        "fr": f"Heures creuses : 10 % de {hours.start} à {hours.end}",
    }
    offer = CampaignOffer(name=name, effects=(PercentOff(percent=1000),), conditions=conditions)
    cells = len(window.days) * (window.end - window.start)
    return Found(
        kind="quiet_hours",
        subject=f"{store_id}\t{window.start}-{window.end}\t{''.join(map(str, window.days))}",
        figures=figures,
        draft=_draft(name, offer, today, language),
        weight=round((window.usual - window.sales) * cells),
    )


def lapsing(customers: int, usual_days: int, today: date, language: str) -> Found:
    """Customers who stay away for longer than they use to: 15 % off once."""
    name: Texts = {"en": "We miss you: 15% off", "fr": "Vous nous manquez : 15 % offerts"}
    offer = CampaignOffer(name=name, effects=(PercentOff(percent=1500),))
    once = Limit(of="uses", cap=1, per="customer")
    return Found(
        kind="lapsing",
        subject="",
        figures={"customers": customers, "usual_days": usual_days},
        draft=_draft(name, offer, today, language, audience=(LAPSING,), limits=(once,), holdout=HOLDOUT),
        weight=customers,
    )


def birthdays(customers: int, today: date, language: str) -> Found:
    """Birthdays of this month: 15 % off once, from three days before to three days after."""
    name: Texts = {"en": "Happy birthday: 15% off", "fr": "Joyeux anniversaire : 15 % offerts"}
    conditions = All(of=(Birthday(before=3, after=3),))
    offer = CampaignOffer(name=name, effects=(PercentOff(percent=1500),), conditions=conditions)
    once = Limit(of="uses", cap=1, per="customer")
    draft = _draft(name, offer, today, language, limits=(once,), holdout=HOLDOUT)
    month = today.isoformat()[:7]
    return Found(
        kind="birthdays",
        subject=month,
        figures={"customers": customers, "month": month},
        draft=draft,
        weight=customers,
    )


def _of_pair(pair: Pair, labels: dict[str, str]) -> dict[str, Any]:
    return {
        "first": pair.first,
        "first_label": labels[pair.first],
        "second": pair.second,
        "second_label": labels[pair.second],
        "baskets": pair.baskets,
        "both": pair.both,
        "with_first": pair.with_first,
        "with_second": pair.with_second,
        "support": round(pair.support, 4),
        "confidence": round(pair.confidence, 4),
        "lift": round(pair.lift, 2),
    }


def _bundle_draft(
    code: str, beside: str, labels: dict[str, str], percent: int, today: date, language: str
) -> CampaignDraft:
    """`beside` at `percent` (basis points) off in a basket that has `code` as well."""
    share = percent // 100
    short = {one: labels[one][:40] for one in (code, beside)}
    name: Texts = {
        "en": f"{short[beside]}: {share}% off with {short[code]}",
        "fr": f"{short[beside]} : {share} % avec {short[code]}",
    }
    items = [BundleItem(items=Selector(products=(one,))) for one in (code, beside)]
    effect = PercentOff(percent=percent, on="line", items=Selector(products=(beside,)))
    offer = CampaignOffer(name=name, effects=(effect,), conditions=All(of=(Bundle(of=tuple(items)),)))
    return _draft(name, offer, today, language)


def _draft(name: Texts, offer: CampaignOffer, today: date, language: str, **more: Any) -> CampaignDraft:
    called = name["fr" if language == "fr" else "en"]
    return CampaignDraft(name=called, offers=(offer,), last=today + timedelta(weeks=WEEKS), **more)
