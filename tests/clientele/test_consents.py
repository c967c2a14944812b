"""What customers agreed to, and what the staff note about them."""

import pytest

from poi_engine.clientele.consents import Proof, consented
from poi_engine.errors import Conflict, NotFound, RequestError
from poi_engine.ports import Job, Query
from poi_engine.principal import Principal
from poi_engine.storage.failures import ConstraintFailed
from tests.clientele.test_merge import MANAGER, merge
from tests.engine.shop import SELLER, STATION, M, Shop

PARTNER = Principal(merchant_id=M, access_id="acc_app", role="partner", subject_id="par_1")


async def test_notes_are_signed_bounded_and_erasable(shop: Shop) -> None:
    notes, ada = shop.engine.clientele.notes, await shop.customer()
    made = await notes.add(M, ada, "  Nuts: allergic  ", by=SELLER)
    assert (made.text, made.who) == ("Nuts: allergic", "seller:sel_1")
    for text, code in (("", "bad-note"), ("x" * 1001, "bad-note"), ("4111 1111 1111 1111", "card-number")):
        with pytest.raises(RequestError) as refused:
            await notes.add(M, ada, text, by=SELLER)
        assert refused.value.code == code
    with pytest.raises(NotFound):
        await notes.erase(M, ada, made.note_id, by=PARTNER, own=True)
    await notes.erase(M, ada, made.note_id, by=MANAGER)
    assert "allergic" not in str(await shop.rows("select * from audit"))
    for number in range(50):
        await notes.add(M, ada, f"note {number}", by=SELLER)
    with pytest.raises(Conflict) as full:
        await notes.add(M, ada, "one more", by=SELLER)
    assert full.value.code == "too-many-notes"


def said(version: int = 1) -> Proof:
    """A word taken at the counter."""
    return Proof(version=version, who="seller:sel_1", place=STATION, how="spoken")


async def agrees(shop: Shop, customer_id: str) -> bool:
    """Whether the customer agrees to marketing."""
    return await shop.sql.read(lambda: consented(M, customer_id, "marketing"))


async def test_a_consent_is_kept_with_its_proof_and_the_last_word_counts(shop: Shop) -> None:
    consents, ada = shop.engine.clientele.consents, await shop.customer()
    assert not await agrees(shop, ada), "silence is no consent"
    await consents.give(M, ada, "marketing", True, said())
    await consents.give(M, ada, "marketing", True, said())
    assert await agrees(shop, ada)
    shop.clock.forward(60)
    [state] = [one for one in await consents.give(M, ada, "marketing", False, said()) if one.purpose == "marketing"]
    assert not await agrees(shop, ada)
    assert [(word.given, word.version, word.who, word.place, word.how) for word in state.history] == [
        (False, 1, "seller:sel_1", STATION, "spoken"),
        (True, 1, "seller:sel_1", STATION, "spoken"),
    ]


async def test_an_agreement_is_to_the_text_of_today_and_old_ones_stand(shop: Shop) -> None:
    consents, ada, bo = shop.engine.clientele.consents, await shop.customer(), await shop.customer("Bo")
    await consents.give(M, ada, "marketing", True, said())
    written = await consents.write_text(M, "marketing", {"fr": "Nos nouveautés ?"}, by=MANAGER)
    assert written.version == 2
    with pytest.raises(Conflict) as changed:
        await consents.give(M, bo, "marketing", True, said(1))
    assert changed.value.code == "text-changed"
    await consents.give(M, bo, "marketing", True, said(2))
    assert await agrees(shop, ada)
    await consents.give(M, ada, "marketing", False, said(1))
    assert not await agrees(shop, ada), "no is no, whichever text was shown"


async def test_words_cannot_be_changed_afterwards(shop: Shop) -> None:
    await shop.engine.clientele.consents.give(M, await shop.customer(), "push", True, said())

    def forge() -> Job[None]:
        yield Query("update consent set given = 0")

    with pytest.raises(ConstraintFailed):
        await shop.sql.write(forge)


async def test_after_a_merge_the_persons_last_word_counts(shop: Shop) -> None:
    consents, ada, bo = shop.engine.clientele.consents, await shop.customer(), await shop.customer("Bo")
    await consents.give(M, ada, "marketing", True, said())
    shop.clock.forward(60)
    await consents.give(M, bo, "marketing", False, said())
    await merge(shop, ada, bo)
    assert not await agrees(shop, ada)
    assert not await agrees(shop, bo)
