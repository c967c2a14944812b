"""How a subcommand talks to the server that runs on its data folder."""

from __future__ import annotations

import argparse
import shutil
import ssl
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Any, cast
from urllib.parse import urlsplit

import msgspec

from poi_engine.errors import RequestError
from poi_server.config import data_folder
from poi_server.running import Running, read_note

_SECONDS = 30.0
JSON = "application/json"


class Client:
    """Calls the API with the operator's secret of the running server."""

    def __init__(self, note: Running) -> None:
        self._note = note
        handlers: list[Any] = [urllib.request.ProxyHandler({})]
        if urlsplit(note.address).scheme == "https":
            context = ssl.create_default_context(cadata=note.authority or None)
            handlers.append(urllib.request.HTTPSHandler(context=context))
        self._opener = urllib.request.build_opener(*handlers)

    @property
    def address(self) -> str:
        """Where the server listens."""
        return self._note.address

    def get(self, path: str) -> Any:
        """GET a JSON answer."""
        return self.call("GET", path)

    def call(self, method: str, path: str, body: Any = None) -> Any:
        """Send a JSON body."""
        return self.send(method, path, None if body is None else msgspec.json.encode(body), JSON)

    def send(self, method: str, path: str, body: bytes | None, media_type: str) -> Any:
        """Send a body as it is; a problem becomes a `RequestError` with its words."""
        with self._asked(method, path, body, media_type, _SECONDS) as answer:
            content = answer.read()
        return msgspec.json.decode(content) if content else None

    def download(self, path: str, to: IO[bytes], wait: float) -> None:
        """GET a file, whose first byte may take `wait` seconds."""
        with self._asked("GET", path, None, JSON, wait) as answer:
            shutil.copyfileobj(answer, to)

    @contextmanager
    def _asked(self, method: str, path: str, body: bytes | None, media_type: str, wait: float) -> Iterator[Any]:
        headers = {"Authorization": f"Bearer {self._note.secret}", "Accept": JSON}
        if body is not None:
            headers["Content-Type"] = media_type
        request = urllib.request.Request(self._note.address + path, body, headers, method=method)
        try:
            with self._opener.open(request, timeout=wait) as answer:
                yield answer
        except urllib.error.HTTPError as error:
            raise _problem(error.read(), error.code) from None
        except OSError as error:
            raise RequestError("server-away", f"The server at {self._note.address} does not answer: {error}.") from None

    def station(self, wanted: str | None) -> str:
        """The station's id: the one named (by id or name), or the first."""
        return self._one("station", wanted)

    def store(self, wanted: str | None) -> str:
        """The store's id: the one named (by id or name), or the first."""
        return self._one("store", wanted)

    def _one(self, kind: str, wanted: str | None) -> str:
        items = self.get(f"/v1/{kind}s")["items"]
        found = [item for item in items if wanted in (None, item[f"{kind}_id"], item["name"])]
        if found and wanted is None and len(items) > 1:
            print(f"At {found[0]['name']} (--{kind} names another).", file=sys.stderr)
        if len(found) == 1 or (found and wanted is None):
            return cast(str, found[0][f"{kind}_id"])
        names = "\n".join(f"  {item[f'{kind}_id']}  {item['name']}" for item in items) or "  (none yet)"
        raise RequestError(f"which-{kind}", f"Say which {kind} with --{kind}:\n{names}")


def _problem(body: bytes, status: int) -> RequestError:
    try:
        problem = msgspec.json.decode(body, type=dict[str, Any])
    except msgspec.DecodeError:
        problem = {}
    where = f" ({problem['path']})" if problem.get("path") else ""
    words = f"{problem.get('title', status)}{where}: {problem.get('detail', '')} [{problem.get('code', status)}]"
    return RequestError(str(problem.get("code", status)), words)


def connect(options: argparse.Namespace) -> Client:
    """A client for the server on the data folder."""
    folder = data_folder(options.settings)
    note = read_note(folder)
    if note is None:
        message = f"No server runs on the data folder {folder}. Start one with: poi-server serve"
        raise RequestError("no-server", message)
    return Client(note)


def show(value: Any) -> None:
    """Print an answer as readable JSON."""
    sys.stdout.write(msgspec.json.format(msgspec.json.encode(value), indent=2).decode() + "\n")


def show_session(session: dict[str, Any] | None) -> None:
    """Print a session in a few lines."""
    if session is None:
        print("No session is open there.")
        return
    identity, notice, decision = session.get("identity"), session.get("notice"), session.get("decision")
    print(f"session   {session['session_id']} ({session['state']})")
    if identity:
        name = identity["display_name"] or identity["customer_id"]
        print(f"customer  {name} ({identity['assurance']} by {identity['scheme']})")
    if notice:
        print(f"notice    {notice['code']}")
    if decision:
        offers = ", ".join(offer["offer_id"] for offer in decision["offers"]) or "none"
        print(f"total     {decision['total']} {decision['currency']} (saved {decision['saved']}; offers: {offers})")
