"""Messages as tills write them."""

from typing import Any

from poi_engine.nexo.crypto import SecurityKey
from poi_server.nexo.wire.common import class_of

KEY = SecurityKey(identifier="CryptoKeyIdentifier12345", passphrase="mysupersecurepassphrase", version=1)
SALE, POI = "POSSystemID12345", "P400Plus-123456789"


def header(category: str, service_id: str | None = "1", **other: Any) -> dict[str, Any]:
    """A request's header."""
    found = {
        "ProtocolVersion": "3.0",
        "MessageClass": class_of(category),
        "MessageCategory": category,
        "MessageType": "Request",
        "ServiceID": service_id,
        "SaleID": SALE,
        "POIID": POI,
    }
    return found | other


def request(category: str, body: dict[str, Any], service_id: str | None = "1", **other: Any) -> dict[str, Any]:
    """A request of a category."""
    return {
        "SaleToPOIRequest": {"MessageHeader": header(category, service_id, **other), f"{category}Request": body},
    }
