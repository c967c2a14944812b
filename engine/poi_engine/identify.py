"""From a tap or a scan to the customer it identifies, or to the refusal that the screen shows."""

import hashlib
from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

from poi_engine.checkout.frozen import is_sure
from poi_engine.checkout.records import insert_audit
from poi_engine.clientele.customers import Customers, CustomerView, card_holder
from poi_engine.errors import Forbidden
from poi_engine.facts import read_facts
from poi_engine.ports import Credential, Job, Query
from poi_engine.principal import Principal
from poi_engine.session import Identity, Notice
from poi_engine.staff.approvals import Allowance, allow, was_allowed
from poi_engine.staff.badges import read_badge
from poi_engine.wiring import Wiring
from poi_offers.situation import CustomerFacts
from poi_qr.errors import TokenRefused
from poi_qr.poi1 import REPLAY_SECONDS, check

Vouched = Literal["known", "document", "answers"]
"""By what sign staff know a customer: in person, by an identity document, by what they could tell of themselves."""
ONCE_SECONDS = 2 * REPLAY_SECONDS
_LOYALTY = {"loyalty": "loyalty", "ndef": "loyalty", "uid": "uid"}
"""A loyalty reference is the same whether it is printed as a code or written on a chip."""


class Refused(Struct, frozen=True, kw_only=True):
    """Nobody was identified; the screen says why."""

    notice: Notice


class Identifier:
    """Finds who a credential belongs to."""

    def __init__(self, wiring: Wiring, customers: Customers) -> None:
        self._w = wiring
        self._customers = customers

    async def identify(self, merchant_id: str, credential: Credential, *, pseudonyms: bool) -> Identity | Refused:
        """The identity that a tap or a scan proves. An unknown loyalty card makes a pseudonym when `pseudonyms`."""
        if credential.scheme == "poi1":
            return await self._by_token(merchant_id, credential)
        scheme = _LOYALTY.get(credential.scheme)
        if scheme is None:
            return refused("unreadable", scheme=credential.scheme)
        known = await self._w.sql.read(lambda: by_card(merchant_id, credential, self._w.at()))
        if known is not None:
            return known
        if await self._w.sql.read(lambda: read_badge(merchant_id, scheme, credential.subject)) is not None:
            return refused("badge")
        if not (pseudonyms and scheme == "loyalty"):
            return refused("unknown-credential", scheme=credential.scheme)
        customer = await self._customers.by_credential(merchant_id, scheme, credential.subject, create=True)
        assert customer is not None
        return identity_of(customer, credential.scheme, credential.assurance, credential.source)

    async def stand_by(self, merchant_id: str, customer_id: str, credential: Credential) -> None:
        """The customer's own code was shown beside this card: it is theirs."""
        scheme = _LOYALTY[credential.scheme]
        await self._customers.prove_credential(merchant_id, customer_id, scheme, credential.subject)

    async def _by_token(self, merchant_id: str, credential: Credential) -> Identity | Refused:
        keys = await self._w.sql.read(lambda: _programme_keys(merchant_id))
        try:
            verified = check(credential.subject, epoch_keys=keys, now=self._w.clock.now())
        except TokenRefused as error:
            return refused(_REFUSALS.get(error.code, "token-forged"))
        customer = await self._customers.by_device(merchant_id, verified.subject)
        if customer is None:
            return refused("unknown-credential", scheme="poi1")
        used = f"{merchant_id}:{verified.replay_key}"
        if not await self._w.sessions.first_use(used, ONCE_SECONDS):
            return refused("token-replayed")
        proof = hashlib.sha256(used.encode()).hexdigest()[:32]
        return identity_of(customer, "poi1", "authenticate", credential.source, proof)


_REFUSALS = {"expired": "token-expired", "clock": "token-clock", "replayed": "token-replayed"}


def by_card(merchant_id: str, credential: Credential, at: int) -> Job[Identity | None]:
    """Who carries a card that is known; None for any other credential."""
    scheme = _LOYALTY.get(credential.scheme)
    held = (yield from card_holder(merchant_id, scheme, credential.subject, at)) if scheme else None
    if held is None:
        return None
    customer, unproved = held
    identity = identity_of(customer, credential.scheme, credential.assurance, credential.source)
    return replace(identity, unproved=unproved)


def carrier(merchant_id: str, credential: Credential | None, at: int) -> Job[tuple[Identity, CustomerFacts] | None]:
    """The same, with what is on file of them."""
    identity = (yield from by_card(merchant_id, credential, at)) if credential else None
    return (identity, (yield from read_facts(merchant_id, identity.customer_id, at))) if identity else None


def identity_of(customer: CustomerView, scheme: str, assurance: str, source: str, proof: str = "") -> Identity:
    """A customer as the session carries it."""
    return Identity(
        customer_id=customer.customer_id,
        display_name=customer.display_name,
        pseudonym=customer.pseudonym,
        scheme=scheme,
        assurance=assurance,
        source=source,
        proof=proof,
    )


def refused(code: str, **values: str) -> Refused:
    """A refusal with its values."""
    return Refused(notice=Notice(code=code, values=values))


def vouch(
    merchant_id: str,
    session_id: str,
    identity: Identity,
    by: Principal,
    how: Vouched,
    approval_id: str | None,
    audit_id: str,
    at: int,
) -> Job[None]:
    """Put on record who vouches for a customer, and how they know; of what staff linked lately, only two can.

    It is written before the session is: the same once more, where that failed, takes no second consent.
    """
    needs = identity.unproved and by.role != "owner"
    allowance = Allowance(who=by.who, needs=needs, approval_id=approval_id if needs else None)
    what = f"{identity.customer_id} {how}"
    if needs and (yield from was_allowed(merchant_id, by.who, "confirm_identity", session_id, what, at)):
        return
    second = yield from allow(merchant_id, allowance, "confirm_identity", session_id, 0, what, at)
    why = f"{how}; {session_id}" + (f"; with {second}" if second else "")
    yield insert_audit(merchant_id, audit_id, by.who, "confirm-identity", identity.customer_id, why, at, by.station_id)


def surer(known: Identity | None, shown: Identity, at: int) -> Identity:
    """A second, weaker proof of the same customer does not lower what the first one proved."""
    same = known is not None and known.customer_id == shown.customer_id
    if known is not None and same and is_sure(known, at) and not is_sure(shown, at):
        return known
    return shown


def must_be_sure(identity: Identity, at: int) -> None:
    """Points and stored value are spent only by a customer who proved to be one just now, or whom staff confirmed."""
    if not is_sure(identity, at):
        raise Forbidden("assurance-needed", "Scan the customer's code, or confirm who they are, before spending.")


def _programme_keys(merchant_id: str) -> Job[dict[int, bytes]]:
    rows = yield Query("select epoch, key from programme_key where merchant_id = ?", (merchant_id,))
    return {row["epoch"]: bytes(row["key"]) for row in rows}
