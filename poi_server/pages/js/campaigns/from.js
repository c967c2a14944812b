/** A draft from a figure: `/campaigns#from=product&code=...&label=...`, `#from=hour&weekday=2&hour=14`, `#from=segment&id=...`. */

import { t } from "../i18n.js";

const SHARE = 1000; // basis points that a draft starts from

/** The draft that a page's fragment asks for, or null. */
export function draftFrom(fragment) {
  const asked = new URLSearchParams(fragment.slice(1));
  return MAKE[asked.get("from")]?.(asked) ?? null;
}

const MAKE = {
  product: (asked) => {
    const code = asked.get("code");
    const name = t("campaigns.from_product", { label: (asked.get("label") || code || "").slice(0, 60) });
    return code && draft(name, { type: "percent_off", percent: SHARE, on: "line", items: { products: [code] } });
  },
  hour: (asked) => {
    const [weekday, hour, until] = ["weekday", "hour", "until"].map((key) => Number(asked.get(key) ?? Number.NaN));
    const end = Number.isInteger(until) ? until : hour + 1;
    if (!(weekday >= 1 && weekday <= 7 && hour >= 0 && hour <= 23 && end > hour && end <= 24)) return null;
    const window = { days: [weekday], start: time(hour), end: time(end % 24) };
    const place = asked.get("store_id") ? [{ type: "stores", any_of: [asked.get("store_id")] }] : [];
    const conditions = { type: "all", of: [...place, { type: "weekly", windows: [window] }] };
    return draft(t("campaigns.from_hour", { start: window.start, end: window.end }), { type: "percent_off", percent: SHARE }, { conditions });
  },
  segment: (asked) => {
    const id = asked.get("id");
    return id && { ...draft(t("campaigns.from_segment"), { type: "percent_off", percent: SHARE }), audience: [id] };
  },
};

function draft(name, effect, more = {}) {
  const lang = document.documentElement.lang === "fr" ? "fr" : "en";
  return { name, offers: [{ name: { [lang]: name }, effects: [effect], ...more }] };
}

const time = (hour) => `${String(hour).padStart(2, "0")}:00`;
