"""A merchant's settings, as kept in `merchant.settings` (JSON), and the place a station stands at."""

from functools import lru_cache
from typing import Annotated, Any, Literal

from msgspec import Meta, Struct, json, to_builtins

from poi_engine.errors import NotFound
from poi_engine.means import Means
from poi_engine.ports import Job, Query, Row
from poi_engine.value.rules import BankAccount, StoredValueRules, TabRules
from poi_offers.policy import Policy
from poi_offers.situation import Place
from poi_offers.storetime import zone

PartnerId = Annotated[str, Meta(min_length=1, max_length=64)]


class Tier(Struct, frozen=True, kw_only=True):
    """A level reached by spending `spend` minor units within 365 days."""

    name: str
    spend: int


class ReferralProgramme(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a friend and who sent them get with the friend's first sale: a personal coupon each, good for `days`.

    Each code is rewarded at most `most` times. An empty offer id gives nothing.
    """

    open: bool = False
    friend_offer_id: Annotated[str, Meta(max_length=64)] = ""
    referrer_offer_id: Annotated[str, Meta(max_length=64)] = ""
    days: Annotated[int, Meta(ge=1, le=730)] = 60
    most: Annotated[int, Meta(ge=1, le=1000)] = 10


class Retention(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How long a person's data are kept after their last act, and what is done then.

    `erase` ends the membership; `pseudonymise` takes all that tells of a person and leaves the card usable.
    """

    years: Annotated[int, Meta(ge=1, le=10)] = 3
    action: Literal["erase", "pseudonymise", "nothing"] = "erase"


class PartnerLimit(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a partner's unpaid orders may hold: so many orders, and of each product so many thousandths of its unit."""

    most_open: Annotated[int, Meta(ge=0, le=10_000)] = 50
    most_held: Annotated[int, Meta(ge=0, le=1_000_000_000)] = 100_000


class Ordering(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What customers may order ahead, and how long it waits for them.

    An order is for `lead_minutes` from now at the earliest; its goods are held until `hold_hours` after the time it was
    wanted for. Names and addresses are deleted `address_days` after an order's end. `partners` has the limits of single
    partners by their id, `partner` those of all others.
    """

    open: bool = True
    delivery: bool = True
    lead_minutes: Annotated[int, Meta(ge=0, le=20_160)] = 30
    days_ahead: Annotated[int, Meta(ge=1, le=365)] = 30
    hold_hours: Annotated[int, Meta(ge=1, le=336)] = 24
    most_open: Annotated[int, Meta(ge=1, le=100)] = 5
    address_days: Annotated[int, Meta(ge=0, le=365)] = 30
    partner: PartnerLimit = PartnerLimit()
    partners: Annotated[dict[PartnerId, PartnerLimit], Meta(max_length=200)] = {}

    def limit_of(self, partner: str) -> PartnerLimit:
        """What this partner's unpaid orders may hold."""
        return self.partners.get(partner, self.partner)


class NoticeRule(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How often a customer is told of offers: at most once in so many hours; 0 is as often as somebody asks for it."""

    hours: Annotated[int, Meta(ge=0, le=8760)] = 24


class MealVoucher(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What meal vouchers pay: products of these categories and all below them, and at most `daily_cap` minor units for
    a customer's day (in France 25.00 EUR); None: without a cap. Without a category they pay nothing.
    """

    categories: Annotated[tuple[Annotated[str, Meta(min_length=1, max_length=200)], ...], Meta(max_length=100)] = ()
    daily_cap: Annotated[int, Meta(ge=0, le=1_000_000)] | None = 2_500


class OfflinePolicy(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a station goes on without the server: for cash, up to `floor_limit` minor units a sale; 0: not at all.

    While the bank is away a terminal that can keep payments takes cards at the merchant's risk: up to
    `card_floor_limit` a payment (0: none), and `card_cap` in all that waits to be forwarded. Minor units.
    """

    floor_limit: Annotated[int, Meta(ge=0, le=1_000_000)] = 0
    card_floor_limit: Annotated[int, Meta(ge=0, le=1_000_000)] = 0
    card_cap: Annotated[int, Meta(ge=0, le=100_000_000)] = 100_000


class ReceiptHead(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What receipts say of the company beside its name and the store's address: the VAT number, and other lines that
    its law wants, such as its form, its capital and where it is registered."""

    vat_number: Annotated[str, Meta(pattern=r"^([A-Z]{2}[0-9A-Z+*]{2,12})?\Z")] = ""
    lines: Annotated[tuple[Annotated[str, Meta(min_length=1, max_length=80)], ...], Meta(max_length=6)] = ()


class Programme(Struct, frozen=True, kw_only=True):
    """The loyalty programme: how offers are chosen and points earned, the tiers, and how customers join.

    `pseudonyms`: an unknown loyalty card makes a customer without a name. `minutes` a reservation may wait for payment.
    `spend_cap`: minor units of points (at their face value) and stored value that a session spends without the
    customer's own word, by their phone or their PIN; None: as much as they have. `means`: by what one may pay here.
    """

    policy: Policy = Policy()
    tiers: tuple[Tier, ...] = (Tier(name="silver", spend=30_000), Tier(name="gold", spend=100_000))
    base_tier: str = "member"
    pseudonyms: bool = True
    minutes: int = 15
    spend_cap: int | None = 5_000
    referral: ReferralProgramme = ReferralProgramme()
    retention: Retention = Retention()
    orders: Ordering = Ordering()
    notices: NoticeRule = NoticeRule()
    stored_value: StoredValueRules = StoredValueRules()
    bank: BankAccount = BankAccount()
    tabs: TabRules = TabRules()
    meal_voucher: MealVoucher = MealVoucher()
    offline: OfflinePolicy = OfflinePolicy()
    means: tuple[Means, ...] = ("card", "cash", "wallet", "gift_card", "meal_voucher", "transfer")
    receipt: ReceiptHead = ReceiptHead()


class Merchant(Struct, frozen=True, kw_only=True):
    """A merchant as the services need it."""

    merchant_id: str
    name: str
    currency: str
    language: str
    programme: Programme


class Counter(Struct, frozen=True, kw_only=True):
    """A station with its store's place. `vat_rate` (basis points) is that of plain amounts.

    In `training` nothing that is done there counts. `means`: by what one may pay there;
    `floor_limit`: how much a sale for cash may cost there while the server is away, minor units.
    """

    station_id: str
    store_id: str
    connector: str
    vat_rate: int
    place: Place
    training: bool = False
    means: tuple[Means, ...] = ("card", "cash")
    floor_limit: int = 0


def means_taken(programme: Programme) -> tuple[Means, ...]:
    """The means that are taken: meal vouchers once they have categories, transfers once there is an account."""
    missing = {
        means
        for means, there in (("meal_voucher", programme.meal_voucher.categories), ("transfer", programme.bank.is_there))
        if not there
    }
    return tuple(means for means in programme.means if means not in missing)


def read_merchant(merchant_id: str) -> Job[Merchant]:
    """The merchant's row and programme."""
    rows = yield Query("select name, currency, language, settings from merchant where merchant_id = ?", (merchant_id,))
    if not rows:
        raise NotFound("merchant", merchant_id)
    row = rows[0]
    return Merchant(
        merchant_id=merchant_id,
        name=row["name"],
        currency=row["currency"],
        language=row["language"],
        programme=programme_of(row["settings"]),
    )


@lru_cache(maxsize=256)
def programme_of(settings: str) -> Programme:
    """The programme in a settings document; what is not written there has its default."""
    return json.decode(settings or "{}", type=Programme)


def lock_merchant(merchant_id: str) -> Job[str]:
    """Whatever else locks the merchant waits until this transaction ends. Returns the settings' document."""
    rows = yield Query(
        "update merchant set settings = settings where merchant_id = ? returning settings", (merchant_id,)
    )
    if not rows:
        raise NotFound("merchant", merchant_id)
    return str(rows[0]["settings"] or "{}")


def write_setting(merchant_id: str, name: str, value: Struct | tuple[str, ...] | int | None) -> Job[None]:
    """Change one part of the settings; the others stay as they are, whoever changes them at the same time."""
    settings = json.decode((yield from lock_merchant(merchant_id)), type=dict[str, Any]) | {name: to_builtins(value)}
    yield Query("update merchant set settings = ? where merchant_id = ?", (json.encode(settings).decode(), merchant_id))


def read_counter(merchant_id: str, station_id: str) -> Job[Counter]:
    """A station and where it stands."""
    rows = yield Query(
        "select s.store_id, s.connector, s.vat_rate, s.training, t.lat, t.lon, t.zone, t.regions, m.settings "
        "from station s join store t on t.merchant_id = s.merchant_id and t.store_id = s.store_id "
        "join merchant m on m.merchant_id = s.merchant_id "
        "where s.merchant_id = ? and s.station_id = ?",
        (merchant_id, station_id),
    )
    if not rows:
        raise NotFound("station", station_id)
    row = rows[0]
    programme = programme_of(row["settings"])
    zone(row["zone"])  # its file is read here, in the storage's thread, not by the first decision on the loop
    return Counter(
        station_id=station_id,
        store_id=row["store_id"],
        connector=row["connector"],
        vat_rate=row["vat_rate"],
        place=_place(row),
        training=bool(row["training"]),
        means=means_taken(programme),
        floor_limit=programme.offline.floor_limit if "cash" in programme.means and not row["training"] else 0,
    )


def read_place(merchant_id: str, store_id: str) -> Job[Place]:
    """Where a store stands."""
    rows = yield Query(
        "select store_id, lat, lon, zone, regions from store where merchant_id = ? and store_id = ?",
        (merchant_id, store_id),
    )
    if not rows:
        raise NotFound("store", store_id)
    zone(rows[0]["zone"])
    return _place(rows[0])


def _place(row: Row) -> Place:
    return Place(
        zone=row["zone"],
        lat=row["lat"],
        lon=row["lon"],
        store_id=row["store_id"],
        regions=tuple(json.decode(row["regions"] or "[]", type=list[str])),
    )
