"""Who issues a receipt, by the names of today: the journal holds ids alone."""

from msgspec import Struct

from poi_engine.ports import Job, Query
from poi_engine.settings import ReceiptHead, programme_of


class Issuer(Struct, frozen=True, kw_only=True):
    """What a receipt's head says of the shop: its name, the store's and its address, the station's, and what the law
    wants to be said."""

    merchant: str
    store: str = ""
    address: str = ""
    station: str = ""
    head: ReceiptHead = ReceiptHead()


def read_issuer(merchant_id: str, store_id: str, station_id: str) -> Job[Issuer]:
    """Who issues the receipts of a station; a place that is no more goes by its id."""
    rows = yield Query(
        "select m.name, m.settings, s.name as store, s.address, t.name as station from merchant m "
        "left join store s on s.merchant_id = m.merchant_id and s.store_id = ? "
        "left join station t on t.merchant_id = m.merchant_id and t.station_id = ? where m.merchant_id = ?",
        (store_id, station_id, merchant_id),
    )
    row = rows[0]
    return Issuer(
        merchant=row["name"],
        store=row["store"] or store_id,
        address=row["address"] or "",
        station=row["station"] or station_id,
        head=programme_of(row["settings"]).receipt,
    )
