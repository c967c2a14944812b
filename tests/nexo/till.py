"""A till: the vendor's own Node client in a process of its own, or plain HTTP without it."""

from __future__ import annotations

import asyncio
import itertools
import shutil
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from tests.nexo.messages import KEY, request
from tests.servers import absent

ROOT = Path(__file__).parents[2]
LIBRARY = ROOT / "node_modules/@adyen/api-library"
_SECONDS = 30


class Refused(Exception):
    """What the client threw."""

    def __init__(self, error: dict[str, Any]) -> None:
        super().__init__(error.get("message"))
        self.name = error.get("name")
        self.status = error.get("statusCode")
        self.code = error.get("errorCode")


class NodeTill:
    """A till that uses the client; calls may overlap."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writer = writer
        self._waiting: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._ids = itertools.count(1)
        self._reading = asyncio.create_task(self._read(reader))

    async def ask(
        self, category: str, body: dict[str, Any], *, service: str | None = None, secured: bool = False, **header: Any
    ) -> dict[str, Any]:
        """The answer's own part (`PaymentResponse`), as the client understood it."""
        answer = await self.envelope(category, body, service=service, secured=secured, **header)
        found: dict[str, Any] = answer["SaleToPOIResponse"][f"{category}Response"]
        return found

    async def envelope(
        self, category: str, body: dict[str, Any], *, service: str | None = None, secured: bool = False, **header: Any
    ) -> dict[str, Any]:
        """The whole answer."""
        call_id, wanted = next(self._ids), asyncio.get_running_loop().create_future()
        self._waiting[call_id] = wanted
        message = request(category, body, service or f"s{call_id}", **header)
        self._writer.write(msgspec.json.encode({"id": call_id, "secured": secured, "request": message}) + b"\n")
        await self._writer.drain()
        told = await asyncio.wait_for(wanted, _SECONDS)
        if "error" in told:
            raise Refused(told["error"])
        answer: dict[str, Any] = told["response"]
        return answer

    async def _read(self, reader: asyncio.StreamReader) -> None:
        async for line in reader:
            told = msgspec.json.decode(line)
            wanted = self._waiting.pop(told["id"])
            if not wanted.done():
                wanted.set_result(told)
        for wanted in self._waiting.values():
            if not wanted.done():
                wanted.set_exception(ConnectionResetError("the client hung up: its reason is in the output"))

    async def close(self) -> None:
        """Hang up."""
        self._writer.close()
        await self._writer.wait_closed()
        await self._reading


@contextmanager
def node_client(folder: Path) -> Iterator[Path]:
    """The client's process; yields the unix socket where it takes calls."""
    if shutil.which("node") is None or not LIBRARY.is_dir():
        absent("the vendor's Node client is not installed (run: .ci/web test)")
    socket, script = folder / "client.sock", Path(__file__).with_name("client.mjs")
    with subprocess.Popen(["node", script, socket], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None and process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        yield socket
        process.stdin.close()
        process.wait(_SECONDS)


@asynccontextmanager
async def node_till(socket: Path, endpoint: str, secret: str, certificate: Path) -> AsyncIterator[NodeTill]:
    """A till whose client talks to `endpoint`, to which the client itself appends `:8443/nexo/`."""
    key = {"Passphrase": KEY.passphrase, "KeyIdentifier": KEY.identifier, "KeyVersion": 1, "AdyenCryptoVersion": 1}
    options = {"apiKey": secret, "endpoint": endpoint, "certificate": str(certificate), "key": key}
    reader, writer = await asyncio.open_unix_connection(str(socket), limit=2**20)
    writer.write(msgspec.json.encode(options) + b"\n")
    till = NodeTill(reader, writer)
    try:
        yield till
    finally:
        await till.close()


def sale_data(transaction_id: str = "100") -> dict[str, Any]:
    """The till's own words about a sale."""
    return {"SaleTransactionID": {"TransactionID": transaction_id, "TimeStamp": datetime.now(UTC).isoformat()}}


def payment(amount: float, items: list[dict[str, Any]] | None = None, **other: Any) -> dict[str, Any]:
    """The body of a payment; `loyalty`, `handling` and `data` fill their parts."""
    transaction: dict[str, Any] = {"AmountsReq": {"Currency": "EUR", "RequestedAmount": amount}}
    if items:
        transaction["SaleItem"] = items
    if "handling" in other:
        transaction["TransactionConditions"] = {"LoyaltyHandling": other["handling"]}
    if "original" in other:
        transaction["OriginalPOITransaction"] = {"POITransactionID": other["original"]}
    body = {"SaleData": sale_data(), "PaymentTransaction": transaction, "PaymentData": other.get("data")}
    return body | ({"LoyaltyData": other["loyalty"]} if "loyalty" in other else {})


def item(item_id: int, code: str, amount: float, quantity: float | None = None) -> dict[str, Any]:
    """A line of a sale."""
    return {"ItemID": item_id, "ProductCode": code, "ItemAmount": amount, "Quantity": quantity}


def member(number: str) -> list[dict[str, Any]]:
    """A loyalty card that the till has read."""
    account = {"EntryMode": ["Scanned"], "IdentificationType": "BarCode", "LoyaltyID": number}
    return [{"LoyaltyAccountID": account}]
