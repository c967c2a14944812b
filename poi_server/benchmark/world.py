"""The world of the benchmark: cities, stores, chains and trades, the same for the same seed.

A chain is a merchant with several stores; it and its trade are regions of its stores.
"""

from dataclasses import dataclass

import numpy as np

from poi_server.benchmark.ragged import Floats, Ints, Longs

CITIES = 200
TRADES = 60
ZONE = "Europe/Paris"


@dataclass(frozen=True, slots=True)
class World:
    """Stores by number, with their city, chain and position; and each chain's stores and trade."""

    city: Ints
    chain: Ints
    lat: Floats
    lon: Floats
    trade_of: Ints
    by_chain: Ints
    chain_starts: Longs

    @property
    def stores(self) -> int:
        """How many stores there are."""
        return len(self.chain)

    @property
    def chains(self) -> int:
        """How many chains there are."""
        return len(self.trade_of)

    def some_store(self, dice: np.random.Generator, chains: Ints) -> Ints:
        """A store of each chain; any store for a chain without one (and for -1)."""
        anywhere = dice.integers(0, self.stores, len(chains))
        first = self.chain_starts[:-1][chains]
        count = np.where(chains < 0, 0, self.chain_starts[1:][chains] - first)
        own = self.by_chain[np.minimum(first + (dice.random(len(chains)) * count).astype(np.int64), self.stores - 1)]
        return np.where(count > 0, own, anywhere).astype(np.int32)


def zipf(dice: np.random.Generator, kinds: int, exponent: float, count: int) -> Ints:
    """`count` numbers below `kinds`, the k-th with a share of 1 / k**exponent."""
    shares = np.cumsum(np.arange(1, kinds + 1, dtype=np.float64) ** -exponent)
    return np.searchsorted(shares / shares[-1], dice.random(count)).astype(np.int32)


def make_world(dice: np.random.Generator, offers: int) -> World:
    """A tenth as many stores as offers (500 to 200,000), a tenth as many chains as stores."""
    stores = max(500, min(200_000, offers // 10))
    chains = stores // 10
    centre_lat, centre_lon = dice.uniform(37.0, 59.0, CITIES), dice.uniform(-8.0, 28.0, CITIES)
    city = zipf(dice, CITIES, 1.0, stores)
    chain = zipf(dice, chains, 0.6, stores)
    return World(
        city=city,
        chain=chain,
        lat=centre_lat[city] + dice.normal(0.0, 0.05, stores),
        lon=centre_lon[city] + dice.normal(0.0, 0.07, stores),
        trade_of=dice.integers(0, TRADES, chains).astype(np.int32),
        by_chain=np.argsort(chain, kind="stable").astype(np.int32),
        chain_starts=np.searchsorted(np.sort(chain), np.arange(chains + 1)),
    )
