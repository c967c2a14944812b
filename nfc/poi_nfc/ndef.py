"""NDEF messages: the loyalty reference in them, read within bounds."""

import unicodedata
from collections.abc import Iterable, Mapping
from itertools import islice
from urllib.parse import unquote, urlsplit

import ndef

from poi_nfc.errors import CardError

MAX_MESSAGE = 8192
MAX_RECORDS = 32
MAX_REFERENCE = 64
EXTERNAL_TYPE = "urn:nfc:ext:poi:loyalty"
SMART_POSTER = "urn:nfc:wkt:Sp"
# only what can carry a reference is decoded: a broken Wi-Fi record beside it must not make the card unreadable
KNOWN_TYPES: Mapping[str, type[ndef.Record]] = {
    "urn:nfc:wkt:U": ndef.UriRecord,
    "urn:nfc:wkt:T": ndef.TextRecord,
}


def loyalty_reference(message: bytes) -> str | None:
    """Return the reference a message carries, None if it carries none of ours; `CardError` if it is malformed.

    A link `https://.../l/<reference>` goes before the external type `poi:loyalty`, and that before a plain text.
    """
    records = _records(message)
    for candidate in (*_links(records), *_external(records)):
        return normalise(candidate)
    for text in (record.text for record in records if isinstance(record, ndef.TextRecord)):
        # a long text is prose, not a reference
        return normalise(text) if text.strip() and len(text) <= MAX_REFERENCE else None
    return None


def normalise(reference: str) -> str:
    """Return the printable form, without control and direction marks; refuse NUL, emptiness and more than 64."""
    if "\0" in reference:
        raise CardError("bad-reference", "the reference holds a NUL")
    text = unicodedata.normalize("NFC", reference)
    kept = "".join(_printable(character) for character in text)
    clean = " ".join(kept.split())
    if not 0 < len(clean) <= MAX_REFERENCE:
        raise CardError("bad-reference", f"the reference has {len(clean)} characters; 1 to {MAX_REFERENCE} are read")
    return clean


def _printable(character: str) -> str:
    category = unicodedata.category(character)
    if category[0] == "Z":
        return " "
    return "" if category[0] == "C" else character


def _records(message: bytes) -> list[ndef.Record]:
    if len(message) > MAX_MESSAGE:
        raise CardError("ndef-too-large", f"a message of {len(message)} bytes; at most {MAX_MESSAGE} are read")
    records = _decode(message)
    posters = [record for record in records if record.type == SMART_POSTER]
    return [*records, *(inner for poster in posters for inner in _decode(poster.data))]


def _decode(message: bytes) -> list[ndef.Record]:
    try:
        return list(islice(ndef.message_decoder(message, errors="relax", known_types=KNOWN_TYPES), MAX_RECORDS))
    except (ndef.DecodeError, ValueError) as error:
        raise CardError("ndef-malformed", f"the message cannot be decoded: {error}") from error


def _links(records: Iterable[ndef.Record]) -> Iterable[str]:
    for record in records:
        if isinstance(record, ndef.UriRecord) and (reference := _link_reference(record.iri)) is not None:
            yield reference


def _link_reference(iri: str) -> str | None:
    try:
        link = urlsplit(iri)
        *_, folder, reference = ("", *link.path.split("/"))
        ours = link.scheme == "https" and folder == "l" and bool(reference)
        return unquote(reference, errors="strict") if ours else None
    except ValueError as error:
        raise CardError("ndef-malformed", f"the link cannot be read: {error}") from error


def _external(records: Iterable[ndef.Record]) -> Iterable[str]:
    for record in records:
        if record.type == EXTERNAL_TYPE:
            try:
                yield bytes(record.data).decode()
            except UnicodeDecodeError as error:
                raise CardError("bad-reference", "the reference is not UTF-8") from error
