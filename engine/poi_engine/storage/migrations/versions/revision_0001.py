"""The first schema, and the triggers that keep immutable rows as they are. Frozen: a change is a new revision."""

from alembic import op

revision = "0001"
down_revision = None

_IMMUTABLE = ("transfer", "journal", "sale", "sale_line", "offer_version", "redemption", "audit")

_SCHEMA = """
create table access (merchant_id text not null, access_id text not null, role text not null, subject_id text not
  null, label text not null, scopes text not null, secret_hash {blob} not null, created_at bigint not null,
  revoked_at bigint, primary key (merchant_id, access_id), unique (merchant_id, secret_hash));
create table account (merchant_id text not null, account text not null, unit text not null, floor bigint not null,
  debits bigint default 0 not null, credits bigint default 0 not null, debits_pending bigint default 0 not null,
  credits_pending bigint default 0 not null, primary key (merchant_id, account), constraint never_below_zero check
  (floor = 0 or credits - debits - debits_pending >= 0), constraint pending_not_negative check (debits_pending >= 0
  and credits_pending >= 0));
create table audit (merchant_id text not null, audit_id text not null, who text not null, act text not null,
  subject_id text not null, why text not null, created_at bigint not null, primary key (merchant_id, audit_id));
create table campaign (merchant_id text not null, campaign_id text not null, name text not null, created_at bigint
  not null, primary key (merchant_id, campaign_id));
create table catalogue (merchant_id text not null, version bigint not null, primary key (merchant_id));
create table checkout (merchant_id text not null, checkout_id text not null, session_id text not null, store_id text
  not null, station_id text not null, customer_id text, state text not null, total bigint not null, currency text
  not null, document text not null, sale_id text, created_at bigint not null, changed_at bigint not null, primary
  key (merchant_id, checkout_id));
create table coupon (merchant_id text not null, code text not null, customer_id text not null, offer_id text not
  null, sale_id text not null, expires_at bigint not null, used_at bigint, voided_at bigint, primary key
  (merchant_id, code));
create table credential (merchant_id text not null, scheme text not null, subject text not null, customer_id text
  not null, created_at bigint not null, primary key (merchant_id, scheme, subject));
create table customer (merchant_id text not null, customer_id text not null, display_name text not null, pseudonym
  bigint not null, language text not null, birthday text, tier text not null, segments text not null, visits bigint
  default 0 not null, spend bigint default 0 not null, last_visit_at bigint, created_at bigint not null, erased_at
  bigint, primary key (merchant_id, customer_id));
create table device (merchant_id text not null, handle text not null, customer_id text not null, epoch bigint not
  null, created_at bigint not null, revoked_at bigint, primary key (merchant_id, handle));
create table idempotency (merchant_id text not null, principal text not null, key text not null, body_hash {blob}
  not null, subject text not null, status bigint, answer {blob}, created_at bigint not null, primary key
  (merchant_id, principal, key));
create table journal (merchant_id text not null, station_id text not null, number bigint not null, format bigint not
  null, kind text not null, sale_id text not null, document {blob} not null, previous {blob} not null, hash {blob}
  not null, created_at bigint not null, primary key (merchant_id, station_id, number));
create table journal_head (merchant_id text not null, station_id text not null, number bigint not null, hash {blob}
  not null, primary key (merchant_id, station_id));
create table merchant (merchant_id text not null, name text not null, currency text not null, language text not
  null, settings text not null, created_at bigint not null, primary key (merchant_id));
create table offer (merchant_id text not null, offer_id text not null, version bigint not null, state text not null,
  changed_at bigint not null, primary key (merchant_id, offer_id));
create table offer_version (merchant_id text not null, offer_id text not null, version bigint not null, document
  text not null, created_at bigint not null, primary key (merchant_id, offer_id, version));
create table outbox (merchant_id text not null, event_id text not null, kind text not null, document text not null,
  created_at bigint not null, delivered_at bigint, primary key (merchant_id, event_id));
create table pairing (merchant_id text not null, pairing_id text not null, role text not null, subject_id text not
  null, secret_hash {blob} not null, expires_at bigint not null, used_at bigint, primary key (merchant_id,
  pairing_id), unique (merchant_id, secret_hash));
create table payment (merchant_id text not null, payment_id text not null, checkout_id text not null, means text not
  null, connector text not null, state text not null, amount bigint not null, guaranteed bigint default 1 not null,
  card_scheme text, card_type text, entry_mode text, authorisation text not null, reason text not null, document
  text not null, created_at bigint not null, changed_at bigint not null, primary key (merchant_id, payment_id));
create table product (merchant_id text not null, code text not null, label text not null, category text not null,
  brand text not null, unit text not null, unit_price bigint not null, vat_rate bigint not null, cost bigint, gtin
  text, active bigint default 1 not null, primary key (merchant_id, code));
create table programme_key (merchant_id text not null, epoch bigint not null, key {blob} not null, created_at bigint
  not null, primary key (merchant_id, epoch));
create table redemption (merchant_id text not null, sale_id text not null, offer_id text not null, version bigint
  not null, customer_id text, saved bigint not null, value bigint not null, created_at bigint not null, primary key
  (merchant_id, sale_id, offer_id));
create table sale (merchant_id text not null, sale_id text not null, checkout_id text not null, refund_of text,
  store_id text not null, station_id text not null, seller_id text, customer_id text, channel text not null,
  currency text not null, subtotal bigint not null, saved bigint not null, total bigint not null, points bigint not
  null, means text not null, card_scheme text, card_type text, entry_mode text, receipt_number bigint not null,
  first_visit bigint not null, local_day text not null, local_hour bigint not null, local_weekday bigint not null,
  document text not null, created_at bigint not null, primary key (merchant_id, sale_id), unique (merchant_id,
  checkout_id));
create table sale_line (merchant_id text not null, sale_id text not null, line_id text not null, code text not null,
  label text not null, category text not null, brand text not null, quantity bigint not null, unit text not null,
  unit_price bigint not null, vat_rate bigint not null, amount bigint not null, saved bigint not null, total bigint
  not null, primary key (merchant_id, sale_id, line_id));
create table seller (merchant_id text not null, seller_id text not null, name text not null, active bigint default 1
  not null, primary key (merchant_id, seller_id));
create table station (merchant_id text not null, station_id text not null, store_id text not null, name text not
  null, vat_rate bigint not null, connector text not null, primary key (merchant_id, station_id));
create table store (merchant_id text not null, store_id text not null, name text not null, address text not null,
  lat double precision, lon double precision, zone text not null, regions text not null, primary key (merchant_id,
  store_id));
create table token_use (merchant_id text not null, token text not null, checkout_id text not null, used_at bigint
  not null, primary key (merchant_id, token));
create table transfer (merchant_id text not null, transfer_id text not null, checkout_id text not null, kind text
  not null, phase text not null, resolves text, debit text not null, credit text not null, amount bigint not null,
  unit text not null, created_at bigint not null, primary key (merchant_id, transfer_id), constraint amount_positive
  check (amount > 0), constraint two_accounts check (debit <> credit), unique (merchant_id, resolves));
create index access_by_secret on access (secret_hash);
create index checkout_by_session on checkout (merchant_id, session_id, created_at);
create index checkout_by_state on checkout (merchant_id, state);
create index coupon_by_customer on coupon (merchant_id, customer_id);
create index credential_by_customer on credential (merchant_id, customer_id);
create index outbox_by_delivery on outbox (merchant_id, delivered_at);
create index pairing_by_secret on pairing (secret_hash);
create index payment_by_checkout on payment (merchant_id, checkout_id);
create index payment_by_state on payment (merchant_id, state);
create index product_by_gtin on product (merchant_id, gtin);
create index redemption_by_offer on redemption (merchant_id, offer_id, created_at);
create index sale_by_customer on sale (merchant_id, customer_id, created_at);
create index sale_by_day on sale (merchant_id, created_at);
create index sale_by_refund on sale (merchant_id, refund_of);
create index transfer_by_checkout on transfer (merchant_id, checkout_id);
"""

_REFUSE = """
create function refuse_change() returns trigger language plpgsql as $$
begin
    raise exception 'rows of % are immutable', tg_table_name using errcode = 'restrict_violation';
end $$
"""


def upgrade() -> None:
    """Create every table, index and trigger."""
    postgresql = op.get_context().dialect.name == "postgresql"
    for statement in _SCHEMA.replace("{blob}", "bytea" if postgresql else "blob").strip().split(";\n"):
        op.execute(statement)
    if postgresql:
        _protect_on_postgresql()
    else:
        _protect_on_sqlite()


def _protect_on_postgresql() -> None:
    op.execute(_REFUSE)
    for table in _IMMUTABLE:
        op.execute(
            f"create trigger {table}_immutable before update or delete on {table}"
            " for each row execute function refuse_change()"
        )
        op.execute(
            f"create trigger {table}_kept before truncate on {table}"
            " for each statement execute function refuse_change()"
        )


def _protect_on_sqlite() -> None:
    for table in _IMMUTABLE:
        for change in ("update", "delete"):
            op.execute(
                f"create trigger {table}_no_{change} before {change} on {table}"
                f" begin select raise(abort, 'rows of {table} are immutable'); end"
            )
