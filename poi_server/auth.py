"""At the door: which host was asked for, from which origin, by whom."""

from __future__ import annotations

from collections.abc import Collection
from ipaddress import ip_address, ip_network
from urllib.parse import urlsplit

from aiohttp import hdrs, web

from poi_engine.access import LOCAL, Access
from poi_engine.principal import Principal
from poi_server.limits import Attempts, Pace
from poi_server.problems import Refusal
from poi_server.tls import LOOPBACK_NAMES

COOKIE = "poi_access"
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
_CHALLENGE = {"WWW-Authenticate": 'Bearer realm="poi-server"'}
_SECRET_MAX = 128


class Gate:
    """Host, Origin and proxy rules.

    `hosts` are the names we answer to; `proxies` are networks whose word we take; `reachable` is this machine's name
    for other devices, when they can reach us.
    """

    def __init__(
        self,
        *,
        hosts: Collection[str],
        proxies: Collection[str],
        secure: bool,
        public_url: str = "",
        reachable: str | None = None,
    ) -> None:
        self._hosts = {host.lower() for host in hosts}
        self._proxies = [ip_network(proxy, strict=False) for proxy in proxies]
        self._secure = secure
        self._public = urlsplit(public_url) if public_url else None
        self._reachable = reachable
        if self._public and self._public.hostname:
            self._hosts.add(self._public.hostname)

    def check_host(self, request: web.Request) -> None:
        """Refuse names that are not ours (a DNS rebinding attack asks for its own)."""
        host = request.headers.get(hdrs.HOST, "")
        if host_name(host) not in self._hosts:
            raise Refusal(421, "host-unknown", f"This server does not answer to {host[:100]!r}.")
        if self._proxies and not self._secure and not self._by_proxy(request) and not _is_local(request):
            raise Refusal(403, "tls-required", "Plain HTTP is taken from this machine and the declared proxies only.")

    def check_origin(self, request: web.Request, *, by_cookie: bool) -> None:
        """Refuse what a page of another origin sends; a cookie's request must say its origin."""
        origin = request.headers.get(hdrs.ORIGIN)
        if origin is None and not by_cookie:
            return
        if origin is None or origin.lower() != self.base_url(request).lower():
            raise Refusal(403, "origin-refused", "Requests come from this server's own pages only.")

    def secure(self, request: web.Request) -> bool:
        """True when the caller reaches us over TLS, by ourselves or by a declared proxy."""
        if self._public:
            return self._public.scheme == "https"
        if self._by_proxy(request) and (scheme := request.headers.get("X-Forwarded-Proto")):
            return scheme.lower() == "https"
        return self._secure

    def base_url(self, request: web.Request) -> str:
        """`scheme://host[:port]` as the caller sees it."""
        return f"{'https' if self.secure(request) else 'http'}://{request.headers.get(hdrs.HOST, '')}"

    def shared_url(self, request: web.Request) -> str:
        """How another device reaches us, for the codes it scans: never by a loopback name if there is another."""
        if self._public:
            return f"{self._public.scheme}://{self._public.netloc}"
        host = request.headers.get(hdrs.HOST, "")
        if self._reachable is None or host_name(host) not in LOOPBACK_NAMES:
            return self.base_url(request)
        return self.base_url(request).replace(host, self._reachable + host[len(host_name(host)) :])

    @property
    def strict(self) -> bool:
        """True when browsers may be told to use TLS only, for good: at an https address of its own."""
        return self._public is not None and self._public.scheme == "https"

    def address_of(self, request: web.Request) -> str:
        """The caller's address; behind a declared proxy the last one that the proxy added."""
        if self._by_proxy(request) and (chain := request.headers.get("X-Forwarded-For")):
            return chain.rpartition(",")[2].strip()[:45]
        return request.remote or "unknown"

    def _by_proxy(self, request: web.Request) -> bool:
        if not self._proxies or not request.remote:
            return False
        peer = ip_address(request.remote)
        return any(peer in proxy for proxy in self._proxies)


def _is_local(request: web.Request) -> bool:
    return not request.remote or ip_address(request.remote).is_loopback


def host_name(host: str) -> str:
    """The name in a Host header, lower case, without its port; IPv6 keeps its brackets."""
    name, colon, port = host.rpartition(":")
    return (name if colon and port.isdigit() else host).lower()


def presented_secret(request: web.Request) -> tuple[str, bool]:
    """The secret the request carries and whether it came by cookie; an empty text when it carries none."""
    header = request.headers.get(hdrs.AUTHORIZATION)
    if header is not None:
        scheme, _, secret = header.partition(" ")
        return (secret.strip()[:_SECRET_MAX], False) if scheme.lower() == "bearer" else ("", False)
    if COOKIE + "=" in request.headers.get(hdrs.COOKIE, ""):
        return request.cookies.get(COOKIE, "")[:_SECRET_MAX], True
    return "", False


class Doorkeeper:
    """Turns a presented secret into a principal, and slows down who guesses, or asks without end."""

    def __init__(self, access: Access, attempts: Attempts, pace: Pace, gate: Gate) -> None:
        self._access = access
        self._attempts = attempts
        self._pace = pace
        self._gate = gate

    async def enter(self, secret: str, address: str) -> Principal:
        """The principal of a secret; a refusal when it is wrong or the address guessed too often."""
        known = self._access.fresh(secret)
        if known is not None:
            return known
        if self._access.remembered(secret) is None:
            self._attempts.check(address)
        principal = await self._access.authenticate(secret)
        if principal is None:
            self._attempts.failed(address)
            raise Refusal(401, "secret-wrong", "Nobody here has this secret.", headers=_CHALLENGE)
        return principal

    async def principal_of(self, request: web.Request) -> tuple[Principal, bool]:
        """The caller and whether a cookie named them."""
        secret, by_cookie = presented_secret(request)
        if not secret:
            raise Refusal(401, "sign-in", "This needs a credential.", headers=_CHALLENGE)
        principal = await self.enter(secret, self._gate.address_of(request))
        if principal.access_id != LOCAL:  # the command line of this machine is as fast as it can be
            self._pace.take(principal.access_id)
        return principal, by_cookie
