"""The field: one UDP port on loopback that answers a reader as the card in it would."""

import asyncio

from poi_nfc.emulator.cards import Card

Address = tuple[str, int]
# long enough for a reader to notice that the card is gone before the next one comes
GAP_SECONDS = 0.2


class Field:
    """One antenna's field, on the running loop: `put` and `remove` a card, or `present` it for a while.

    A frame is a datagram `<bit rate and technology> <hex>`, without checksum; `RFOFF` tells that the field went off.
    Nothing in the field is answered with the technology alone, so that a reader need not wait in vain.
    """

    def __init__(self, *, host: str = "127.0.0.1", port: int = 0) -> None:
        self._wanted: Address = (host, port)
        self._transport: asyncio.DatagramTransport | None = None
        self._card: Card | None = None
        self._reader: Address | None = None
        self._turn = asyncio.Lock()
        self._port_free = asyncio.Event()
        self._port_free.set()
        self._replies: set[asyncio.TimerHandle] = set()

    async def open(self) -> None:
        """Bind the port; a field that was closed opens on the same port again."""
        await self._port_free.wait()
        loop = asyncio.get_running_loop()
        transport, _ = await loop.create_datagram_endpoint(lambda: _Antenna(self), local_addr=self._wanted)
        self._transport = transport
        self._port_free.clear()
        self._wanted = transport.get_extra_info("sockname")[:2]

    def close(self) -> None:
        """Free the port, as if the reader's cable were drawn; a closed field has no card."""
        self.remove()
        for reply in self._replies:
            reply.cancel()
        self._replies.clear()
        if self._transport is not None:
            self._transport.close()
            self._transport = None

    async def __aenter__(self) -> "Field":
        await self.open()
        return self

    async def __aexit__(self, *_: object) -> None:
        self.close()

    @property
    def path(self) -> str:
        """The path by which a reader opens this field."""
        return f"udp:{self._wanted[0]}:{self._wanted[1]}"

    @property
    def card(self) -> Card | None:
        """The card in the field."""
        return self._card

    def put(self, card: Card) -> None:
        """Lay a card into the field, in the place of the one that was there."""
        self.remove()
        card.power_off()
        self._card = card

    def remove(self) -> None:
        """Take the card away."""
        if self._card is not None:
            self._card.power_off()
        self._card = None

    async def present(self, card: Card, seconds: float) -> None:
        """Hold a card into the field for a while, then take it away; several callers take turns."""
        async with self._turn:
            self.put(card)
            try:
                await asyncio.sleep(seconds)
            finally:
                if self._card is card:
                    self.remove()
            await asyncio.sleep(GAP_SECONDS)

    def freed(self) -> None:
        """Note that the port is free: the loop closes a socket a little later than it is asked to."""
        self._port_free.set()

    def receive(self, datagram: bytes, reader: Address) -> None:
        """Answer one datagram of a reader."""
        if reader != self._reader or datagram == b"RFOFF":
            self._power_off(reader)
        brty, _, text = datagram.partition(b" ")
        try:
            technology, frame = brty.decode("ascii"), bytes.fromhex(text.decode("ascii"))
        except ValueError:
            return
        if not frame:
            return
        if self._card is None or self._card.technology != technology:
            self._send(brty, reader)
            return
        answer = self._card.answer(frame)
        if answer is not None:
            self._reply(brty + b" " + answer.hex().encode(), reader, self._card.delay)

    def _power_off(self, reader: Address) -> None:
        # a reader makes a new socket whenever it has switched its field off
        self._reader = reader
        if self._card is not None:
            self._card.power_off()

    def _reply(self, datagram: bytes, reader: Address, delay: float) -> None:
        if not delay:
            self._send(datagram, reader)
            return
        self._replies = {reply for reply in self._replies if not reply.cancelled() and reply.when() > _now()}
        self._replies.add(asyncio.get_running_loop().call_later(delay, self._send, datagram, reader))

    def _send(self, datagram: bytes, reader: Address) -> None:
        if self._transport is not None:
            self._transport.sendto(datagram, reader)


def _now() -> float:
    return asyncio.get_running_loop().time()


class _Antenna(asyncio.DatagramProtocol):
    """Hands datagrams to the field."""

    def __init__(self, field: Field) -> None:
        self._field = field

    def datagram_received(self, data: bytes, addr: Address) -> None:
        self._field.receive(data, addr)

    def connection_lost(self, exc: Exception | None) -> None:
        self._field.freed()
