"""The live catalogues of a process: loaded from a shared file or from SQL, kept new, merged in the background."""

import asyncio
import logging
from collections import defaultdict
from collections.abc import Coroutine
from dataclasses import dataclass, field
from functools import cache, partial
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from poi_engine.catalogue.offer_rows import (
    Totals,
    document_page,
    documents,
    heads_since,
    newest,
    offer_of_document,
    totals,
)
from poi_engine.catalogue.snapshot import SnapshotFolder, SnapshotRefused, Stamp, State
from poi_engine.clock import Clock
from poi_engine.ports import Row, Sql
from poi_engine.settings import Merchant
from poi_offers.catalogue import Catalogue, Merge, Merged
from poi_offers.model import Offer
from poi_offers.records import DamagedRecord
from poi_offers.shelf import DOCUMENTS, LAYOUT, Shelf, ShelfBuilder

_log = logging.getLogger(__name__)

FRESH_SECONDS = 0.5
"""How long a catalogue is used before the storage is asked whether another process changed it."""
WORTH = 2000
"""Offers from which on a catalogue is kept in a file that other processes map."""
RETRY_SECONDS = 60.0
"""After a merge or a file that failed, until the next attempt."""
PAGE = 500
"""Offers loaded at a time."""
APPLIED = 100
"""Changes applied at a time; then the loop serves others."""


@dataclass(slots=True)
class Live:
    """One merchant's catalogue in memory, and how new it is."""

    catalogue: Catalogue
    merchant: Merchant
    version: int
    checked: float
    stamp: Stamp | None = None
    """The file this process has mapped, or one that it will replace."""
    saved: bool = False
    refused: Stamp | None = None
    """A newer file that this process cannot read: it leaves it alone and merges in memory."""
    quiet_until: float = 0.0
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)


class LiveOffers:
    """The catalogues by merchant. `folder`: where their files are; without one they are in memory alone."""

    def __init__(self, sql: Sql, clock: Clock, folder: Path | None = None) -> None:
        self._sql = sql
        self._clock = clock
        self._files = None if folder is None else SnapshotFolder(folder)
        self._live: dict[str, Live] = {}
        self._loading: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._tasks: dict[str, asyncio.Task[None]] = {}

    async def fresh(self, merchant_id: str) -> Live:
        """The merchant's catalogue, not older than `FRESH_SECONDS`."""
        live = self._live.get(merchant_id) or await self._first(merchant_id)
        if self._is_stale(live):
            async with live.lock:
                if self._is_stale(live):  # of all who waited, the first has asked
                    await self._refresh(live)
                    await self._look_for_a_newer_file(live)
                    self._renew_if_due(live)
        return live

    async def follow(self, merchant_id: str, offer: Offer, state: str, version: int) -> None:
        """Bring the catalogue to at least `version`, which is our own change; alone, it needs no reading."""
        live = await self.fresh(merchant_id)
        async with live.lock:
            if live.version + 1 == version:
                _apply(live.catalogue, offer, state)
                _set_version(live, version)
            elif live.version < version:
                await self._refresh(live)

    async def catch_up(self, merchant_id: str, version: int) -> None:
        """Bring the catalogue to at least `version`, a change of ours to several offers."""
        live = await self.fresh(merchant_id)
        async with live.lock:
            if live.version < version:
                await self._refresh(live)

    async def forget_damaged(self, merchant_id: str, error: DamagedRecord) -> None:
        """Load the catalogue anew, from SQL: what lies in the file is not what was written."""
        live = self._live.pop(merchant_id, None)
        _log.error("the catalogue of %s is dropped: %s", merchant_id, error)
        if live is not None and self._files is not None:
            await asyncio.to_thread(self._remove, self._files, merchant_id, live.stamp)

    @staticmethod
    def _remove(files: SnapshotFolder, merchant_id: str, stamp: Stamp | None) -> None:
        if files.stamp(merchant_id) == stamp:
            files.remove(merchant_id)

    async def close(self) -> None:
        """Wait for what runs in the background."""
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)

    def _is_stale(self, live: Live) -> bool:
        return self._clock.monotonic() - live.checked >= FRESH_SECONDS

    # --- loading --------------------------------------------------------------------------------------------------

    async def _first(self, merchant_id: str) -> Live:
        """Load the catalogue, once for all who wait for it."""
        async with self._loading[merchant_id]:
            live = self._live.get(merchant_id)
            if live is None:
                live = await self._from_file(merchant_id)
                if live is None or not live.saved:
                    live = await self._from_sql(merchant_id, None if live is None else live.stamp)
                self._live[merchant_id] = live
                self._renew_if_due(live)
        return live

    async def _from_file(self, merchant_id: str) -> Live | None:
        """From the file, if there is a good one, with the changes since; not `saved` when it cannot be believed."""
        if self._files is None:
            return None
        merchant, version = await self._sql.read(lambda: newest(merchant_id))
        live = Live(Catalogue(), merchant, 0, 0.0)
        try:
            await asyncio.to_thread(self._map, self._files, live)
            if live.stamp is None:
                return None
            if live.version > version or not await self._holds_what_sql_holds(live):
                raise SnapshotRefused(self._files.path(merchant_id), "SQL holds other offers")
        except SnapshotRefused as refused:
            _log.warning("%s", refused.message)
            live.stamp, live.saved = await asyncio.to_thread(self._files.stamp, merchant_id), False
        return live

    def _map(self, files: SnapshotFolder, live: Live) -> None:
        """Take the catalogue of the file there is now."""
        merchant_id = live.merchant.merchant_id
        files.tidy(merchant_id)
        snapshot = files.open(merchant_id, _layout())
        if snapshot is None:
            return
        try:
            live.catalogue = Catalogue.open(snapshot.sections, snapshot.state.version)
        except ValueError as error:
            raise SnapshotRefused(files.path(merchant_id), str(error)) from None
        live.version, live.stamp, live.saved = snapshot.state.version, snapshot.stamp, True

    async def _holds_what_sql_holds(self, live: Live) -> bool:
        """After the changes since, count and versions agree; asked again when something changed meanwhile."""
        merchant_id = live.merchant.merchant_id
        for _ in range(5):
            await self._refresh(live)
            held: Totals = await self._sql.read(lambda: totals(merchant_id))
            if held.version == live.version:
                return (held.offers, held.versions) == (len(live.catalogue), live.catalogue.versions)
        return False

    async def _from_sql(self, merchant_id: str, stamp: Stamp | None) -> Live:
        """From SQL, page by page; each is compiled in a thread."""
        merchant, version = await self._sql.read(lambda: newest(merchant_id))
        builder, after = ShelfBuilder(), ""
        while rows := await self._sql.read(partial(document_page, merchant_id, after, PAGE)):
            await asyncio.to_thread(_take, builder, rows)
            after = rows[-1]["offer_id"]
            if len(rows) < PAGE:
                break
        shelf = await asyncio.to_thread(builder.shelf)
        live = Live(Catalogue(version=version, shelf=shelf), merchant, version, 0.0, stamp)
        await self._refresh(live)
        return live

    # --- changes of other processes -------------------------------------------------------------------------------

    async def _refresh(self, live: Live) -> None:
        merchant_id, started = live.merchant.merchant_id, self._clock.monotonic()
        merchant, version, heads = await self._sql.read(lambda: heads_since(merchant_id, live.version))
        unknown = [head for head in heads if not _is_known(live.catalogue, head)]
        for head in unknown:
            if head["state"] != "live":
                live.catalogue.remove(head["offer_id"])
        wanted = [head["offer_id"] for head in unknown if head["state"] == "live"]
        for first in range(0, len(wanted), APPLIED):
            page = wanted[first : first + APPLIED]
            for row in await self._sql.read(partial(documents, merchant_id, page)):
                _apply(live.catalogue, offer_of_document(row["document"]), row["state"])
        live.merchant, live.checked = merchant, started
        _set_version(live, version)

    async def _look_for_a_newer_file(self, live: Live) -> None:
        if self._files is None or len(live.catalogue) < WORTH:
            return
        there = await asyncio.to_thread(self._files.stamp, live.merchant.merchant_id)
        if there is not None and there not in (live.stamp, live.refused):
            self._start(live, self._take_newer(self._files, live, there))

    async def _take_newer(self, files: SnapshotFolder, live: Live, there: Stamp) -> None:
        """Map the file that another process has written, and bring it up to date before it is asked."""
        newer = Live(Catalogue(), live.merchant, 0, 0.0)
        try:
            await asyncio.to_thread(self._map, files, newer)
        except SnapshotRefused as refused:
            _log.warning("%s", refused.message)
            live.refused = there
            return
        async with live.lock:
            await self._refresh(newer)
            live.catalogue, live.stamp, live.saved = newer.catalogue, newer.stamp, newer.saved
            live.version, live.refused = newer.version, None

    # --- merging --------------------------------------------------------------------------------------------------

    def _renew_if_due(self, live: Live) -> None:
        if self._clock.monotonic() < live.quiet_until:
            return
        unsaved = not live.saved and live.refused is None and len(live.catalogue) >= WORTH
        if live.catalogue.wants_merge or (unsaved and self._files is not None):
            self._start(live, self._renew(live))

    def _start(self, live: Live, work: Coroutine[Any, Any, None]) -> None:
        """Run in the background; one thing at a time for each merchant."""
        merchant_id = live.merchant.merchant_id
        if merchant_id in self._tasks:
            work.close()
            return
        task = asyncio.create_task(self._guarded(live, work), name=f"catalogue {merchant_id}")
        self._tasks[merchant_id] = task
        task.add_done_callback(lambda _: self._tasks.pop(merchant_id, None))

    async def _guarded(self, live: Live, work: Coroutine[Any, Any, None]) -> None:
        try:
            await work
        except Exception:  # the catalogue stays as it is, and another attempt follows
            _log.exception("catalogue of %s", live.merchant.merchant_id)
            live.quiet_until = self._clock.monotonic() + RETRY_SECONDS

    async def _renew(self, live: Live) -> None:
        """Merge the changes into a new shelf, in a thread; write it down when it is large enough."""
        catalogue, merge = live.catalogue, live.catalogue.start_merge()
        try:
            made = await asyncio.to_thread(self._compile, live, merge, live.version)
        except BaseException:
            catalogue.abandon_merge(merge)
            raise
        if made is None:
            catalogue.abandon_merge(merge)
            return
        merged, stamp = made
        catalogue.finish_merge(merge, merged)
        if stamp is not None and live.catalogue is catalogue:
            live.stamp, live.saved = stamp, True

    def _compile(self, live: Live, merge: Merge, version: int) -> "tuple[Merged, Stamp | None] | None":
        """The new shelf and its file; None when another process is at it or was faster: its file will be taken."""
        catalogue, merchant_id = live.catalogue, live.merchant.merchant_id
        if self._files is None or live.refused is not None or len(catalogue) < WORTH:
            return catalogue.merged(merge), None
        with self._files.alone(merchant_id) as alone:
            if not alone or self._files.stamp(merchant_id) not in (None, live.stamp):
                return None
            merged = catalogue.merged(merge)
            state = State(merchant_id=merchant_id, layout=_layout(), version=version)
            try:
                return self._written(self._files, merged, state)
            except OSError as error:  # a full disk, say: the new shelf serves from memory
                _log.warning("the catalogue of %s is not written: %s", merchant_id, error)
                live.quiet_until = self._clock.monotonic() + RETRY_SECONDS
                return merged, None

    @staticmethod
    def _written(files: SnapshotFolder, merged: Merged, state: State) -> tuple[Merged, Stamp]:
        """The same shelf, mapped from the file it was written to."""
        files.write(state, merged.shelf.sections(), unchecked=(DOCUMENTS,))
        snapshot = files.open(state.merchant_id, state.layout)
        assert snapshot is not None
        return Merged(Shelf.open(snapshot.sections), merged.were), snapshot.stamp


@cache
def _layout() -> str:
    """The rules by which this program compiles; looks for the version in files, so ask in a thread."""
    try:
        return f"{version('poi-server')} {LAYOUT}"
    except PackageNotFoundError:  # not installed: running from its sources
        return LAYOUT


def _take(builder: ShelfBuilder, rows: "list[Row]") -> None:
    for row in rows:
        builder.add(offer_of_document(row["document"]))


def _apply(catalogue: Catalogue, offer: Offer, state: str) -> None:
    """Take over a change unless the catalogue has that version."""
    if state != "live":
        catalogue.remove(offer.offer_id)
    elif catalogue.version_of(offer.offer_id) != offer.version:
        catalogue.put(offer)


def _is_known(catalogue: Catalogue, head: Row) -> bool:
    return catalogue.version_of(head["offer_id"]) == (head["version"] if head["state"] == "live" else None)


def _set_version(live: Live, version: int) -> None:
    live.version = live.catalogue.version = version
