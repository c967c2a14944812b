/** The figures of one period: what sells, when, by which means, to whom, and what the offers did. */

import { bars, figure, heatMap, lyingBars, partsBar, table } from "../charts.js";
import { h } from "../dom.js";
import { day, dayShort, has, hour, money, moneyShort, number, quantity, said, share, t, weekday } from "../i18n.js";
import { daysBetween } from "./period.js";

const FACETS = ["means", "card_scheme", "card_type", "entry_mode"];
const TOP_CUSTOMERS = 10;

/** Everything; `fresh` marks that a sale has just come in. */
export function figures(data, fresh) {
  return h("div", { class: "figures-grid" },
    tiles(data.totals, fresh), days(data), hours(data), products(data), ...FACETS.map((facet) => facetBars(data, facet)),
    visitors(data), customers(data), baskets(data), offers(data));
}

function tiles(totals, fresh) {
  const items = [
    ["revenue", money(totals.total)], ["sales", number(totals.sales)], ["average", money(totals.average_basket)],
    ["saved", money(totals.saved)], ["refunded", money(totals.refunded)], ["points", number(totals.points)],
  ];
  return h("dl", { class: `stats ${fresh ? "is-fresh" : ""}`, key: "stats", "aria-live": "polite" }, items.map(([name, value]) =>
    h("div", { class: "stat", key: `stat-${name}` }, h("dt", { class: "muted small" }, t(`figure.${name}`)), h("dd", { class: "num" }, value))));
}

function days(data) {
  const known = new Map(data.by_day.map((row) => [row.day, row]));
  const rows = daysBetween(data.first_day, data.last_day).map((date) => known.get(date) ?? { day: date, sales: 0, total: 0, saved: 0 });
  const items = rows.map((row) => ({ label: dayShort(row.day), value: row.total, title: t("figure.day_title", { day: day(row.day), total: money(row.total), sales: number(row.sales) }) }));
  return figure(t("figure.by_day"), bars(items, t("figure.by_day"), moneyShort), {
    head: [t("figure.day"), t("figure.sales"), t("figure.amount"), t("figure.saved")],
    rows: data.by_day.length ? rows.map((row) => [day(row.day), number(row.sales), money(row.total), money(row.saved)]) : [],
  });
}

function hours(data) {
  const cells = new Map(data.by_hour.map((cell) => [`${cell.weekday} ${cell.hour}`, cell]));
  const found = data.by_hour.map((cell) => cell.hour);
  const first = Math.min(...found, 8);
  const columns = Array.from({ length: Math.max(...found, 19) - first + 1 }, (_, at) => first + at);
  const at = (row, column) => cells.get(`${row + 1} ${columns[column]}`) ?? { total: 0, sales: 0 };
  const name = (row, column) => `${weekday(row + 1, "long")}, ${hour(columns[column])}`;
  const title = (row, column) => t("figure.hour_title", { when: name(row, column), total: money(at(row, column).total), sales: number(at(row, column).sales) });
  const rows = [1, 2, 3, 4, 5, 6, 7].map((index) => weekday(index));
  return figure(t("figure.by_hour"), heatMap(rows, columns.map(hour), (r, c) => at(r, c).total, title, t("figure.by_hour")), {
    head: [t("figure.weekday"), t("figure.hour"), t("figure.sales"), t("figure.amount")],
    rows: data.by_hour.map((cell) => [weekday(cell.weekday, "long"), hour(cell.hour), number(cell.sales), money(cell.total)]),
  }, { hint: t("figure.by_hour_hint") });
}

function products(data) {
  const rows = data.by_product.map((row) => [row.label, quantity(row.quantity), money(row.saved), money(row.total)]);
  return h("section", { class: "card figure tall", key: "products" },
    h("div", { class: "card-head" }, h("h2", {}, t("figure.products"))),
    rows.length ? table([t("figure.product"), t("figure.quantity"), t("figure.saved"), t("figure.amount")], rows) : h("p", { class: "empty" }, t("chart.empty")));
}

function facetBars(data, facet) {
  const rows = data[`by_${facet}`];
  const total = rows.reduce((sum, row) => sum + Math.max(row.total, 0), 0) || 1;
  const items = rows.map((row) => ({ label: facetLabel(facet, row.value), value: row.total, text: money(row.total), hint: share(Math.max(row.total, 0) / total) }));
  return figure(t(`figure.by_${facet}`), lyingBars(items, t(`figure.by_${facet}`)), {
    head: [t(`figure.by_${facet}`), t("figure.sales"), t("figure.amount")],
    rows: rows.map((row) => [facetLabel(facet, row.value), number(row.sales), money(row.total)]),
  });
}

function facetLabel(facet, value) {
  if (!value) return t("figure.no_card");
  return has(`${facet}.${value}`) ? t(`${facet}.${value}`) : value.toUpperCase();
}

function visitors({ customers: counts }) {
  const names = ["new", "returning", "anonymous"];
  const parts = names.map((name) => ({ label: t(`figure.${name}`), value: counts[name], text: number(counts[name]) }));
  const any = parts.some((part) => part.value);
  return figure(t("figure.visitors"), partsBar(parts, t("figure.visitors")), {
    head: [t("figure.visitors"), t("figure.sales")],
    rows: any ? parts.map((part) => [part.label, part.text]) : [],
  });
}

function baskets(data) {
  const label = ({ low, high }) => (high === null ? t("figure.from", { amount: money(low) }) : t("figure.between", { low: moneyShort(low), high: moneyShort(high) }));
  const filled = data.basket_sizes.some((band) => band.sales);
  const items = data.basket_sizes.map((band) => ({ label: moneyShort(band.low), value: band.sales, title: `${label(band)}: ${number(band.sales)}` }));
  return figure(t("figure.baskets"), bars(items, t("figure.baskets"), (value) => number(value), { height: 200 }), {
    head: [t("figure.basket"), t("figure.sales")],
    rows: filled ? data.basket_sizes.map((band) => [label(band), number(band.sales)]) : [],
  });
}

function customers(data) {
  const name = (row) => row.display_name || t("figure.pseudonym", { id: row.customer_id.slice(-4).toUpperCase() });
  const rows = data.top_customers.slice(0, TOP_CUSTOMERS).map((row) => [name(row), number(row.sales), money(row.total)]);
  return h("section", { class: "card figure double", key: "customers" },
    h("div", { class: "card-head" }, h("h2", {}, t("figure.top_customers"))),
    rows.length ? table([t("figure.customer"), t("figure.sales"), t("figure.amount")], rows) : h("p", { class: "empty" }, t("chart.empty")));
}

function offers(data) {
  const rows = data.offers.map((row) => [said(row.name), number(row.uses), money(row.saved), money(row.value)]);
  return h("section", { class: "card figure wide-figure", key: "offers" },
    h("div", { class: "card-head" }, h("h2", {}, t("figure.offers")), h("a", { href: "/offers" }, t("figure.all_offers"))),
    rows.length ? table([t("figure.offer"), t("figure.uses"), t("figure.saved"), t("figure.value")], rows) : h("p", { class: "empty" }, t("chart.empty")));
}
