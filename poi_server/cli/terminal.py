"""A simulated Caisse-AP card terminal on the network, with the faults of real ones: to try a till without one."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import time

from poi_engine.connectors.caisse_ap_terminal import FAULTS, Done, SimulatedTerminal

EXAMPLES = """\
  poi-server terminal                              answers every till on 127.0.0.1:8888
  poi-server terminal --port 9000 --fault split --fault late --seconds 5
  poi-server terminal --fault silent               takes requests and never answers: payments stay unknown
amounts that end in 05 are refused, in 06 abandoned; everything else is done
"""
_ACTIONS = {"0": "debit", "1": "credit"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Where it listens and what is wrong with it."""
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: 127.0.0.1)")
    parser.add_argument("--port", type=int, default=8888, help="port to listen on (default: 8888, as terminals do)")
    parser.add_argument("--fault", action="append", default=[], choices=FAULTS, help="a fault; may be given again")
    parser.add_argument("--seconds", type=float, default=1.0, help="how long `late` waits (default: 1)")


def run(options: argparse.Namespace) -> int:
    """Answer tills until Ctrl-C, a line for each transaction."""
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_serve(options))
    return 0


async def _serve(options: argparse.Namespace) -> None:
    terminal = SimulatedTerminal(*options.fault, late_seconds=options.seconds, told=_tell)
    port = await terminal.listen(options.host, options.port)
    print(f"Caisse-AP terminal on {options.host}:{port}; Ctrl-C ends it.", flush=True)
    try:
        await asyncio.Event().wait()
    finally:
        await terminal.close()


def _tell(done: Done) -> None:
    what, end = _ACTIONS.get(done.action, f"action {done.action}"), "done" if done.done else "refused"
    print(f"{time.strftime('%H:%M:%S')}  {what:<8} {done.amount / 100:>10.2f}  {end}", flush=True)
