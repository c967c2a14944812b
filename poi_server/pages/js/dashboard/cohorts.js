/** Of the new customers of each month, how many came back in the months after: the retention triangle. */

import { h } from "../dom.js";
import { number, share, t, tn } from "../i18n.js";
import { drill } from "./drill.js";
import { month } from "./words.js";

export function cohorts({ cohorts: found, view, names }) {
  const items = found?.items.filter((one) => one.customers > 0) ?? [];
  const columns = Math.max(0, ...items.map((one) => one.active.length));
  return h("section", { class: "card figure span-7", key: "cohorts" },
    h("div", { class: "card-head" }, h("h2", {}, t("figure.cohorts")), h("span", { class: "muted small" }, t("figure.cohorts_hint"))),
    items.length ? triangle(items, columns, view, names) : h("p", { class: "empty" }, t(found ? "figure.no_cohorts" : "app.loading")));
}

function triangle(items, columns, view, names) {
  const head = Array.from({ length: columns }, (_, at) => h("th", { scope: "col", class: "end" }, at ? t("figure.month_after", { n: number(at) }) : t("figure.new_customers")));
  return h("div", { class: "table-scroll", role: "region", tabindex: 0, "aria-label": t("figure.cohorts") }, h("table", { class: "cohorts" },
    h("thead", {}, h("tr", {}, h("th", { scope: "col" }, t("figure.cohort")), head)),
    h("tbody", {}, items.map((one) => h("tr", {}, h("th", { scope: "row" }, month(one.month, "short")), one.active.map((active, at) => cell(one, active, at, view, names)))))));
}

function cell(one, active, at, view, names) {
  if (at) return h("td", { class: "end num cohort", vars: { "--share": active / one.customers }, title: t("figure.cohort_title", { active: number(active), customers: number(one.customers) }) }, share(active / one.customers));
  const [first, last] = [`${one.month}-01`, lastDay(one.month)];
  const open = () => drill(month(one.month), { store_id: view.store_id, first, last }, { visitor: "new" }, { hint: t("figure.first_sales"), names });
  return h("td", { class: "end" }, h("button", { type: "button", class: "plain num", onclick: open, "aria-label": tn("figure.new_in", one.customers, { month: month(one.month) }) }, number(one.customers)));
}

function lastDay(value) {
  const [year, place] = value.split("-").map(Number);
  return `${value}-${new Date(year, place, 0).getDate()}`;
}
