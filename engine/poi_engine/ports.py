"""The outside world, as the engine sees it: one Protocol each."""

from collections.abc import Callable, Generator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple, Protocol, TypeVar, runtime_checkable

from msgspec import Struct

from poi_engine.clock import Clock
from poi_engine.session import Session
from poi_offers.situation import PaymentFacts

T = TypeVar("T")


class Credential(Protocol):
    """A `Tap` or a `Scan`: they fit structurally."""

    @property
    def scheme(self) -> str: ...
    @property
    def subject(self) -> str: ...
    @property
    def assurance(self) -> str: ...
    @property
    def source(self) -> str: ...
    @property
    def seen_at(self) -> float: ...
    @property
    def evidence(self) -> tuple[tuple[str, str], ...]: ...


class Query(NamedTuple):
    """One statement: `?` placeholders, plain values (str, int, bytes, float, None).

    A select of a writing job that ends in `/* for share */` keeps others from changing what it found until the
    transaction ends, and `/* writer */ 0` is a small number of the connection that writes. SQLite has one writer, and
    takes both for the comments that they are.

    `tuples`: rows are tuples of the values in the order selected, for who reads millions of them.
    """

    text: str
    values: Sequence[Any] = ()
    tuples: bool = False


class Queries(NamedTuple):
    """Statements that need nothing of each other, in one round trip where that saves one; see `poi_engine.together`.

    Those that return rows or lock some are made in this order, the others last, in any. None sees what another one
    writes, no two change the same row, and what one of them locks none of the others reads: they may find it as it was
    before the lock was there.
    """

    queries: tuple[Query, ...]


Row = Mapping[str, Any]
Job = Generator[Query | Queries, list[Row], T]
"""A transaction without I/O: it yields queries, receives rows, and returns its result.

The same generator runs on SQLite and PostgreSQL. Raising rolls back all it did. A job may be run again from its start
(a serialisation failure), so it must be made by a function and touch nothing else.
"""


class Sql(Protocol):
    """What must last."""

    async def read(self, job: Callable[[], Job[T]]) -> T:
        """Run a job that only reads."""

    async def write(self, job: Callable[[], Job[T]]) -> T:
        """Run a job in a transaction; returns only after a durable commit. Raises `StorageError` when SQL is away."""


class Sessions(Protocol):
    """Session state: may be lost, shared by all processes, forgotten after its time to live."""

    async def load(self, merchant_id: str, session_id: str) -> Session | None: ...

    async def at_station(self, merchant_id: str, station_id: str) -> Session | None:
        """The station's current session."""

    async def of_customer(self, merchant_id: str, customer_id: str) -> Session | None:
        """The session that the customer was known in last, before it ended, if they still are."""

    async def save(self, session: Session, *, expected_revision: int | None) -> bool:
        """Store if the stored revision is the expected one (None: if absent); False when somebody was faster.

        A session new to its station takes the place of one that has ended, never of one that is open.
        """

    async def release(self, session: Session) -> None:
        """The station has no current session any more (the blob stays until its time to live)."""

    async def first_use(self, key: str, seconds: int) -> bool:
        """True once per key and time span: the fast half of the replay guard."""

    async def tell_sending(self, checkout_id: str, seconds: int) -> None:
        """This process still waits for the terminal's answer; good for so many seconds."""

    async def is_sending(self, checkout_id: str) -> bool:
        """Whether some process has said so lately."""


class OrderTold(Struct, frozen=True, kw_only=True):
    """What screens are told of an order that moved: those of `stations`, and the customer's phone."""

    order_id: str
    state: str
    store_id: str
    customer_id: str | None = None
    stations: tuple[str, ...] = ()


Seen = Literal["all", "here", "elsewhere"]
"""Whose screens: those of every process, of this one, or of the others."""


class Screens(Protocol):
    """Everybody who looks, in every process."""

    async def session_changed(self, session: Session, *, to: Seen = "all") -> None:
        """Show the session as it is. `here`: in this process alone, without Redis; `elsewhere`: in the others."""

    async def session_left(self, session: Session, station_id: str) -> None:
        """The session goes on at its station: the screens of `station_id` let go of it."""

    async def customer_changed(self, merchant_id: str, customer_id: str, notice: str) -> None: ...

    async def sale_committed(self, merchant_id: str, store_id: str, sale_id: str) -> None: ...

    async def offers_changed(self, merchant_id: str) -> None: ...

    async def order_changed(self, merchant_id: str, order: OrderTold) -> None: ...


class Capabilities(Struct, frozen=True, kw_only=True):
    """What a connector can do. `card_before_amount`: the card's facts are known before the amount is sent; `status`: it
    can be asked what became of a reference, by whichever process; `holds`: it is a `HoldingConnector`; `offline`: it is
    an `OfflineConnector`.
    """

    card_before_amount: bool = False
    refund: bool = True
    cancel: bool = True
    holds: bool = False
    status: bool = True
    offline: bool = False


class CardSeen(Struct, frozen=True, kw_only=True):
    """A card presented before the amount: its facts, and the terminal's reference for the authorisation to follow."""

    facts: PaymentFacts
    acquisition_ref: str


class PaymentResult(Struct, frozen=True, kw_only=True):
    """The terminal's word on one operation.

    `outcome`: `approved`, `declined`, `unknown` (no answer after bytes were sent), `not_found` (status only: the
    terminal has never seen the reference), `in_progress`. `amount` in minor units. `guaranteed`: authorised online.
    """

    outcome: str
    payment_ref: str
    amount: int = 0
    facts: PaymentFacts = PaymentFacts()
    guaranteed: bool = True
    authorisation: str = ""
    reason: str = ""


class ConnectorSetup(Struct, frozen=True, kw_only=True):
    """What a connector is opened with: a file for a book of its own, the clock, its terminals' options by station."""

    book: Path
    clock: Clock
    terminals: Mapping[str, Mapping[str, str | bool | int | float]] = {}


BANK_AWAY = "bank-away"
"""The `DeviceError` of a terminal that cannot reach its bank, and has asked nobody."""


class PaymentConnector(Protocol):
    """A terminal or bank. Every operation carries our own reference, and repeating a reference repeats the answer.

    No operation raises for a time-out after bytes were sent: it answers `unknown`. `DeviceError` means that nothing was
    sent; its code is `BANK_AWAY` where the terminal is there and its bank is not. References are ours: `payment_ref` of
    the authorisation, `refund_ref` of a refund. Amounts are in minor units.
    """

    name: str
    capabilities: Capabilities

    async def acquire_card(
        self, station_id: str, acquisition_ref: str, amount: int = 0, currency: str = ""
    ) -> CardSeen:
        """Have a card read; `amount` in minor units is what is due as decided so far, for terminals that show it.

        `cancel` of the reference drops the card: no payment follows.
        """

    async def authorise(
        self, station_id: str, payment_ref: str, amount: int, currency: str, acquisition_ref: str | None
    ) -> PaymentResult:
        """Take the amount from the card presented, or from the one that was read under `acquisition_ref`."""

    async def capture(self, payment_ref: str, amount: int) -> PaymentResult:
        """Take at most what was authorised, where that did not take it."""

    async def cancel(self, payment_ref: str) -> PaymentResult:
        """Undo what stands under the reference, and bar it where nothing does: it cannot arrive later."""

    async def refund(
        self, station_id: str, payment_ref: str, refund_ref: str, amount: int, currency: str
    ) -> PaymentResult:
        """Give back at the station where the customer stands, perhaps not the one that took the payment."""

    async def status(self, payment_ref: str) -> PaymentResult:
        """What became of the reference; `not_found`: the terminal has never seen it."""

    async def close(self) -> None:
        """Let go of the terminals."""


@runtime_checkable
class Probed(Protocol):
    """A connector whose terminals answer to a question that moves nothing."""

    async def probe(self, station_id: str) -> str:
        """What the station's terminal says of itself. Raises `DeviceError` when it does not answer."""


@runtime_checkable
class Timed(Protocol):
    """A connector whose terminals tell the time."""

    def clock_gaps(self) -> Mapping[str, int]:
        """By how many seconds terminals are ahead of our clock (negative: behind), by station; only if by minutes."""


class HoldingConnector(PaymentConnector, Protocol):
    """A connector that holds an amount on a card and takes less of it later; `cancel` lets the hold go."""

    async def hold(self, station_id: str, hold_ref: str, amount: int, currency: str) -> PaymentResult:
        """Hold `amount` on the card that is presented; repeating the reference repeats the answer."""

    async def capture_hold(self, station_id: str, hold_ref: str, capture_ref: str, amount: int) -> PaymentResult:
        """Take `amount`, at most what is held, and let go the rest: once a hold. `status` knows the capture by its own
        reference, and repeating that repeats the answer."""


class OfflineConnector(PaymentConnector, Protocol):
    """A connector whose terminal takes a card while its bank is away, keeps the payment, and forwards it when told."""

    async def authorise_offline(
        self, station_id: str, payment_ref: str, amount: int, currency: str, acquisition_ref: str | None
    ) -> PaymentResult:
        """Take the card at the merchant's risk (`guaranteed` False), asking no bank; `status` and `cancel` know the
        reference, and repeating it repeats the answer. Nothing is charged before it is forwarded."""

    async def forward(self, payment_ref: str) -> PaymentResult:
        """Charge what was taken offline, once however often it is told: `approved` and `guaranteed`, `declined`, or
        `unknown`; `status` tells the same from then on. Raises `DeviceError` while the bank is away."""
