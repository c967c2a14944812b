"""NFC readers through nfcpy: USB, serial and simulated ones, each in a thread of its own."""

import errno
import logging
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Literal

from poi_nfc.card import Reading, read_card
from poi_nfc.credential import tap_of
from poi_nfc.debounce import Debounce
from poi_nfc.drivers.path import ReaderPath, parse_path
from poi_nfc.errors import CardError, CardLost, FrameError, FrameTimeout, ReaderUnavailable
from poi_nfc.tap import ReaderEvent, Tap

if TYPE_CHECKING:
    from nfc.clf import ContactlessFrontend, RemoteTarget

log = logging.getLogger(__name__)

EventKind = Literal["ready", "tap", "gone", "unreadable", "lost", "stopped"]

POLL_SECONDS = 0.04
PRESENCE_SECONDS = 0.05
RETRY_SECONDS = 1.0
READ_SECONDS = 2.0
DEBOUNCE_SECONDS = 1.5
PRESENCE_TIMEOUT = 0.5
READ_ATTEMPTS = 3
TECHNOLOGIES = ("106A", "106B", "212F")
LOSS_CODES = {
    errno.ENODEV: "no-reader",
    errno.ECONNREFUSED: "no-reader",
    errno.EACCES: "no-permission",
    errno.EBUSY: "reader-busy",
}


class NfcpyReader:
    """One reader, sensed in a daemon thread; what happens there goes to `emit` from that thread.

    `path` is `usb[:vendor:product]`, `tty:port:driver`, `com:port:driver` as nfcpy opens them, or `udp:host:port` for
    a simulated field. USB and serial paths are unverified: no hardware was at hand. `clock` gives UTC seconds since
    1970, `monotonic` the seconds of the debounce and of a read's time limit.
    """

    def __init__(
        self,
        path: str,
        *,
        name: str,
        emit: Callable[[ReaderEvent], None],
        clock: Callable[[], float],
        monotonic: Callable[[], float] = time.monotonic,
        debounce_seconds: float = DEBOUNCE_SECONDS,
        retry_seconds: float = RETRY_SECONDS,
    ) -> None:
        self.name = name
        self._path = parse_path(path)
        self._emit = emit
        self._clock = clock
        self._monotonic = monotonic
        self._retry_seconds = retry_seconds
        self._debounce = Debounce(debounce_seconds, monotonic)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"reader-{name}", daemon=True)
        self._connected: bool | None = None

    def start(self) -> None:
        """Begin to sense, once; `ReaderUnavailable` if nfcpy or the system's libusb is missing."""
        _require_nfcpy()
        self._thread.start()

    def stop(self, timeout: float = 0.8) -> bool:
        """End the thread within `timeout` seconds; False if a reader's driver still holds it (it is a daemon)."""
        self._stop.set()
        if self._thread.ident is not None:
            self._thread.join(timeout)
        return not self._thread.is_alive()

    @property
    def is_alive(self) -> bool:
        """Whether the thread runs."""
        return self._thread.is_alive()

    def _run(self) -> None:
        try:
            while not self._stop.is_set():
                self._connect_and_serve()
                self._stop.wait(self._retry_seconds)
        finally:
            self._tell("stopped")

    def _connect_and_serve(self) -> None:
        try:
            frontend = _open(self._path, self._stop.is_set)
            try:
                self._serve(frontend)
            finally:
                # a PN53x that is left open needs to be unplugged
                frontend.close()
        except _Stopping:
            return
        # drivers leak what their chip library raises; whatever it is, opening anew is the remedy
        except Exception as error:
            self._lost(error)

    def _serve(self, frontend: "ContactlessFrontend") -> None:
        target = self._sense(frontend)
        self._wait(0)
        self._connected = True
        self._tell("ready", detail=str(frontend))
        while True:
            if target is None:
                self._wait(POLL_SECONDS)
            else:
                self._attend(frontend, target)
            target = self._sense(frontend)

    def _attend(self, frontend: "ContactlessFrontend", target: "RemoteTarget") -> None:
        """Read the card, tell of it, and stay with it until it is gone."""
        present: Callable[[], bool] | None = None
        try:
            reading = self._read(frontend, target)
            present = reading.present
            tap = tap_of(reading.card, source=self.name, seen_at=self._clock())
        except CardError as error:
            key = (error.code, "" if error.code == "random-uid" else _number(target))
            told = self._debounce.is_new(key) and self._tell("unreadable", code=error.code, detail=error.detail)
        else:
            key = (tap.scheme, tap.subject)
            told = self._debounce.is_new(key) and self._tell("tap", tap=tap)
        self._stay(present or (lambda: self._still(frontend, target)))
        self._debounce.seen(key)
        if told:
            self._tell("gone")

    def _stay(self, present: Callable[[], bool]) -> None:
        self._wait(PRESENCE_SECONDS)
        while present():
            self._wait(PRESENCE_SECONDS)

    def _still(self, frontend: "ContactlessFrontend", target: "RemoteTarget") -> bool:
        """Sense anew: the only way with a card that speaks no protocol of ours."""
        found = self._sense(frontend)
        # a random number is another one whenever the field comes on
        return found is not None and (_number(found) == _number(target) or _number(found).startswith("08"))

    def _read(self, frontend: "ContactlessFrontend", target: "RemoteTarget") -> Reading:
        """Read the card; one that fell silent and is still there is read again."""
        found: RemoteTarget | None = target
        failure = CardLost("the card was taken away")
        for _ in range(READ_ATTEMPTS):
            if found is None:
                break
            link = _NfcpyLink(frontend, self._wait, self._monotonic)
            try:
                reading = read_card(link, found)
                link.deadline = None
                return reading
            except CardLost as error:
                failure = error
                found = self._sense(frontend)
            except (CardError, OSError, _Stopping):
                raise
            # a card may send anything: what nobody foresaw must not end the thread
            except Exception as error:
                log.warning("reader %s: %s while reading a card", self.name, type(error).__name__, exc_info=True)
                raise CardError("card-protocol-error", f"{type(error).__name__} while reading the card") from error
        raise failure

    def _sense(self, frontend: "ContactlessFrontend") -> "RemoteTarget | None":
        from nfc.clf import RemoteTarget

        self._wait(0)
        return frontend.sense(*(RemoteTarget(technology) for technology in TECHNOLOGIES), iterations=1)

    def _wait(self, seconds: float) -> None:
        if self._stop.wait(seconds):
            raise _Stopping

    def _lost(self, error: Exception) -> None:
        if self._connected is not False:
            number = error.errno if isinstance(error, OSError) else None
            code = LOSS_CODES.get(number or 0, "reader-lost")
            self._tell("lost", code=code, detail=f"{self._path.text}: {type(error).__name__}: {error}")
        self._connected = False

    def _tell(self, kind: EventKind, *, tap: Tap | None = None, code: str = "", detail: str = "") -> bool:
        try:
            self._emit(ReaderEvent(kind, self.name, self._clock(), tap, code, detail))
        # whoever listens may be gone already (a closed loop); the reader must still be closed in good order
        except Exception as error:
            log.error("reader %s: nobody took the event %s: %s", self.name, kind, error)
        return True


def _number(target: "RemoteTarget") -> str:
    return bytes(target.sdd_res or target.sensf_res or target.sensb_res or b"").hex()


class _NfcpyLink:
    """An activated card through nfcpy, within a time limit for the whole read; nfcpy's own errors end here."""

    def __init__(
        self, frontend: "ContactlessFrontend", wait: Callable[[float], None], monotonic: Callable[[], float]
    ) -> None:
        self._frontend = frontend
        self._wait = wait
        self._monotonic = monotonic
        self.deadline: float | None = monotonic() + READ_SECONDS
        self.max_send = frontend.max_send_data_size
        self.max_receive = frontend.max_recv_data_size

    def exchange(self, frame: bytes, timeout: float) -> bytes:
        """Send a frame and return the answer; every nfcpy error becomes one of ours."""
        from nfc.clf import CommunicationError, TimeoutError

        self._wait(0)
        try:
            answer = self._frontend.exchange(bytearray(frame), min(timeout, self._left()))
        except TimeoutError as error:
            raise FrameTimeout(str(error)) from error
        except CommunicationError as error:
            raise FrameError(str(error)) from error
        if not answer:
            raise FrameError("an empty frame")
        return bytes(answer)

    def pause(self, seconds: float) -> None:
        """Wait as the card asks, within the time limit."""
        self._wait(min(seconds, self._left()))

    def _left(self) -> float:
        if self.deadline is None:
            return PRESENCE_TIMEOUT
        left = self.deadline - self._monotonic()
        if left <= 0:
            raise CardError("too-slow", f"the card was not read within {READ_SECONDS:g} seconds")
        return left


class _Stopping(Exception):
    """The reader was asked to stop."""


def _require_nfcpy() -> None:
    try:
        from nfc.clf import ContactlessFrontend  # noqa: F401
    except (ImportError, OSError, AttributeError) as error:
        detail = f"nfcpy cannot be loaded ({error}); install it and the system's libusb-1.0 (Debian: libusb-1.0-0)"
        raise ReaderUnavailable("no-nfcpy", detail) from error


def _open(path: ReaderPath, stopping: Callable[[], bool]) -> "ContactlessFrontend":
    from nfc.clf import ContactlessFrontend

    frontend = ContactlessFrontend()
    if path.port:
        from poi_nfc.drivers.udp_device import UdpDevice

        frontend.device = UdpDevice(path.host, path.port, stopping)
    elif not frontend.open(path.text):
        raise OSError(errno.ENODEV, "no reader found, or no permission to open it")
    return frontend
