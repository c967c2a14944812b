"""EMV consumer-presented codes: Base64 of BER-TLV. Card numbers, tracks and names in it are never taken out."""

import base64
import binascii
from collections.abc import Iterator
from dataclasses import dataclass

from poi_qr.errors import PayloadError
from poi_qr.payloads.model import Payload, facts

PREFIX = "hQVDUFY"
_FORMAT_TAG = 0x85
_FORMAT_VALUE = b"CPV01"
_APPLICATION_TAG = 0x61
_AID_TAG = 0x4F
_LABEL_TAG = 0x50
_MAX_BYTES = 1024
_MAX_OBJECTS = 64


@dataclass(frozen=True, slots=True)
class Application:
    """One application of a consumer-presented code: AID in hexadecimal and its label."""

    aid: str
    label: str


def parse(text: str) -> tuple[Application, ...]:
    """The applications of the code, in its order of preference."""
    objects = list(_objects(_decoded(text)))
    if not objects or objects[0] != (_FORMAT_TAG, _FORMAT_VALUE):
        raise PayloadError("bad-emv-code", "the code does not start with the payload format CPV01")
    if sum(tag == _FORMAT_TAG for tag, _ in objects) > 1:
        raise PayloadError("bad-emv-code", "the payload format appears twice")
    found = tuple(_application(value) for tag, value in objects if tag == _APPLICATION_TAG)
    if not found:
        raise PayloadError("bad-emv-code", "the code holds no application")
    return found


def classify(text: str) -> Payload:
    """The payload of a consumer-presented code; its subject is the list of AIDs, comma separated."""
    applications = parse(text)
    labels = ",".join(application.label for application in applications if application.label)
    return Payload("emv-cpm", ",".join(found.aid for found in applications), "identify", facts(labels=labels))


def _decoded(text: str) -> bytes:
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise PayloadError("bad-emv-code", "the code is not Base64") from error
    if len(data) > _MAX_BYTES:
        raise PayloadError("bad-emv-code", f"the code holds more than {_MAX_BYTES} bytes")
    return data


def _application(data: bytes) -> Application:
    fields: dict[int, bytes] = {}
    for tag, value in _objects(data):
        if tag in fields:
            raise PayloadError("bad-emv-code", f"tag {tag:X} appears twice in one application")
        fields[tag] = value
    aid = fields.get(_AID_TAG, b"")
    if not 5 <= len(aid) <= 16:
        raise PayloadError("bad-emv-code", "an application has no AID of 5 to 16 bytes")
    label = fields.get(_LABEL_TAG, b"").decode("ascii", "replace")
    return Application(aid.hex().upper(), label if label.isprintable() and len(label) <= 16 else "")


def _objects(data: bytes) -> Iterator[tuple[int, bytes]]:
    place = count = 0
    while place < len(data):
        tag, place = _tag(data, place)
        length, place = _length(data, place)
        if place + length > len(data):
            raise PayloadError("bad-emv-code", f"tag {tag:X} runs past the end of the code")
        yield tag, data[place : place + length]
        place += length
        count += 1
        if count > _MAX_OBJECTS:
            raise PayloadError("bad-emv-code", f"the code holds more than {_MAX_OBJECTS} objects")


def _tag(data: bytes, place: int) -> tuple[int, int]:
    end = place + 1
    if data[place] & 0x1F == 0x1F:
        end += 1
        if end > len(data) or data[end - 1] & 0x80:
            raise PayloadError("bad-emv-code", f"no tag of one or two bytes at byte {place}")
    return int.from_bytes(data[place:end], "big"), end


def _length(data: bytes, place: int) -> tuple[int, int]:
    head = data[place] if place < len(data) else 0x80
    if head < 0x80:
        return head, place + 1
    size = head & 0x7F
    octets = data[place + 1 : place + 1 + size]
    if size not in (1, 2) or len(octets) < size:
        raise PayloadError("bad-emv-code", f"no length of one to three bytes at byte {place}")
    return int.from_bytes(octets, "big"), place + 1 + size
