"""Checks the stored chains, row by row, and names the first row of each that does not hold."""

from poi_engine.fiscal.chain import PAGE, Break, Chain, Walk
from poi_engine.ports import Job, Query


def chain_of(chain: Chain, m: str, station_id: str) -> Job[Break | None]:
    """Check a stored chain, page by page."""
    walk = Walk(chain, m, station_id)
    while True:
        rows = yield Query(
            f"select number, format, document, previous, hash from {chain.rows}"
            f" where merchant_id = ? and station_id = ? and number > ? order by number limit {PAGE}",
            (m, station_id, walk.number),
        )
        if broken := walk.steps(rows):
            return broken
        if len(rows) < PAGE:
            break
    heads = yield Query(
        f"select number, hash from {chain.head} where merchant_id = ? and station_id = ?", (m, station_id)
    )
    return walk.end(heads[0] if heads else None)
