"""What the owner sets up: stores, stations, and the keys of partner apps."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from poi_engine.access import AccessEntry, Granted
from poi_engine.principal import Scope
from poi_engine.settings import ReceiptHead, read_merchant
from poi_engine.setup import NewStation, NewStore, Station, Store
from poi_server.http import COUNTER, MANAGER, OWNER, READER, STAFF, Call, Routes

routes = Routes("setup")


class Stores(Struct, frozen=True, kw_only=True):
    """All stores."""

    items: list[Store]


class Stations(Struct, frozen=True, kw_only=True):
    """All stations."""

    items: list[Station]


class AccessEntries(Struct, frozen=True, kw_only=True):
    """Credentials that are not revoked; `created_at` in microseconds since 1970."""

    items: list[AccessEntry]


class NewApiKey(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A partner app's key: a label for people, and the scopes it gets."""

    label: Annotated[str, Meta(min_length=1, max_length=120)]
    scopes: Annotated[tuple[Scope, ...], Meta(min_length=1, max_length=20)]


@routes.get("/v1/stores", roles=COUNTER | READER, summary="The stores")
async def stores(call: Call) -> Stores:
    """By name."""
    return Stores(items=await call.services.setup.stores(call.merchant_id))


@routes.post("/v1/stores", roles=OWNER, right="setup", status=201, summary="Add a store")
async def add_store(call: Call, body: NewStore) -> Store:
    """The zone judges its dates and hours; the place its distances."""
    return await call.services.setup.add_store(call.merchant_id, body, by=call.by)


@routes.put("/v1/stores/{store_id}", roles=OWNER, right="setup", summary="Change a store")
async def replace_store(call: Call, store_id: str, body: NewStore) -> Store:
    """Every field is replaced."""
    store = await call.services.setup.replace_store(call.merchant_id, store_id, body, by=call.by)
    call.engine.places.forget()
    return store


@routes.get("/v1/stations", roles=STAFF | READER, summary="The stations")
async def stations(call: Call) -> Stations:
    """By name."""
    return Stations(items=await call.services.setup.stations(call.merchant_id))


@routes.post("/v1/stations", roles=OWNER, right="setup", status=201, summary="Add a station")
async def add_station(call: Call, body: NewStation) -> Station:
    """Pair a device with it through `POST /v1/pairings`."""
    return await call.services.setup.add_station(call.merchant_id, body, by=call.by)


@routes.put("/v1/stations/{station_id}", roles=OWNER, right="setup", summary="Change a station")
async def replace_station(call: Call, station_id: str, body: NewStation) -> Station:
    """Every field is replaced."""
    station = await call.services.setup.replace_station(call.merchant_id, station_id, body, by=call.by)
    call.engine.places.forget()
    return station


@routes.get("/v1/settings/receipt", roles=READER, summary="What receipts say of the company")
async def receipt_head(call: Call) -> ReceiptHead:
    """Beside its name, and the store's name and address."""
    return (await call.services.sql.read(lambda: read_merchant(call.merchant_id))).programme.receipt


@routes.put("/v1/settings/receipt", roles=OWNER, right="setup", summary="Say what receipts tell of the company")
async def set_receipt_head(call: Call, body: ReceiptHead) -> ReceiptHead:
    """The journal holds ids alone: receipts that are shown or printed from now on have this head."""
    await call.services.setup.set_receipt(call.merchant_id, body, by=call.by)
    return body


@routes.get("/v1/api-keys", roles=OWNER, right="setup", summary="The partner apps' keys")
async def api_keys(call: Call) -> AccessEntries:
    """Newest first, without their secrets."""
    return AccessEntries(items=await call.services.access.entries(call.merchant_id, "partner"))


@routes.post("/v1/api-keys", roles=OWNER, right="setup", status=201, summary="Make a partner app's key")
async def add_api_key(call: Call, body: NewApiKey) -> Granted:
    """The secret is in this answer and nowhere else."""
    partner_id = call.services.ids.new("par")
    scopes = tuple(sorted(set(body.scopes)))
    return await call.services.access.grant(
        call.merchant_id, "partner", partner_id, body.label, scopes=scopes, by=call.by
    )


@routes.delete("/v1/api-keys/{access_id}", roles=OWNER, right="setup", summary="Revoke a partner app's key")
async def revoke_api_key(call: Call, access_id: str) -> None:
    """At once."""
    await call.services.access.revoke(call.merchant_id, access_id, by=call.by, role="partner")


@routes.get("/v1/access", roles=MANAGER, right="setup", summary="Every credential")
async def access_entries(call: Call) -> AccessEntries:
    """Owners, sellers, stations, phones and keys, newest first, without their secrets."""
    return AccessEntries(items=await call.services.access.entries(call.merchant_id))


@routes.delete("/v1/access/{access_id}", roles=MANAGER, right="setup", summary="Revoke a credential")
async def revoke_access(call: Call, access_id: str) -> None:
    """At once; the last owner's stays."""
    await call.services.access.revoke(call.merchant_id, access_id, by=call.by)
