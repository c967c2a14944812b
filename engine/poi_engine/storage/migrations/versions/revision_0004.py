"""Presence: cards that only staff have stood by, and a customer's own word on what they spend; notices of offers."""

from alembic import op

revision = "0004"
down_revision = "0003"

_PRESENCE = """
alter table credential add column unproved_since bigint;
create table confirmation (merchant_id text not null, confirmation_id text not null, session_id text not null,
  station_id text not null, customer_id text not null, amount bigint not null, total bigint not null, currency text not
  null, state text not null, how text not null, created_at bigint not null, expires_at bigint not null,
  checkout_id text, primary key (merchant_id, confirmation_id));
create table customer_pin (merchant_id text not null, customer_id text not null, pin text not null, pin_failures bigint
  default 0 not null, pin_locked_until bigint, primary key (merchant_id, customer_id));
create index confirmation_by_session on confirmation (merchant_id, session_id);
create index confirmation_by_customer on confirmation (merchant_id, customer_id, expires_at);
"""
_NOTICES = """
create table notice (merchant_id text not null, notice_id text not null, offer_id text not null, request_key text not
  null, state text not null, cursor text not null, who text not null, created_at bigint not null, finished_at bigint,
  primary key (merchant_id, notice_id), unique (merchant_id, request_key));
create table notice_phone (merchant_id text not null, notice_id text not null, subscription_id text not null,
  customer_id text not null, state text not null, tries bigint default 0 not null, due_at bigint not null, created_at
  bigint not null, changed_at bigint not null, primary key (merchant_id, notice_id, subscription_id));
create index coupon_by_offer on coupon (merchant_id, offer_id);
create index notice_by_state on notice (merchant_id, state);
create index notice_by_offer on notice (merchant_id, offer_id, created_at);
create index notice_phone_by_due on notice_phone (merchant_id, notice_id, due_at);
create index notice_phone_by_customer on notice_phone (merchant_id, customer_id, created_at);
"""
_PARTS = (_PRESENCE, _NOTICES)


def upgrade() -> None:
    """Create what the parts need."""
    for part in _PARTS:
        for statement in filter(None, part.strip().split(";\n")):
            op.execute(statement.rstrip(";"))
