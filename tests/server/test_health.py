"""Alive, ready, degraded, and the figures."""

import pytest

from poi_engine.errors import StorageError
from poi_server.health import check_sql
from tests.server.shop import Shop


async def test_a_server_with_all_its_parts_is_ready(shop: Shop) -> None:
    assert (await shop.ask("GET", "/livez", role=None)).json == {"status": "alive"}
    answer = await shop.ask("GET", "/readyz", role=None)
    assert (answer.status, answer.json) == (200, {"status": "ready", "sql": "up", "redis": "up"})


async def test_without_redis_it_is_degraded_and_still_ready(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    async def away() -> None:
        raise StorageError("sessions-away", "Redis does not answer.")

    monkeypatch.setattr(shop.services.sessions, "ping", away)
    answer = await shop.ask("GET", "/readyz", role=None)
    assert (answer.status, answer.json["status"], answer.json["redis"]) == (200, "degraded", "down")
    assert b"poi_redis_degraded 1.0" in (await shop.ask("GET", "/metrics")).content


async def test_without_sql_it_is_not_ready(shop: Shop) -> None:
    await shop.services.sql.close()  # type: ignore[attr-defined]
    assert not await check_sql(shop.services.sql)
    answer = await shop.ask("GET", "/readyz", role=None)
    assert (answer.status, answer.json["status"]) == (503, "unavailable")
    assert (await shop.ask("GET", "/livez", role=None)).status == 200


async def test_the_figures_count_requests_by_pattern(shop: Shop) -> None:
    await shop.ask("GET", "/v1/access/me")
    await shop.ask("GET", "/v1/nobody/12345")
    text = (await shop.ask("GET", "/metrics")).content.decode()
    assert 'poi_http_requests_total{method="GET",route="/v1/access/me",status="200"} 1.0' in text
    assert "12345" not in text
    assert (await shop.ask("GET", "/metrics", role="seller")).code == "role-refused"
