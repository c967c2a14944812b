"""A customer's phone at a station: it scanned the station's code, so its owner stands there."""

from poi_engine.engine import Engine
from poi_engine.session import Session


async def stand_at(engine: Engine, merchant_id: str, station_id: str, customer_id: str) -> Session:
    """The station's session with this customer; the phone's own credential proves who it is."""
    session = await engine.stations.open(merchant_id, station_id)
    return await engine.stations.identify(
        merchant_id,
        session.session_id,
        customer_id,
        scheme="phone",
        assurance="authenticate",
        source=f"join:{station_id}",
    )
