"""The clientele's services, wired once."""

from poi_engine.clientele.consents import Consents
from poi_engine.clientele.export import Exports
from poi_engine.clientele.merge import Merge
from poi_engine.clientele.notes import Notes
from poi_engine.clientele.profile import Profiles
from poi_engine.clientele.referral import Referrals
from poi_engine.clientele.retention import RetentionJob
from poi_engine.clientele.search import CustomerSearch
from poi_engine.clock import Clock
from poi_engine.ids import Ids
from poi_engine.ports import Sql


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
