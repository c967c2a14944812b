"""A simulated card terminal on the network, with the faults of real ones: to try a till without one."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import signal
import ssl
import time
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from poi_engine.connectors.caisse_ap_terminal import FAULTS, Done, SimulatedTerminal
from poi_engine.connectors.nexo_simulator import NEXO_FAULTS, NexoDone, SimulatedNexoTerminal
from poi_engine.connectors.options import secret_of
from poi_engine.errors import RequestError
from poi_engine.nexo.crypto import SecurityKey
from poi_server.config import data_folder
from poi_server.tls import ensure_authority, ensure_certificate, machine_names

EXAMPLES = """\
  poi-server terminal                              answers every till on 127.0.0.1:8888
  poi-server terminal --port 9000 --fault split --fault late --seconds 5
  poi-server terminal --fault silent               takes requests and never answers: payments stay unknown
  poi-server terminal --protocol nexo              answers sale systems on https://127.0.0.1:8443/nexo/
  poi-server terminal --protocol nexo --key-id till --passphrase-file secret.txt --fault in-progress
amounts that end in 05 are refused, in 06 abandoned, with nexo in 55 the PIN is wrong; everything else is done
"""
_PORTS = {"caisse-ap": 8888, "nexo": 8443}
_ALL_FAULTS = tuple(dict.fromkeys((*FAULTS, *NEXO_FAULTS)))
_ACTIONS = {"0": "debit", "1": "credit"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Where it listens, what it speaks, and what is wrong with it."""
    parser.add_argument("--protocol", choices=tuple(_PORTS), default="caisse-ap", help="default: caisse-ap")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: 127.0.0.1)")
    parser.add_argument("--port", type=int, help="port to listen on (default: 8888, with nexo 8443)")
    parser.add_argument("--fault", action="append", default=[], choices=_ALL_FAULTS, help="a fault; may be given again")
    parser.add_argument("--seconds", type=float, default=1.0, help="how long `late` and `halting` wait (default: 1)")
    nexo = parser.add_argument_group("with nexo")
    nexo.add_argument("--poi-id", default="SIM-0001", help="the terminal's name (default: SIM-0001)")
    nexo.add_argument("--key-id", default="", help="secure messages with the key of this name")
    nexo.add_argument("--key-version", type=int, default=1, help="its version (default: 1)")
    nexo.add_argument("--passphrase-file", default="", help="the file that holds its passphrase")


def run(options: argparse.Namespace) -> int:
    """Answer tills until Ctrl-C, a line for each transaction."""
    known = NEXO_FAULTS if options.protocol == "nexo" else FAULTS
    for fault in options.fault:
        if fault not in known:
            raise RequestError("bad-fault", f"Of {options.protocol} there is no fault {fault!r}: {', '.join(known)}.")
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_nexo(options) if options.protocol == "nexo" else _caisse_ap(options))
    return 0


async def _caisse_ap(options: argparse.Namespace) -> None:
    terminal = SimulatedTerminal(*options.fault, late_seconds=options.seconds, told=_tell)
    port = await terminal.listen(options.host, _port(options))
    print(f"Caisse-AP terminal on {options.host}:{port}; Ctrl-C ends it.", flush=True)
    await _until_ended(terminal)


async def _nexo(options: argparse.Namespace) -> None:
    tls, ca = await asyncio.to_thread(_certificate, options)
    key = await asyncio.to_thread(_key, options)
    terminal = SimulatedNexoTerminal(
        *options.fault, poi_id=options.poi_id, key=key, late_seconds=options.seconds, told=_tell_nexo
    )
    port = await terminal.listen(options.host, _port(options), tls)
    print(f"nexo terminal {options.poi_id} on https://{options.host}:{port}/nexo/; Ctrl-C ends it.")
    print(f"its certificate authority: {ca}", flush=True)
    await _until_ended(terminal)


def _port(options: argparse.Namespace) -> int:
    return _PORTS[options.protocol] if options.port is None else int(options.port)


async def _until_ended(terminal: SimulatedTerminal | SimulatedNexoTerminal) -> None:
    """Ctrl-C and a plain kill end it, also where a shell lets what it runs in the background hear no Ctrl-C."""
    ended, loop = asyncio.Event(), asyncio.get_running_loop()
    for one in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(one, ended.set)
    try:
        await ended.wait()
    finally:
        await terminal.close()


def _certificate(options: argparse.Namespace) -> tuple[ssl.SSLContext, Path]:
    """An authority of the simulated terminal's own, beside the server's."""
    folder, now = data_folder(options.settings) / "terminal", datetime.now(UTC)
    authority = ensure_authority(folder, now)
    certificate, key = ensure_certificate(folder, authority, machine_names(options.host), now)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    return context, folder / "ca.pem"


def _key(options: argparse.Namespace) -> SecurityKey | None:
    if not options.key_id:
        return None
    passphrase = secret_of("this simulation", "passphrase-file", options.passphrase_file)
    values = {"identifier": options.key_id, "passphrase": passphrase, "version": options.key_version}
    try:
        return msgspec.convert(values, SecurityKey)
    except msgspec.ValidationError:
        raise RequestError("bad-key", "A passphrase is 8 to 200 printable ASCII characters.") from None


def _tell(done: Done) -> None:
    what, end = _ACTIONS.get(done.action, f"action {done.action}"), "done" if done.done else "refused"
    print(f"{time.strftime('%H:%M:%S')}  {what:<8} {done.amount / 100:>10.2f}  {end}", flush=True)


def _tell_nexo(done: NexoDone) -> None:
    end = "done" if done.done else "refused"
    print(f"{time.strftime('%H:%M:%S')}  {done.what:<8} {done.amount:>10.2f}  {end}", flush=True)
