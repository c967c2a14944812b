"""The vendor's published typings, read from its installed package: names, which of them are required, and constants."""

from __future__ import annotations

import re
from functools import cache
from typing import Any, NamedTuple

from tests.nexo.till import LIBRARY

FOLDER = LIBRARY / "lib/src/typings/terminal"
_FIELD = re.compile(r"^    '(\w+)'(\??): (\{|[^;\n]+)", re.MULTILINE)
_CLASS = re.compile(r"export declare class (\w+) {")
_CONSTANT = re.compile(r"""(\w+)\[\w+\["\w+"\] = '([^']+)'\]""")
_OPEN = ("any", "object", "{", "Array<any>", "SaleToAcquirerData |")
"""How kinds begin that may hold anything."""
_PLAIN: dict[str, tuple[type, ...]] = {"string": (str,), "number": (int, float), "boolean": (bool,)}


class Field(NamedTuple):
    """A field of a type: what it holds, and whether it must be there."""

    kind: str
    required: bool


class Typings(NamedTuple):
    """Every type's fields and every enumeration's values; an enumeration inside a class is `Class.Name`."""

    classes: dict[str, dict[str, Field]]
    constants: dict[str, frozenset[str]]


@cache
def typings() -> Typings:
    """The whole package's."""
    classes: dict[str, dict[str, Field]] = {}
    constants: dict[str, set[str]] = {}
    for file in sorted(FOLDER.glob("*.d.ts")):
        text = file.read_text("utf-8")
        owner = found[1] if (found := _CLASS.search(text)) else ""
        if owner:
            classes[owner] = {name: Field(kind, not optional) for name, optional, kind in _FIELD.findall(text)}
        for name, value in _CONSTANT.findall(file.with_name(file.name.replace(".d.ts", ".js")).read_text("utf-8")):
            constants.setdefault(f"{owner}.{name}" if owner else name, set()).add(value)
    return Typings(classes, {name: frozenset(values) for name, values in constants.items()})


def faults(value: Any, kind: str, path: str = "$") -> list[str]:
    """What of a message is not as the typings have it: unknown names, missing ones, wrong kinds, unknown constants."""
    known = typings()
    if kind.startswith(_OPEN):
        return []
    if kind.startswith("Array<"):
        if not isinstance(value, list):
            return [f"{path}: no array"]
        inside = kind.removeprefix("Array<").removesuffix(">")
        return [fault for at, one in enumerate(value) for fault in faults(one, inside, f"{path}[{at}]")]
    if kind in known.constants:
        return [] if value in known.constants[kind] else [f"{path}: {value!r} is no {kind}"]
    if kind in known.classes:
        return _of_class(value, known.classes[kind], path)
    plain = _PLAIN[kind]
    fits = isinstance(value, plain) and (bool in plain or not isinstance(value, bool))
    return [] if fits else [f"{path}: {value!r} is no {kind}"]


def _of_class(value: Any, fields: dict[str, Field], path: str) -> list[str]:
    if not isinstance(value, dict):
        return [f"{path}: no object"]
    missing = [f"{path}.{name}: missing" for name, field in fields.items() if field.required and name not in value]
    unknown = [f"{path}.{name}: unknown" for name in value if name not in fields]
    parts = [(name, field.kind) for name, field in fields.items() if name in value]
    return missing + unknown + [fault for name, kind in parts for fault in faults(value[name], kind, f"{path}.{name}")]
