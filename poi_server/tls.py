"""TLS beyond loopback: given certificates, or a local authority that a phone trusts once.

The authority's key stays in the data folder (0600) and lives for ten years; it signs for this machine's addresses only
as long as a server certificate lives, 90 days, and a new one is made at each start when fewer than 30 are left or the
addresses have changed.
"""

from __future__ import annotations

import contextlib
import os
import socket
import ssl
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address, IPv6Address, ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from poi_server.config import ConfigError, Tls

AUTHORITY_DAYS = 3650
SERVER_DAYS = 90
RENEW_DAYS = 30
LOOPBACK_NAMES = ("localhost", "127.0.0.1", "[::1]")


@dataclass(frozen=True)
class Authority:
    """The local authority: its certificate (PEM) for phones to trust."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    @property
    def pem(self) -> bytes:
        """The certificate as a phone loads it."""
        return self.certificate.public_bytes(serialization.Encoding.PEM)


def is_loopback(host: str) -> bool:
    """True when only this machine can reach the address."""
    if host == "localhost":
        return True
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def machine_names(host: str) -> tuple[str, ...]:
    """The names and addresses under which others can reach a server on `host` (`0.0.0.0` means all of them)."""
    names = [*LOOPBACK_NAMES]
    if host in ("0.0.0.0", "::", ""):
        name = socket.gethostname()
        names += [name, f"{name}.local", *_own_addresses()]
    else:
        names.append(f"[{host}]" if ":" in host else host)
    return tuple(dict.fromkeys(name.lower() for name in names))


def _own_addresses() -> list[str]:
    found: list[str] = []
    for family, probe in ((socket.AF_INET, "192.0.2.1"), (socket.AF_INET6, "2001:db8::1")):
        with contextlib.suppress(OSError), socket.socket(family, socket.SOCK_DGRAM) as probe_socket:
            probe_socket.connect((probe, 9))  # no packet: only asks which address would be used
            address = str(probe_socket.getsockname()[0])
            found.append(f"[{address}]" if ":" in address else address)
    with contextlib.suppress(OSError):
        found += [str(entry[4][0]) for entry in socket.getaddrinfo(socket.gethostname(), None, socket.AF_INET)]
    return found


def server_context(
    tls: Tls, folder: Path, names: Iterable[str], now: datetime, *, file: str = "server", called: str = "poi-server"
) -> tuple[ssl.SSLContext, bytes | None]:
    """The TLS context, and the local authority's certificate (PEM) when it signed ours.

    `file` and `called`: the files that a certificate made here is kept in, and its common name.
    """
    if tls.certificate:
        return _load(Path(tls.certificate), Path(tls.key)), None
    authority = ensure_authority(folder, now)
    certificate, key = ensure_certificate(folder, authority, tuple(names), now, file=file, called=called)
    return _load(certificate, key), authority.pem


def _load(certificate: Path, key: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_cert_chain(certificate, key)
    except (OSError, ssl.SSLError) as error:
        raise ConfigError(f"The certificate {certificate} cannot be used: {error}.", "$.tls.certificate") from None
    context.set_alpn_protocols(["http/1.1"])
    return context


def ensure_authority(folder: Path, now: datetime) -> Authority:
    """The local authority in `folder`, made on first use."""
    certificate_file, key_file = folder / "ca.pem", folder / "ca.key"
    if certificate_file.exists() and key_file.exists():
        key = serialization.load_pem_private_key(key_file.read_bytes(), None)
        certificate = x509.load_pem_x509_certificate(certificate_file.read_bytes())
        if isinstance(key, ec.EllipticCurvePrivateKey) and certificate.not_valid_after_utc > now + timedelta(days=365):
            return Authority(certificate, key)
    authority = _new_authority(now)
    _write(key_file, _key_pem(authority.key), 0o600)
    _write(certificate_file, authority.pem, 0o644)
    return authority


def _new_authority(now: datetime) -> Authority:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"poi-server on {socket.gethostname()[:40]}")])
    usage = x509.KeyUsage(
        digital_signature=False,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=True,
        crl_sign=True,
        encipher_only=False,
        decipher_only=False,
    )
    builder = _builder(name, name, key.public_key(), now, AUTHORITY_DAYS)
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    builder = builder.add_extension(usage, critical=True)
    builder = builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    return Authority(builder.sign(key, hashes.SHA256()), key)


def ensure_certificate(
    folder: Path,
    authority: Authority,
    names: tuple[str, ...],
    now: datetime,
    *,
    file: str = "server",
    called: str = "poi-server",
) -> tuple[Path, Path]:
    """A server certificate for `names`, renewed when it is old, for other names, or another authority's."""
    certificate_file, key_file = folder / f"{file}.pem", folder / f"{file}.key"
    there = certificate_file.exists() and key_file.exists()
    if not (there and _fits(certificate_file, authority, names, now, called)):
        key = ec.generate_private_key(ec.SECP256R1())
        certificate = _sign(authority, key.public_key(), names, now, called)
        _write(key_file, _key_pem(key), 0o600)
        _write(certificate_file, certificate.public_bytes(serialization.Encoding.PEM) + authority.pem, 0o644)
    return certificate_file, key_file


def _fits(file: Path, authority: Authority, names: tuple[str, ...], now: datetime, called: str) -> bool:
    certificate = x509.load_pem_x509_certificate(file.read_bytes())
    wanted = {str(name.value) for name in _alternatives(names)}
    extension = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    present = {str(name.value) for name in extension.value}
    fresh = certificate.not_valid_after_utc > now + timedelta(days=RENEW_DAYS)
    same = certificate.subject == _subject(called) and certificate.issuer == authority.certificate.subject
    return fresh and present == wanted and same


def _subject(called: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, called)])


def _sign(
    authority: Authority, key: ec.EllipticCurvePublicKey, names: tuple[str, ...], now: datetime, called: str
) -> x509.Certificate:
    issuer_key = authority.key.public_key()
    builder = _builder(_subject(called), authority.certificate.subject, key, now, SERVER_DAYS)
    builder = builder.add_extension(x509.SubjectAlternativeName(_alternatives(names)), critical=False)
    builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
    builder = builder.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
    builder = builder.add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key), critical=False)
    return builder.sign(authority.key, hashes.SHA256())


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, now: datetime, days: int
) -> x509.CertificateBuilder:
    start = now.astimezone(UTC) - timedelta(days=1)  # phones' clocks lag
    builder = x509.CertificateBuilder(subject_name=subject, issuer_name=issuer, public_key=key)
    builder = builder.serial_number(x509.random_serial_number())
    return builder.not_valid_before(start).not_valid_after(start + timedelta(days=days))


def _alternatives(names: Iterable[str]) -> list[x509.GeneralName]:
    found: list[x509.GeneralName] = []
    for name in names:
        try:
            address: IPv4Address | IPv6Address = ip_address(name.strip("[]"))
        except ValueError:
            found.append(x509.DNSName(name))
        else:
            found.append(x509.IPAddress(address))
    return found


def _key_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _write(file: Path, content: bytes, mode: int) -> None:
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    partial = file.with_suffix(".partial")
    partial.unlink(missing_ok=True)
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(descriptor, "wb") as out:
        out.write(content)
    partial.replace(file)
