"""A radio field with cards in it, over UDP: taps without hardware; the card's side only, independent of nfcpy."""

from poi_nfc.emulator.cards import Card, Faults, NtagCard
from poi_nfc.emulator.field import Field
from poi_nfc.emulator.isodep_card import IsoDepCard
from poi_nfc.emulator.loyalty import LoyaltyCard

__all__ = ["Card", "Faults", "Field", "IsoDepCard", "LoyaltyCard", "NtagCard"]
