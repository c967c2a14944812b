/** A product's prices over time: a chart of steps, every change, and prices to come. */

import { get, post, remove } from "../api.js";
import { ticks } from "../charts.js";
import { h, icon, render, svg } from "../dom.js";
import { dateTime, dayShort, decimals, merchantCurrency, money, t } from "../i18n.js";
import { busy, field, iconButton, report, toast } from "../ui.js";
import { scaled } from "./numbers.js";

const WIDE = 640;
const NARROW = 340;
const HEIGHT = 180;
const LEFT = 64;
const BOTTOM = 24;

/** The prices; they load themselves. `again(sheet)` is told when the sheet has changed. */
export function pricesView(sheet) {
  const node = h("div", { class: "stack loose", dataset: { own: "" } });
  const path = `/v1/products/${encodeURIComponent(sheet.code)}/prices`;
  const load = async () => {
    const history = await get(path).catch(report);
    if (history) render(node, chart(history), planned(history, path, load), planForm(path, load), changes(history));
  };
  load();
  return node;
}

/** Each price from its moment on: known ones as a line, planned ones dashed. */
function chart({ changes: known, planned }) {
  const now = Date.now();
  const past = known.map((one) => ({ at: Date.parse(one.at), price: one.after })).reverse();
  if (!past.length) return null;
  const future = planned.map((one) => ({ at: Date.parse(one.starts_at), price: one.unit_price }));
  const first = Math.min(past[0].at, now - 86_400_000);
  const last = Math.max(future.at(-1)?.at ?? now, now) + (now - first) * 0.04;
  const width = window.innerWidth < 600 ? NARROW : WIDE;
  const steps = ticks(Math.max(...[...past, ...future].map((one) => one.price), 1), 3);
  const x = (at) => LEFT + ((at - first) / (last - first)) * (width - LEFT - 8);
  const y = (price) => 8 + (HEIGHT - BOTTOM - 8) * (1 - price / steps.at(-1));
  const line = (points, end) => points.map(({ at, price }, n) => `${n ? "H" : "M"}${x(at)}${n ? "V" : " "}${y(price)}`).join("") + `H${x(end)}`;
  const today = { at: now, price: past.at(-1).price };
  return svg("svg", { class: "chart prices-chart", viewBox: `0 0 ${width} ${HEIGHT}`, role: "img", "aria-label": t("prices.chart") },
    steps.map((step) => [svg("line", { class: "axis", x1: LEFT, x2: width, y1: y(step), y2: y(step) }), svg("text", { x: LEFT - 8, y: y(step) + 4, "text-anchor": "end" }, money(step))]),
    svg("path", { class: "price-line", d: line(past, now) }),
    future.length > 0 && svg("path", { class: "price-line planned", d: line([today, ...future], last) }),
    x(now) > LEFT + 130 && svg("text", { x: LEFT, y: HEIGHT - 6 }, dayShort(first)),
    svg("text", { x: x(now), y: HEIGHT - 6, "text-anchor": x(now) > LEFT + 130 ? "end" : "start" }, t("prices.today")));
}

function planned(history, path, load) {
  if (!history.planned.length) return null;
  const cancel = async (one) => {
    await remove(`${path}/${one.plan_id}`).catch(report);
    await load();
  };
  return h("section", { "aria-label": t("prices.planned") }, h("h3", {}, t("prices.planned")), h("ul", { class: "list" }, history.planned.map((one) =>
    h("li", { key: one.plan_id }, icon("clock"), h("span", { class: "grow" }, t("prices.from", { when: dateTime(one.starts_at) })), h("strong", { class: "num" }, money(one.unit_price)),
      iconButton("trash", t("prices.cancel"), () => cancel(one))))));
}

function planForm(path, load) {
  const price = h("input", { class: "input", inputmode: "decimal", autocomplete: "off" });
  const from = h("input", { class: "input", type: "datetime-local" });
  const submit = h("button", { class: "button" }, icon("clock"), t("prices.plan"));
  const onsubmit = (event) => {
    event.preventDefault();
    busy(submit, async () => {
      const amount = scaled(price.value, decimals());
      if (amount === null || Number.isNaN(amount) || !from.value) return toast(t("prices.needed"), "bad");
      await post(path, { unit_price: amount, starts_at: new Date(from.value).toISOString() });
      toast(t("app.saved"), "good");
      await load();
    });
  };
  return h("form", { class: "card stack", onsubmit, key: "plan" }, h("h3", {}, t("prices.plan_title")),
    h("div", { class: "fields" }, field(`${t("products.unit_price")} (${merchantCurrency()})`, price), field(t("prices.starts"), from)), h("div", { class: "row end" }, submit));
}

function changes({ changes: known }) {
  return h("details", { open: known.length < 8 }, h("summary", {}, t("prices.history")), h("div", { class: "table-scroll", tabindex: 0, role: "region", "aria-label": t("prices.history") }, h("table", {},
    h("thead", {}, h("tr", {}, ["when", "before", "after", "who"].map((name, at) => h("th", { scope: "col", class: at === 1 || at === 2 ? "end" : "" }, t(`prices.${name}`))))),
    h("tbody", {}, known.map((one) => h("tr", {},
      h("td", { class: "num" }, dateTime(one.at)), h("td", { class: "end num" }, one.before === null ? "—" : money(one.before)), h("td", { class: "end num strong" }, money(one.after)), h("td", { class: "muted small" }, one.who)))))));
}
