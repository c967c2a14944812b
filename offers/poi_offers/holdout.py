"""Holdout: a share of the customers never gets an offer, so that its lift can be measured."""

from hashlib import sha256

from poi_offers.model import Offer

_BASIS_POINTS = 10_000


def held_out(offer: Offer, customer_id: str) -> bool:
    """True when the customer belongs to the offer's holdout: sticky over visits, versions, stores and processes.

    The offers of a campaign hold out the same customers: who goes without one goes without all.
    """
    if not offer.holdout:
        return False
    return chance_of(offer.campaign_id or offer.offer_id, customer_id) < offer.holdout


def chance_of(drawn_for: str, customer_id: str) -> int:
    """A customer's lot for an offer or a campaign: a basis point from 0 to 9999, the same for ever."""
    digest = sha256(f"{drawn_for}\0{customer_id}".encode()).digest()
    return int.from_bytes(digest[:8], "big") % _BASIS_POINTS
