"""What a customer agreed to, purpose by purpose; each word is kept with who took it, where, when and on which text."""

from collections.abc import Mapping
from datetime import datetime
from typing import Literal

from msgspec import Struct, json

from poi_engine.checkout.records import insert_audit
from poi_engine.clientele.rows import living, lock_alive, marks, must_live
from poi_engine.clock import Clock, micros, moment
from poi_engine.errors import Conflict, RequestError
from poi_engine.ids import Ids
from poi_engine.ports import Job, Query, Row, Sql
from poi_engine.principal import Principal
from poi_engine.segments.due import mark_due
from poi_engine.settings import lock_merchant

Purpose = Literal["membership", "profiling", "marketing", "push"]
How = Literal["phone", "spoken", "signed", "imported", "expired"]
PURPOSES: tuple[Purpose, ...] = ("membership", "profiling", "marketing", "push")
MOST_WORDS = 500
"""Words of one customer: more are a fault or a nuisance."""

FIRST_TEXTS: Mapping[Purpose, Mapping[str, str]] = {
    "membership": {
        "en": "I want to be known by my name here: my visits, points and offers are kept under it.",
        "fr": "Je souhaite être reconnu(e) par mon nom : mes visites, mes points et mes offres y sont rattachés.",
    },
    "profiling": {
        "en": "My purchases may be looked at to suggest products and offers that suit me.",
        "fr": "Mes achats peuvent être analysés pour me proposer des produits et des offres qui me conviennent.",
    },
    "marketing": {
        "en": "I want to hear of this shop's news and offers.",
        "fr": "Je souhaite recevoir les nouveautés et les offres de ce commerce.",
    },
    "push": {
        "en": "This shop may send notifications to my phone.",
        "fr": "Ce commerce peut envoyer des notifications sur mon téléphone.",
    },
}
"""Version 1 of every text; a merchant's own begin at 2."""


class Proof(Struct, frozen=True, kw_only=True):
    """How a word was given: the text's version, who took it, at which station or store, and in which way."""

    version: int
    who: str
    how: How
    place: str = ""


class ConsentText(Struct, frozen=True, kw_only=True):
    """What a customer is asked, by language."""

    purpose: Purpose
    version: int
    text: dict[str, str]


class ConsentWord(Struct, frozen=True, kw_only=True):
    """One word a customer gave."""

    purpose: Purpose
    given: bool
    version: int
    who: str
    place: str
    how: How
    at: datetime


class ConsentState(Struct, frozen=True, kw_only=True):
    """A purpose as it stands: whether it is agreed to, the text to show now, and every word so far, newest first."""

    purpose: Purpose
    given: bool
    version: int
    text: dict[str, str]
    history: tuple[ConsentWord, ...]


class Consents:
    """The consents' service."""

    def __init__(self, sql: Sql, clock: Clock, ids: Ids) -> None:
        self._sql = sql
        self._clock = clock
        self._ids = ids

    async def of(self, merchant_id: str, customer_id: str) -> tuple[ConsentState, ...]:
        """Every purpose as it stands for the customer."""
        return await self._sql.read(lambda: read_consents(merchant_id, customer_id))

    async def give(
        self, merchant_id: str, customer_id: str, purpose: Purpose, given: bool, proof: Proof
    ) -> tuple[ConsentState, ...]:
        """The customer's word, kept for good; the same word twice is one."""
        consent_id, at = self._ids.new("con"), micros(self._clock.now())

        def job() -> Job[tuple[ConsentState, ...]]:
            yield from put_consent(merchant_id, consent_id, customer_id, purpose, given, proof, at)
            return (yield from read_consents(merchant_id, customer_id))

        return await self._sql.write(job)

    async def texts(self, merchant_id: str) -> tuple[ConsentText, ...]:
        """The texts to show now."""
        return await self._sql.read(lambda: read_texts(merchant_id))

    async def write_text(
        self, merchant_id: str, purpose: Purpose, text: Mapping[str, str], *, by: Principal
    ) -> ConsentText:
        """A new version of a text. Words given to an older one stand, as proof of that one."""
        if not text or any(not 1 <= len(words.strip()) <= 2000 for words in text.values()):
            raise RequestError(
                "bad-text", "Write the text in at least one language, up to 2000 letters.", path="$.text"
            )
        audit_id, at = self._ids.new("aud"), micros(self._clock.now())

        def job() -> Job[ConsentText]:
            yield from lock_merchant(merchant_id)
            current = yield from read_text(merchant_id, purpose)
            made = ConsentText(purpose=purpose, version=current.version + 1, text=dict(text))
            yield Query(
                "insert into consent_text (merchant_id, purpose, version, document, created_at) values (?, ?, ?, ?, ?)",
                (merchant_id, purpose, made.version, json.encode(made.text).decode(), at),
            )
            yield insert_audit(merchant_id, audit_id, by.who, "consent-text", purpose, f"version {made.version}", at)
            return made

        return await self._sql.write(job)


def consented(merchant_id: str, customer_id: str, purpose: Purpose) -> Job[bool]:
    """Whether the customer agrees to the purpose; without a word of theirs, no."""
    known = yield from living(merchant_id, customer_id)
    if known.erased:
        return False
    words = yield from _words(merchant_id, known.family)
    return next((bool(row["given"]) for row in words if row["purpose"] == purpose), False)


def put_consent(
    merchant_id: str, consent_id: str, customer_id: str, purpose: Purpose, given: bool, proof: Proof, at: int
) -> Job[None]:
    """Keep a word, unless it is the last one again. An agreement must be to the text as it is now."""
    known = yield from lock_alive(merchant_id, customer_id)
    current = yield from read_text(merchant_id, purpose)
    if given and proof.version != current.version:
        message = f"The text has changed: version {current.version} is to be shown."
        raise Conflict("text-changed", message, path="$.version")
    words = yield from _words(merchant_id, known.family)
    last = next((row for row in words if row["purpose"] == purpose), None)
    if last is not None and (bool(last["given"]), last["version"]) == (given, proof.version):
        return
    if len(words) >= MOST_WORDS:
        raise Conflict("too-many-words", "This customer has changed their mind too often to be recorded again.")
    yield Query(
        "insert into consent (merchant_id, consent_id, customer_id, purpose, given, version, who, place, how, "
        "created_at) values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            *(merchant_id, consent_id, known.customer_id, purpose, int(given), proof.version),
            *(proof.who, proof.place, proof.how, at),
        ),
    )
    if purpose == "profiling":
        yield mark_due(merchant_id, known.customer_id, at)


def read_consents(merchant_id: str, customer_id: str) -> Job[tuple[ConsentState, ...]]:
    """Every purpose as it stands for the customer."""
    known = yield from must_live(merchant_id, customer_id)
    words = [_word(row) for row in (yield from _words(merchant_id, known.family))]
    texts = yield from read_texts(merchant_id)
    states = []
    for text in texts:
        history = tuple(word for word in words if word.purpose == text.purpose)
        states.append(
            ConsentState(
                purpose=text.purpose,
                given=bool(history) and history[0].given,
                version=text.version,
                text=text.text,
                history=history,
            )
        )
    return tuple(states)


def read_texts(merchant_id: str) -> Job[tuple[ConsentText, ...]]:
    """The newest text of every purpose."""
    texts = []
    for purpose in PURPOSES:
        texts += [(yield from read_text(merchant_id, purpose))]
    return tuple(texts)


def read_text(merchant_id: str, purpose: Purpose) -> Job[ConsentText]:
    """The newest text of a purpose."""
    rows = yield Query(
        "select version, document from consent_text where merchant_id = ? and purpose = ? "
        "order by version desc limit 1",
        (merchant_id, purpose),
    )
    if not rows:
        return ConsentText(purpose=purpose, version=1, text=dict(FIRST_TEXTS[purpose]))
    text = json.decode(rows[0]["document"], type=dict[str, str])
    return ConsentText(purpose=purpose, version=rows[0]["version"], text=text)


def _words(merchant_id: str, family: tuple[str, ...]) -> Job[list[Row]]:
    """Newest first, whichever record of the person they were given to."""
    rows = yield Query(
        "select consent_id, purpose, given, version, who, place, how, created_at from consent "
        f"where merchant_id = ? and customer_id in ({marks(family)})",
        (merchant_id, *family),
    )
    return sorted(rows, key=lambda row: (row["created_at"], row["consent_id"]), reverse=True)


def _word(row: Row) -> ConsentWord:
    return ConsentWord(
        purpose=row["purpose"],
        given=bool(row["given"]),
        version=row["version"],
        who=row["who"],
        place=row["place"],
        how=row["how"],
        at=moment(row["created_at"]),
    )
