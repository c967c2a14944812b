/** Best sellers: rank, trend and change, in the order asked for; each opens its sales or begins an offer. */

import { h, icon, svg } from "../dom.js";
import { money, number, quantity, t, tn } from "../i18n.js";
import { button } from "../ui.js";
import { change } from "./change.js";
import { drill, offerLink } from "./drill.js";

const ORDERS = ["total", "quantity", "sales", "rising", "falling"];

export function bestSellers({ best, order, setOrder, moreBest, view, names }) {
  const choice = h("select", { class: "input", "aria-label": t("best.order"), value: order, onchange: (event) => setOrder(event.target.value) },
    ORDERS.map((name) => h("option", { value: name, selected: name === order }, t(`best.${name}`))));
  return h("section", { class: "card figure span-7", key: "products", "aria-label": t("figure.products") },
    h("div", { class: "card-head center" }, h("h2", {}, t("figure.products")), choice),
    best?.items.length ? h("div", { class: "stack tight" }, list(best, view, names), best.next !== null && best.next !== undefined && button(t("best.more"), { kind: "small quiet", icon: "down", onclick: moreBest }))
      : h("p", { class: "empty" }, t(best ? "chart.empty" : "app.loading")));
}

function list(best, view, names) {
  const head = ["rank", "product", "trend", "quantity", "amount", "change"].map((name) => h("th", { scope: "col", class: `col-${name}` }, t(`best.col_${name}`)));
  return h("div", { class: "table-scroll" }, h("table", { class: "best" },
    h("thead", {}, h("tr", {}, head, h("th", { scope: "col" }, h("span", { class: "sr" }, t("best.col_act"))))),
    h("tbody", {}, best.items.map((row) => line(row, view, names)))));
}

function line(row, view, names) {
  const from = row.code ? { from: "product", code: row.code, label: row.label } : null;
  const hint = tn("figure.sold", row.sales, { total: money(row.total) });
  const open = () => drill(row.label, view, { code: row.code, label: row.label }, { hint, from, names });
  const trend = t("best.trend", { first: money(row.series[0] ?? 0), most: money(Math.max(...row.series, 0)), last: money(row.series.at(-1) ?? 0) });
  return h("tr", { key: `${row.code} ${row.label}` },
    h("td", { class: "col-rank" }, h("span", { class: "num strong" }, number(row.rank)), rank(row)),
    h("td", { class: "col-product" }, h("button", { type: "button", class: "plain", onclick: open }, row.label)),
    h("td", { class: "col-trend" }, row.series.length > 1 && spark(row.series, trend)),
    h("td", { class: "col-quantity num" }, quantity(row.quantity)),
    h("td", { class: "col-amount num" }, money(row.total)),
    h("td", { class: "col-change" }, change(row.total, row.before_total, { was: t("change.was", { before: money(row.before_total) }) })),
    h("td", { class: "col-act" }, from && h("a", { class: "button round quiet", href: offerLink(from), "aria-label": t("best.offer", { product: row.label }), title: t("drill.offer") }, icon("tag"))));
}

/** How the rank moved, for eyes and ears. */
function rank({ rank: now, before_rank: then }) {
  if (then === null) return h("span", { class: "moved new" }, t("change.new"));
  if (then === now) return null;
  const said = t(then > now ? "best.up" : "best.down", { places: number(Math.abs(then - now)) });
  return h("span", { class: "moved", title: said }, h("span", { "aria-hidden": "true" }, `${then > now ? "↑" : "↓"}${number(Math.abs(then - now))}`), h("span", { class: "sr" }, said));
}

/** A line the size of a word: how `values` went; `label` says it. */
function spark(values, label, { width = 96, height = 28 } = {}) {
  const [low, high] = [Math.min(...values, 0), Math.max(...values, 1)];
  const x = (at) => 2 + (at / Math.max(values.length - 1, 1)) * (width - 6);
  const y = (value) => 2 + (1 - (value - low) / (high - low)) * (height - 4);
  const line = values.map((value, at) => `${at ? "L" : "M"}${x(at).toFixed(1)} ${y(value).toFixed(1)}`).join("");
  return svg("svg", { class: "spark", viewBox: `0 0 ${width} ${height}`, width, height, role: "img", "aria-label": label },
    svg("path", { class: "spark-area", d: `${line}L${x(values.length - 1).toFixed(1)} ${y(low)}L2 ${y(low)}Z` }),
    svg("path", { class: "spark-line", d: line }), svg("circle", { class: "spark-end", cx: x(values.length - 1), cy: y(values.at(-1)), r: 2.5 }));
}
