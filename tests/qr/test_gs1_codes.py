"""GS1: element strings and Digital Links come down to one product code; no address is opened."""

import pytest

from poi_qr.errors import PayloadError
from poi_qr.payload import classify

LINK = "https://id.gs1.org/00/106141412345678908?02=00614141123452&37=25&10=ABC123"


@pytest.mark.parametrize(
    ("text", "symbology", "scheme", "subject", "evidence"),
    [
        ("0104012345123456", "gs1-128", "gtin", "4012345123456", {}),
        ("010401234512345610ABC\x1d211234", "gs1-128", "gtin", "4012345123456", {"lot": "ABC", "serial": "1234"}),
        ("0104012345123456211234\x1d10AB", "gs1-data-matrix", "gtin", "4012345123456", {"lot": "AB", "serial": "1234"}),
        ("0104012345123456", "gs1-qr", "gtin", "4012345123456", {}),
        ("010401234512345617271231", "gs1-128", "gtin", "4012345123456", {"expiry": "271231"}),
        ("00106141412345678908", "gs1-128", "sscc", "106141412345678908", {}),
        ("10ABC", "gs1-128", "gs1", "(10)ABC", {"lot": "ABC"}),
        ("https://example.com/foo/01/614141123452", "qr", "gtin", "0614141123452", {}),
        ("https://example.com/01/04012345123456/10/L1", "qr", "gtin", "4012345123456", {"lot": "L1"}),
        (LINK, "qr", "sscc", "106141412345678908", {"lot": "ABC123", "count": "25", "content": "00614141123452"}),
    ],
)
def test_products(text: str, symbology: str, scheme: str, subject: str, evidence: dict[str, str]) -> None:
    found = classify(text.encode(), symbology)
    assert (found.scheme, found.subject, dict(found.evidence)) == (scheme, subject, evidence)


@pytest.mark.parametrize(
    "text",
    [
        "https://example.com/01/614141123452/15/20250324",
        "https://example.com/01/614141123452/10/ABC123/22/123456789",
        "https://example.com/00/106141412345678908/10/ABC123",
        "https://example.com/01/614141123453",
        "https://example.com/01/04012345123456/10/é",
    ],
)
def test_broken_links(text: str) -> None:
    with pytest.raises(PayloadError) as caught:
        classify(text.encode(), "qr")
    assert caught.value.code == "bad-gs1-link"


@pytest.mark.parametrize("text", ["junk", "0104012345123457", "01", "\x1d", "010401234512345٦"])
def test_broken_element_strings(text: str) -> None:
    with pytest.raises(PayloadError) as caught:
        classify(text.encode(), "gs1-128")
    assert caught.value.code == "bad-gs1-code"


def test_a_card_number_in_an_element_is_refused_or_left_out() -> None:
    with pytest.raises(PayloadError) as caught:
        classify(b"104111111111111111", "gs1-128")
    assert caught.value.code == "looks-like-a-card-number"
    assert classify(b"0104012345123456214111111111111111", "gs1-128").evidence == ()
