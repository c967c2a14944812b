"""The command line: one small module a subcommand, each with `EXAMPLES`, `add_arguments` and `run`."""

from __future__ import annotations

import argparse
import gc
import os
import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from types import ModuleType

from poi_engine.errors import PoiError
from poi_server.config import Config, ConfigError, load

COMMANDS = {
    "serve": "run the server",
    "demo": "perform the whole story on a fresh server",
    "tap": "tap an emulated loyalty card at a station",
    "scan": "scan a picture (or a typed code) at a station",
    "decide": "decide a basket without selling it, or past baskets with a draft of offers",
    "baskets": "write past baskets for that",
    "offers": "list, add, pause, resume, remove or export offers",
    "products": "import and export products as CSV",
    "pair": "pair an owner, a seller, a station or a phone",
    "bank": "import what came in on the bank account",
    "verify": "check the books: every invariant over the whole storage",
    "fiscal": "close a day, month or year; archive a year; export sums; say whether the fiscal part is unmodified",
    "retention": "forget the customers who have not come for years, or say whom that concerns",
    "bench": "measure the matcher beside other ways to match",
    "terminal": "simulate a card terminal on the network (Caisse-AP or nexo), faults included",
    "demo-data": "load a year of real-shaped trade to try things out with",
    "doctor": "say what is here, what is missing, and how to mend it",
    "config": "print the effective configuration",
}
"""Subcommands in the order of `--help`; the module of the same name implements each, imported when it is asked for."""

EXIT_REFUSED = 2
"""Something has to be mended first: the port, the folder, the configuration, the arguments."""

_DESCRIPTION = """\
The point-of-interaction server: a tap or a scan at the counter identifies the customer, the best offers for the basket
are chosen during payment, and money, points and limits move without losing or doubling one."""

_EXAMPLES = """\
first steps:
  poi-server serve --demo-shop            a whole shop with two stores and weeks of sales, at http://127.0.0.1:8080
  poi-server tap --card LOY-CAMILLE       hold a loyalty card to the counter, without hardware
  poi-server scan photo.png               read a QR code or barcode from a picture
  poi-server doctor                       what is here, what is missing, how to mend it
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a subcommand; the exit code is 0 when done, 1 when it found something wrong, 2 when it could not start."""
    words = sys.argv[1:] if arguments is None else list(arguments)
    parser = _parser(words[0] if words else "")
    options = parser.parse_args(words)
    if not options.command:
        parser.print_help()
        return EXIT_REFUSED
    try:
        options.settings = settings(options)
        result: int = options.run(options)
    except ConfigError as error:
        return _refuse(f"configuration, {error.path}: {error.message}")
    except PoiError as error:
        return _refuse(error.message)
    except KeyboardInterrupt:
        return 130
    return result


def _refuse(sentence: str) -> int:
    print(f"poi-server: {sentence}", file=sys.stderr)
    return EXIT_REFUSED


def settings(options: argparse.Namespace) -> Config:
    """The configuration of `--config`, `POI_CONFIG` or `./poi-server.toml`, the environment and `--data`."""
    named = options.config or os.environ.get("POI_CONFIG")
    beside = Path("poi-server.toml")
    file = Path(named) if named else beside if beside.exists() else None
    environment = dict(os.environ)
    if options.data:
        environment["POI_DATA"] = options.data
    return load(file, environment)


def _parser(asked: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="poi-server",
        description=_DESCRIPTION,
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")
    for name, words in COMMANDS.items():
        command = commands.add_parser(name, help=words, formatter_class=argparse.RawDescriptionHelpFormatter)
        if name == asked:
            _complete(command, _imported(f"poi_server.cli.{name.replace('-', '_')}"))
    return parser


def _imported(name: str) -> ModuleType:
    """Import without collecting garbage: what a module makes stays, and going through it takes a tenth of the start."""
    gc.disable()
    try:
        return import_module(name)
    finally:
        gc.enable()


def _complete(parser: argparse.ArgumentParser, module: ModuleType) -> None:
    parser.description = module.__doc__
    parser.epilog = f"examples:\n{module.EXAMPLES}"
    parser.add_argument("--config", metavar="FILE", help="configuration (default: $POI_CONFIG or ./poi-server.toml)")
    parser.add_argument("--data", metavar="FOLDER", help="data folder (default: $POI_DATA, ./data, else the user's)")
    module.add_arguments(parser)
    parser.set_defaults(run=module.run)
