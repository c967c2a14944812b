"""What a merchant sets up: stores and stations."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterable
from typing import Annotated, Any

from msgspec import Meta, Struct

from poi_engine.checkout.records import insert_audit
from poi_engine.clock import Clock, SystemClock, micros
from poi_engine.errors import NotFound, RequestError
from poi_engine.ids import Ids
from poi_engine.pan import find_pan
from poi_engine.ports import Job, Query, Row, Sql
from poi_engine.principal import Principal, Role
from poi_engine.settings import MealVoucher, OfflinePolicy, ReceiptHead, read_merchant, write_setting
from poi_engine.staff.rights import STAFF_ROLES
from poi_offers.storetime import zone, zone_names

Name = Annotated[str, Meta(min_length=1, max_length=120)]
Region = Annotated[str, Meta(pattern=r"^[A-Z]{2}(-[A-Z0-9]{1,3})?\Z")]

ZONES = zone_names()
"""The IANA time zones, read from disk once."""


class MerchantHead(Struct, frozen=True, kw_only=True):
    """The merchant as every screen may know it; its days begin at midnight in `zone`, that of its first store."""

    id: str
    name: str
    currency: str
    language: str
    zone: str


class NewStore(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A store: its place (WGS 84 degrees), IANA zone and ISO 3166 regions."""

    name: Name
    zone: Annotated[str, Meta(min_length=1, max_length=64)]
    address: Annotated[str, Meta(max_length=300)] = ""
    lat: Annotated[float, Meta(ge=-90, le=90)] | None = None
    lon: Annotated[float, Meta(ge=-180, le=180)] | None = None
    regions: Annotated[tuple[Region, ...], Meta(max_length=20)] = ()


class Store(NewStore, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A store with its id."""

    store_id: str


class NewStation(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A counter in a store; `vat_rate` (basis points) is that of plain amounts, `connector` its terminal's driver."""

    store_id: Annotated[str, Meta(min_length=1, max_length=64)]
    name: Name
    vat_rate: Annotated[int, Meta(ge=0, le=10_000)] = 2000
    connector: Annotated[str, Meta(pattern=r"^[a-z][a-z0-9_-]{0,31}\Z")] = "simulator"


class Station(NewStation, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A station with its id; in `training` nothing that is done there counts."""

    station_id: str
    training: bool = False


class Setup:
    """A merchant's stores and stations; every method takes the merchant first.

    `by` is who changes them, for the audit; the first start and a loader of examples are nobody.
    """

    def __init__(self, sql: Sql, ids: Ids, clock: Clock | None = None) -> None:
        self._clock = clock or SystemClock()
        self._sql = sql
        self._ids = ids

    async def merchant(self, merchant_id: str) -> MerchantHead:
        """The merchant's name, currency, language and time zone."""
        return await self._sql.read(lambda: _head(merchant_id))

    async def set_means(self, merchant_id: str, means: tuple[str, ...], *, by: Principal) -> None:
        """By what one may pay, from now on."""
        await self._set(merchant_id, "means", means, "set-means", ", ".join(means), by)

    async def set_meal_voucher(self, merchant_id: str, rule: MealVoucher, *, by: Principal) -> None:
        """What meal vouchers pay, from now on."""
        why = f"{', '.join(rule.categories)}; {rule.daily_cap}"
        await self._set(merchant_id, "meal_voucher", rule, "set-meal-vouchers", why, by)

    async def set_offline(self, merchant_id: str, policy: OfflinePolicy, *, by: Principal) -> None:
        """How stations go on without the server, from now on."""
        why = f"{policy.floor_limit} for cash; {policy.card_floor_limit} by card, {policy.card_cap} in all"
        await self._set(merchant_id, "offline", policy, "set-offline", why, by)

    async def set_receipt(self, merchant_id: str, head: ReceiptHead, *, by: Principal) -> None:
        """What receipts say of the company, from now on."""
        for number, line in enumerate(head.lines):
            if find_pan(line, siret=True) is not None:
                message = (
                    "This reads as a payment card's number: if it is a SIRET, write the SIREN, its first nine digits."
                )
                raise RequestError("card-number", message, path=f"$.lines[{number}]")
        why = "; ".join([head.vat_number, *head.lines])[:200]
        await self._set(merchant_id, "receipt", head, "set-receipt", why, by)

    async def _set(
        self, merchant_id: str, name: str, value: Struct | tuple[str, ...], act: str, why: str, by: Principal
    ) -> None:
        audit_id, at = self._ids.new("aud"), micros(self._clock.now())

        def job() -> Job[None]:
            yield from write_setting(merchant_id, name, value)
            yield insert_audit(merchant_id, audit_id, by.who, act, merchant_id, why, at)

        await self._sql.write(job)

    async def load_zones(self) -> None:
        """Read the time zones of all stores ahead, off the loop: decisions use them there."""
        rows = await self._sql.read(_zones)
        await asyncio.to_thread(_load_zones, [row["zone"] for row in rows])

    async def stores(self, merchant_id: str) -> list[Store]:
        """The stores, by name."""
        return await self._sql.read(lambda: _stores(merchant_id))

    async def add_store(self, merchant_id: str, store: NewStore, *, by: Principal | None = None) -> Store:
        """A new store."""
        await asyncio.to_thread(_check_place, store)
        made = Store(store_id=self._ids.new("sto"), **_fields(store))
        await self._write(lambda: _put_store(merchant_id, made), merchant_id, "add-store", made.store_id, by)
        return made

    async def replace_store(
        self, merchant_id: str, store_id: str, store: NewStore, *, by: Principal | None = None
    ) -> Store:
        """Change a store."""
        await asyncio.to_thread(_check_place, store)
        made = Store(store_id=store_id, **_fields(store))

        def job() -> Job[None]:
            yield from _one("store", merchant_id, store_id)
            yield from _put_store(merchant_id, made)

        await self._write(job, merchant_id, "change-store", store_id, by)
        return made

    async def stations(self, merchant_id: str) -> list[Station]:
        """The stations, by name."""
        return await self._sql.read(lambda: _stations(merchant_id))

    async def station(self, merchant_id: str, station_id: str) -> Station:
        """One station."""
        row = await self._sql.read(lambda: _one("station", merchant_id, station_id))
        return _station(row)

    async def add_station(self, merchant_id: str, station: NewStation, *, by: Principal | None = None) -> Station:
        """A new station in one of the merchant's stores."""
        made = Station(station_id=self._ids.new("sta"), **_fields(station))
        return await self._put_station(merchant_id, made, "add-station", by)

    async def replace_station(
        self, merchant_id: str, station_id: str, station: NewStation, *, by: Principal | None = None
    ) -> Station:
        """Change a station."""
        await self.station(merchant_id, station_id)
        made = Station(station_id=station_id, **_fields(station))
        return await self._put_station(merchant_id, made, "change-station", by)

    async def _put_station(self, merchant_id: str, station: Station, act: str, by: Principal | None) -> Station:
        def job() -> Job[None]:
            yield from _one("store", merchant_id, station.store_id)
            yield Query(
                "insert into station (merchant_id, station_id, store_id, name, vat_rate, connector)"
                " values (?, ?, ?, ?, ?, ?) on conflict (merchant_id, station_id) do update set"
                " store_id = excluded.store_id, name = excluded.name, vat_rate = excluded.vat_rate,"
                " connector = excluded.connector",
                (
                    *(merchant_id, station.station_id, station.store_id),
                    *(station.name, station.vat_rate, station.connector),
                ),
            )

        await self._write(job, merchant_id, act, station.station_id, by)
        return await self.station(merchant_id, station.station_id)

    async def _write(
        self, job: Callable[[], Job[None]], merchant_id: str, act: str, subject_id: str, by: Principal | None
    ) -> None:
        audit_id, at = self._ids.new("aud"), micros(self._clock.now())

        def audited() -> Job[None]:
            yield from job()
            if by is not None:
                yield insert_audit(merchant_id, audit_id, by.who, act, subject_id, "", at, by.station_id)

        await self._sql.write(audited)

    async def check_subject(self, merchant_id: str, role: Role, subject_id: str) -> None:
        """Refuse a station, person or customer that the merchant does not have, or who has another role."""
        if role == "owner" or (role == "phone" and not subject_id):
            return
        table = "seller" if role in STAFF_ROLES else {"station": "station", "phone": "customer"}[role]
        row = await self._sql.read(lambda: _one(table, merchant_id, subject_id))
        if table == "seller" and not row["active"]:
            raise RequestError("seller-inactive", "This person is not active.", path="$.subject_id", status=409)
        if table == "seller" and row["role"] != role:
            message = f"This person's role is {row['role']}."
            raise RequestError("role-differs", message, path="$.role", status=409)


def _fields(struct: Struct) -> dict[str, Any]:
    return {name: getattr(struct, name) for name in struct.__struct_fields__}


def _check_place(store: NewStore) -> None:
    if store.zone not in ZONES:
        raise RequestError("unknown-zone", f"{store.zone!r} is no IANA time zone, such as Europe/Paris.", path="$.zone")
    if (store.lat is None) != (store.lon is None):
        raise RequestError("half-a-place", "A place needs both lat and lon.", path="$.lat")
    zone(store.zone)


def _load_zones(zones: Iterable[str]) -> None:
    for name in zones:
        if name in ZONES:
            zone(name)


def _run(statement: str, values: tuple[object, ...]) -> Job[None]:
    yield Query(statement, values)


def _one(table: str, merchant_id: str, identifier: str) -> Job[Row]:
    rows = yield Query(f"select * from {table} where merchant_id = ? and {table}_id = ?", (merchant_id, identifier))
    if not rows:
        raise NotFound(table, identifier)
    return rows[0]


def _zones() -> Job[list[Row]]:
    return (yield Query("select distinct zone from store"))


def _head(merchant_id: str) -> Job[MerchantHead]:
    found = yield from read_merchant(merchant_id)
    stores = yield from _stores(merchant_id)
    return MerchantHead(
        id=found.merchant_id,
        name=found.name,
        currency=found.currency,
        language=found.language,
        zone=stores[0].zone if stores else "UTC",
    )


def _stores(merchant_id: str) -> Job[list[Store]]:
    rows = yield Query("select * from store where merchant_id = ? order by name, store_id", (merchant_id,))
    return [
        Store(
            store_id=row["store_id"],
            name=row["name"],
            address=row["address"],
            lat=row["lat"],
            lon=row["lon"],
            zone=row["zone"],
            regions=tuple(json.loads(row["regions"])),
        )
        for row in rows
    ]


def _put_store(merchant_id: str, store: Store) -> Job[None]:
    yield Query(
        "insert into store (merchant_id, store_id, name, address, lat, lon, zone, regions)"
        " values (?, ?, ?, ?, ?, ?, ?, ?) on conflict (merchant_id, store_id) do update set name = excluded.name,"
        " address = excluded.address, lat = excluded.lat, lon = excluded.lon, zone = excluded.zone,"
        " regions = excluded.regions",
        (
            *(merchant_id, store.store_id, store.name, store.address),
            *(store.lat, store.lon, store.zone, json.dumps(list(store.regions))),
        ),
    )


def _stations(merchant_id: str) -> Job[list[Station]]:
    rows = yield Query("select * from station where merchant_id = ? order by name, station_id", (merchant_id,))
    return [_station(row) for row in rows]


def _station(row: Row) -> Station:
    return Station(
        station_id=row["station_id"],
        store_id=row["store_id"],
        name=row["name"],
        vat_rate=row["vat_rate"],
        connector=row["connector"],
        training=bool(row["training"]),
    )
