"""Campaigns as tests write them."""

from typing import Any

from poi_engine.campaigns.model import CampaignDraft, CampaignOffer
from poi_offers.offer_effects import Effect, PercentOff

TEN: Effect = PercentOff(percent=1000)


def draft(*effects: Effect, name: str = "Autumn", **changes: Any) -> CampaignDraft:
    """A campaign with one offer for each effect, 10 % off everything when none is given."""
    offers = tuple(
        CampaignOffer(name={"en": f"Offer {n}"}, effects=(effect,)) for n, effect in enumerate(effects or (TEN,))
    )
    return CampaignDraft(**({"name": name, "offers": offers} | changes))
