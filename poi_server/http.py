"""Routes as typed functions: what a handler takes and gives is read from its annotations.

    routes = Routes("counter")

    @routes.post("/v1/sessions/{session_id}/pay", roles=COUNTER, right="take_payment", idempotent=True, summary="Pay")
    async def pay(call: Call, session_id: str, body: Pay) -> Session:
        return await call.engine.checkout.pay(call.merchant_id, session_id, body.means, key=call.key, by=call.by)

The parameter `body` is the body's type (a Struct that forbids unknown fields; with `| Upload` images come as they are),
names in the path are path parameters, all others query parameters. Nothing is open: a route without roles cannot be
written, and `ANYONE` has to be said. `roles` is what the credential may, `right` what the person may who acts with it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, TypeVar, get_args

from aiohttp import web
from multidict import CIMultiDict

from poi_engine.errors import InternalError
from poi_engine.principal import Principal, Role, Scope
from poi_engine.staff.rights import Acting, Right
from poi_server.services import Services
from poi_server.signature import Signature, read_signature
from poi_server.wire import JSON

if TYPE_CHECKING:
    from poi_engine.engine import Engine

Method = Literal["GET", "POST", "PUT", "PATCH", "DELETE"]
Handler = Callable[..., Awaitable[Any]]
H = TypeVar("H", bound=Handler)

ANYONE: frozenset[Role] = frozenset()
"""No credential needed; said on purpose, never by leaving something out."""
OWNER: frozenset[Role] = frozenset({"owner"})
MANAGER: frozenset[Role] = frozenset({"owner", "manager"})
READER: frozenset[Role] = frozenset({"owner", "manager", "auditor"})
"""Who may look at the figures and the books."""
STAFF: frozenset[Role] = frozenset({"owner", "manager", "seller"})
COUNTER: frozenset[Role] = frozenset({"owner", "manager", "seller", "station"})
PHONE: frozenset[Role] = frozenset({"phone"})
EVERYONE: frozenset[Role] = frozenset({"owner", "manager", "seller", "auditor", "station", "phone", "partner"})
"""Everybody who has a credential."""

JSON_BYTES = 64 * 1024
IMAGE_BYTES = 8 * 1024 * 1024


class Call:
    """One request under way: who asks, what serves, and what the answer will carry besides its body."""

    __slots__ = ("_acting", "_principal", "headers", "request", "request_id", "services", "status")

    def __init__(
        self,
        request: web.Request,
        services: Services,
        principal: Principal | None,
        request_id: str,
        acting: Acting | None = None,
    ) -> None:
        self.request = request
        self.services = services
        self.request_id = request_id
        self.headers: CIMultiDict[str] = CIMultiDict()
        self.status: int | None = None
        self._principal = principal
        self._acting = acting

    @property
    def principal(self) -> Principal:
        """The authenticated caller."""
        if self._principal is None:
            raise InternalError("no-principal", "A route open to anyone asked who calls.")
        return self._principal

    @property
    def acting(self) -> Acting:
        """Who acts and with which rights; only on routes that name a right."""
        if self._acting is None:
            raise InternalError("no-right", "A route that names no right asked who acts.")
        return self._acting

    @property
    def by(self) -> Principal:
        """Whom records name: the person signed in at the station, else the credential's own."""
        return self._acting.by if self._acting else self.principal

    @property
    def signed_in(self) -> Principal | None:
        """The caller if there is one; for routes open to anyone it is always None."""
        return self._principal

    @property
    def merchant_id(self) -> str:
        """The caller's merchant: from the credential, never from a body."""
        return self.principal.merchant_id

    @property
    def engine(self) -> Engine:
        """The engine."""
        return self.services.engine

    @property
    def key(self) -> str:
        """The Idempotency-Key; only on routes that require it."""
        return self.request.headers["Idempotency-Key"]

    @property
    def address(self) -> str:
        """The caller's network address, the proxy's word if a declared proxy asks."""
        return self.services.gate.address_of(self.request)

    @property
    def base_url(self) -> str:
        """How devices reach us, for links and codes: `https://host:port`, without a slash at the end."""
        return self.services.gate.shared_url(self.request)


@dataclass(frozen=True, kw_only=True)
class Route:
    """One entry of the route table."""

    method: Method
    path: str
    handler: Handler
    roles: frozenset[Role]
    right: Right | None
    scope: Scope | None
    idempotent: bool
    summary: str
    tag: str
    status: int
    page: bool
    produces: str
    signature: Signature = field(repr=False)

    @property
    def name(self) -> str:
        """The operation's name: `tag.function`."""
        return f"{self.tag}.{self.handler.__name__}"

    @property
    def open(self) -> bool:
        """True when no credential is needed."""
        return not self.roles

    @property
    def websocket(self) -> bool:
        """True when the route upgrades to a WebSocket."""
        return isinstance(self.signature.answer, type) and issubclass(self.signature.answer, web.WebSocketResponse)

    @property
    def raw(self) -> bool:
        """True when the handler makes the whole response itself."""
        return isinstance(self.signature.answer, type) and issubclass(self.signature.answer, web.StreamResponse)

    def permits(self, principal: Principal) -> bool:
        """True when the role may; a partner needs the route's scope as well."""
        return principal.role in self.roles and (principal.role != "partner" or self._in_scope(principal))

    def _in_scope(self, principal: Principal) -> bool:
        return self.scope is None or self.scope in principal.scopes


class Routes:
    """A module's routes. `tag` groups them in the API reference."""

    def __init__(self, tag: str) -> None:
        self.tag = tag
        self.entries: list[Route] = []

    def route(
        self,
        method: Method,
        path: str,
        *,
        roles: Collection[Role],
        summary: str,
        right: Right | None = None,
        scope: Scope | None = None,
        idempotent: bool = False,
        status: int = 200,
        page: bool = False,
        produces: str = JSON,
    ) -> Callable[[H], H]:
        """Register a handler. `right`: the person who acts must have it, at a station whoever is signed in there.

        `scope` opens the route to partners whose key has it; `page` marks an HTML page.
        """
        permitted = _permitted(path, roles, scope)

        def register(handler: H) -> H:
            signature = read_signature(handler, path)
            self.entries.append(
                Route(
                    method=method,
                    path=path,
                    handler=handler,
                    roles=permitted,
                    right=right,
                    scope=scope,
                    idempotent=idempotent,
                    summary=summary,
                    tag=self.tag,
                    status=204 if signature.answer is type(None) else status,
                    page=page,
                    produces=produces,
                    signature=signature,
                )
            )
            return handler

        return register

    def get(self, path: str, **options: Any) -> Callable[[H], H]:
        """`route("GET", ...)`."""
        return self.route("GET", path, **options)

    def post(self, path: str, **options: Any) -> Callable[[H], H]:
        """`route("POST", ...)`."""
        return self.route("POST", path, **options)

    def put(self, path: str, **options: Any) -> Callable[[H], H]:
        """`route("PUT", ...)`."""
        return self.route("PUT", path, **options)

    def patch(self, path: str, **options: Any) -> Callable[[H], H]:
        """`route("PATCH", ...)`."""
        return self.route("PATCH", path, **options)

    def delete(self, path: str, **options: Any) -> Callable[[H], H]:
        """`route("DELETE", ...)`."""
        return self.route("DELETE", path, **options)


def _permitted(path: str, roles: Collection[Role], scope: Scope | None) -> frozenset[Role]:
    if roles is ANYONE:
        return ANYONE
    if not roles:
        raise TypeError(f"{path}: name the roles, or say ANYONE")
    if unknown := set(roles) - set(get_args(Role)):
        raise TypeError(f"{path}: unknown roles {sorted(unknown)}")
    return frozenset(roles) | ({"partner"} if scope else set())
