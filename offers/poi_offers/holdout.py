"""Holdout: a share of the customers never gets an offer, so that its lift can be measured."""

from hashlib import sha256

from poi_offers.model import Offer

_BASIS_POINTS = 10_000


def held_out(offer: Offer, customer_id: str) -> bool:
    """True when the customer belongs to the offer's holdout: sticky over visits, versions, stores and processes."""
    if not offer.holdout:
        return False
    digest = sha256(f"{offer.offer_id}\0{customer_id}".encode()).digest()
    return int.from_bytes(digest[:8], "big") % _BASIS_POINTS < offer.holdout
