"""The engine: every service wired once, recovery at the start, a round of it from time to time."""

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from poi_engine.campaigns.book import CampaignBook
from poi_engine.campaigns.counters import CampaignCounters
from poi_engine.campaigns.lift import CampaignLifts
from poi_engine.campaigns.notices import Notices
from poi_engine.campaigns.preview import Previews
from poi_engine.catalogue.offer_book import OfferBook
from poi_engine.checkout.checkout import Checkout
from poi_engine.checkout.confirmations import Confirmations
from poi_engine.checkout.forwarding import Forwarding
from poi_engine.checkout.holds import CardHolds
from poi_engine.checkout.recovery import Recovered, Recovery
from poi_engine.checkout.refund import Refunds
from poi_engine.checkout.resolving import Resolving
from poi_engine.checkout.settlement import Settlement
from poi_engine.checkout.under_way import TOLD_SECONDS, UnderWay
from poi_engine.checkout.undoing import Undoing
from poi_engine.clientele.clientele import Clientele
from poi_engine.clientele.customers import Customers
from poi_engine.clock import Clock
from poi_engine.desk import Desk
from poi_engine.errors import PoiError
from poi_engine.fiscal.keys import Signer
from poi_engine.fiscal.service import Fiscal
from poi_engine.goods.file_import import GoodsImports
from poi_engine.goods.pictures import Pictures
from poi_engine.goods.prices import Prices
from poi_engine.goods.products import Products
from poi_engine.goods.sheets import Sheets
from poi_engine.goods.stockroom import Stockroom
from poi_engine.handover import HandOvers
from poi_engine.ids import Ids
from poi_engine.insights.counting import Counting
from poi_engine.offline.dropped import DroppedSales
from poi_engine.offline.local import LocalList
from poi_engine.offline.sales import OfflineSales
from poi_engine.orders.orders import Orders
from poi_engine.places import Places
from poi_engine.ports import PaymentConnector, Screens, Sessions, Sql
from poi_engine.rounds import Round, Rounds
from poi_engine.sales import Sales
from poi_engine.segments.lift_reader import Lifts
from poi_engine.segments.segments import Segments
from poi_engine.stations import Stations
from poi_engine.suggestions.advisor import Advisor
from poi_engine.suggestions.service import Suggestions
from poi_engine.tills import Tills
from poi_engine.value.bank import Bank
from poi_engine.value.cards import GiftCards
from poi_engine.value.expiry import Expiry
from poi_engine.value.tabs import Tabs
from poi_engine.value.transfers import NAME as TRANSFER
from poi_engine.value.transfers import TransferConnector
from poi_engine.value.wallet import Wallets
from poi_engine.whole_sale import WholeSales
from poi_engine.wiring import Trace, Wiring, untraced

ROUND_SECONDS = 20.0
SHARED_GRACE_SECONDS = 180.0
"""How long a payment may be another process's before this one asks about it: longer than any terminal's time-out."""


class Engine:
    """The services. `exclusive`: no other process uses this storage, so what is found unfinished is ours to finish.

    `catalogues`: the folder of the compiled catalogues, shared with the other processes of the machine.
    """

    def __init__(
        self,
        sql: Sql,
        sessions: Sessions,
        screens: Screens,
        connectors: Mapping[str, PaymentConnector],
        clock: Clock,
        ids: Ids,
        *,
        trace: Trace = untraced,
        exclusive: bool = True,
        catalogues: Path | None = None,
        fiscal_key: Path | None = None,
    ) -> None:
        self.places = Places(sql, clock)
        connectors = {**connectors, TRANSFER: TransferConnector(sql, clock)}
        grace = 0.0 if exclusive else SHARED_GRACE_SECONDS
        self.wiring = wiring = Wiring(sql, sessions, screens, connectors, clock, ids, self.places, trace, grace)
        desk, under_way = Desk(wiring), UnderWay(wiring)
        undoing = Undoing(wiring, under_way)
        settlement = Settlement(wiring, desk, under_way, undoing)
        self.sales = Sales(sql)
        refunds = Refunds(wiring, under_way, self.sales)
        self.customers = Customers(sql, clock, ids)
        self.clientele = Clientele(sql, clock, ids)
        self.products = Products(sql, clock, ids)
        self.prices = Prices(sql, clock, ids)
        self.sheets = Sheets(sql, clock, ids)
        self.pictures = Pictures(sql, clock, ids)
        self.imports = GoodsImports(sql, clock, ids)
        self.stock = Stockroom(wiring)
        self.segments = Segments(sql, clock, ids)
        self.lifts = Lifts(sql, clock)
        self.offers = OfferBook(sql, screens, clock, catalogues)
        self.campaigns = CampaignBook(sql, clock, ids, self.offers)
        self.counters = CampaignCounters(sql, clock, self.campaigns)
        self.campaign_lifts = CampaignLifts(sql, clock, self.campaigns, self.lifts)
        self.notices = Notices(sql, clock, ids, self.offers, self.segments)
        self.previews = Previews(sql, self.offers)
        self.suggestions = Suggestions(sql, clock, ids, self.offers)
        self.advisor = Advisor(sql, clock)
        self.stations = Stations(wiring, desk, settlement, self.offers, self.customers, self.products)
        self.tills = Tills(wiring, desk, self.stations, self.offers, self.customers)
        self.handovers = HandOvers(wiring, desk, self.stations)
        self.confirmations = Confirmations(wiring, desk)
        self.checkout = Checkout(
            wiring, desk, self.stations, self.offers, settlement, under_way, refunds, self.confirmations
        )
        self.whole_sales = WholeSales(wiring, desk, self.stations, self.offers, self.customers, self.checkout)
        self.offline = OfflineSales(wiring, self.offers, self.customers)
        self.dropped_sales = DroppedSales(wiring, self.offline)
        self.local_offers = LocalList(wiring, self.offers)
        self.orders = Orders(wiring, desk, self.stations, self.offers, self.customers, self.products, refunds)
        self.gift_cards = GiftCards(wiring)
        self.wallets = Wallets(wiring)
        self.expiry = Expiry(wiring)
        self.bank = Bank(wiring, settlement)
        self.tabs = Tabs(wiring, desk)
        self.holds = CardHolds(wiring)
        self.recovery = Recovery(wiring, desk, settlement, refunds, under_way, undoing)
        self.forwarding = Forwarding(wiring)
        self.resolving = Resolving(wiring, settlement, refunds, undoing, self.sales)
        self.fiscal = Fiscal(wiring, Signer(fiscal_key))
        self._counting = Counting(sql)
        self._soon: asyncio.Task[None] | None = None
        self._rounds = Rounds(self._due(), ROUND_SECONDS)

    def _due(self) -> dict[str, Round]:
        """What is looked after from time to time."""
        return {
            "recovery": self._recover,
            "campaigns": self.campaigns.round,
            "suggestions": self._suggest,
            "orders": self.orders.round,
            "retention": self.clientele.retention.round,
            "prices": self.prices.start_due,
            "closings": self.fiscal.round,
            "expiry": self.expiry.round,
            "tabs": self.tabs.round,
            "holds": self.holds.round,
            "forwarding": self.forwarding.round,
        }

    async def start(self) -> Recovered:
        """Finish what a crash left unfinished, then look again every `ROUND_SECONDS`."""
        await self.fiscal.started()
        recovered = await self.recovery.run(grace=self.wiring.grace)
        if self.wiring.grace:
            self._soon = asyncio.create_task(self._recover_soon(), name="recovery soon")
        self._rounds.start()
        self.segments.rounds.start()
        self._counting.start()
        return recovered

    async def close(self) -> None:
        """Wait for the payments under way, then stop."""
        if self._soon is not None:
            self._soon.cancel()
            await asyncio.gather(self._soon, return_exceptions=True)
        await self._rounds.close()
        await self._counting.close()
        await self.segments.close()
        await self.suggestions.close()
        await self.checkout.close()
        await self.offers.close()
        await self.fiscal.stopped()
        for connector in self.wiring.connectors.values():
            await connector.close()

    async def _recover_soon(self) -> None:
        """What a process sent that was killed just before this one started: after some seconds nobody waits for it."""
        await asyncio.sleep(TOLD_SECONDS + 0.5)
        with suppress(PoiError):  # the next round finds it again
            await self._recover()

    async def _recover(self) -> None:
        await self.recovery.run(grace=self.wiring.grace)

    async def _suggest(self) -> None:
        self.suggestions.start_due()
