"""Answers as the wire's JSON, failures among them with the parts that every answer of their category has."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any, get_args

import msgspec

from poi_server.nexo.wire.common import Response, SaleData
from poi_server.nexo.wire.devices import Device, DocumentQualifier, InfoQualify
from poi_server.nexo.wire.loyalty import ReconciliationType
from poi_server.nexo.wire.names import Wire

if TYPE_CHECKING:
    from poi_server.nexo.turn import Turn

_CONSTANTS = {
    "Device": Device,
    "InfoQualify": InfoQualify,
    "DocumentQualifier": DocumentQualifier,
    "ReconciliationType": ReconciliationType,
}
_OF_A_SALE = frozenset({"Payment", "CardAcquisition", "Loyalty", "StoredValue"})


def named(category: str, kind: str) -> str:
    """The name of a category's request or answer in a message."""
    if category == "Event":
        return "EventNotification"
    return category if category == "InputUpdate" else category + kind


def json_of(category: str, answer: Wire | None) -> dict[str, Any]:
    """An answer by its name."""
    if answer is None:
        return {}
    return {named(category, "Response"): msgspec.to_builtins(answer, builtin_types=(Decimal,))}


def failed(turn: Turn, category: str, body: dict[str, Any], response: Response) -> dict[str, Any]:
    """A failure, with what an answer of this category always has."""
    asked = body.get(named(category, "Request"))
    request = asked if isinstance(asked, dict) else {}
    told: dict[str, Any] = {"Response": response}
    if category in _OF_A_SALE:
        told |= _of_a_sale(turn, request)
    elif category == "Reversal":
        told["POIData"] = turn.poi_data(_reference(turn))
    elif category == "Reconciliation":
        kept = {} if turn.kept is None else {"ReconciliationType": turn.kept.echo.kind}
        told["ReconciliationType"] = _known(request or kept, "ReconciliationType")
    elif category == "GetTotals":
        told["POIReconciliationID"] = ""
    elif category == "Print":
        kept = {} if turn.kept is None else {"DocumentQualifier": turn.kept.echo.kind}
        told["DocumentQualifier"] = _known(request.get("PrintOutput") or kept, "DocumentQualifier")
    elif category == "Display":
        outputs = request.get("DisplayOutput")
        told = {"OutputResult": [_output(one, response) for one in outputs or [{}]] if _is_list(outputs) else []}
    elif category == "Input":
        told = {"InputResult": _output(request.get("InputData"), response)}
    return {named(category, "Response"): msgspec.to_builtins(told, builtin_types=(Decimal,))}


def _of_a_sale(turn: Turn, request: dict[str, Any]) -> dict[str, Any]:
    told: dict[str, Any] = {"POIData": turn.poi_data(_reference(turn))}
    if turn.kept is not None and turn.kept.echo.sale_data is not None:
        return told | {"SaleData": turn.kept.echo.sale_data}
    try:
        told["SaleData"] = msgspec.convert(request.get("SaleData"), SaleData).echo
    except msgspec.ValidationError:
        told["SaleData"] = {"SaleTransactionID": turn.named(turn.header.service_id or "-")}
    return told


def _reference(turn: Turn) -> str:
    return turn.kept.message_id if turn.kept is not None else turn.services.ids.new("nxm")


def _output(asked: Any, response: Response) -> dict[str, Any]:
    names = ("Device", "InfoQualify")
    return {name: _known(asked, name) for name in names} | {"Response": response}


def _known(asked: Any, name: str) -> str:
    """A constant that the answer must have: as it was asked, or the first there is where that says nothing."""
    constants: tuple[str, ...] = get_args(_CONSTANTS[name])
    said = asked.get(name) if isinstance(asked, dict) else None
    return said if said in constants else constants[0]


def _is_list(found: Any) -> bool:
    return found is None or isinstance(found, list)
