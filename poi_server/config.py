"""The configuration: a TOML file and the environment, read into frozen types; every key is documented in its type.

The environment overrides the file: `[http] port` is `POI_HTTP_PORT`. Lists are written with commas.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit, urlunsplit

import msgspec
from msgspec import Meta, Struct
from msgspec.structs import replace

from poi_engine.errors import RequestError
from poi_engine.nexo.crypto import SecurityKey

_BUILD_SWITCHES = frozenset({"POI_CONFIG", "POI_DATA", "POI_PURE", "POI_NO_EXTENSIONS", "POI_REQUIRE_EXTENSIONS"})
_TEST_SWITCHES = frozenset(
    {"POI_FAULTS_SEED", "POI_SIMULATION_SEED", "POI_SIMULATION_STEPS", "POI_SOAK", "POI_TEST_LOOP"}
)


class Http(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where the server listens and by which names it is called."""

    host: Annotated[str, Meta(description="Address to listen on; anything beyond loopback means TLS.")] = "127.0.0.1"
    port: Annotated[int, Meta(ge=0, le=65535, description="Port to listen on; 0 takes an unused one.")] = 8080
    hosts: Annotated[tuple[str, ...], Meta(description="Further names this server answers to (Host header).")] = ()
    public_url: Annotated[
        str, Meta(description="How the outside reaches it, such as https://shop.example, behind a proxy.")
    ] = ""
    proxies: Annotated[
        tuple[str, ...], Meta(description="Networks of reverse proxies whose X-Forwarded headers are believed.")
    ] = ()


class Tls(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Given certificates; without them, a local authority in the data folder makes them."""

    certificate: Annotated[str, Meta(description="PEM file with the certificate and its chain.")] = ""
    key: Annotated[str, Meta(description="PEM file with the certificate's private key.")] = ""


class Storage(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where things are kept; empty addresses mean the embedded parts in the data folder."""

    data: Annotated[
        str, Meta(description="The data folder; empty: ./data if it is there, else the user's (XDG) one.")
    ] = ""
    sql: Annotated[str, Meta(description="postgresql://user:password@host/database; empty: SQLite.")] = ""
    redis: Annotated[
        str, Meta(description="redis://, rediss:// or unix:// address of Redis or Valkey; empty: embedded Valkey.")
    ] = ""

    @property
    def shared(self) -> bool:
        """True when other processes may use the same SQL storage."""
        return bool(self.sql)

    def __repr__(self) -> str:
        return f"Storage(data={self.data!r}, sql={redacted(self.sql)!r}, redis={redacted(self.redis)!r})"


class MerchantDefaults(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the first run calls the merchant."""

    name: Annotated[str, Meta(min_length=1, max_length=120, description="The merchant's name.")] = "My shop"
    currency: Annotated[str, Meta(pattern=r"^[A-Z]{3}\Z", description="ISO 4217 code of all amounts.")] = "EUR"
    language: Annotated[Literal["fr", "en"], Meta(description="Language of receipts and new customers.")] = "fr"
    zone: Annotated[str, Meta(description="IANA time zone of its first store.")] = "Europe/Paris"


class Limits(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The most that is taken from outside."""

    header_seconds: Annotated[float, Meta(gt=0, le=60, description="Until a request's headers are whole.")] = 5.0
    body_seconds: Annotated[float, Meta(gt=0, le=60, description="Until a request's body is whole.")] = 5.0
    connections: Annotated[int, Meta(ge=1, le=1_000_000, description="Open connections in all.")] = 10_000
    connections_per_address: Annotated[
        int, Meta(ge=1, le=1_000_000, description="Open connections of one address; not counted for proxies.")
    ] = 500
    attempts: Annotated[int, Meta(ge=1, le=10_000, description="Wrong secrets of one address within a minute.")] = 20
    requests_per_second: Annotated[
        float, Meta(gt=0, le=1_000_000, description="Requests of one credential, in each process, in the long run.")
    ] = 200.0
    requests_at_once: Annotated[
        int, Meta(ge=1, le=10_000_000, description="Requests of one credential before that pace is asked of it.")
    ] = 1000
    drain_seconds: Annotated[float, Meta(gt=0, le=60, description="For requests under way when it stops.")] = 10.0


class Logs(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is written to standard error."""

    level: Annotated[Literal["debug", "info", "warning", "error"], Meta(description="The least that is written.")] = (
        "info"
    )
    format: Annotated[Literal["text", "json"], Meta(description="Lines for people or JSON objects.")] = "text"
    requests: Annotated[
        Literal["errors", "all"], Meta(description="Which requests get a line: those that failed here, or all.")
    ] = "errors"


class Reader(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An NFC reader and the station it stands at."""

    station: Annotated[str, Meta(min_length=1, max_length=64, description="The station's id.")]
    path: Annotated[
        str, Meta(min_length=1, max_length=200, description="usb, usb:054c:06c3, tty:USB0:pn532, udp:127.0.0.1:54321.")
    ]


class Nfc(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """NFC readers."""

    readers: Annotated[tuple[Reader, ...], Meta(description="Readers by station; in TOML [[nfc.readers]].")] = ()
    emulate: Annotated[bool, Meta(description="Allow emulated cards (poi-server tap).")] = True


class Terminal(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A card terminal and the station it stands at."""

    station: Annotated[str, Meta(min_length=1, max_length=64, description="The station's id.")]
    connector: Annotated[str, Meta(min_length=1, max_length=32, description="The connector that drives it: nexo ...")]
    options: Annotated[
        dict[str, str | bool | int | float], Meta(description="What the connector asks: host, port, till ...")
    ] = {}


class Payment(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Payment connectors."""

    connectors: Annotated[
        tuple[str, ...], Meta(description="Names of the connectors to load (entry points poi_server.connectors).")
    ] = ("simulator",)
    terminals: Annotated[
        tuple[Terminal, ...], Meta(description="Terminals by station; in TOML [[payment.terminals]].")
    ] = ()


class Fiscal(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The fiscal part: closings and archives."""

    key: Annotated[
        str, Meta(description="File of the key that signs closings; empty: fiscal.key in the data folder.")
    ] = ""


class Push(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Notifications on customers' phones."""

    services: Annotated[
        tuple[str, ...], Meta(description="Hosts of the browsers' push services; nothing is sent elsewhere.")
    ] = (
        "fcm.googleapis.com",
        "updates.push.services.mozilla.com",
        "*.push.services.mozilla.com",
        "*.push.apple.com",
        "*.notify.windows.com",
    )
    contact: Annotated[
        str,
        Meta(
            pattern=r"^(mailto:|https://)\S{3,200}\Z",
            description="Where a push service may write to the sender: a mailto: or https: address.",
        ),
    ] = "mailto:postmaster@localhost"


class NexoPoi(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A POI that nexo tills know by a name of their own."""

    poi_id: Annotated[str, Meta(min_length=1, max_length=80, description="The POIID that the tills use.")]
    station: Annotated[str, Meta(min_length=1, max_length=64, description="The station's id.")]
    sale_ids: Annotated[tuple[str, ...], Meta(description="The tills (SaleID) that may ask it; empty: any.")] = ()
    keys: Annotated[tuple[str, ...], Meta(description="The keys (identifier) that open it; empty: any.")] = ()
    notify: Annotated[
        str, Meta(pattern=r"^(https?://\S{1,300})?\Z", description="The till's own endpoint, for events.")
    ] = ""


class Nexo(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Tills that speak nexo Retailer 3.0 (Sale to POI, JSON)."""

    host: Annotated[str, Meta(description="Address of the tills' own TLS port; empty: there is none.")] = ""
    port: Annotated[int, Meta(ge=0, le=65535, description="That port; local terminals have 8443.")] = 8443
    login: Annotated[
        Literal["optional", "required"], Meta(description="Whether a till has to log in before it sells.")
    ] = "optional"
    certificate: Annotated[str, Meta(description="PEM file with that port's certificate and its chain.")] = ""
    key: Annotated[str, Meta(description="PEM file with the certificate's private key.")] = ""
    common_name: Annotated[
        str, Meta(min_length=1, max_length=64, description="The name in a certificate that is made here.")
    ] = "poi-server"
    card_seconds: Annotated[
        float, Meta(gt=0, le=600, description="How long a card acquisition waits for the customer.")
    ] = 60.0
    screen_seconds: Annotated[
        float, Meta(gt=0, le=60, description="How long a question or a print waits for a screen of the station.")
    ] = 5.0
    pois: Annotated[tuple[NexoPoi, ...], Meta(description="POIs by name; in TOML [[nexo.pois]].")] = ()
    keys: Annotated[tuple[SecurityKey, ...], Meta(description="Keys of secured messages; in TOML [[nexo.keys]].")] = ()
    tax_codes: Annotated[
        dict[str, Annotated[int, Meta(ge=0, le=10_000)]], Meta(description="VAT (basis points) by TaxCode.")
    ] = {}


class Config(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The whole configuration."""

    http: Http = Http()
    tls: Tls = Tls()
    storage: Storage = Storage()
    merchant: MerchantDefaults = MerchantDefaults()
    limits: Limits = Limits()
    logs: Logs = Logs()
    nfc: Nfc = Nfc()
    payment: Payment = Payment()
    fiscal: Fiscal = Fiscal()
    push: Push = Push()
    nexo: Nexo = Nexo()


SECTIONS: dict[str, type[Struct]] = {
    "http": Http,
    "tls": Tls,
    "storage": Storage,
    "merchant": MerchantDefaults,
    "limits": Limits,
    "logs": Logs,
    "nfc": Nfc,
    "payment": Payment,
    "fiscal": Fiscal,
    "push": Push,
    "nexo": Nexo,
}


TABLES: frozenset[tuple[type[Struct], str]] = frozenset(
    {(Nfc, "readers"), (Payment, "terminals"), (Nexo, "pois"), (Nexo, "keys"), (Nexo, "tax_codes")}
)
"""Keys that are tables of their own in TOML, and have no environment variable."""


class ConfigError(RequestError):
    """The configuration is wrong; `path` names the key."""

    def __init__(self, message: str, path: str) -> None:
        super().__init__("configuration", message, path=path)


def load(file: Path | None, environment: Mapping[str, str]) -> Config:
    """The configuration of a file (None: none) with the environment's values over it."""
    values = _read(file) if file else {}
    for (section, key), text in _from_environment(environment).items():
        values.setdefault(section, {})[key] = text
    try:
        config = msgspec.convert(values, Config, strict=False)
    except msgspec.ValidationError as error:
        message, _, path = str(error).partition(" - at ")
        raise ConfigError(message, path.strip("`") or "$") from None
    if bool(config.tls.certificate) != bool(config.tls.key):
        raise ConfigError("A certificate needs its key, and a key its certificate.", "$.tls")
    if bool(config.nexo.certificate) != bool(config.nexo.key):
        raise ConfigError("A certificate needs its key, and a key its certificate.", "$.nexo")
    known = {key.identifier for key in config.nexo.keys}
    for at, poi in enumerate(config.nexo.pois):
        if absent := sorted(set(poi.keys) - known):
            raise ConfigError(f"There is no key {absent[0]!r} in [[nexo.keys]].", f"$.nexo.pois[{at}].keys")
        if urlsplit(poi.notify).scheme == "http" and not (config.nexo.keys or _is_here(urlsplit(poi.notify).hostname)):
            why = "Events name customers: an http address beyond this machine needs a key in [[nexo.keys]], or https."
            raise ConfigError(why, f"$.nexo.pois[{at}].notify")
    return config


def _is_here(host: str | None) -> bool:
    try:
        return host == "localhost" or ip_address(host or "").is_loopback
    except ValueError:
        return False


def _read(file: Path) -> dict[str, dict[str, Any]]:
    try:
        return tomllib.loads(file.read_text("utf-8"))
    except FileNotFoundError:
        raise ConfigError(f"There is no file {file}.", "$") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError) as error:
        raise ConfigError(f"{file} cannot be read: {error}.", "$") from None


def _from_environment(environment: Mapping[str, str]) -> dict[tuple[str, str], Any]:
    known = {variable(section, key): (section, key) for section, kind in SECTIONS.items() for key in _keys(kind)}
    known["POI_DATA"] = ("storage", "data")
    found: dict[tuple[str, str], Any] = {}
    for name, text in environment.items():
        if name in known:
            section, key = known[name]
            found[known[name]] = _listed(text) if _is_list(SECTIONS[section], key) else text
        elif name.startswith("POI_") and name not in _BUILD_SWITCHES | _TEST_SWITCHES:
            raise ConfigError(f"The environment sets {name}, which means nothing here.", name)
    return found


def variable(section: str, key: str) -> str:
    """The environment variable of a key."""
    return f"POI_{section}_{key}".upper()


def _keys(kind: type[Struct]) -> tuple[str, ...]:
    return tuple(name for name in kind.__struct_fields__ if (kind, name) not in TABLES)


def _is_list(kind: type[Struct], key: str) -> bool:
    return isinstance(getattr(kind(), key), tuple)


def _listed(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


def redacted(address: str) -> str:
    """An address without its password."""
    parts = urlsplit(address)
    if parts.password is None:
        return address
    login, _, host = parts.netloc.rpartition("@")
    return urlunsplit(parts._replace(netloc=f"{login.partition(':')[0]}:***@{host}"))


def redacted_config(config: Config) -> Config:
    """The configuration as it may be shown."""
    storage = config.storage
    shown = Storage(data=storage.data, sql=redacted(storage.sql), redis=redacted(storage.redis))
    keys = tuple(replace(key, passphrase="********") for key in config.nexo.keys)
    return replace(config, storage=shown, nexo=replace(config.nexo, keys=keys))


def data_folder(config: Config, environment: Mapping[str, str] = os.environ) -> Path:
    """The data folder: the configured one, `./data` if it is there or the folder is a checkout, else the user's."""
    if config.storage.data:
        return Path(config.storage.data).expanduser().absolute()
    here = Path.cwd()
    if (here / "data").is_dir() or (here / "poi_server" / "__init__.py").is_file():
        return here / "data"
    home = environment.get("XDG_DATA_HOME") or str(Path.home() / ".local" / "share")
    return Path(home) / "poi-server"


def fiscal_key(config: Config, folder: Path) -> Path:
    """Where the key that signs closings is kept; `folder` is the data folder."""
    return Path(config.fiscal.key).expanduser() if config.fiscal.key else folder / "fiscal.key"
