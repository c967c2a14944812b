"""A revocation counts at once: for rotating codes, for open screens, and for who is just coming in."""

import asyncio
from collections.abc import Callable
from typing import Any, TypeVar

import aiohttp
import pytest

from poi_engine.access import FRESH_SECONDS, Access
from poi_engine.ports import Job, Query
from tests.engine.shop import FakeClock
from tests.server.shop import BY, Shop

pytestmark = pytest.mark.valkey

T = TypeVar("T")


async def phones(shop: Shop, customer_id: str) -> list[str]:
    """The access ids of a customer's phones, newest first."""
    entries = await shop.services.access.entries(shop.merchant_id, "phone")
    return [entry.access_id for entry in entries if entry.subject_id == customer_id]


class TestAPhone:
    async def test_its_rotating_codes_end_with_its_credential(self, shop: Shop) -> None:
        paired = await shop.services.access.claim(
            (await shop.services.access.invite(shop.merchant_id, "phone", "")).secret
        )
        assert paired.device is not None
        handle, by_device = paired.device.handle.hex(), shop.services.engine.customers.by_device
        assert await by_device(shop.merchant_id, handle) is not None
        answer = await shop.ask("DELETE", f"/v1/access/{paired.principal.access_id}")
        assert answer.status == 204
        assert await by_device(shop.merchant_id, handle) is None

    async def test_the_customers_other_phone_goes_on(self, shop: Shop) -> None:
        access = shop.services.access
        second = await access.claim((await access.invite(shop.merchant_id, "phone", shop.customer_id)).secret)
        assert second.device is not None
        first = next(id_ for id_ in await phones(shop, shop.customer_id) if id_ != second.principal.access_id)
        await access.revoke(shop.merchant_id, first, by=BY)
        known = await shop.services.engine.customers.by_device(shop.merchant_id, second.device.handle.hex())
        assert known is not None and known.customer_id == shop.customer_id


class TestAScreen:
    @pytest.mark.parametrize("role", ["station", "owner"])
    async def test_that_is_open_is_told_nothing_more(self, shop: Shop, role: Any) -> None:
        subject = shop.station_id if role == "station" else "second"
        granted = await shop.services.access.grant(shop.merchant_id, role, subject, "tablet", by=BY)
        headers = {"Authorization": f"Bearer {granted.secret}"}
        async with shop.http.ws_connect("/v1/live", headers=headers) as socket:
            await socket.send_json({"watch": "station", "station_id": shop.station_id})
            assert await socket.receive_json() == {"kind": "watching"}
            await shop.services.access.revoke(shop.merchant_id, granted.access_id, by=BY)
            await shop.ask("POST", f"/v1/stations/{shop.station_id}/session", {}, role="seller")
            message = await socket.receive(timeout=10)
            assert message.type in (aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.CLOSED)
            assert socket.close_code == 1008


class TestWhoIsJustComingIn:
    async def test_a_revocation_during_the_look_up_is_not_forgotten(self, shop: Shop) -> None:
        class Slow:
            """Reads at once, answers when told."""

            def __init__(self) -> None:
                self.read_it, self.go_on = asyncio.Event(), asyncio.Event()

            async def read(self, job: Callable[[], Job[T]]) -> T:
                answer = await shop.services.sql.read(job)
                self.read_it.set()
                await self.go_on.wait()
                return answer

            async def write(self, job: Callable[[], Job[T]]) -> T:
                return await shop.services.sql.write(job)

        slow = Slow()
        access = Access(slow, shop.services.clock, shop.services.ids, exclusive=True)
        granted = await access.grant(shop.merchant_id, "seller", shop.seller_id, "tablet", by=BY)
        entering = asyncio.create_task(access.authenticate(granted.secret))
        await slow.read_it.wait()
        await access.revoke(shop.merchant_id, granted.access_id, by=BY)
        slow.go_on.set()
        await entering
        assert access.remembered(granted.secret) is None
        assert await access.authenticate(granted.secret) is None


async def test_a_phone_that_retention_ended_is_out_within_a_second(shop: Shop) -> None:
    assert (await shop.ask("GET", "/v1/me", role="phone")).status == 200

    def long_ago() -> Job[None]:
        for table in ("customer", "device"):
            yield Query(f"update {table} set created_at = 1 where customer_id = ?", (shop.customer_id,))

    await shop.services.sql.write(long_ago)
    report = await shop.services.engine.clientele.retention.run(shop.merchant_id, dry_run=False)
    assert report.done == 1
    await asyncio.sleep(FRESH_SECONDS)
    assert (await shop.ask("GET", "/v1/me", role="phone")).status == 401


@pytest.mark.parametrize("exclusive", [True, False])
async def test_whatever_ends_a_credential_is_heeded_within_a_second(shop: Shop, exclusive: bool) -> None:
    clock = FakeClock()
    access = Access(shop.services.sql, clock, shop.services.ids, exclusive=exclusive)
    granted = await access.grant(shop.merchant_id, "seller", shop.seller_id, "tablet", by=BY)
    assert await access.authenticate(granted.secret) is not None

    def ended() -> Job[None]:
        yield Query("update access set revoked_at = 1 where access_id = ?", (granted.access_id,))

    await shop.services.sql.write(ended)
    clock.forward(1)
    assert await access.authenticate(granted.secret) is None
