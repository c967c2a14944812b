"""What a closing holds."""

from typing import Literal

import msgspec
from msgspec import Struct

from poi_engine.fiscal.chain import Anchor
from poi_engine.fiscal.totals import MeansTotal, Totals, VatTotal
from poi_engine.ports import Row

FORMAT = 1
Kind = Literal["day", "month", "year"]


class InDoubt(Struct, frozen=True, kw_only=True):
    """A payment that had no receipt yet when the day was closed, for nobody knew its end or that of the sale or refund
    that it is a part of: the receipt falls into a later period."""

    checkout_id: str
    amount: int


class PayBacks(Struct, frozen=True, kw_only=True):
    """Stored value paid back for good, by means, amounts above zero: what a station's events `first` to `last` tell."""

    first: int = 1
    last: int = 0
    by: tuple[MeansTotal, ...] = ()


class Closing(Struct, frozen=True, kw_only=True):
    """One closing. Receipts `first` to `last`; amounts in minor units; hashes in hex.

    `ends`: the midnight (microseconds since 1970) up to which the station is closed. `carried_*` is what was sold
    before `first`; `perpetual_sales` counts sales alone, `perpetual_total` sales less refunds. `stored`: of the total,
    stored value that was sold, which is no turnover before it is spent; what was `paid_back` of it is in no total.
    `adds_up`: the numbers of the closings that a month's or year's adds up. `journal_hash` is that of receipt `last`;
    the other chains stood at `events`, `merchant_events` and `training` when it was made.
    """

    kind: Kind
    period: str
    station_id: str
    store_id: str
    currency: str
    at: str
    by: str
    first: int
    last: int
    ends: int
    sales: int
    refunds: int
    sales_total: int
    refunds_total: int
    total: int
    vat: tuple[VatTotal, ...]
    means: tuple[MeansTotal, ...]
    carried_sales: int
    carried_total: int
    perpetual_sales: int
    perpetual_total: int
    in_doubt: tuple[InDoubt, ...]
    adds_up: tuple[int, ...]
    journal_hash: str
    events: Anchor
    merchant_events: Anchor
    training: Anchor
    fiscal: str
    stored: int = 0
    paid_back: PayBacks = PayBacks()
    format: int = FORMAT
    number: int = 0

    def totals(self) -> Totals:
        """The period's sums."""
        return Totals(**{name: getattr(self, name) for name in Totals.__struct_fields__})


class Closed(Struct, frozen=True, kw_only=True):
    """A closing as it is kept: with its hash and signature in hex and the id of the key that signed it."""

    closing: Closing
    hash: str
    previous: str
    key_id: str
    signature: str


def closing_of(document: bytes) -> Closing:
    """A closing from its canonical bytes."""
    return msgspec.json.decode(document, type=Closing)


def closed_of(row: Row) -> Closed:
    """A closing from its row."""
    return Closed(
        closing=closing_of(bytes(row["document"])),
        hash=bytes(row["hash"]).hex(),
        previous=bytes(row["previous"]).hex(),
        key_id=row["key_id"],
        signature=bytes(row["signature"]).hex(),
    )
