"""Catalogues of several processes: one file, every change seen by all, merges in the background."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from msgspec.structs import replace

from poi_engine.catalogue import live_offers
from poi_engine.catalogue.live_offers import Live, LiveOffers
from poi_engine.catalogue.offer_book import OfferBook
from poi_engine.catalogue.snapshot import SnapshotFolder, Stamp
from poi_engine.clock import moment
from poi_engine.ports import Job, Query
from poi_engine.settings import read_place
from poi_offers import catalogue
from poi_offers.model import Offer, Stacking
from poi_offers.offer_effects import AmountOff
from poi_offers.situation import Basket, Place, SaleItem, Situation
from tests.engine.shop import M, Seen, Shop

WORTH = 6
SOUP = SaleItem(line_id="1", label="Soup", unit_price=1000)


def offer(number: int, amount: int = 100) -> Offer:
    """An amount off; only the best one applies."""
    return Offer(
        offer_id=f"off_{number}",
        name={"en": f"Offer {number}"},
        currency="EUR",
        effects=(AmountOff(amount=amount),),
        stacking=Stacking(exclusive=True),
    )


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is done with thousands of offers is done with a few."""
    monkeypatch.setattr(live_offers, "WORTH", WORTH)
    monkeypatch.setattr(live_offers, "PAGE", 4)
    monkeypatch.setattr(catalogue, "MIN_CHANGES", 5)


class Process:
    """One server process's offers, as `poi_server` wires them."""

    def __init__(self, shop: Shop, folder: Path) -> None:
        self.book = OfferBook(shop.sql, Seen(), shop.clock, folder)
        self.files = SnapshotFolder(folder)
        self._clock = shop.clock

    @property
    def live(self) -> LiveOffers:
        return self.book._live

    async def state(self) -> Live:
        """What it has in memory, after what runs in the background."""
        await self.live.fresh(M)
        await self.live.close()
        return await self.live.fresh(M)

    async def saved(self, amount: int = 1000) -> int:
        """Minor units off a basket, decided as soon as another process's change must be seen."""
        self._clock.forward(live_offers.FRESH_SECONDS)
        basket = Basket(currency="EUR", items=(replace(SOUP, unit_price=amount),))
        place = Place(zone="Europe/Paris", store_id="sto_1")
        situation = Situation(at=moment(round(self._clock.now() * 1e6)), place=place, basket=basket)
        return (await self.book.decide(M, situation)).saved

    async def stamp(self) -> Stamp | None:
        """The file that is there now."""
        return await asyncio.to_thread(self.files.stamp, M)

    async def mapped(self) -> bool:
        """Its catalogue lies in the file that is there now."""
        live = await self.state()
        return live.saved and live.stamp == await self.stamp()

    async def maps_soon(self) -> bool:
        """As `mapped`, though another process may be writing and this one has to look again."""
        for _ in range(200):
            await self.saved()
            if await self.mapped():
                return True
            await asyncio.sleep(0.02)
        return False


class Machine:
    """Processes on one storage with one folder of catalogues."""

    def __init__(self, shop: Shop, folder: Path) -> None:
        self.shop = shop
        self.folder = folder
        self.processes: list[Process] = []

    def process(self) -> Process:
        self.processes.append(Process(self.shop, self.folder))
        return self.processes[-1]

    async def close(self) -> None:
        for process in self.processes:
            await process.book.close()


@pytest.fixture
async def machine(shop: Shop, tmp_path: Path) -> AsyncIterator[Machine]:
    """A machine with offers 0 to 7 in SQL, of 100 to 107 minor units."""
    made = Machine(shop, tmp_path / "catalogues")
    await shop.sql.read(lambda: read_place(M, "sto_1"))  # reads the zone's file
    first = OfferBook(shop.sql, Seen(), shop.clock)
    for number in range(8):
        await first.create(M, offer(number, 100 + number))
    await first.close()
    yield made
    await made.close()


async def test_the_first_process_writes_the_file_and_the_second_maps_it(machine: Machine) -> None:
    one, two = machine.process(), machine.process()
    assert await one.saved() == 107
    assert await one.mapped()
    assert await two.saved() == 107
    assert await two.maps_soon()
    assert (await two.state()).stamp == (await one.state()).stamp
    maps = await asyncio.to_thread(Path("/proc/self/maps").read_text)
    assert maps.count(str(one.files.path(M))) == 2


async def test_a_change_is_seen_at_once_here_and_soon_there(machine: Machine) -> None:
    one, two = machine.process(), machine.process()
    assert (await one.saved(), await two.saved()) == (107, 107)
    await one.book.create(M, offer(8, 300))
    assert (await one.saved(), await two.saved()) == (300, 300)
    await two.book.replace(M, offer(8, 400))
    assert (await two.saved(), await one.saved()) == (400, 400)
    await one.book.pause(M, "off_8")
    assert (await one.saved(), await two.saved()) == (107, 107)
    await two.book.resume(M, "off_8")
    assert (await one.saved(), await two.saved()) == (400, 400)
    await one.book.remove(M, "off_8")
    assert (await one.saved(), await two.saved()) == (107, 107)


async def test_the_decision_carries_the_storages_version(machine: Machine) -> None:
    one, two = machine.process(), machine.process()
    version = (await one.state()).catalogue.version
    await one.book.create(M, offer(8, 300))
    versions = [(await process.state()).catalogue.version for process in (one, two)]
    rows = await machine.shop.rows("select version from catalogue where merchant_id = ?", (M,))
    assert versions == [rows[0]["version"]] * 2 == [version + 1] * 2


async def test_changes_while_nobody_ran_are_added_to_the_file(machine: Machine) -> None:
    assert await machine.process().mapped()
    without = OfferBook(machine.shop.sql, Seen(), machine.shop.clock)
    await without.replace(M, offer(3, 500))
    await without.remove(M, "off_7")
    later = machine.process()
    assert await later.saved() == 500
    assert await later.mapped()
    assert (await later.state()).catalogue.changes == 3  # two out, one in
    assert sorted(one.offer_id for one in (await later.book.catalogue(M)).offers()) == [f"off_{n}" for n in range(7)]


async def test_few_offers_need_no_file(machine: Machine) -> None:
    without = OfferBook(machine.shop.sql, Seen(), machine.shop.clock)
    for number in range(3):
        await without.remove(M, f"off_{number}")
    one = machine.process()
    assert await one.saved() == 107
    assert not (await one.state()).saved
    assert not machine.folder.exists()


# --- merges -------------------------------------------------------------------------------------------------------


async def test_many_changes_are_merged_and_the_other_process_takes_the_new_file(machine: Machine) -> None:
    one, two = machine.process(), machine.process()
    assert await one.mapped()
    assert await two.maps_soon()
    first = await one.stamp()
    for number in range(8, 16):
        await one.book.create(M, offer(number, 200 + number))
        assert await one.saved() == 200 + number
    assert await one.mapped()
    assert await one.stamp() != first
    assert (await one.state()).catalogue.changes < 8
    assert await two.saved() == 215
    await two.state()
    assert await two.saved() == 215
    assert await two.maps_soon()
    assert (await two.state()).catalogue.changes == (await one.state()).catalogue.changes


async def test_deciding_and_changing_go_on_while_it_merges(machine: Machine) -> None:
    one = machine.process()
    assert await one.saved() == 107
    for number in range(8, 60):
        changing = one.book.create(M, offer(number, 200 + number))
        deciding = asyncio.gather(*(one.saved() for _ in range(3)))
        await changing
        assert all(saved in (200 + number - 1, 200 + number, 107) for saved in await deciding)
        assert await one.saved() == 200 + number
    live = await one.state()
    assert len(live.catalogue.shelf) > 20  # merged on the way
    assert len(live.catalogue) == 60


async def test_a_process_that_finds_another_one_merging_leaves_it_alone(machine: Machine) -> None:
    one = machine.process()
    with ExitStack() as stack:
        await asyncio.to_thread(stack.enter_context, SnapshotFolder(machine.folder).alone(M))
        assert await one.saved() == 107
        assert not await one.mapped()
        assert await one.stamp() is None
    await one.saved()
    assert await one.mapped()


async def test_without_a_folder_it_merges_in_memory(machine: Machine) -> None:
    book = OfferBook(machine.shop.sql, Seen(), machine.shop.clock)
    for number in range(8, 20):
        await book.create(M, offer(number))
    live = await book._live.fresh(M)
    machine.shop.clock.forward(1)
    await book._live.fresh(M)
    await book.close()
    assert live.catalogue.changes < 12
    assert len(live.catalogue) == 20


async def test_a_full_disk_leaves_the_merged_shelf_in_memory(
    machine: Machine, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def full(*_: object, **_more: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(SnapshotFolder, "write", full)
    one = machine.process()
    for number in range(8, 20):
        await one.book.create(M, offer(number, 300))
    assert await one.saved() == 300
    assert not await one.mapped()
    assert "is not written: [Errno 28] No space left on device" in caplog.text
    monkeypatch.undo()
    monkeypatch.setattr(live_offers, "WORTH", WORTH)
    machine.shop.clock.forward(live_offers.RETRY_SECONDS)
    assert await one.saved() == 300
    assert await one.mapped()


# --- files that cannot be believed --------------------------------------------------------------------------------


async def test_a_corrupt_file_is_refused_named_and_rebuilt(machine: Machine, caplog: pytest.LogCaptureFixture) -> None:
    one = machine.process()
    assert await one.mapped()
    path = one.files.path(M)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 4
    path.unlink()  # as after a restore: the mapped one stays as it was
    path.write_bytes(content)
    two = machine.process()
    assert await two.saved() == 107
    assert "is refused: its sections are damaged" in caplog.text
    assert await two.maps_soon()
    assert (await two.state()).catalogue.changes == 0


async def test_a_damaged_document_is_found_when_it_is_read_and_the_catalogue_rebuilt(
    machine: Machine, caplog: pytest.LogCaptureFixture
) -> None:
    """Documents are the largest part of the file: each is checked whenever it is decoded."""
    one = machine.process()
    assert await one.mapped()
    path = one.files.path(M)
    path.write_bytes(path.read_bytes().replace(b"Offer 7", b"Offer 9"))  # in place: the mapped one changes too
    two = machine.process()
    assert (await two.saved(), await one.saved()) == (107, 107)
    assert caplog.text.count("an offer's document is damaged") >= 1
    for process in (one, two):
        assert await process.maps_soon()
        assert [offer.name["en"] for offer in (await process.book.catalogue(M)).offers()][7] == "Offer 7"


async def test_a_newer_file_that_is_corrupt_is_left_alone(machine: Machine, caplog: pytest.LogCaptureFixture) -> None:
    one = machine.process()
    assert await one.mapped()
    one.files.path(M).unlink()
    one.files.path(M).write_bytes(b"no catalogue at all" * 10)
    assert await one.saved() == 107
    await one.book.close()
    assert "is refused: it is no catalogue" in caplog.text
    for number in range(8, 20):
        await one.book.create(M, offer(number, 300))
        assert await one.saved() == 300
    assert (await one.state()).catalogue.changes < 12  # merged in memory
    assert one.files.path(M).read_bytes().startswith(b"no catalogue")


async def test_a_file_newer_than_sql_is_refused(machine: Machine, caplog: pytest.LogCaptureFixture) -> None:
    """As after a restore of the database's backup."""
    assert await machine.process().mapped()
    await machine.shop.sql.write(lambda: _set_version(3))
    two = machine.process()
    assert await two.saved() == 107
    assert "is refused: SQL holds other offers" in caplog.text


async def test_a_file_with_other_offers_than_sql_is_refused(machine: Machine, caplog: pytest.LogCaptureFixture) -> None:
    assert await machine.process().mapped()
    await machine.shop.sql.write(_remove_quietly)
    machine.shop.clock.forward(1000)
    two = machine.process()
    assert await two.saved() == 106
    assert "is refused: SQL holds other offers" in caplog.text
    assert await two.maps_soon()


def _set_version(version: int) -> Job[None]:
    yield Query("update catalogue set version = ? where merchant_id = ?", (version, M))


def _remove_quietly() -> Job[None]:
    """A change that bypasses the program."""
    yield Query("update offer set state = 'paused' where merchant_id = ? and offer_id = 'off_7'", (M,))
