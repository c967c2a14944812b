"""Training: exercises are kept in a chain apart, marked, and count nowhere. The key that signs keeps to itself."""

import asyncio
from pathlib import Path

import msgspec
import pytest

from poi_engine.errors import Conflict, StorageError
from poi_engine.fiscal import checks, training
from poi_engine.fiscal.journal import receipt_of
from poi_engine.fiscal.keys import Signer, holds
from poi_engine.issuer import Issuer
from poi_engine.ports import Job, Query
from poi_engine.verify import verify
from poi_server.i18n import catalogue
from poi_server.receipts import receipt_text
from tests.engine.shop import SELLER, STATION, M, Shop
from tests.fiscal.appending import append
from tests.fiscal.books import receipt
from tests.fiscal.test_closings import under_way


@pytest.mark.valkey
async def test_an_exercise_counts_nowhere(shop: Shop) -> None:
    await shop.sell(1000)
    before = await shop.rows("select count(*) as n from transfer")
    exercise = receipt("sale", "trn_1", STATION, 500)
    assert await shop.sql.write(lambda: training.record(M, STATION, exercise, 1)) == 1
    assert await shop.sql.write(lambda: training.record(M, STATION, exercise, 1)) == 2
    made = (await shop.engine.fiscal.close(M, STATION, "day", by=SELLER)).closing
    assert (made.last, made.total, made.training.number) == (1, 1000, 2)
    assert await shop.rows("select count(*) as n from transfer") == before
    assert len(await shop.engine.sales.list(M)) == 1
    assert await verify(shop.sql) == []
    rows = await shop.rows("select document from training order by number")
    kept = receipt_of(bytes(rows[0]["document"]))  # type: ignore[call-overload]
    assert (kept.training, kept.number) == (True, 1)
    for language, words in (("fr", "ÉCOLE - SANS VALEUR"), ("en", "TRAINING - NO VALUE")):
        text = await asyncio.to_thread(receipt_text, kept, Issuer(merchant="Shop"), language)  # type: ignore[arg-type]
        assert text.count(words) == 2
        mark = (await asyncio.to_thread(catalogue, language))["training.mark"]
        assert words.startswith(f"{mark} "), "the receipt has the screen's word"


@pytest.mark.valkey
async def test_training_is_switched_with_a_record_and_seen_at_the_counter(shop: Shop) -> None:
    assert await shop.engine.fiscal.train(M, STATION, True, by=SELLER)
    assert not await shop.engine.fiscal.train(M, STATION, True, by=SELLER)
    assert (await shop.engine.places.counter(M, STATION)).training
    assert not (await shop.engine.places.counter(M, "sta_2")).training
    assert await shop.engine.fiscal.train(M, STATION, False, by=SELLER)
    assert not (await shop.engine.places.counter(M, STATION)).training
    events = await shop.engine.fiscal.events(M, STATION, before=1 << 60, limit=9)
    assert [(event.kind, event.who) for event in events] == [
        ("training-off", SELLER.who),
        ("training-on", SELLER.who),
    ]


@pytest.mark.valkey
async def test_training_does_not_begin_while_a_payment_is_being_sent(shop: Shop) -> None:
    session = await shop.accept(await shop.basket(700))
    await shop.sql.write(lambda: under_way(session.checkout_id or "", "sending"))
    with pytest.raises(Conflict) as refused:
        await shop.engine.fiscal.train(M, STATION, True, by=SELLER)
    assert refused.value.code == "payment-under-way"


@pytest.mark.valkey
async def test_an_exercise_in_the_journal_is_found(shop: Shop) -> None:
    """The chains never mix: a receipt that says it is an exercise does not belong among the others."""
    exercise = msgspec.structs.replace(receipt("sale", "trn_1", "sta_9", 500), training=True)
    await shop.sql.write(lambda: append(M, "sta_9", "sale", "trn_1", exercise, at=1))
    found = await shop.sql.read(checks.faults)
    assert [(one.rule, one.message) for one in found] == [
        ("journal-chain", "receipt 1 stands as another one than it says")
    ]
    await shop.sql.write(_forget)


def _forget() -> Job[None]:
    yield Query("drop trigger journal_no_delete")
    yield Query("delete from journal where station_id = 'sta_9'")
    yield Query("delete from journal_head where station_id = 'sta_9'")


# --- the key -------------------------------------------------------------------------------------------------------


def test_the_key_is_made_once_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "keys" / "fiscal.key"
    first = Signer(path).sign(b"x")
    assert path.stat().st_mode & 0o777 == 0o600
    assert Signer(path).sign(b"x") == first
    assert holds(first.public_key, first.signature, b"x")
    assert [file.name for file in path.parent.iterdir()] == ["fiscal.key"]


async def test_processes_that_share_a_key_make_one(tmp_path: Path) -> None:
    path = tmp_path / "fiscal.key"
    made = await asyncio.gather(*(asyncio.to_thread(Signer(path).sign, b"x") for _ in range(8)))
    assert len({one.key_id for one in made}) == 1


@pytest.mark.parametrize("content", [b"", b"no key at all"])
def test_a_file_that_is_no_key_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "fiscal.key"
    path.write_bytes(content)
    path.chmod(0o600)
    with pytest.raises(StorageError, match="cannot be used"):
        Signer(path).sign(b"x")


def test_a_key_that_others_can_read_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "fiscal.key"
    Signer(path).sign(b"x")
    path.chmod(0o640)
    with pytest.raises(StorageError, match="chmod 600"):
        Signer(path).sign(b"x")
