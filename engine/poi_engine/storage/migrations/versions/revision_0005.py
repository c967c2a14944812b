"""Money: several tenders a sale, stored value, the fiscal part, tills that speak nexo."""

from alembic import op

revision = "0005"
down_revision = "0004"

_SELLERS = """
alter table seller add column override_limit bigint default 0 not null;
alter table seller add column close_day bigint default 0 not null;
alter table approval add column used_for text;
create index approval_by_use on approval (merchant_id, subject_id, used_for);
"""

_VALUE = """
alter table sale add column stored bigint default 0 not null;
create table gift_card (merchant_id text not null, card_id text not null, code_hash {blob} not null, tail text not
  null, currency text not null, state text not null, expires_at bigint, created_at bigint not null, changed_at bigint
  not null, primary key (merchant_id, card_id), unique (merchant_id, code_hash));
create table wallet_warning (merchant_id text not null, customer_id text not null, expires_at bigint not null,
  warned_at bigint not null, primary key (merchant_id, customer_id));
create table tab (merchant_id text not null, tab_id text not null, customer_id text not null, store_id text not null,
  station_id text not null, connector text not null, state text not null, currency text not null, ceiling bigint not
  null, captured bigint default 0 not null, card_scheme text, authorisation text not null, reason text not null,
  opened_by text not null, created_at bigint not null, changed_at bigint not null, primary key (merchant_id, tab_id));
create table awaited_transfer (merchant_id text not null, payment_id text not null, reference text not null, amount
  bigint not null, currency text not null, state text not null, created_at bigint not null,
  primary key (merchant_id, payment_id), unique (merchant_id, reference));
create table bank_credit (merchant_id text not null, credit_id text not null, amount bigint not null, currency text not
  null, reference text not null, booked_at bigint not null, state text not null, payment_id text, reason text not null,
  created_at bigint not null, changed_at bigint not null, primary key (merchant_id, credit_id));
create index tab_by_customer on tab (merchant_id, customer_id, created_at);
create index tab_by_state on tab (merchant_id, state);
create index bank_credit_by_state on bank_credit (merchant_id, state, credit_id);
create index bank_credit_by_payment on bank_credit (merchant_id, payment_id);
create index transfer_by_stored_debit on transfer (merchant_id, debit, transfer_id)
  where debit like 'wallet:%' or debit like 'gift!_card:%' escape '!';
create index transfer_by_stored_credit on transfer (merchant_id, credit, transfer_id)
  where credit like 'wallet:%' or credit like 'gift!_card:%' escape '!';
"""

_FISCAL = """
alter table station add column training bigint default 0 not null;
alter table journal_head add column latest bigint default 0 not null;
create table closing (merchant_id text not null, station_id text not null, number bigint not null, format bigint not
  null, kind text not null, period text not null, document {blob} not null, previous {blob} not null, hash {blob} not
  null, key_id text not null, signature {blob} not null, primary key (merchant_id, station_id, number));
create table closing_head (merchant_id text not null, station_id text not null, number bigint not null, hash {blob} not
  null, receipt bigint default 0 not null, closed_until bigint default 0 not null,
  primary key (merchant_id, station_id));
create table fiscal_event (merchant_id text not null, station_id text not null, number bigint not null, format bigint
  not null, kind text not null, subject text not null, document {blob} not null, previous {blob} not null, hash {blob}
  not null, primary key (merchant_id, station_id, number));
create table fiscal_event_head (merchant_id text not null, station_id text not null, number bigint not null, hash
  {blob} not null, primary key (merchant_id, station_id));
create table training (merchant_id text not null, station_id text not null, number bigint not null, format bigint not
  null, document {blob} not null, previous {blob} not null, hash {blob} not null,
  primary key (merchant_id, station_id, number));
create table training_head (merchant_id text not null, station_id text not null, number bigint not null, hash {blob} not
  null, primary key (merchant_id, station_id));
create table fiscal_key (merchant_id text not null, key_id text not null, public_key {blob} not null, created_at bigint
  not null, primary key (merchant_id, key_id));
create index closing_by_period on closing (merchant_id, kind, period);
create index fiscal_event_by_subject on fiscal_event (merchant_id, subject, kind);
"""

_NEXO = """
create table nexo_login (
  merchant_id text not null, poi_id text not null, sale_system text not null, station_id text not null,
  operator text not null, shift text not null, software text not null, created_at bigint not null,
  primary key (merchant_id, poi_id, sale_system)
);
create table nexo_message (
  merchant_id text not null, poi_id text not null, sale_system text not null, service_id text not null,
  message_id text not null, station_id text not null, category text not null, body_hash {blob} not null,
  echo text not null, subject text, answer {blob}, created_at bigint not null, answered_at bigint,
  primary key (merchant_id, poi_id, sale_system, service_id)
);
create table nexo_spent (
  merchant_id text not null, poi_id text not null, sale_system text not null, service_id text not null,
  body_hash {blob} not null, primary key (merchant_id, poi_id, sale_system, service_id, body_hash)
);
create index nexo_message_by_age on nexo_message (merchant_id, created_at);
create index nexo_message_by_subject on nexo_message (merchant_id, subject);
"""

_HOLDS = """
create table card_hold (merchant_id text not null, hold_id text not null, station_id text not null, connector text not
  null, state text not null, amount bigint not null, currency text not null, taken_by text, card_scheme text, entry_mode
  text, authorisation text not null, reason text not null, opened_by text not null, created_at bigint not null,
  changed_at bigint not null, primary key (merchant_id, hold_id));
create index card_hold_by_state on card_hold (merchant_id, state);
"""

_FORWARDING = """
create table forwarding (merchant_id text not null, payment_id text not null, connector text not null, station_id text
  not null, amount bigint not null, currency text not null, state text not null, reason text not null, created_at bigint
  not null, changed_at bigint not null, paid_by text, primary key (merchant_id, payment_id));
create index forwarding_by_state on forwarding (merchant_id, state);
"""

_FIGURES = """
create table rollup_due (merchant_id text not null, sale_id text not null, primary key (merchant_id, sale_id));
drop index sale_by_refund;
drop index checkout_by_state;
create index sale_by_refund on sale (merchant_id, refund_of) where refund_of is not null;
create index checkout_by_state on checkout (merchant_id, state) where state <> 'paid';
"""

_PARTS: tuple[str, ...] = (
    _SELLERS,
    _VALUE,
    _FISCAL,
    _NEXO,
    _HOLDS,
    _FORWARDING,
    _FIGURES,
)
_IMMUTABLE: tuple[str, ...] = ("closing", "fiscal_event", "training", "fiscal_key")


def upgrade() -> None:
    """Create what the parts need; the triggers of the immutable tables are those of the first revision."""
    postgresql = op.get_context().dialect.name == "postgresql"
    for part in _PARTS:
        text = part.replace("{blob}", "bytea" if postgresql else "blob")
        for statement in filter(None, text.strip().split(";\n")):
            op.execute(statement.rstrip(";"))
    for table in _IMMUTABLE:
        (_protect_on_postgresql if postgresql else _protect_on_sqlite)(table)


def _protect_on_postgresql(table: str) -> None:
    for name, change, each in (("immutable", "update or delete", "row"), ("kept", "truncate", "statement")):
        op.execute(
            f"create trigger {table}_{name} before {change} on {table} for each {each} execute function refuse_change()"
        )


def _protect_on_sqlite(table: str) -> None:
    for change in ("update", "delete"):
        op.execute(
            f"create trigger {table}_no_{change} before {change} on {table}"
            f" begin select raise(abort, 'rows of {table} are immutable'); end"
        )
