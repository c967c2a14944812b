"""The wire's types are those of the vendor's published typings, name by name and constant by constant."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import msgspec
import pytest

from poi_server.nexo.wire import common, devices, loyalty, payment, session
from poi_server.nexo.wire.names import Wire
from tests.nexo.messages import request
from tests.nexo.till import LIBRARY
from tests.nexo.typings import Field, faults, typings
from tests.servers import absent

MODULES: tuple[ModuleType, ...] = (common, devices, loyalty, payment, session)
CALLED = {
    "AccountTold": "StoredValueAccountId",
    "InstrumentAsked": "PaymentInstrumentData",
    "LoyaltyAccountID": "LoyaltyAccountId",
    "OnlyResponse": "LogoutResponse",
    "PaymentTotal": "PaymentTotals",
    "StoredValueAccount": "StoredValueAccountId",
}
"""What the typings call some of ours."""
OF_THE_STANDARD = {"InstrumentAsked.StoredValueAccountID", "StoredValueAccount.StoredValueID"}
"""Read though the typings lack them: the standard has them."""


@pytest.fixture(autouse=True)
def installed() -> None:
    if not LIBRARY.is_dir():
        absent("the vendor's Node client is not installed (run: .ci/web test)")


def ours() -> Iterator[tuple[str, msgspec.inspect.StructType]]:
    """Every part of a message that is read or written here."""
    for module in MODULES:
        for name, part in vars(module).items():
            if inspect.isclass(part) and issubclass(part, Wire) and part.__module__ == module.__name__:
                info = msgspec.inspect.type_info(part)
                assert isinstance(info, msgspec.inspect.StructType)
                yield name, info


def fields() -> Iterator[tuple[str, msgspec.inspect.Field, Field]]:
    """Every field, ours and theirs."""
    for name, info in ours():
        theirs = typings().classes[CALLED.get(name, name)]
        for field in info.fields:
            path = f"{name}.{field.encode_name}"
            if path not in OF_THE_STANDARD:
                assert field.encode_name in theirs, path
                yield path, field, theirs[field.encode_name]


def test_every_name_on_the_wire_is_a_published_one() -> None:
    assert sum(1 for _ in fields()) > 250


def test_every_published_constant_is_known_where_constants_are_told_apart() -> None:
    checked = 0
    for path, field, theirs in fields():
        wanted = typings().constants.get(theirs.kind)
        for constants in _literals(field.type):
            assert wanted is not None, path
            assert constants == wanted, path
            checked += 1
    assert checked > 15


def _literals(kind: Any) -> Iterator[frozenset[Any]]:
    for part in kind.types if isinstance(kind, msgspec.inspect.UnionType) else (kind,):
        if isinstance(part, msgspec.inspect.LiteralType):
            yield frozenset(part.values)


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"Response": {}}, "$.SaleToPOIResponse.LogoutResponse.Response.Result: missing"),
        ({"Response": {"Result": "SUCCESS"}}, "$.SaleToPOIResponse.LogoutResponse.Response.Result: 'SUCCESS' is no"),
        ({"response": {}}, "$.SaleToPOIResponse.LogoutResponse.Response: missing"),
        ({"Response": []}, "$.SaleToPOIResponse.LogoutResponse.Response: no object"),
        ({"Response": {"Result": "Success"}, "More": 1}, "$.SaleToPOIResponse.LogoutResponse.More: unknown"),
    ],
)
def test_what_is_not_as_typed_is_found(change: dict[str, Any], fault: str) -> None:
    """The check that every answer of these tests goes through can fail."""
    header = request("Logout", {})["SaleToPOIRequest"]["MessageHeader"] | {"MessageType": "Response"}
    told = {"SaleToPOIResponse": {"MessageHeader": header, "LogoutResponse": change}}
    assert any(found.startswith(fault) for found in faults(told, "TerminalApiResponse"))
    told["SaleToPOIResponse"]["LogoutResponse"] = {"Response": {"Result": "Success"}}
    assert faults(told, "TerminalApiResponse") == []
