"""The example configuration: every key, its meaning, its default, its environment variable; made from the types."""

from __future__ import annotations

import inspect
from typing import Annotated, Any, get_args, get_origin, get_type_hints

import msgspec
from msgspec import Meta, Struct

from poi_server.config import SECTIONS, TABLES, variable

_HEAD = """\
# poi-server's configuration. Every key is optional; what is shown is the default. The environment overrides this file.
# Read from --config, $POI_CONFIG or ./poi-server.toml.
"""


def example() -> str:
    """The whole file."""
    return _HEAD + "".join(_section(name, kind) for name, kind in SECTIONS.items()) + _READER + _TERMINAL + _TILL


_READER = """
# A reader at a station:
# [[nfc.readers]]
# station = "sta_..."
# path = "usb"
"""
_TERMINAL = """
# A card terminal at a station; `connectors` above names its connector, the station's `connector` too:
# [[payment.terminals]]
# station = "sta_..."
# connector = "caisse-ap"
# options = { host = "192.168.1.20", port = 8888, till = "01" }
"""
_TILL = """
# A till that speaks nexo: the POIID it uses, the station that serves it, the key that secures its messages, and the VAT
# (basis points) of its tax codes:
# [[nexo.pois]]
# poi_id = "Counter-1"
# station = "sta_..."
# sale_ids = ["Till-1"]
# [[nexo.keys]]
# identifier = "key-1"
# version = 1
# passphrase = "at least eight letters"
# [nexo.tax_codes]
# A = 2000
"""


def _section(name: str, kind: type[Struct]) -> str:
    hints = get_type_hints(kind, include_extras=True)
    keys = [
        _key(name, field.name, hints[field.name], field.default)
        for field in msgspec.structs.fields(kind)
        if (kind, field.name) not in TABLES
    ]
    return f"\n# {inspect.getdoc(kind)}\n[{name}]\n" + "".join(keys)


def _key(section: str, name: str, hint: Any, default: Any) -> str:
    return f"# {_meaning(hint)} ${variable(section, name)}\n# {name} = {_toml(default)}\n"


def _meaning(hint: Any) -> str:
    if get_origin(hint) is Annotated:
        for part in get_args(hint)[1:]:
            if isinstance(part, Meta) and part.description:
                return part.description
    raise TypeError(f"a configuration key without a description: {hint}")


def _toml(value: Any) -> str:
    return msgspec.json.encode(value).decode()
