"""Who comes in: secrets, cookies, origins, single-use pairing, keys with scopes, revocation."""

import asyncio
import base64
import hashlib
from pathlib import Path

import pytest

from poi_engine.access import Access
from poi_engine.clock import SystemClock
from poi_engine.errors import RequestError
from poi_engine.ids import Ids
from poi_engine.ports import Job, Query, Sql
from poi_engine.storage import open_sql
from poi_qr.poi1 import derive_device_key
from poi_server.app import STARTED
from poi_server.auth import COOKIE
from poi_server.config import Limits
from tests.server.shop import BY, Shop, open_shop


class MovedClock(SystemClock):
    """The machine's clock, some seconds ahead."""

    ahead = 0.0

    def now(self) -> float:
        return super().now() + self.ahead


async def rows(sql: Sql, text: str) -> list[dict[str, object]]:
    """The rows of a statement."""

    def job() -> Job[list[dict[str, object]]]:
        return [dict(row) for row in (yield Query(text))]

    return await sql.read(job)


async def test_nothing_is_open_without_a_credential(shop: Shop) -> None:
    answer = await shop.ask("GET", "/v1/access/me", role=None)
    assert (answer.status, answer.code) == (401, "sign-in")
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")


async def test_the_first_run_makes_the_owner_once(tmp_path: Path, sqlite_url: str, valkey_url: str) -> None:
    async with open_shop(tmp_path, valkey_url) as first:
        secret = first.secrets["owner"]
        assert len(secret) == 32, "160 bits in base 32"
    storage = open_sql(sqlite_url)
    try:
        access = Access(storage, SystemClock(), Ids(SystemClock().now), exclusive=True)
        _merchant, again = await access.ensure_owner("Other", "USD", "en")
        assert again is None
        principal = await access.authenticate(secret)
        assert principal is not None
        assert principal.role == "owner"
    finally:
        await storage.close()


async def test_storage_knows_hashes_only(shop: Shop) -> None:
    stored = await rows(shop.services.sql, "select * from access")
    digests = {bytes(row["secret_hash"]) for row in stored}  # type: ignore[arg-type]
    assert hashlib.sha256(shop.secrets["owner"].encode()).digest() in digests
    for secret in shop.secrets.values():
        assert secret not in repr(stored)
    assert shop.secrets["owner"] not in repr(shop.serving.app[STARTED])


@pytest.mark.parametrize("header", ["Bearer wrong-secret-wrong-secret", "Bearer ", "Basic b3duZXI6", "Bearer \udcff"])
async def test_a_wrong_header_does_not_come_in(shop: Shop, header: str) -> None:
    sent = header.encode("utf-8", "surrogateescape").decode("latin-1")
    raw = f"GET /v1/access/me HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nAuthorization: {sent}\r\n\r\n"
    assert (await shop.raw(raw.encode("latin-1"))).startswith(b"HTTP/1.1 401 ")


async def test_signing_in_sets_a_cookie_that_scripts_and_other_sites_cannot_use(shop: Shop) -> None:
    answer = await shop.ask("POST", "/v1/access/enter", {"secret": shop.secrets["owner"]}, role=None)
    assert answer.status == 200
    assert answer.json["merchant"]["currency"] == "EUR"
    assert "secret" not in answer.json
    cookie = answer.headers["Set-Cookie"]
    assert cookie.startswith(f"{COOKIE}={shop.secrets['owner']};")
    assert {"HttpOnly", "SameSite=Strict", "Path=/"} <= set(cookie.split("; "))
    me = await shop.ask("GET", "/v1/access/me", role=None, headers={"Cookie": cookie.partition(";")[0]})
    assert me.json["role"] == "owner"


async def test_leaving_forgets_the_cookie(shop: Shop) -> None:
    answer = await shop.ask("POST", "/v1/access/leave", role=None)
    assert answer.status == 204
    assert "Max-Age=0" in answer.headers["Set-Cookie"]


class TestOrigin:
    """A page of another site cannot use the cookie."""

    @pytest.mark.parametrize("origin", [None, "null", "http://evil.example", "https://127.0.0.1"])
    async def test_a_changing_request_by_cookie_needs_our_origin(self, shop: Shop, origin: str | None) -> None:
        headers = {"Cookie": f"{COOKIE}={shop.secrets['owner']}"} | ({"Origin": origin} if origin else {})
        answer = await shop.ask("POST", "/v1/sellers", {"name": "Eve"}, role=None, headers=headers)
        assert (answer.status, answer.code) == (403, "origin-refused")

    async def test_our_own_page_may(self, shop: Shop) -> None:
        headers = {"Cookie": f"{COOKIE}={shop.secrets['owner']}", "Origin": shop.base_url}
        assert (await shop.ask("POST", "/v1/sellers", {"name": "Bo"}, role=None, headers=headers)).status == 201

    async def test_reading_by_cookie_needs_none(self, shop: Shop) -> None:
        headers = {"Cookie": f"{COOKIE}={shop.secrets['owner']}"}
        assert (await shop.ask("GET", "/v1/sellers", role=None, headers=headers)).status == 200

    async def test_a_bearer_secret_from_a_foreign_page_is_refused_too(self, shop: Shop) -> None:
        answer = await shop.ask("POST", "/v1/sellers", {"name": "Eve"}, headers={"Origin": "http://evil.example"})
        assert answer.code == "origin-refused"

    async def test_nobody_is_signed_in_from_a_foreign_page(self, shop: Shop) -> None:
        body = {"secret": shop.secrets["owner"]}
        answer = await shop.ask("POST", "/v1/access/enter", body, role=None, headers={"Origin": "http://evil.example"})
        assert answer.code == "origin-refused"

    async def test_the_websocket_needs_our_origin(self, shop: Shop) -> None:
        upgrade = {
            "Connection": "Upgrade",
            "Upgrade": "websocket",
            "Sec-WebSocket-Version": "13",
            "Sec-WebSocket-Key": base64.b64encode(bytes(16)).decode(),
            "Cookie": f"{COOKIE}={shop.secrets['owner']}",
        }
        answer = await shop.ask("GET", "/v1/live", role=None, headers=upgrade | {"Origin": "http://evil.example"})
        assert answer.code == "origin-refused"


async def test_guessing_is_slowed_down_but_known_devices_go_on(
    tmp_path: Path, sqlite_url: str, valkey_url: str
) -> None:
    async with open_shop(tmp_path, valkey_url, limits=Limits(attempts=3)) as shop:
        assert (await shop.ask("GET", "/v1/access/me", role="station")).status == 200
        for number in range(3):
            guess = {"secret": f"guess-{number:026}"}
            assert (await shop.ask("POST", "/v1/access/enter", guess, role=None)).code == "secret-wrong"
        refused = await shop.ask("POST", "/v1/access/enter", {"secret": "guess-" + "9" * 26}, role=None)
        assert (refused.status, refused.code) == (429, "too-many-attempts")
        assert int(refused.headers["Retry-After"]) > 0
        claim = await shop.ask("POST", "/v1/pairings/claim", {"secret": "g" * 32}, role=None)
        assert claim.code == "too-many-attempts"
        assert (await shop.ask("GET", "/v1/access/me", role="station")).status == 200


class TestPairing:
    """A code works once, for one device."""

    async def invite(self, shop: Shop, role: str, subject_id: str = "") -> str:
        """A pairing's secret."""
        body = {"role": role, "subject_id": subject_id}
        answer = await shop.ask("POST", "/v1/pairings", body)
        assert answer.status == 201
        assert answer.json["url"] == f"{shop.base_url}/pair#{answer.json['secret']}"
        assert answer.json["qr_svg"].startswith("<svg")
        return str(answer.json["secret"])

    async def test_a_station_is_paired_and_works_for_itself_only(self, shop: Shop) -> None:
        secret = await self.invite(shop, "station", shop.station_id)
        claimed = await shop.ask("POST", "/v1/pairings/claim", {"secret": secret, "cookie": False}, role=None)
        assert claimed.status == 200
        assert "Set-Cookie" not in claimed.headers
        assert claimed.json["station"]["station_id"] == shop.station_id
        own = await shop.ask("POST", f"/v1/stations/{shop.station_id}/session", role=claimed.json["secret"])
        assert own.status == 200
        other = await shop.ask("POST", "/v1/stations/sta_other/session", role=claimed.json["secret"])
        assert (other.status, other.code) == (403, "station-refused")

    async def test_a_phone_becomes_a_pseudonym_with_a_device_key(self, shop: Shop) -> None:
        secret = await self.invite(shop, "phone")
        claimed = await shop.ask("POST", "/v1/pairings/claim", {"secret": secret}, role=None)
        device, customer_id = claimed.json["device"], claimed.json["customer_id"]
        [key] = await rows(shop.services.sql, "select epoch, key from programme_key")
        derived = derive_device_key(bytes(key["key"]), device["epoch"], bytes.fromhex(device["handle"]))  # type: ignore[arg-type]
        assert base64.b64decode(device["key"]) == derived
        stored = await rows(shop.services.sql, "select * from device")
        assert device["handle"] in {row["handle"] for row in stored if row["customer_id"] == customer_id}
        assert device["key"] not in repr(stored)

    async def test_a_code_pairs_exactly_one_of_many_who_claim_it_at_once(self, shop: Shop) -> None:
        secret = await self.invite(shop, "phone")
        claims = [shop.ask("POST", "/v1/pairings/claim", {"secret": secret}, role=None) for _ in range(12)]
        answers = await asyncio.gather(*claims)
        assert sorted(answer.status for answer in answers) == [200] + [409] * 11
        assert {answer.code for answer in answers} == {"", "pairing-used"}
        assert len(await rows(shop.services.sql, "select * from customer")) == 2

    async def test_an_expired_code_and_an_unknown_one_have_refusals_of_their_own(self, shop: Shop) -> None:
        pairing = await shop.services.access.invite(shop.merchant_id, "phone", "", seconds=-1)
        expired = await shop.ask("POST", "/v1/pairings/claim", {"secret": pairing.secret}, role=None)
        assert (expired.status, expired.code) == (410, "pairing-expired")
        unknown = await shop.ask("POST", "/v1/pairings/claim", {"secret": "x" * 32}, role=None)
        assert (unknown.status, unknown.code) == (404, "pairing-unknown")

    async def test_a_pairing_code_does_not_sign_in(self, shop: Shop) -> None:
        secret = await self.invite(shop, "owner")
        assert (await shop.ask("GET", "/v1/access/me", role=secret)).code == "secret-wrong"

    @pytest.mark.parametrize("role", ["station", "seller"])
    @pytest.mark.parametrize("wanted", ["owner", "station", "seller"])
    async def test_only_the_owner_pairs_stations_and_sellers(self, shop: Shop, role: str, wanted: str) -> None:
        answer = await shop.ask("POST", "/v1/pairings", {"role": wanted, "subject_id": shop.station_id}, role=role)
        assert (answer.status, answer.code) == (403, "role-refused")

    async def test_a_station_pairs_new_phones_but_no_known_customer(self, shop: Shop) -> None:
        assert (await shop.ask("POST", "/v1/pairings", {"role": "phone"}, role="station")).status == 201
        body = {"role": "phone", "subject_id": shop.customer_id}
        assert (await shop.ask("POST", "/v1/pairings", body, role="station")).code == "role-refused"
        assert (await shop.ask("POST", "/v1/pairings", body)).status == 201

    async def test_a_pairing_needs_somebody_who_exists(self, shop: Shop) -> None:
        for role in ("station", "seller", "phone"):
            body = {"role": role, "subject_id": "sta_nobody"}
            assert (await shop.ask("POST", "/v1/pairings", body)).code == "not-found"

    async def test_a_known_phone_uses_a_stations_code_once_and_at_that_station(self, shop: Shop) -> None:
        access = shop.services.access
        code = await access.invite(shop.merchant_id, "phone", shop.station_id)
        with pytest.raises(RequestError, match="No pairing"):
            await access.use_join_code(shop.merchant_id, "sta_other", code.secret)
        await access.use_join_code(shop.merchant_id, shop.station_id, code.secret)
        with pytest.raises(RequestError, match="used already"):
            await access.use_join_code(shop.merchant_id, shop.station_id, code.secret)


class TestKeysAndRevocation:
    """What is given can be taken back at once."""

    async def test_a_key_is_shown_once_and_works_within_its_scopes(self, shop: Shop) -> None:
        made = await shop.ask("POST", "/v1/api-keys", {"label": "App", "scopes": ["metrics"]})
        assert made.status == 201
        key = made.json["secret"]
        assert (await shop.ask("GET", "/metrics", role=key)).status == 200
        assert (await shop.ask("GET", "/v1/stores", role=key)).code == "role-refused"
        listed = await shop.ask("GET", "/v1/api-keys")
        assert made.json["access_id"] in {entry["access_id"] for entry in listed.json["items"]}
        assert key.encode() not in listed.content

    async def test_a_key_without_the_scope_is_refused(self, shop: Shop) -> None:
        assert (await shop.ask("GET", "/metrics", role="partner")).code == "scope-missing"

    @pytest.mark.parametrize("scopes", [[], ["everything"], "metrics"])
    async def test_unknown_or_no_scopes_are_refused(self, shop: Shop, scopes: object) -> None:
        answer = await shop.ask("POST", "/v1/api-keys", {"label": "App", "scopes": scopes})
        assert (answer.status, answer.code) == (422, "invalid-body")

    async def test_a_revoked_key_is_out_at_once(self, shop: Shop) -> None:
        made = (await shop.ask("POST", "/v1/api-keys", {"label": "App", "scopes": ["metrics"]})).json
        assert (await shop.ask("GET", "/metrics", role=made["secret"])).status == 200
        assert (await shop.ask("DELETE", f"/v1/api-keys/{made['access_id']}")).status == 204
        assert (await shop.ask("GET", "/metrics", role=made["secret"])).code == "secret-wrong"
        assert (await shop.ask("DELETE", f"/v1/api-keys/{made['access_id']}")).code == "not-found"

    async def test_the_key_route_ends_keys_only(self, shop: Shop) -> None:
        me = (await shop.ask("GET", "/v1/access/me", role="station")).json
        assert (await shop.ask("DELETE", f"/v1/api-keys/{me['access_id']}")).code == "not-found"
        assert (await shop.ask("DELETE", f"/v1/access/{me['access_id']}")).status == 204
        assert (await shop.ask("GET", "/v1/access/me", role="station")).status == 401

    async def test_the_last_owner_stays(self, shop: Shop) -> None:
        me = (await shop.ask("GET", "/v1/access/me")).json
        answer = await shop.ask("DELETE", f"/v1/access/{me['access_id']}")
        assert (answer.status, answer.code) == (409, "last-owner")
        assert (await shop.ask("GET", "/v1/access/me")).status == 200

    async def test_a_seller_kept_out_is_out_at_once_with_open_invitations(self, shop: Shop) -> None:
        invited = await shop.services.access.invite(shop.merchant_id, "seller", shop.seller_id)
        assert (await shop.ask("GET", "/v1/access/me", role="seller")).status == 200
        path = f"/v1/sellers/{shop.seller_id}"
        assert (await shop.ask("PATCH", path, {"active": False})).json["active"] is False
        assert (await shop.ask("GET", "/v1/access/me", role="seller")).status == 401
        claim = await shop.ask("POST", "/v1/pairings/claim", {"secret": invited.secret}, role=None)
        assert claim.code == "pairing-unknown"

    async def test_another_process_sees_a_revocation_at_once(self, shop: Shop) -> None:
        other = Access(shop.services.sql, SystemClock(), shop.services.ids, exclusive=False)
        assert await other.authenticate(shop.secrets["seller"])
        await shop.services.access.revoke_subject(shop.merchant_id, "seller", shop.seller_id)
        assert await other.authenticate(shop.secrets["seller"]) is None

    async def test_every_grant_and_revocation_is_recorded(self, shop: Shop) -> None:
        made = (await shop.ask("POST", "/v1/api-keys", {"label": "App", "scopes": ["metrics"]})).json
        await shop.ask("DELETE", f"/v1/api-keys/{made['access_id']}")
        acts = await rows(shop.services.sql, "select act, subject_id from audit")
        assert {"grant", "revoke"} <= {act["act"] for act in acts if act["subject_id"] == made["access_id"]}


@pytest.mark.postgresql
async def test_pairing_and_revocation_hold_on_both_storages(sql: Sql) -> None:
    clock = MovedClock()
    access = Access(sql, clock, Ids(clock.now), exclusive=False)
    merchant_id, secret = await access.ensure_owner("Shop", "EUR", "fr")
    assert secret
    pairing = await access.invite(merchant_id, "phone", "")
    claims = await asyncio.gather(*(access.claim(pairing.secret) for _ in range(8)), return_exceptions=True)
    assert sum(not isinstance(claim, BaseException) for claim in claims) == 1
    late = await access.invite(merchant_id, "phone", "", seconds=60)
    clock.ahead = 61
    with pytest.raises(RequestError, match="expired"):
        await access.claim(late.secret)
    granted = await access.grant(merchant_id, "partner", "par_1", "app", scopes=("metrics",), by=BY)
    found = await access.authenticate(granted.secret)
    assert found is not None
    assert found.scopes == ("metrics",)
    await access.revoke(merchant_id, granted.access_id, by=BY)
    assert await access.authenticate(granted.secret) is None
