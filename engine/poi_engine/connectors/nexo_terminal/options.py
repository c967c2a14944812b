"""What a nexo terminal is reached by: address, certificate, names, and the key of its messages."""

import ssl
from collections.abc import Mapping
from typing import Annotated, Literal

from msgspec import Meta, Struct, ValidationError, convert

from poi_engine.connectors.options import options_of, secret_of, wrong
from poi_engine.nexo.crypto import Sealer, SecurityKey

Name = Annotated[str, Meta(min_length=1, max_length=64)]


class NexoOptions(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A terminal's options. Seconds where not said otherwise.

    `poi_id`: the terminal's name, `sale_id`: ours. `ca`: the file of the authority that signed the terminal's
    certificate; `certificate_name`: the name in it, for terminals are reached by address. `key_id`, `key_version` and
    `passphrase_file`: the key of secured messages, all of them or none. `refunds`: how money is given back.
    """

    host: Annotated[str, Meta(min_length=1, max_length=255)]
    poi_id: Name
    port: Annotated[int, Meta(ge=1, le=65535)] = 8443
    path: Annotated[str, Meta(pattern=r"^/[ -~]{0,100}\Z")] = "/nexo/"
    sale_id: Name = "poi-server"
    ca: str = ""
    certificate_name: str = ""
    any_certificate: bool = False
    key_id: Annotated[str, Meta(max_length=100)] = ""
    key_version: Annotated[int, Meta(ge=0)] = 1
    passphrase_file: str = ""
    login: bool = False
    refunds: Literal["reversal", "payment"] = "reversal"
    connect_seconds: Annotated[float, Meta(gt=0, le=30)] = 5.0
    answer_seconds: Annotated[float, Meta(gt=0, le=600)] = 130.0
    status_seconds: Annotated[float, Meta(gt=0, le=60)] = 10.0

    @property
    def url(self) -> str:
        """Where messages are posted."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"https://{host}:{self.port}{self.path}"


class NexoTerminal:
    """A terminal's options, and what is made of them once: the TLS context, the derived key."""

    def __init__(self, station: str, options: NexoOptions) -> None:
        self.station = station
        self.options = options
        self.tls = _tls(station, options)
        self.sealer = _sealer(station, options)

    @property
    def certificate_name(self) -> str | None:
        """The name that the terminal's certificate must carry; None: that of the address."""
        return self.options.certificate_name or None


def terminal(station: str, options: Mapping[str, object]) -> NexoTerminal:
    """Read a terminal's options. Raises `RequestError` with the option's path."""
    return NexoTerminal(station, options_of(NexoOptions, station, options))


def _tls(station: str, options: NexoOptions) -> ssl.SSLContext:
    if options.any_certificate:
        if options.ca or options.certificate_name:
            raise wrong(station, ".any_certificate", "either any certificate will do, or `ca` says whose; not both.")
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        return context
    if not options.ca:
        why = "name the file of the terminal's certificate authority, or allow `any_certificate` on a wire of your own."
        raise wrong(station, ".ca", why)
    try:
        context = ssl.create_default_context(cafile=options.ca)
    except (OSError, ssl.SSLError) as error:
        raise wrong(station, ".ca", f"the file {options.ca!r} cannot be used: {error}.") from None
    context.hostname_checks_common_name = True  # terminals carry their name there, and none in the extension
    return context


def _sealer(station: str, options: NexoOptions) -> Sealer | None:
    given = [bool(options.key_id), bool(options.passphrase_file)]
    if not any(given):
        return None
    if not all(given):
        absent = "passphrase_file" if options.key_id else "key_id"
        raise wrong(station, f".{absent}", "secured messages need `key_id` and `passphrase_file`, both.")
    passphrase = secret_of(station, "passphrase_file", options.passphrase_file)
    values = {"identifier": options.key_id, "passphrase": passphrase, "version": options.key_version}
    try:
        return Sealer(convert(values, SecurityKey))
    except ValidationError:  # its words would tell of the secret's form only, never of the secret
        raise wrong(station, ".passphrase_file", "a passphrase is 8 to 200 printable ASCII characters.") from None
