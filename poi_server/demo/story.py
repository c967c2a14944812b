"""The whole story without a person: a fresh server, a tap, a scan, offers, payment, refund, told step by step."""

import asyncio
import base64
import json
import secrets
import signal
import sys
import tempfile
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from io import BytesIO
from pathlib import Path
from typing import Any

import aiohttp
import segno

from poi_qr.poi1 import issue
from poi_server.demo.catalogue import STAFF
from poi_server.demo.plan import gtin

Json = dict[str, Any]
WAIT = 30.0
SAME_SCAN = 2.0
"""Seconds after which the same code counts as shown again."""


class StoryFailed(Exception):
    """A step did not come out as it must."""


def expect(truth: bool, what: str) -> None:
    """Stop the story unless `truth`."""
    if not truth:
        raise StoryFailed(what)


class Client:
    """One credential's view of the API; any answer but the expected one ends the story."""

    def __init__(self, http: aiohttp.ClientSession, address: str, secret: str) -> None:
        self._http = http
        self.address = address
        self._headers = {"Authorization": f"Bearer {secret}"}

    async def call(self, method: str, path: str, body: Any = None, *, status: int = 200, key: bool = False) -> Json:
        """Call the API with JSON."""
        headers = dict(self._headers)
        if key:
            headers["Idempotency-Key"] = secrets.token_hex(16)
        async with self._http.request(method, self.address + path, json=body, headers=headers) as answer:
            return await _json(answer, f"{method} {path}", status)

    async def picture(self, path: str, image: bytes, *, status: int = 200) -> Json:
        """Post a PNG."""
        headers = self._headers | {"Content-Type": "image/png"}
        async with self._http.post(self.address + path, data=image, headers=headers) as answer:
            return await _json(answer, f"POST {path}", status)


async def _json(answer: aiohttp.ClientResponse, what: str, status: int) -> Json:
    text = await answer.text()
    expect(answer.status == status, f"{what} answered {answer.status} instead of {status}: {text[:300]}")
    found: Json = json.loads(text) if text else {}
    return found


def qr_png(text: str) -> bytes:
    """A picture of a QR code, as a camera would send it."""
    picture = BytesIO()
    segno.make_qr(text, error="q").save(picture, kind="png", scale=6, border=4)
    return picture.getvalue()


class Server:
    """A server of our own in a process of its own, on an unused port of loopback."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._process: asyncio.subprocess.Process | None = None

    async def start(self) -> Json:
        """Start it and wait until it serves; returns what it wrote for local commands: address and secret."""
        run_file = self._folder / "run.json"
        run_file.unlink(missing_ok=True)
        self._process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "poi_server", "serve", "--demo-shop", "--port", "0"),
            *("--data", str(self._folder)),
            stdout=(self._folder / "serve.log").open("ab"),
            stderr=asyncio.subprocess.STDOUT,
        )
        async with asyncio.timeout(60):
            while not run_file.exists():
                expect(self._process.returncode is None, f"the server ended: {self.log()}")
                await asyncio.sleep(0.05)
        found: Json = json.loads(run_file.read_text())
        return found

    async def stop(self) -> None:
        """Ask it to drain and wait until it has."""
        if self._process is None or self._process.returncode is not None:
            return
        self._process.send_signal(signal.SIGTERM)
        with suppress(TimeoutError):
            async with asyncio.timeout(20):
                await self._process.wait()
        if self._process.returncode is None:
            self._process.kill()
            await self._process.wait()

    def log(self) -> str:
        """The end of what it printed."""
        return (self._folder / "serve.log").read_text(errors="replace")[-2000:]


class Story:
    """The steps, in order. `say` receives one sentence a step."""

    def __init__(self, server: Server, http: aiohttp.ClientSession, say: Callable[[str], None]) -> None:
        self._server = server
        self._http = http
        self._say = say
        self.owner = Client(http, "", "")
        self.station = Client(http, "", "")
        self._station_id = ""

    async def tell(self) -> str:
        """Perform everything; returns the last line."""
        await self._open_shop()
        await self._new_offer()
        session = await self._basket()
        session = await self._tap(session)
        session = await self._restart(session)
        sale = await self._pay(session)
        phone = await self._phone()
        await self._scan_phone(phone)
        await self._sign_in()
        await self._refund(sale)
        await self._books()
        return (
            f"paid sale={sale['sale_id']} subtotal={sale['subtotal']} saved={sale['saved']} total={sale['total']}"
            f" points={sale['points']} offers={','.join(use['offer_id'] for use in sale['offers'])}"
        )

    async def _open_shop(self) -> None:
        run = await self._server.start()
        self.owner = Client(self._http, run["address"], run["secret"])
        stations = await self.owner.call("GET", "/v1/stations")
        self._station_id = stations["items"][0]["station_id"]
        invitation = await self.owner.call(
            "POST", "/v1/pairings", {"role": "station", "subject_id": self._station_id}, status=201
        )
        anybody = Client(self._http, run["address"], "")
        paired = await anybody.call("POST", "/v1/pairings/claim", {"secret": invitation["secret"], "cookie": False})
        self.station = Client(self._http, run["address"], paired["secret"])
        await anybody.call("POST", "/v1/pairings/claim", {"secret": invitation["secret"], "cookie": False}, status=409)
        self._say("A server runs; the counter's tablet is paired with a code that worked once and never again.")

    async def _new_offer(self) -> None:
        offer = {
            "offer_id": "off_story_cb",
            "name": {"fr": "1,50 € de remise en sans contact", "en": "1.50 € off with a contactless card"},
            "currency": "EUR",
            "effects": [{"type": "amount_off", "amount": 150}],
            "conditions": {
                "type": "all",
                "of": [{"type": "entry_mode", "any_of": ["contactless"]}, {"type": "subtotal", "min": 2000}],
            },
            "limits": [{"of": "uses", "cap": 100, "per": "total", "period": "day"}],
        }
        await self.owner.call("POST", "/v1/offers", offer, status=201)
        self._say("The merchant created an offer that depends on the card: 1.50 off when it is contactless.")

    async def _basket(self) -> Json:
        session = await self.station.call("POST", f"/v1/stations/{self._station_id}/session", {})
        entries = [
            {"code": gtin(10), "quantity": 2000},
            {"code": gtin(40), "quantity": 1000},
            {"label": "Livraison", "amount": 390},
        ]
        session = await self.station.call("PUT", f"/v1/sessions/{session['session_id']}/basket", {"entries": entries})
        decision = session["decision"]
        near = [reason for reason in decision["reasons"] if reason.get("near_miss")]
        self._say(
            f"The basket is worth {_money(decision['subtotal'])}; {len(decision['offers'])} offers apply to anybody,"
            f" {len(near)} others say what they still need."
        )
        return session

    async def _tap(self, session: Json) -> Json:
        await self.station.call(
            "POST", f"/v1/stations/{self._station_id}/tap", {"card": "LOY-CAMILLE", "type": 4}, status=204
        )
        session = await self._until(session, lambda now: now["identity"] is not None, "the tap identified nobody")
        decision = session["decision"]
        self._say(
            f"A loyalty card is tapped: {session['identity']['display_name']}; now {_money(decision['saved'])} off,"
            f" by {_names(decision['offers'])}."
        )
        return session

    async def _restart(self, session: Json) -> Json:
        await self._server.stop()
        run = await self._server.start()
        self.owner = Client(self._http, run["address"], run["secret"])
        self.station.address = run["address"]
        after = await self.station.call("GET", f"/v1/sessions/{session['session_id']}")
        expect(after["decision_id"] == session["decision_id"], "the session was not the same after the restart")
        self._say("The server was stopped and started again in the middle; the session goes on.")
        return after

    async def _pay(self, session: Json) -> Json:
        path = f"/v1/sessions/{session['session_id']}"
        before = session["decision"]["total"]
        session = await self.station.call("POST", f"{path}/card", {})
        facts = session["payment"]
        self._say(
            f"The card is seen before the amount: {facts['scheme']} {facts['card_type']}, {facts['entry_mode']};"
            f" the total moves from {_money(before)} to {_money(session['decision']['total'])}."
        )
        accepted = {"decision_id": session["decision_id"], "total": session["decision"]["total"]}
        session = await self.station.call("POST", f"{path}/accept", accepted)
        session = await self.station.call("POST", f"{path}/pay", {"means": "card"}, key=True)
        expect(session["state"] == "paid", f"the payment ended {session['state']}")
        sale = await self.station.call("GET", f"/v1/sales/{session['sale_id']}")
        receipt = await self.station.call("GET", f"/v1/sales/{session['sale_id']}/receipt?lang=en")
        self._say(f"Accepted, reserved, paid and journalled in one go:\n\n{_indent(receipt['text'])}")
        return sale

    async def _phone(self) -> Json:
        code = await self.station.call("POST", f"/v1/stations/{self._station_id}/join-code", {})
        secret = code["url"].partition("#")[2]
        anybody = Client(self._http, self.station.address, "")
        paired = await anybody.call("POST", "/v1/pairings/claim", {"secret": secret, "cookie": False})
        session = await self.station.call("GET", f"/v1/stations/{self._station_id}/session")
        expect(
            session["identity"]["customer_id"] == paired["customer_id"], "the phone's customer is not at the counter"
        )
        expect(session["identity"]["pseudonym"], "a new phone must be a pseudonym")
        self._say("A phone scanned the station's QR code: a customer without a name stands at the counter.")
        return paired

    async def _scan_phone(self, paired: Json) -> None:
        device = paired["device"]
        server_now = datetime.fromisoformat(device["server_time"]).timestamp()
        digits = issue(base64.b64decode(device["key"]), device["epoch"], bytes.fromhex(device["handle"]), server_now, 7)
        current = await self.station.call("GET", f"/v1/stations/{self._station_id}/session")
        await self.station.call("POST", f"/v1/sessions/{current['session_id']}/abandon", {})
        await self.station.call("POST", f"/v1/stations/{self._station_id}/session", {})
        seen = await self.station.picture(f"/v1/stations/{self._station_id}/scan?still=1", qr_png(digits))
        expect(seen["session"]["identity"]["assurance"] == "authenticate", "the rotating code did not authenticate")
        await asyncio.sleep(SAME_SCAN)
        replay = await self.station.picture(f"/v1/stations/{self._station_id}/scan?still=1", qr_png(digits))
        expect(replay["session"]["notice"]["code"] == "token-replayed", "the photographed code was not refused")
        forged = digits[:-1] + str((int(digits[-1]) + 1) % 10)
        refused = await self.station.picture(f"/v1/stations/{self._station_id}/scan?still=1", qr_png(forged))
        expect(refused["session"]["notice"]["code"] == "token-forged", "the forged code was not refused")
        self._say("The phone's rotating code is scanned once; a photo of it and a forged one are refused.")

    async def _sign_in(self) -> None:
        clerk = next(clerk for clerk in STAFF if clerk.person["role"] == "manager")
        place, name = f"/v1/stations/{self._station_id}", clerk.person["name"]
        faces = (await self.station.call("GET", f"{place}/sellers"))["items"]
        seller_id = next(face["seller_id"] for face in faces if face["name"] == name)
        await self.station.call("POST", f"{place}/sign-in", {"seller_id": seller_id, "pin": clerk.pin})
        self._say(f"{name} signs in by PIN: of the staff somebody refunds within a limit, so a counter alone does not.")

    async def _refund(self, sale: Json) -> None:
        line = sale["lines"][0]
        body = {"reason": "one box came broken", "lines": [{"line_id": line["line_id"], "quantity": 1000}]}
        refund = await self.station.call("POST", f"/v1/sales/{sale['sale_id']}/refunds", body, key=True)
        self._say(
            f"One box is returned: {_money(-refund['total'])} go back to the card, {-refund['points']} points back."
        )

    async def _books(self) -> None:
        figures = await self.owner.call("GET", "/v1/insights")
        expect(figures["totals"]["sales"] >= 1 and figures["totals"]["refunds"] >= 1, "the dashboard misses the sale")
        totals = figures["totals"]
        self._say(f"The dashboard counts {totals['sales']} sales and {totals['refunds']} refunds.")

    async def _until(self, session: Json, ready: Callable[[Json], bool], otherwise: str) -> Json:
        deadline = asyncio.get_running_loop().time() + WAIT
        while asyncio.get_running_loop().time() < deadline:
            now = await self.station.call("GET", f"/v1/sessions/{session['session_id']}")
            if ready(now):
                return now
            await asyncio.sleep(0.05)
        raise StoryFailed(otherwise)


def _money(minor: int) -> str:
    return f"{minor / 100:.2f} €"


def _names(offers: list[Json]) -> str:
    return "; ".join(offer["name"]["en"] for offer in offers)


def _indent(text: str) -> str:
    return "\n".join(f"      {line}" for line in text.splitlines())


async def _perform(folder: Path, say: Callable[[str], None]) -> str:
    server = Server(folder)
    try:
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=30)) as http:
            return await Story(server, http, say).tell()
    finally:
        await server.stop()


async def _verified(folder: Path) -> str:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "poi_server", "verify", "--data", str(folder)),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await process.communicate()
    expect(process.returncode == 0, f"verify found something: {output.decode(errors='replace')}")
    return output.decode(errors="replace").strip().splitlines()[-1]


def tell_story(say: Callable[[str], None] = print) -> int:
    """Perform the story on a temporary data folder; 0 if every step came out as it must."""
    steps = 0

    def numbered(sentence: str) -> None:
        nonlocal steps
        steps += 1
        say(f"{steps:2}. {sentence}")

    with tempfile.TemporaryDirectory(prefix="poi-demo-") as folder:
        try:
            last_line = asyncio.run(_perform(Path(folder), numbered))
            numbered(f"The books are checked: {asyncio.run(_verified(Path(folder)))}")
        except (StoryFailed, OSError, TimeoutError, aiohttp.ClientError) as error:
            say(f"FAILED: {error}")
            log = Path(folder) / "serve.log"
            if log.exists():
                say(log.read_text(errors="replace")[-3000:])
            return 1
    say(last_line)
    return 0
