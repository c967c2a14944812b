"""Connections to Redis by address: one server, Sentinel, or Cluster.

`redis+sentinel://[user:password@]host:port,host:port/SERVICE[/DATABASE]` asks the sentinels for the master;
`redis+cluster://[user:password@]host:port,host:port` learns the cluster from any of the hosts; `rediss+...` means TLS.
"""

from typing import Any, NamedTuple
from urllib.parse import unquote

from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.cluster import ClusterNode, RedisCluster
from redis.asyncio.retry import Retry
from redis.asyncio.sentinel import Sentinel
from redis.backoff import ConstantBackoff

from poi_engine.errors import RequestError

try:  # made once: newer clients read their version from a file for each connection, on the event loop
    from redis.driver_info import DriverInfo
except ImportError:
    _DRIVER: dict[str, Any] = {}
else:
    _DRIVER = {"driver_info": DriverInfo()}

Client = Any  # Redis or RedisCluster: redis-py types neither's commands usefully

_CONNECTIONS = 32


class _Hosts(NamedTuple):
    nodes: list[tuple[str, int]]
    credentials: dict[str, Any]
    path: list[str]


def connect(url: str) -> Client:
    """A client for the address; connects when first used and gives up within seconds."""
    scheme = url.partition("://")[0]
    if scheme in ("redis", "rediss", "unix"):
        return _single(url)
    if scheme in ("redis+sentinel", "rediss+sentinel"):
        return _sentinel(url, tls=scheme.startswith("rediss"))
    if scheme in ("redis+cluster", "rediss+cluster"):
        return _cluster(url, tls=scheme.startswith("rediss"))
    raise RequestError(
        "redis-url",
        "A Redis address starts with redis://, rediss://, unix://, redis+sentinel:// or redis+cluster://.",
    )


async def disconnect(client: Client) -> None:
    """Close the client's connections, those to its sentinels included."""
    await client.aclose()
    manager = getattr(getattr(client, "connection_pool", None), "sentinel_manager", None)
    for sentinel in manager.sentinels if manager else ():
        await sentinel.aclose()


def _limits() -> dict[str, Any]:
    """Time limits in seconds; one repetition, for a connection that went stale while it was idle."""
    return {
        "socket_timeout": 2,
        "socket_connect_timeout": 1.5,
        "retry": Retry(ConstantBackoff(0.02), 1),
        **_DRIVER,
    }


def _single(url: str) -> Client:
    try:
        pool = BlockingConnectionPool.from_url(url, max_connections=_CONNECTIONS, timeout=2, **_limits())
    except ValueError as error:
        raise RequestError("redis-url", f"The Redis address is not valid: {error}") from None
    return Redis.from_pool(pool)


def _sentinel(url: str, *, tls: bool) -> Client:
    hosts = _hosts(url)
    if not hosts.path:
        raise RequestError("redis-url", "A Sentinel address ends with the service's name: .../mymaster.")
    database = int(hosts.path[1]) if len(hosts.path) > 1 and hosts.path[1].isdigit() else 0
    sentinels: Any = Sentinel  # untyped upstream
    sentinel = sentinels(hosts.nodes, sentinel_kwargs={**_limits(), "ssl": tls})
    return sentinel.master_for(hosts.path[0], db=database, ssl=tls, **hosts.credentials, **_limits())


def _cluster(url: str, *, tls: bool) -> Client:
    hosts = _hosts(url)
    nodes = [ClusterNode(host, port) for host, port in hosts.nodes]
    return RedisCluster(startup_nodes=nodes, max_connections=_CONNECTIONS, ssl=tls, **hosts.credentials, **_limits())


def _hosts(url: str) -> _Hosts:
    authority, _, path = url.partition("://")[2].partition("?")[0].partition("/")
    user_info, _, hosts = authority.rpartition("@")
    user, _, password = user_info.partition(":")
    named = {"username": unquote(user), "password": unquote(password)}
    try:
        nodes = [(host.strip("[]"), int(port)) for host, _, port in (part.rpartition(":") for part in hosts.split(","))]
    except ValueError:
        raise RequestError("redis-url", "Write each host of the Redis address as host:port.") from None
    return _Hosts(
        nodes, {key: value for key, value in named.items() if value}, [part for part in path.split("/") if part]
    )
