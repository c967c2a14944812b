"""One message to a terminal and its answer, over a TLS connection of its own, secured where there is a key.

Before the request nothing has happened; after it, silence or nonsense means that nobody knows.
"""

from collections.abc import Mapping
from typing import Any

import aiohttp
import msgspec

from poi_engine.connectors.nexo_terminal.messages import Body, Message, Nonsense, body_of, header
from poi_engine.connectors.nexo_terminal.options import NexoTerminal
from poi_engine.errors import DeviceError
from poi_engine.nexo.crypto import CryptoError, Sealer, SecurityTrailer

_MOST_BYTES = 1 << 20


class NoAnswer(DeviceError):
    """The message was sent and no answer to it can be had: what became of it is unknown."""

    def __init__(self, why: str) -> None:
        super().__init__("no-answer", f"The terminal gave no answer: {why}.")


async def ask(
    http: aiohttp.ClientSession,
    terminal: NexoTerminal,
    category: str,
    service: str,
    body: Mapping[str, Any],
    seconds: float,
) -> Body | None:
    """The body of the terminal's answer; None where it is empty, as an abort's is.

    Raises `NoAnswer` or `Nonsense` when it is unknown what the terminal did, and any other `DeviceError` when nothing
    was sent.
    """
    head = header(category, service, terminal.options.sale_id, terminal.options.poi_id)
    envelope = {"SaleToPOIRequest": {"MessageHeader": head, f"{category}Request": body}}
    raw, date = await _posted(http, terminal, _written(envelope, head, terminal.sealer), seconds)
    if category == "Abort":
        return None
    found = body_of(_read(raw, terminal.sealer), head)
    found.http_date = date
    return found


async def _posted(
    http: aiohttp.ClientSession, terminal: NexoTerminal, message: bytes, seconds: float
) -> tuple[bytes, str]:
    """The answer's body, and its HTTP date."""
    timeout = aiohttp.ClientTimeout(total=seconds, sock_connect=terminal.options.connect_seconds)
    try:
        async with http.post(
            terminal.options.url,
            data=message,
            headers={"Content-Type": "application/json"},
            ssl=terminal.tls,
            server_hostname=terminal.certificate_name,
            timeout=timeout,
            allow_redirects=False,
        ) as answer:
            return await _body(answer), answer.headers.get("Date", "")
    except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError, aiohttp.InvalidURL) as error:
        where = f"{terminal.options.host}:{terminal.options.port}"
        why = "its certificate is not the one expected" if _is_certificate(error) else "no terminal answers there"
        raise DeviceError("terminal-away", f"{where}: {why}; nothing was sent.") from error
    except TimeoutError:
        raise NoAnswer(f"none in {seconds:g} s") from None
    except (aiohttp.ClientError, OSError) as error:
        raise NoAnswer(f"the connection broke ({type(error).__name__})") from error


async def _body(answer: aiohttp.ClientResponse) -> bytes:
    if answer.status != 200:
        raise NoAnswer(f"it refused the message (HTTP {answer.status})")
    raw = bytearray()
    async for piece in answer.content.iter_any():
        raw += piece
        if len(raw) > _MOST_BYTES:
            raise NoAnswer(f"its answer is longer than {_MOST_BYTES} bytes")
    return bytes(raw)


def _is_certificate(error: Exception) -> bool:
    return isinstance(error, aiohttp.ClientConnectorCertificateError | aiohttp.ClientConnectorSSLError)


def _written(envelope: Message, head: Message, sealer: Sealer | None) -> bytes:
    plain = msgspec.json.encode(envelope)
    if sealer is None:
        return plain
    blob, trailer = sealer.seal(plain)
    sealed = {"MessageHeader": head, "NexoBlob": blob, "SecurityTrailer": trailer}
    return msgspec.json.encode({"SaleToPOIRequest": sealed})


def _read(raw: bytes, sealer: Sealer | None) -> object:
    """The answer inside its envelope. Raises `Nonsense`."""
    answer = _inside(raw)
    if sealer is None:
        return answer
    try:
        trailer = msgspec.convert(answer.get("SecurityTrailer"), SecurityTrailer)
        opened = _inside(sealer.open(msgspec.convert(answer.get("NexoBlob"), str), trailer))
    except (CryptoError, msgspec.ValidationError):
        raise Nonsense("it is not secured with the key of this terminal") from None
    if answer.get("MessageHeader") not in (None, opened.get("MessageHeader")):
        raise Nonsense("its two headers differ")
    return opened


def _inside(raw: bytes) -> Message:
    try:
        answer = msgspec.json.decode(raw, type=Message)
    except msgspec.DecodeError:
        raise Nonsense("it is no JSON object") from None
    inside = answer.get("SaleToPOIResponse")
    if not isinstance(inside, dict):
        raise Nonsense("it holds no SaleToPOIResponse")
    return inside
