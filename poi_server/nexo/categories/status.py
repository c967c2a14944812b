"""What became of an earlier request, and stopping one that still waits."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import msgspec
from msgspec.structs import replace

from poi_server.nexo.answered import receipts
from poi_server.nexo.answers import named
from poi_server.nexo.conditions import SUCCESS, Failed
from poi_server.nexo.messages import asker_of, key_of
from poi_server.nexo.turn import Category, Turn
from poi_server.nexo.wire.common import MessageHeader, class_of
from poi_server.nexo.wire.names import Wire
from poi_server.nexo.wire.payment import (
    AbortRequest,
    MessageReference,
    RepeatedMessageResponse,
    TransactionStatusRequest,
    TransactionStatusResponse,
)


async def status(turn: Turn, request: TransactionStatusRequest) -> Wire:
    """The answer of an earlier request, again, on `ReceiptReprintFlag` with a duplicate of its receipt; `InProgress`
    while it has none, `NotFound` if it never came."""
    reference = request.message_reference
    if reference is None or reference.service_id is None:
        raise Failed("MessageFormat", "Say which message: its ServiceID.", "no-reference")
    header = referred(turn, reference)
    kept, body = await turn.ended(turn, header)
    if request.receipt_reprint_flag:
        body = await _reprinted(turn, named(kept.category, "Response"), body)
    told = replace(
        header, message_category=kept.category, message_type="Response", message_class=class_of(kept.category)
    )
    return TransactionStatusResponse(
        response=SUCCESS,
        message_reference=MessageReference(
            message_category=kept.category, service_id=header.service_id, sale_id=header.sale_id, poiid=header.poiid
        ),
        repeated_message_response=RepeatedMessageResponse(message_header=told, repeated_response_message_body=body),
    )


async def _reprinted(turn: Turn, name: str, body: dict[str, Any]) -> dict[str, Any]:
    """The answer with its receipt as a duplicate, if it has one."""
    told = body[name]
    if "PaymentReceipt" not in told:
        return body
    sale_id = told["POIData"]["POITransactionID"]["TransactionID"]
    again = await receipts(turn, await turn.engine.sales.get(turn.merchant_id, sale_id))
    return {name: told | {"PaymentReceipt": msgspec.to_builtins(again, builtin_types=(Decimal,))}}


async def abort(turn: Turn, request: AbortRequest) -> None:
    """Stop a request that waits for somebody; what the terminal was asked already goes on to its own end."""
    reference = request.message_reference
    if reference.poiid not in (None, turn.header.poiid):
        return  # another counter's requests are not this till's to stop
    if reference.service_id is not None:
        await turn.waiting.stop(key_of(turn.merchant_id, referred(turn, reference)))
    if reference.service_id is not None or reference.device_id is not None:
        await turn.services.questions.take_back(turn.merchant_id, turn.station_id, asker_of(turn.header, reference))


def referred(turn: Turn, reference: MessageReference) -> MessageHeader:
    """The header of the earlier message, by what is said of it; the rest as in this one."""
    return replace(
        turn.header,
        message_category=reference.message_category or turn.header.message_category,
        service_id=reference.service_id,
        device_id=reference.device_id,
        sale_id=reference.sale_id or turn.header.sale_id,
        poiid=reference.poiid or turn.header.poiid,
        protocol_version=turn.header.protocol_version or "3.0",
    )


CATEGORIES = {
    "TransactionStatus": Category(TransactionStatusRequest, status, right=None),
    "Abort": Category(AbortRequest, abort, right=None),
}
