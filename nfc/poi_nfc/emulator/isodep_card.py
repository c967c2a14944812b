"""Type 4 cards in the field: the card's side of ISO-DEP, and the NDEF application."""

from poi_nfc.emulator.cards import Faults, TypeACard

DEFAULT_ATS = bytes.fromhex("0578807002")
APPLICATION = bytes.fromhex("d2760000850101")
CAPABILITY_FILE, NDEF_FILE = b"\xe1\x03", b"\xe1\x04"
OK, NOT_FOUND, WRONG_LENGTH, WRONG_OFFSET, NOT_KNOWN = b"\x90\x00", b"\x6a\x82", b"\x67\x00", b"\x6b\x00", b"\x6d\x00"
WTX_ONE = b"\xf2\x01"


class NdefApplication:
    """The NFC Forum Type 4 application: a capability file and one NDEF file, read only."""

    def __init__(self, message: bytes | None, max_read: int = 250) -> None:
        data = len(message or b"").to_bytes(2, "big") + (message or b"")
        capability = (
            b"\x00\x0f\x20"
            + max_read.to_bytes(2, "big")
            + b"\x00\x34\x04\x06"
            + NDEF_FILE
            + max(len(data), 5).to_bytes(2, "big")
            + b"\x00\xff"
        )
        self._files = {} if message is None else {CAPABILITY_FILE: capability, NDEF_FILE: data}
        self.reset()

    def reset(self) -> None:
        """Forget what was selected."""
        self._selected = False
        self._file = b""

    def apdu(self, command: bytes) -> bytes:
        """Answer one command APDU with data and status word."""
        if len(command) < 4:
            return WRONG_LENGTH
        if command[:4] == b"\x00\xa4\x04\x00":
            self._selected = bool(self._files) and command[5:12] == APPLICATION
            return OK if self._selected else NOT_FOUND
        if self._selected and command[:5] == b"\x00\xa4\x00\x0c\x02":
            return self._select_file(command[5:7])
        if self._selected and command[:2] == b"\x00\xb0" and len(command) == 5:
            return self._read(int.from_bytes(command[2:4], "big"), command[4] or 256)
        return NOT_KNOWN

    def _select_file(self, identifier: bytes) -> bytes:
        if identifier not in self._files:
            return NOT_FOUND
        self._file = self._files[identifier]
        return OK

    def _read(self, offset: int, size: int) -> bytes:
        if offset >= len(self._file):
            return WRONG_OFFSET
        return self._file[offset : offset + size] + OK


class IsoDepCard(TypeACard):
    """A Type 4A card: select, then blocks with chaining, repetition and waiting-time extension."""

    def __init__(self, uid: bytes, message: bytes | None, faults: Faults | None = None, *, max_read: int = 250) -> None:
        self._application = NdefApplication(message, max_read)
        super().__init__(uid, 0x20, faults or Faults())
        self._ats = self.faults.ats or DEFAULT_ATS

    def power_off(self) -> None:
        """Forget selection and blocks."""
        super().power_off()
        self._active = False
        self._deselect()

    def selected(self, frame: bytes) -> bytes | None:
        """Answer RATS once, then blocks."""
        if not self._active:
            if frame[0] != 0xE0:
                return None
            self._active = True
            return self._ats
        pcb = frame[0]
        if pcb & 0xE2 == 0x02 and not pcb & 0x0C:
            return self._information(pcb, frame[1:])
        if pcb & 0xEE == 0xA2:
            return self._receipt(pcb)
        if pcb == 0xF2:
            return self._extended(frame)
        if pcb == 0xC2:
            self.power_off()
            return frame
        return None

    def _deselect(self) -> None:
        self._number = 1
        self._command = b""
        self._pending: list[bytes] = []
        self._waits = 0
        self._last: bytes | None = None
        self._application.reset()

    def _information(self, pcb: int, data: bytes) -> bytes:
        self._number = pcb & 1
        self._command += data
        if pcb & 0x10:
            return self._say(bytes([0xA2 | self._number]))
        answer = self._application.apdu(self._command)
        self._command = b""
        size = self.faults.chunk
        self._pending = [answer[at : at + size] for at in range(0, len(answer), size)]
        self._waits = self.faults.extensions
        return self._next()

    def _next(self) -> bytes:
        if self._waits:
            self._waits -= 1
            return self._say(WTX_ONE)
        data = self._pending.pop(0)
        return self._say(bytes([(0x12 if self._pending else 0x02) | self._number]) + data)

    def _receipt(self, pcb: int) -> bytes | None:
        """Repeat the last block if it was missed, go on if it was received, say R(ACK) to a presence check."""
        if pcb & 1 == self._number:
            return self._last
        if pcb & 0x10:
            return bytes([0xA2 | self._number])
        if not self._pending:
            return None
        self._number ^= 1
        return self._next()

    def _extended(self, frame: bytes) -> bytes | None:
        return self._next() if frame == WTX_ONE and self._pending else None

    def _say(self, block: bytes) -> bytes:
        self._last = block
        return block
