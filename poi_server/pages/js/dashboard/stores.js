/** The stores: a map with a bubble for each by its revenue, and the same as a list. */

import { figure, lyingBars } from "../charts.js";
import { h, slot } from "../dom.js";
import { money, number, share, t, tn } from "../i18n.js";
import { bubbleMap } from "../map.js";
import { changeText } from "./change.js";
import { drill } from "./drill.js";

const LISTED = 6;

export function storesFigure(page) {
  const { data, names, map } = page;
  const all = rows(page);
  const items = all.map((row) => ({ ...row, value: row.total, text: money(row.total), hint: [share(Math.max(row.total, 0) / sum(all)), data.before && changeText(row.total, row.before ?? 0)].filter(Boolean).join(" · ") }));
  const chart = h("div", { class: "stack" }, map && slot(map), lyingBars(items.slice(0, LISTED), t("figure.by_store")));
  return figure(t("figure.by_store"), chart, {
    head: [t("figure.by_store"), t("figure.sales"), t("figure.amount"), ...(data.before ? [t("figure.before")] : [])],
    rows: all.map((row) => [names.stores[row.store_id] ?? row.store_id, number(row.sales), money(row.total), ...(data.before ? [money(row.before ?? 0)] : [])]),
  }, { kind: "span-5" });
}

/** The map of a page's stores; null when fewer than two have a place, or the land is not installed. */
export async function storesMap(page) {
  const placed = rows(page).flatMap((row) => {
    const store = page.stores.find((one) => one.store_id === row.store_id);
    return store?.lat === null || store?.lat === undefined ? [] : [{ ...row, lat: store.lat, lon: store.lon, value: row.total, text: `${row.label}: ${row.words}` }];
  });
  if (placed.length < 2) return null;
  const width = page.width(5);
  return bubbleMap(placed, t("figure.map"), { width, height: Math.round(Math.min(width * 0.8, 360)) });
}

function rows({ data, view, names }) {
  const before = data.before && new Map(data.before.by_store.map((row) => [row.value, row.total]));
  return data.by_store.map((row) => {
    const words = tn("figure.sold", row.sales, { total: money(row.total) });
    const label = names.stores[row.value] ?? row.value;
    const pick = () => drill(label, { ...view, store_id: row.value }, {}, { hint: words, names });
    return { store_id: row.value, label, sales: row.sales, total: row.total, before: before ? before.get(row.value) ?? 0 : undefined, words, pick };
  });
}

const sum = (all) => all.reduce((total, row) => total + Math.max(row.total, 0), 0) || 1;
