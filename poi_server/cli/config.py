"""Print the effective configuration, passwords hidden, or every key with its meaning and default."""

from __future__ import annotations

import argparse

from poi_server.cli.client import show
from poi_server.config import data_folder, redacted_config
from poi_server.config_example import example

EXAMPLES = """\
  poi-server config
  poi-server config --example > poi-server.toml
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What to print."""
    parser.add_argument("--example", action="store_true", help="every key with its meaning and default, as TOML")


def run(options: argparse.Namespace) -> int:
    """Print it."""
    if options.example:
        print(example(), end="")
        return 0
    show(redacted_config(options.settings))
    print(f"data folder: {data_folder(options.settings)}")
    return 0
