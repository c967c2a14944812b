"""The clientele's services, wired once."""

from poi_engine.clock import Clock
from poi_engine.consents import Consents
from poi_engine.customer_export import Exports
from poi_engine.customer_merge import Merge
from poi_engine.customer_profile import Profiles
from poi_engine.customer_search import CustomerSearch
from poi_engine.ids import Ids
from poi_engine.notes import Notes
from poi_engine.ports import Sql
from poi_engine.referral import Referrals
from poi_engine.retention import RetentionJob


class Clientele:
    """What the merchant knows of their customers, and what the customers say to it."""

    def __init__(self, sql: Sql, clock: Clock, ids: Ids) -> None:
        self.search = CustomerSearch(sql, clock, ids)
        self.profiles = Profiles(sql, clock, ids)
        self.notes = Notes(sql, clock, ids)
        self.consents = Consents(sql, clock, ids)
        self.merges = Merge(sql, clock, ids)
        self.exports = Exports(sql, clock, ids)
        self.referrals = Referrals(sql, clock, ids)
        self.retention = RetentionJob(sql, clock, ids)
