"""The one SQL schema, for SQLite and PostgreSQL.

`merchant_id` leads every primary, unique and foreign key, so that the schema distributes by merchant as it is. Times
are microseconds since 1970 (UTC), amounts minor units, documents UTF-8 JSON. Rows of the tables in `IMMUTABLE` are
never updated or deleted: triggers refuse it (see the migrations).
"""

from poi_engine.storage.schema import core, fiscal, ledger, money, people, shop
from poi_engine.storage.schema.parts import metadata

IMMUTABLE = core.IMMUTABLE + ledger.IMMUTABLE + people.IMMUTABLE + shop.IMMUTABLE + money.IMMUTABLE + fiscal.IMMUTABLE

__all__ = ["IMMUTABLE", "metadata"]
