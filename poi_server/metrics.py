"""What Prometheus may ask: figures of one server in a registry of its own."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)
CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class Metrics:
    """The figures of one running server; times in seconds."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.requests = Counter(
            "poi_http_requests", "Requests answered", ("method", "route", "status"), registry=self.registry
        )
        self.seconds = Histogram(
            "poi_http_seconds", "Seconds to the answer", ("method", "route"), buckets=_BUCKETS, registry=self.registry
        )
        self.connections = Gauge("poi_http_connections", "Open connections", registry=self.registry)
        self.refused = Counter(
            "poi_http_refused", "Connections closed before a request", ("why",), registry=self.registry
        )
        self.redis_degraded = Gauge("poi_redis_degraded", "1 while Redis is away", registry=self.registry)
        self._counters: dict[tuple[str, str, int], Counter] = {}
        self._timers: dict[tuple[str, str], Histogram] = {}

    def request(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count an answered request; `route` is the pattern, never the address."""
        key = (method if method in _METHODS else "OTHER", route)
        counter = self._counters.get((*key, status))
        if counter is None:
            counter = self._counters[(*key, status)] = self.requests.labels(*key, str(status))
        timer = self._timers.get(key)
        if timer is None:
            timer = self._timers[key] = self.seconds.labels(*key)
        counter.inc()
        timer.observe(seconds)

    def text(self) -> bytes:
        """The figures in Prometheus' text format."""
        return generate_latest(self.registry)


_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
