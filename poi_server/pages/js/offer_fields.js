/**
 * Every condition, effect and setting of an offer as the form shows it: one entry a tag, one field a property.
 *
 * `kind` names the control (see offers/controls.js), `words` the prefix of a choice's labels when it is not the name.
 * Labels are `condition.<tag>`, `effect.<tag>` and `field.<called or name>`; `when` shows a field for one choice only.
 */

const DAYS = [0, 7, 30, 90, 365];
const items = { name: "items", kind: "selector" };
const range = (kind) => [{ name: "min", kind }, { name: "max", kind }];
const days = { name: "days", kind: "choice", words: "look_back", choices: DAYS, default: 0 };
const anyOf = (choices, words) => ({ name: "any_of", kind: "choices", choices, words, required: true });

export const GROUPS = { all: "list", any: "list", not: "one" };

export const CONDITIONS = {
  circle: {
    group: "place",
    fields: [
      { name: "lat", kind: "decimal", min: -90, max: 90, required: true },
      { name: "lon", kind: "decimal", min: -180, max: 180, required: true },
      { name: "radius", kind: "decimal", min: 1, max: 20_037_508, required: true, default: 500 },
    ],
  },
  polygon: { group: "place", fields: [{ name: "rings", kind: "rings", required: true }] },
  stores: { group: "place", fields: [{ name: "any_of", kind: "stores", required: true }] },
  region: { group: "place", fields: [{ name: "any_of", kind: "words", required: true, example: "FR, FR-75" }] },
  dates: { group: "time", fields: [{ name: "first", kind: "date" }, { name: "last", kind: "date" }] },
  weekly: { group: "time", fields: [{ name: "windows", kind: "windows", required: true }] },
  recurrence: {
    group: "time",
    fields: [
      { name: "rrule", kind: "text", required: true, example: "FREQ=MONTHLY;BYDAY=1SA" },
      { name: "start", kind: "moment", required: true },
      { name: "minutes", kind: "integer", min: 1, max: 44_640, required: true, default: 60 },
    ],
  },
  tier: { group: "customer", fields: [{ name: "any_of", kind: "words", required: true }] },
  segment: { group: "customer", fields: [{ name: "any_of", kind: "words" }, { name: "none_of", kind: "words" }] },
  birthday: {
    group: "customer",
    fields: [{ name: "before", kind: "integer", min: 0, max: 182, default: 0 }, { name: "after", kind: "integer", min: 0, max: 182, default: 0 }],
  },
  nth_visit: {
    group: "customer",
    fields: [{ name: "n", kind: "integer", min: 1, max: 100_000, required: true, default: 10 }, { name: "every", kind: "flag" }],
  },
  recency: {
    group: "customer",
    fields: [{ name: "min_days", kind: "integer", min: 0 }, { name: "max_days", kind: "integer", min: 0 }],
  },
  frequency: { group: "customer", fields: [...range("integer"), days] },
  spend: { group: "customer", fields: [...range("minor"), days] },
  first_purchase: { group: "customer", fields: [] },
  points_balance: { group: "customer", fields: range("integer") },
  subtotal: { group: "basket", fields: [...range("minor"), items] },
  quantity: { group: "basket", fields: [...range("milli"), items] },
  bundle: { group: "basket", fields: [{ name: "of", kind: "bundle", required: true }] },
  card_scheme: { group: "payment", fields: [{ name: "any_of", kind: "words", required: true, example: "cb, visa, mastercard" }] },
  card_type: { group: "payment", fields: [anyOf(["debit", "credit", "prepaid", "commercial"], "card_type")] },
  bin_prefix: { group: "payment", fields: [{ name: "any_of", kind: "words", required: true, example: "4970, 5132" }] },
  entry_mode: {
    group: "payment",
    fields: [anyOf(["contactless", "chip", "swipe", "manual", "phone", "cash", "wallet"], "entry_mode")],
  },
  channel: { group: "other", fields: [anyOf(["counter", "phone", "partner"], "channel")] },
  partner: { group: "other", fields: [{ name: "any_of", kind: "words", required: true }] },
  code: { group: "other", fields: [{ name: "any_of", kind: "words", required: true }] },
};

export const EFFECTS = {
  percent_off: {
    group: "money",
    fields: [
      { name: "percent", kind: "percent", required: true, default: 1000 },
      { name: "on", kind: "choice", choices: ["basket", "line", "cheapest"], default: "basket" },
      items,
      { name: "n", kind: "integer", min: 1, max: 1000, default: 1, when: { on: "cheapest" } },
      { name: "cap", kind: "minor" },
    ],
  },
  amount_off: {
    group: "money",
    fields: [
      { name: "amount", kind: "minor", required: true },
      { name: "on", kind: "choice", choices: ["basket", "line", "unit"], default: "basket" },
      items,
    ],
  },
  fixed_price: {
    group: "money",
    fields: [{ name: "price", kind: "minor", required: true }, { ...items, required: true }, { name: "max_units", kind: "integer", min: 1, max: 10_000 }],
  },
  free_item: {
    group: "money",
    fields: [{ ...items, required: true }, { name: "units", kind: "integer", min: 1, max: 1000, default: 1 }],
  },
  buy_x_get_y: {
    group: "money",
    fields: [
      { ...items, required: true },
      { name: "buy", kind: "integer", min: 1, max: 1000, required: true, default: 2 },
      { name: "get", kind: "integer", min: 1, max: 1000, default: 1 },
      { name: "percent", kind: "percent", default: 10_000 },
      { name: "times", kind: "integer", min: 1, max: 1000, default: 1 },
    ],
  },
  points_fixed: { group: "loyalty", fields: [{ name: "points", kind: "integer", min: 1, max: 10_000_000, required: true, default: 50 }] },
  points_per_unit: {
    group: "loyalty",
    fields: [
      { name: "points", kind: "integer", min: 1, max: 1_000_000, required: true, default: 1 },
      { name: "amount", kind: "minor", required: true, default: 100 },
      items,
    ],
  },
  points_multiplier: { group: "loyalty", fields: [{ name: "factor", kind: "factor", required: true, default: 2000 }] },
  cashback: {
    group: "loyalty",
    fields: [{ name: "percent", kind: "percent" }, { name: "amount", kind: "minor" }, { name: "cap", kind: "minor" }],
  },
  next_visit_coupon: {
    group: "other",
    fields: [{ name: "offer_id", kind: "offer", required: true }, { name: "days", called: "valid_days", kind: "integer", min: 1, max: 730, default: 30 }],
  },
  message: { group: "other", fields: [{ name: "text", kind: "texts", required: true, long: true }] },
};

const OWN_LIMIT = [
  { name: "of", called: "limit_of", kind: "choice", words: "limit_of", choices: ["uses", "money"], default: "uses", required: true },
  { name: "cap", kind: "limit_cap", required: true },
  { name: "per", kind: "choice", words: "limit_per", choices: ["total", "customer", "store"], default: "total" },
  { name: "period", kind: "choice", words: "limit_period", choices: ["ever", "day", "week", "month"], default: "ever" },
];
/** A limit of an offer of its own has nobody to share it with; one of a campaign is its offers' together unless told otherwise. */
export const limitFields = (ofCampaign) => (ofCampaign ? LIMIT : OWN_LIMIT);
export const LIMIT = [...OWN_LIMIT, { name: "shared", kind: "flag", default: true }];

export const STACKING = [
  { name: "priority", kind: "integer", min: 0, max: 1000, default: 0 },
  { name: "exclusive", kind: "flag" },
  { name: "group", kind: "text" },
  { name: "group_max", kind: "integer", min: 1, max: 100, default: 1 },
];

export const OFFER = [
  { name: "name", kind: "texts", required: true },
  { name: "offer_id", called: "own_id", kind: "text", example: "pastry-10" },
  { name: "currency", kind: "text", fixed: true },
];

export const OFFER_MORE = [
  { name: "reward_points", kind: "integer", min: 1, max: 10_000_000 },
  { name: "holdout", kind: "percent", default: 0 },
  { name: "campaign_id", kind: "text" },
];
