"""The shop: insights, sellers, clientele, goods, campaigns, orders, messages."""

import unicodedata

import sqlalchemy
from alembic import op

from poi_engine.storage.migrations.rollups_0003 import rollups_of_sales

revision = "0003"
down_revision = "0002"

_IMMUTABLE: tuple[str, ...] = ("price_change", "stock_movement", "consent", "consent_text")

_INSIGHTS = """
create index sale_by_local_day on sale (merchant_id, local_day, created_at);
create table rollup (merchant_id text not null, facet text not null, grain text not null, store_id text not null,
  period text not null, value text not null, sales bigint not null, refunds bigint not null, total bigint not null,
  refunded bigint not null, saved bigint not null, points bigint not null, quantity bigint not null,
  worth bigint not null, primary key (merchant_id, facet, grain, store_id, period, value)) {by_key};
create table newcomer (merchant_id text not null, store_id text not null, customer_id text not null,
  month text not null, primary key (merchant_id, store_id, customer_id)) {by_key};
"""
_SELLERS = """
alter table seller add column role text default 'seller' not null;
alter table seller add column take_payment bigint default 1 not null;
alter table seller add column refund_limit bigint;
alter table seller add column pin text;
alter table seller add column pin_failures bigint default 0 not null;
alter table seller add column pin_locked_until bigint;
alter table audit add column station_id text;
create index audit_by_time on audit (merchant_id, created_at);
create index audit_by_who on audit (merchant_id, who, created_at);
create index audit_by_act on audit (merchant_id, act, created_at);
create index audit_by_subject on audit (merchant_id, subject_id, created_at);
create table station_seller (merchant_id text not null, station_id text not null, seller_id text not null,
  how text not null, signed_in_at bigint not null, seen_at bigint not null, primary key (merchant_id, station_id));
create index station_seller_by_seller on station_seller (merchant_id, seller_id);
create table badge (merchant_id text not null, scheme text not null, subject text not null, seller_id text not null,
  created_at bigint not null, primary key (merchant_id, scheme, subject));
create index badge_by_seller on badge (merchant_id, seller_id);
create table approval (merchant_id text not null, approval_id text not null, act text not null,
  subject_id text not null, amount bigint not null, approver text not null, created_at bigint not null,
  expires_at bigint not null, used_by text, used_at bigint, primary key (merchant_id, approval_id));
create table seller_refund (merchant_id text not null, checkout_id text not null, seller_id text not null,
  amount bigint not null, created_at bigint not null, primary key (merchant_id, checkout_id));
create index seller_refund_by_seller on seller_refund (merchant_id, seller_id, created_at);
"""
_CLIENTELE = """
alter table customer add column merged_into text;
alter table customer add column absorbed bigint default 0 not null;
create index customer_by_merge on customer (merchant_id, merged_into);
create index device_by_customer on device (merchant_id, customer_id);
create index access_by_subject on access (merchant_id, role, subject_id);
create table customer_word (merchant_id text not null, word text not null, customer_id text not null,
  primary key (merchant_id, word, customer_id));
create table customer_note (merchant_id text not null, note_id text not null, customer_id text not null, body text not
  null, who text not null, created_at bigint not null, primary key (merchant_id, note_id));
create table customer_search (merchant_id text not null, search_id text not null, access_id text not null,
  created_at bigint not null, primary key (merchant_id, search_id));
create table consent (merchant_id text not null, consent_id text not null, customer_id text not null, purpose text not
  null, given bigint not null, version bigint not null, who text not null, place text not null, how text not null,
  created_at bigint not null, primary key (merchant_id, consent_id));
create table consent_text (merchant_id text not null, purpose text not null, version bigint not null, document text not
  null, created_at bigint not null, primary key (merchant_id, purpose, version));
create table referral (merchant_id text not null, code text not null, customer_id text not null, rewards bigint default
  0 not null, created_at bigint not null, primary key (merchant_id, code));
create table referred (merchant_id text not null, customer_id text not null, code text not null, referrer_id text not
  null, sale_id text, created_at bigint not null, rewarded_at bigint, primary key (merchant_id, customer_id));
create table referral_mark (merchant_id text not null, mark text not null, customer_id text not null, created_at bigint
  not null, primary key (merchant_id, mark));
create table phone_mark (merchant_id text not null, mark text not null, customer_id text not null, created_at bigint
  not null, primary key (merchant_id, customer_id, mark));
create index customer_word_by_customer on customer_word (merchant_id, customer_id);
create index customer_note_by_customer on customer_note (merchant_id, customer_id);
create index customer_search_by_access on customer_search (merchant_id, access_id, created_at);
create index consent_by_customer on consent (merchant_id, customer_id);
create index referral_by_customer on referral (merchant_id, customer_id);
create index referred_by_referrer on referred (merchant_id, referrer_id);
create index referral_mark_by_customer on referral_mark (merchant_id, customer_id);
"""
_GOODS = """
alter table product add column tracked bigint default 0 not null;
alter table product add column low_stock bigint;
alter table product add column parent text;
alter table product add column attributes text default '{}' not null;
alter table product add column content bigint;
alter table product add column content_unit text;
create table product_text (merchant_id text not null, code text not null, language text not null, label text not
  null, description text not null, primary key (merchant_id, code, language));
create table product_gtin (merchant_id text not null, gtin text not null, code text not null,
  primary key (merchant_id, gtin, code));
create table picture (merchant_id text not null, picture_id text not null, content_type text not null, width bigint
  not null, height bigint not null, content {blob} not null, small {blob} not null, created_at bigint not null,
  primary key (merchant_id, picture_id));
create table product_picture (merchant_id text not null, code text not null, picture_id text not null, position
  bigint not null, primary key (merchant_id, code, picture_id));
create table price_change (merchant_id text not null, code text not null, change_id text not null, before bigint,
  after bigint not null, who text not null, created_at bigint not null, primary key (merchant_id, code, change_id));
create table price_plan (merchant_id text not null, plan_id text not null, code text not null, unit_price bigint not
  null, starts_at bigint not null, state text not null, who text not null, created_at bigint not null, changed_at
  bigint not null, primary key (merchant_id, plan_id));
create table stock_movement (merchant_id text not null, movement_id text not null, kind text not null, who text not
  null, why text not null, created_at bigint not null, primary key (merchant_id, movement_id));
create table product_import (merchant_id text not null, import_id text not null, fingerprint text not null, state
  text not null, position bigint not null, line bigint not null, rows bigint not null, document text not null, who
  text not null, created_at bigint not null, changed_at bigint not null, primary key (merchant_id, import_id));
create index product_by_parent on product (merchant_id, parent);
create index product_by_tracked on product (merchant_id, tracked, code);
create index stock_taken on transfer (merchant_id, debit, transfer_id) where unit = 'stock';
create index stock_given on transfer (merchant_id, credit, transfer_id) where unit = 'stock';
create index product_gtin_by_code on product_gtin (merchant_id, code);
create index product_picture_by_picture on product_picture (merchant_id, picture_id);
create index price_plan_by_start on price_plan (merchant_id, state, starts_at);
create index price_plan_by_code on price_plan (merchant_id, code);
create index product_import_by_file on product_import (merchant_id, fingerprint);
"""
_CAMPAIGNS = """
alter table campaign add column state text default 'draft' not null;
alter table campaign add column document text default '{}' not null;
alter table campaign add column revision bigint default 1 not null;
alter table campaign add column started_at bigint;
alter table campaign add column ended_at bigint;
alter table campaign add column changed_at bigint default 0 not null;
create index campaign_by_state on campaign (merchant_id, state);
create table suggestion (merchant_id text not null, suggestion_id text not null, kind text not null, subject text not
  null, state text not null, document text not null, weight bigint not null, created_at bigint not null, changed_at
  bigint not null, primary key (merchant_id, suggestion_id), unique (merchant_id, kind, subject));
create table suggestion_round (merchant_id text not null, day text not null, runner text not null, until bigint not
  null, computed_at bigint, primary key (merchant_id));
create table lapsing (merchant_id text not null, customer_id text not null, usual_days bigint not null, since bigint not
  null, primary key (merchant_id, customer_id));
create index suggestion_by_state on suggestion (merchant_id, state);
create table segment (merchant_id text not null, segment_id text not null, name text not null, conditions text not
  null, state text not null, version bigint default 1 not null, created_at bigint not null, changed_at bigint not null,
  primary key (merchant_id, segment_id));
create table segment_member (merchant_id text not null, segment_id text not null, customer_id text not null, since
  bigint not null, primary key (merchant_id, segment_id, customer_id));
create table segment_past (merchant_id text not null, segment_id text not null, customer_id text not null, since bigint
  not null, until bigint not null, primary key (merchant_id, segment_id, customer_id, since));
create table segment_due (merchant_id text not null, customer_id text not null, sale_id text not null, created_at bigint
  not null, primary key (merchant_id, customer_id, sale_id));
create table segment_round (merchant_id text not null, day text not null, cuts text not null, runner text not null,
  until bigint not null, primary key (merchant_id));
create table bought (merchant_id text not null, kind text not null, value text not null, customer_id text not null,
  last_at bigint not null, primary key (merchant_id, kind, value, customer_id));
create index segment_member_by_customer on segment_member (merchant_id, customer_id, segment_id);
create index segment_past_by_customer on segment_past (merchant_id, customer_id);
create index bought_by_customer on bought (merchant_id, customer_id);
insert into segment_due (merchant_id, customer_id, sale_id, created_at) select merchant_id, customer_id, sale_id,
  created_at from sale where customer_id is not null and refund_of is null;
"""
_ORDERS = """
create table orders (merchant_id text not null, order_id text not null, state text not null, how text not null, place
  text not null, store_id text not null, station_id text, customer_id text, contact_id text, channel text not null,
  partner text, currency text not null, total bigint not null, sale_id text, checkout_id text, wanted_at bigint not
  null, day text not null, held bigint default 0 not null, hold_until bigint, document text not null, created_at
  bigint not null, changed_at bigint not null, primary key (merchant_id, order_id));
create table order_line (merchant_id text not null, order_id text not null, line_id text not null, code text not null,
  label text not null, quantity bigint not null, unit text not null, total bigint not null,
  primary key (merchant_id, order_id, line_id));
create table order_contact (merchant_id text not null, contact_id text not null, customer_id text, document text not
  null, created_at bigint not null, confirmed_at bigint, ends_at bigint, primary key (merchant_id, contact_id));
create index orders_by_time on orders (merchant_id, created_at);
create index orders_by_state on orders (merchant_id, state, created_at);
create index orders_by_day on orders (merchant_id, day, created_at);
create index orders_by_customer on orders (merchant_id, customer_id, created_at);
create index orders_by_sale on orders (merchant_id, sale_id);
create index orders_by_hold on orders (merchant_id, hold_until);
create index orders_by_contact on orders (merchant_id, contact_id);
create index order_contact_by_customer on order_contact (merchant_id, customer_id, created_at);
create index order_contact_by_end on order_contact (merchant_id, ends_at);
"""
_MESSAGES = """
create table push_key (merchant_id text not null, private {blob} not null, created_at bigint not null,
  primary key (merchant_id));
create table push_subscription (merchant_id text not null, subscription_id text not null, customer_id text not null,
  endpoint text not null, p256dh text not null, auth text not null, language text not null, created_at bigint not null,
  primary key (merchant_id, subscription_id));
create index push_subscription_by_customer on push_subscription (merchant_id, customer_id);
"""
_PARTS = (_INSIGHTS, _SELLERS, _CLIENTELE, _GOODS, _CAMPAIGNS, _ORDERS, _MESSAGES)


def upgrade() -> None:
    """Create what the shop needs; the triggers of the immutable tables are those of the first revision."""
    postgresql = op.get_context().dialect.name == "postgresql"
    for part in _PARTS:
        text = part.replace("{blob}", "bytea" if postgresql else "blob")
        text = text.replace("{by_key}", "with (fillfactor = 75)" if postgresql else "without rowid")
        for statement in filter(None, text.strip().split(";\n")):
            op.execute(statement.rstrip(";"))
    for table in _IMMUTABLE:
        (_protect_on_postgresql if postgresql else _protect_on_sqlite)(table)
    _write_words()
    for statement in rollups_of_sales():
        op.execute(statement)


def _write_words() -> None:
    """The words of the names that are there already."""
    connection = op.get_bind()
    named = connection.execute(
        sqlalchemy.text("select merchant_id, customer_id, display_name from customer where display_name <> ''")
    )
    words = [
        {"m": row.merchant_id, "c": row.customer_id, "w": word}
        for row in named.fetchall()
        for word in _words(row.display_name)
    ]
    if words:
        connection.execute(
            sqlalchemy.text("insert into customer_word (merchant_id, word, customer_id) values (:m, :w, :c)"), words
        )


def _words(name: str) -> set[str]:
    """Lower case, without accents; what is neither letter nor digit parts two words."""
    plain = unicodedata.normalize("NFKD", name.casefold())
    kept = "".join(one if one.isalnum() else " " for one in plain if not unicodedata.combining(one))
    return {word[:40] for word in kept.split()[:8]}


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
