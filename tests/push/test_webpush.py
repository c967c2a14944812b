"""Messages that only the subscribed browser reads: checked with the standard's own example and another decoder."""

import json

import http_ece
import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from hypothesis import given, settings
from hypothesis import strategies as some

from poi_engine.webpush import (
    MAX_PAYLOAD,
    authorization,
    check_keys,
    encrypt,
    from_text,
    new_key,
    public_point,
    to_text,
)

AUTH = b"a" * 16


def test_the_standards_example_comes_out() -> None:
    """RFC 8291, appendix A: keys, salt and text give this very body."""
    receiver = from_text("BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4")
    sender = from_text("yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw")
    salt, auth = from_text("DGv6ra1nlYgDCS1FRnbzlw"), from_text("BTBZMqHH6r4Tts7J_aSIgg")
    body = encrypt(b"When I grow up, I want to be a watermelon", receiver, auth, salt=salt, sender=sender)
    assert to_text(body) == (
        "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A"
        "_yl95bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN"
    )


@settings(max_examples=25, deadline=None)
@given(text=some.binary(max_size=MAX_PAYLOAD))
def test_another_decoder_reads_what_we_encrypt(text: bytes) -> None:
    browser = ec.generate_private_key(ec.SECP256R1())
    point = public_point(browser.private_numbers().private_value.to_bytes(32, "big"))
    body = encrypt(text, point, AUTH, salt=b"s" * 16, sender=new_key())
    assert http_ece.decrypt(body, private_key=browser, auth_secret=AUTH, version="aes128gcm") == text


def test_a_message_has_a_bound() -> None:
    with pytest.raises(ValueError, match="at most"):
        encrypt(b"x" * (MAX_PAYLOAD + 1), public_point(new_key()), AUTH, salt=b"s" * 16, sender=new_key())


def test_the_sender_signs_for_the_services_origin_alone() -> None:
    private = new_key()
    header = authorization("https://push.example:8443/send/abc?x=1", private, "mailto:a@b.example", 1000.0)
    token, key = (part.split("=", 1)[1] for part in header.removeprefix("vapid ").split(", "))
    head, claims, signature = token.split(".")
    signed = from_text(signature)
    point = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), from_text(key))
    numbers = encode_dss_signature(int.from_bytes(signed[:32], "big"), int.from_bytes(signed[32:], "big"))
    point.verify(numbers, f"{head}.{claims}".encode(), ec.ECDSA(hashes.SHA256()))
    told = json.loads(from_text(claims))
    assert told == {"aud": "https://push.example:8443", "exp": 1000 + 12 * 3600, "sub": "mailto:a@b.example"}
    assert json.loads(from_text(head)) == {"typ": "JWT", "alg": "ES256"}


@pytest.mark.parametrize(
    ("p256dh", "auth"),
    [("", to_text(AUTH)), ("!!!!", to_text(AUTH)), (to_text(b"\x04" + b"1" * 64), to_text(AUTH)), ("good", "c2hvcnQ")],
)
def test_what_is_no_key_is_refused(p256dh: str, auth: str) -> None:
    with pytest.raises(ValueError):  # whatever its words
        check_keys(to_text(public_point(new_key())) if p256dh == "good" else p256dh, auth)
