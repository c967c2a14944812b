"""The tables of the usual stack: what a sale leaves behind in this server's storage, without its figures by day."""

SCHEMA = """
create table product (code text primary key, label text not null, category text not null, unit_price bigint not null,
  vat_rate bigint not null);
create table offer (offer_id text primary key, label text not null, category text not null, percent bigint not null,
  least bigint not null, tier text);
create table customer (customer_id text primary key, name text not null, tier text not null, points bigint not null,
  visits bigint not null default 0, spend bigint not null default 0, last_visit_at timestamptz);
create table credential (subject text primary key, customer_id text not null references customer);
create table checkout (checkout_id text primary key, session_id text not null, station_id text not null,
  customer_id text, state text not null, total bigint not null, document jsonb not null, created_at timestamptz not null
  default now());
create table payment (payment_id text primary key, checkout_id text not null references checkout, state text not null,
  amount bigint not null, authorisation text not null default '', created_at timestamptz not null default now());
create table account (account text primary key, debits bigint not null default 0, credits bigint not null default 0);
create table transfer (transfer_id bigserial primary key, checkout_id text not null, kind text not null,
  debit text not null, credit text not null, amount bigint not null, created_at timestamptz not null default now());
create index transfer_by_checkout on transfer (checkout_id);
create table journal_head (station_id text primary key, number bigint not null, hash bytea not null);
create table journal (station_id text not null, number bigint not null, sale_id text not null, document bytea not null,
  previous bytea not null, hash bytea not null, primary key (station_id, number));
create table sale (sale_id text primary key, checkout_id text not null unique, station_id text not null,
  customer_id text, subtotal bigint not null, saved bigint not null, total bigint not null, receipt_number bigint not
  null, document jsonb not null, created_at timestamptz not null default now());
create index sale_by_customer on sale (customer_id, created_at);
create index sale_by_day on sale (created_at);
create table sale_line (sale_id text not null, line_id text not null, code text not null, label text not null,
  quantity bigint not null, unit_price bigint not null, amount bigint not null, saved bigint not null, total bigint not
  null, primary key (sale_id, line_id));
create table redemption (sale_id text not null, offer_id text not null, saved bigint not null,
  primary key (sale_id, offer_id));
create table outbox (event_id bigserial primary key, kind text not null, document jsonb not null,
  created_at timestamptz not null default now());
create table idempotency (key text primary key, answer jsonb, created_at timestamptz not null default now());
"""
