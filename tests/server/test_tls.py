"""TLS beyond loopback: the local authority, the server's certificate, a request through it."""

import asyncio
import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

import aiohttp
import pytest
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID

from poi_server.app import make_app
from poi_server.config import Config, ConfigError, Http, Storage, Tls
from poi_server.serving import Serving
from poi_server.tls import ensure_authority, ensure_certificate, is_loopback, machine_names, server_context

NOW = datetime(2026, 11, 22, tzinfo=UTC)
NAMES = ("localhost", "127.0.0.1", "[::1]", "till.local")


@pytest.mark.parametrize("host", ["127.0.0.1", "127.9.9.9", "localhost", "::1", "[::1]"])
def test_loopback_needs_no_tls(host: str) -> None:
    assert is_loopback(host)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "shop.example", ""])
def test_everything_else_does(host: str) -> None:
    assert not is_loopback(host)


def test_all_addresses_means_every_name_of_the_machine() -> None:
    assert set(machine_names("127.0.0.1")) == {"localhost", "127.0.0.1", "[::1]"}
    assert machine_names("192.0.2.7")[-1] == "192.0.2.7"
    assert machine_names("2001:db8::1")[-1] == "[2001:db8::1]"


def test_the_authority_is_made_once_and_kept_private(tmp_path: Path) -> None:
    first = ensure_authority(tmp_path, NOW)
    assert ensure_authority(tmp_path, NOW + timedelta(days=1)).pem == first.pem
    assert (tmp_path / "ca.key").stat().st_mode & 0o777 == 0o600
    assert first.certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    assert first.certificate.not_valid_after_utc - NOW > timedelta(days=3000)


def test_the_certificate_names_the_addresses_and_lives_short(tmp_path: Path) -> None:
    authority = ensure_authority(tmp_path, NOW)
    file, key = ensure_certificate(tmp_path, authority, NAMES, NOW)
    certificate = x509.load_pem_x509_certificate(file.read_bytes())
    certificate.verify_directly_issued_by(authority.certificate)
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert {str(name.value) for name in names} == {"localhost", "127.0.0.1", "::1", "till.local"}
    usage = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert list(usage) == [ExtendedKeyUsageOID.SERVER_AUTH]
    assert certificate.not_valid_after_utc - NOW <= timedelta(days=90)
    assert key.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    ("days", "names", "renewed"),
    [(1, NAMES, False), (70, NAMES, True), (1, (*NAMES, "192.0.2.9"), True)],
)
def test_it_is_renewed_when_old_or_for_other_addresses(
    tmp_path: Path, days: int, names: tuple[str, ...], renewed: bool
) -> None:
    authority = ensure_authority(tmp_path, NOW)
    first = ensure_certificate(tmp_path, authority, NAMES, NOW)[0].read_bytes()
    again = ensure_certificate(tmp_path, authority, names, NOW + timedelta(days=days))[0].read_bytes()
    assert (first != again) is renewed


def test_a_given_certificate_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    tls = Tls(certificate=str(tmp_path / "absent.pem"), key=str(tmp_path / "absent.key"))
    with pytest.raises(ConfigError, match=r"absent\.pem cannot be used"):
        server_context(tls, tmp_path, NAMES, NOW)


async def test_a_phone_that_trusts_the_authority_gets_in(tmp_path: Path, sqlite_url: str, valkey_url: str) -> None:
    config = Config(http=Http(host="127.0.0.1", port=0), storage=Storage(data=str(tmp_path), redis=valkey_url))
    made = await asyncio.to_thread(server_context, config.tls, tmp_path / "tls", NAMES, datetime.now(UTC))
    context, authority = made
    assert authority is not None
    trust = ssl.create_default_context(cadata=authority.decode())
    async with (
        Serving(make_app(config, secure=True, authority=authority), config, context) as serving,
        aiohttp.ClientSession(serving.base_url, connector=aiohttp.TCPConnector(ssl=trust)) as http,
    ):
        assert serving.base_url.startswith("https://")
        async with http.get("/ca.pem") as answer:
            assert await answer.read() == authority
            assert "Strict-Transport-Security" not in answer.headers, "localhost must stay usable without TLS"
        async with http.post("/v1/access/leave", headers={"Origin": serving.base_url}) as answer:
            assert answer.status == 204
            assert "Secure" in answer.headers["Set-Cookie"]
