/** The figures of one period: what sells, when, by which means, to whom, and what the offers did. */

import { bars, figure, moneyShort, table } from "../charts.js";
import { h } from "../dom.js";
import { heatMap } from "../heat_map.js";
import { dayShort, hour, money, number, said, t, tn, weekday } from "../i18n.js";
import { button } from "../ui.js";
import { change } from "./change.js";
import { bestSellers } from "./best.js";
import { cohorts } from "./cohorts.js";
import { drill } from "./drill.js";
import { facets } from "./facets.js";
import { steps } from "./period.js";
import { storesFigure } from "./stores.js";
import { customerName, month, span } from "./words.js";

const TOP_CUSTOMERS = 10;
const OFFERS = 10;

/** Everything. `page` has the figures, the view they are of, the best sellers, the cohorts, the map, names and widths. */
export function figures(page) {
  return h("div", { class: "figures-grid" },
    tiles(page), days(page), hours(page), baskets(page), bestSellers(page), storesFigure(page), facets(page),
    cohorts(page), customers(page), offers(page));
}

/** Every total with its change against the period compared with. */
function tiles({ data, fresh, view, names }) {
  const { totals, before } = data;
  const items = [
    ["revenue", "total", money, true, {}], ["sales", "sales", number, true, { kind: "sale" }], ["average", "average_basket", money, true, null],
    ["saved", "saved", money, null, null], ["refunded", "refunded", money, false, { kind: "refund" }], ["points", "points", number, null, null],
  ];
  return h("dl", { class: `stats ${fresh ? "is-fresh" : ""}`, key: "stats", "aria-live": "polite" }, items.map(([name, key, words, good, filter]) => {
    const then = before?.totals[key];
    const was = then === undefined ? "" : t("change.was", { before: words(then) });
    const open = () => drill(t(`figure.${name}`), view, filter, { hint: span(data.first_day, data.last_day), names });
    return h("div", { class: "stat", key: `stat-${name}` }, h("dt", { class: "muted small" }, t(`figure.${name}`)),
      h("dd", {}, h("span", { class: "num" }, filter ? h("button", { type: "button", class: "plain", onclick: open }, words(totals[key])) : words(totals[key])), change(totals[key], then, { good, was })));
  }));
}

/** Revenue over time: by day, week or month, and a line where the period before stood. */
function days({ data, view, names, width }) {
  const now = added(data);
  const then = data.before ? added(data.before) : null;
  const rows = now.map((step, at) => ({ ...step, before: then?.[at]?.total }));
  const words = (step) => t("figure.at", { when: step.name, words: tn("figure.sold", step.sales, { total: money(step.total) }) });
  const items = rows.map((step) => ({
    label: step.label, value: step.total, before: then ? step.before ?? 0 : undefined,
    title: then ? `${words(step)} · ${t("change.was", { before: money(step.before ?? 0) })}` : words(step),
    pick: step.sales + Math.abs(step.total) > 0 ? () => drill(step.name, { ...view, first: step.first, last: step.last }, {}, { hint: words(step), names }) : undefined,
  }));
  return figure(t("figure.by_day"), bars(items, t("figure.by_day"), moneyShort, { width: width(12), height: 260 }), {
    head: [t("figure.day"), t("figure.sales"), t("figure.amount"), t("figure.saved"), ...(then ? [t("figure.before")] : [])],
    rows: data.by_day.length ? rows.map((step) => [step.name, number(step.sales), money(step.total), money(step.saved), ...(then ? [money(step.before ?? 0)] : [])]) : [],
  }, { kind: "wide-figure", tools: then && h("span", { class: "row small muted before-key" }, h("span", { class: "before-line", "aria-hidden": "true" }), span(data.before.first_day, data.before.last_day)) });
}

/** The steps of a period with their sums. */
function added(data) {
  const known = new Map(data.by_day.map((row) => [row.day, row]));
  return steps(data.first_day, data.last_day).map((found) => {
    const sum = (key) => found.reduce((all, date) => all + (known.get(date)?.[key] ?? 0), 0);
    const [first, last] = [found[0], found.at(-1)];
    const monthly = found.length > 7;
    return { first, last, name: monthly && first.endsWith("-01") ? month(first) : span(first, last), label: monthly ? month(first, "short") : dayShort(first), sales: sum("sales"), total: sum("total"), saved: sum("saved") };
  });
}

function hours({ data, view, names, width }) {
  const cells = new Map(data.by_hour.map((cell) => [`${cell.weekday} ${cell.hour}`, cell]));
  const found = data.by_hour.map((cell) => cell.hour);
  const first = Math.min(...found, 8);
  const columns = Array.from({ length: Math.max(...found, 19) - first + 1 }, (_, at) => first + at);
  const at = (row, column) => cells.get(`${row + 1} ${columns[column]}`) ?? { total: 0, sales: 0 };
  const name = (row, column) => `${weekday(row + 1, "long")}, ${hour(columns[column])}`;
  const title = (row, column) => t("figure.at", { when: name(row, column), words: tn("figure.sold", at(row, column).sales, { total: money(at(row, column).total) }) });
  const pick = (row, column) => drill(name(row, column), view, { weekday: row + 1, hour: columns[column] },
    { hint: title(row, column), names, from: { from: "hour", weekday: row + 1, hour: columns[column] } });
  const rows = [1, 2, 3, 4, 5, 6, 7].map((index) => weekday(index));
  const map = heatMap(rows, columns.map(hour), (r, c) => at(r, c).total, title, t("figure.by_hour"), { width: width(7), side: 38, pick });
  return figure(t("figure.by_hour"), h("div", { class: "stack tight" }, map, scale(Math.max(...data.by_hour.map((cell) => cell.total), 0))), {
    head: [t("figure.weekday"), t("figure.hour"), t("figure.sales"), t("figure.amount")],
    rows: data.by_hour.map((cell) => [weekday(cell.weekday, "long"), hour(cell.hour), number(cell.sales), money(cell.total)]),
  }, { hint: t("figure.by_hour_hint"), kind: "span-7" });
}

/** What pale and dark stand for. */
const scale = (most) => h("p", { class: "scale small muted", "aria-hidden": "true" }, moneyShort(0), h("span", { class: "scale-bar" }), moneyShort(most));

function baskets({ data, view, names, width }) {
  const label = ({ low, high }) => (high === null ? t("figure.from", { amount: moneyShort(low) }) : t("figure.between", { low: moneyShort(low), high: moneyShort(high) }));
  const filled = data.basket_sizes.some((band) => band.sales);
  const before = data.before?.basket_sizes;
  const items = data.basket_sizes.map((band, at) => ({
    label: moneyShort(band.low), value: band.sales, before: before?.[at].sales, title: `${label(band)}: ${tn("figure.sold", band.sales, { total: money(band.total) })}`,
    pick: band.sales ? () => drill(label(band), view, { low: band.low, ...(band.high !== null && { high: band.high }) }, { hint: tn("figure.sold", band.sales, { total: money(band.total) }), names }) : undefined,
  }));
  return figure(t("figure.baskets"), bars(items, t("figure.baskets"), (value) => number(value), { height: 314, width: width(5) }), {
    head: [t("figure.basket"), t("figure.sales"), t("figure.amount"), ...(before ? [t("figure.sales_before")] : [])],
    rows: filled ? data.basket_sizes.map((band, at) => [label(band), number(band.sales), money(band.total), ...(before ? [number(before[at].sales)] : [])]) : [],
  }, { kind: "span-5" });
}

function customers({ data, view, names }) {
  const open = (row) => drill(customerName(row), view, { customer_id: row.customer_id }, { names });
  const rows = data.top_customers.slice(0, TOP_CUSTOMERS).map((row) => [pickCell(customerName(row), () => open(row)), number(row.sales), money(row.total)]);
  return h("section", { class: "card figure span-5", key: "customers" },
    h("div", { class: "card-head" }, h("h2", {}, t("figure.top_customers")), h("a", { href: "/customers" }, t("figure.all_customers"))),
    rows.length ? table([t("figure.customer"), t("figure.sales"), t("figure.amount")], rows, t("figure.top_customers")) : h("p", { class: "empty" }, t("chart.empty")));
}

function offers({ data, view, names, allOffers, showAllOffers }) {
  const open = (row) => drill(said(row.name), view, { offer_id: row.offer_id }, { names });
  const shown = allOffers ? data.offers : data.offers.slice(0, OFFERS);
  const rows = shown.map((row) => [pickCell(said(row.name) || row.offer_id, () => open(row)), number(row.uses), money(row.total), money(row.saved), money(row.value)]);
  return h("section", { class: "card figure wide-figure", key: "offers" },
    h("div", { class: "card-head" }, h("h2", {}, t("figure.offers")), h("a", { href: "/offers" }, t("figure.all_offers"))),
    rows.length ? table([t("figure.offer"), t("figure.uses"), t("figure.with_offer"), t("figure.saved"), t("figure.value")], rows, t("figure.offers")) : h("p", { class: "empty" }, t("chart.empty")),
    data.offers.length > rows.length && button(t("figure.more_offers", { count: number(data.offers.length - rows.length) }), { kind: "small quiet", icon: "down", onclick: showAllOffers }));
}

/** A cell whose text opens the sales behind its row. */
const pickCell = (text, onclick) => h("button", { type: "button", class: "plain clip", onclick }, text);

