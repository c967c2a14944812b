"""The secured envelope against a message that the vendor's own library sealed, and against every bit turned."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from poi_engine.nexo.crypto import CryptoError, Sealer, SecurityKey, SecurityTrailer

KEY = SecurityKey(identifier="CryptoKeyIdentifier12345", passphrase="mysupersecurepassphrase")
SEALER = Sealer(KEY)
PLAIN = b'{"SaleToPOIRequest":{"MessageHeader":{"MessageCategory":"Diagnosis"}}}'
NONCE = bytes(range(16))
BLOB = "9EC3oS4dkpKPa95ID9f9a1I9M5ljgEdL5NjT3aSDjahOmLw0CbTutIGTpoFmV1w+2ybkZrz23ohVimyEbTOgeE0c7EcwoHJZNtmejViTmPU="
TRAILER = SecurityTrailer(
    KeyIdentifier=KEY.identifier,
    KeyVersion=1,
    Nonce="AAECAwQFBgcICQoLDA0ODw==",
    Hmac="FlOk89z/X6W5bAIe205POA5Hj9NenQgiB/960DRIUV0=",
)


def test_keys_are_derived_as_the_vendors_library_does() -> None:
    assert SEALER.hmac_key.hex() == "78a3b8ca7d62f5a7d844135d6d192651f680c22b324be77ce0f1f0eeb3fd9da2"
    assert SEALER.cipher_key.hex() == "05c91371b2cad18c2b44cd5fabb94b10359495da64df2d9ab45530dc1676f72d"
    assert SEALER.iv.hex() == "74923ccbe93a232cc70ca3d55c0b3526"


def test_a_message_is_sealed_to_the_byte_and_opened_again() -> None:
    assert SEALER.seal(PLAIN, NONCE) == (BLOB, TRAILER)
    assert SEALER.open(BLOB, TRAILER) == PLAIN
    assert SEALER.fits(TRAILER)
    assert not SEALER.fits(replace(TRAILER, KeyVersion=2))


@given(st.binary(max_size=400))
def test_what_is_sealed_opens_and_no_nonce_serves_twice(plain: bytes) -> None:
    one, other = SEALER.seal(plain), SEALER.seal(plain)
    assert SEALER.open(*one) == SEALER.open(*other) == plain
    assert one[1].Nonce != other[1].Nonce


@given(st.integers(0, 8 * 80 - 1))
def test_a_bit_turned_in_the_blob_is_seen(bit: int) -> None:
    turned = bytearray(base64.b64decode(BLOB))
    turned[bit // 8] ^= 1 << bit % 8
    with pytest.raises(CryptoError):
        SEALER.open(base64.b64encode(turned).decode(), TRAILER)


@pytest.mark.parametrize(
    ("blob", "trailer"),
    [
        (BLOB, replace(TRAILER, Hmac=base64.b64encode(b"x" * 32).decode())),
        (BLOB, replace(TRAILER, Hmac="FlOk")),
        (BLOB, replace(TRAILER, Hmac="")),
        (BLOB, replace(TRAILER, Nonce="AAEC")),
        (BLOB, replace(TRAILER, Nonce="é")),
        (BLOB, replace(TRAILER, Nonce=base64.b64encode(b"x" * 16).decode())),
        (BLOB[:-4], TRAILER),
        ("", TRAILER),
        ("?", TRAILER),
    ],
)
def test_everything_wrong_has_one_answer(blob: str, trailer: SecurityTrailer) -> None:
    with pytest.raises(CryptoError) as error:
        SEALER.open(blob, trailer)
    assert error.value.message == CryptoError().message
    assert error.value.__cause__ is None


def test_a_passphrase_is_never_shown() -> None:
    assert KEY.passphrase not in repr(KEY)
