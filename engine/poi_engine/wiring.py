"""What every service is given, and nothing else: storage, screens, terminals, time, ids, and the named steps."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from poi_engine.clock import Clock, micros
from poi_engine.errors import DeviceError
from poi_engine.goods.assortment import Assortment
from poi_engine.ids import Ids
from poi_engine.places import Places
from poi_engine.ports import PaymentConnector, Screens, Sessions, Sql

Trace = Callable[[str], None]
"""Called at each named step of the payment path; a test may stop the process there."""


def untraced(_step: str) -> None:
    """No trace."""


@dataclass(frozen=True, slots=True)
class Wiring:
    """The parts the services share. `connectors` by the name that stations carry."""

    sql: Sql
    sessions: Sessions
    screens: Screens
    connectors: Mapping[str, PaymentConnector]
    clock: Clock
    ids: Ids
    places: Places
    trace: Trace = untraced
    grace: float = 0.0
    """Seconds for which a payment may be another process's: nobody else asks about it before."""
    assortment: Assortment = field(default_factory=Assortment)

    def at(self) -> int:
        """Now, in microseconds since 1970."""
        return micros(self.clock.now())

    def connector(self, name: str) -> PaymentConnector:
        """The terminal driver of that name."""
        found = self.connectors.get(name)
        if found is None:
            raise DeviceError("no-connector", f"No payment connector {name[:64]!r} is configured.")
        return found
