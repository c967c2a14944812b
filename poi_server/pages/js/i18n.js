/** The page's language: texts from the catalogue, amounts and dates by Intl. */

const root = document.documentElement;
export const LANGUAGES = ["fr", "en"];
export const language = LANGUAGES.includes(root.lang) ? root.lang : "en";
const catalogue = await (await fetch(`${root.dataset.static}/locale/${language}.json`)).json();
const plurals = new Intl.PluralRules(language);
const formats = new Map();
let currency = "EUR";

/** Amounts without a currency of their own are in the merchant's. */
export function setCurrency(code) {
  if (code) currency = code;
}

export const merchantCurrency = () => currency;

/** The text of `key` with `{name}` places filled in. */
export function t(key, values = {}) {
  const text = catalogue[key];
  if (text === undefined) return key;
  return text.replace(/\{(\w+)\}/g, (place, name) => (name in values ? String(values[name]) : place));
}

/** The text of `key_one` or `key_other`, by the language's rule for `count`. */
export function tn(key, count, values = {}) {
  return t(`${key}_${plurals.select(count) === "one" ? "one" : "other"}`, { count: number(count), ...values });
}

export const has = (key) => key in catalogue;

/** A text the merchant wrote in several languages. */
export const said = (texts) => texts?.[language] ?? texts?.en ?? texts?.fr ?? Object.values(texts ?? {})[0] ?? "";

function format(kind, options, make) {
  const name = kind + JSON.stringify(options);
  if (!formats.has(name)) formats.set(name, make(options));
  return formats.get(name);
}

/** A kept format of numbers, or of dates. */
export const numbers = (options) => format("n", options, (o) => new Intl.NumberFormat(language, o));
export const dates = (options) => format("d", options, (o) => new Intl.DateTimeFormat(language, o));

/** Digits after the point of a currency's amounts (2 for EUR, 0 for JPY). */
export function decimals(code = currency) {
  return numbers({ style: "currency", currency: code }).resolvedOptions().maximumFractionDigits;
}

/** An amount in minor units, as people write it. */
export function money(minor, code = currency) {
  return numbers({ style: "currency", currency: code }).format(minor / 10 ** decimals(code));
}

export const number = (value, digits = 0) => numbers({ maximumFractionDigits: digits }).format(value);
export const percent = (basisPoints) => numbers({ style: "percent", maximumFractionDigits: 2 }).format(basisPoints / 10_000);
export const share = (part) => numbers({ style: "percent", maximumFractionDigits: 0 }).format(part);

/** A quantity in thousandths of a unit: plain for pieces, with the unit otherwise. */
export function quantity(milli, unit = "piece") {
  const amount = number(milli / 1000, 3);
  return unit === "piece" ? amount : t(`unit.${unit}`, { amount });
}

/** Metres, or kilometres from 1000 on. */
export function distance(metres) {
  return metres < 1000 ? t("unit.metres", { amount: number(metres) }) : t("unit.kilometres", { amount: number(metres / 1000, 1) });
}

export const dateTime = (value) => dates({ dateStyle: "medium", timeStyle: "short" }).format(new Date(value));
export const day = (value) => dates({ dateStyle: "medium" }).format(asDate(value));
export const dayShort = (value) => dates({ day: "numeric", month: "short" }).format(asDate(value));
export const clock = (value) => dates({ timeStyle: "short" }).format(new Date(value));
export const hour = (value) => dates({ hour: "numeric" }).format(new Date(2024, 0, 1, value));

/** A tier's name: the programme's own word, or ours for the usual ones. */
export const tierName = (tier) => (has(`tier.${tier}`) ? t(`tier.${tier}`) : tier);

/** The name of a weekday, 1 = Monday .. 7 = Sunday. */
export const weekday = (index, width = "short") => dates({ weekday: width }).format(new Date(2024, 0, index));

function asDate(value) {
  return typeof value === "string" && /^\d{4}-\d{2}-\d{2}$/.test(value) ? new Date(`${value}T12:00`) : new Date(value);
}

/** Remember another language and show the page in it. */
export function switchLanguage(code) {
  document.cookie = `poi_language=${code}; path=/; max-age=31536000; samesite=lax`;
  location.reload();
}
