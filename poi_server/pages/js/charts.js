/** Small charts: bars over days, lying bars. Each has a table with its figures; a mark with `pick` is a button. */

import { h, svg } from "./dom.js";
import { decimals, merchantCurrency, numbers, t } from "./i18n.js";
import { pickable, roving } from "./roving.js";

export const WIDTH = 720;
export const BOTTOM = 24;
const LEFT = 56;

/** The chart with its heading, and its figures as a table on demand. */
export function figure(title, chart, { head, rows }, { hint, kind = "", tools } = {}) {
  return h("figure", { class: `card figure ${kind}`, key: `figure-${title}` },
    h("figcaption", { class: "card-head" }, h("h2", {}, title), hint && h("span", { class: "muted small" }, hint), tools),
    rows.length ? chart : h("p", { class: "empty" }, t("chart.empty")),
    rows.length > 0 && h("details", { class: "figures" }, h("summary", {}, t("chart.table")), table(head, rows, title)));
}

/** A table: `head` are labels, `rows` lists of texts; all columns but the first are figures. */
export function table(head, rows, label) {
  const end = (at) => (at > 0 ? "end num" : "");
  return h("div", { class: "table-scroll", role: "region", tabindex: 0, "aria-label": label ?? head[0] }, h("table", {},
    h("thead", {}, h("tr", {}, head.map((name, at) => h("th", { class: end(at), scope: "col" }, name)))),
    h("tbody", {}, rows.map((row) => h("tr", {}, row.map((cell, at) => h("td", { class: end(at) }, cell)))))));
}

/** A rough amount for axes and tiles: without minor units. */
export function moneyShort(minor, code = merchantCurrency()) {
  const options = { style: "currency", currency: code, notation: "compact", maximumFractionDigits: 1 };
  return numbers(options).format(minor / 10 ** decimals(code));
}

/** Steps of an axis that end at or above `most`: 1, 2 or 5 times a power of ten. */
export function ticks(most, count = 4) {
  if (!(most > 0)) return [0, 1];
  const rough = most / count;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((candidate) => candidate >= rough);
  return Array.from({ length: Math.ceil(most / step) + 1 }, (_, at) => at * step);
}

/** Upright bars: `items` are { label, value, title, before, pick }; `before` is a line across; `format` writes the axis. */
export function bars(items, label, format, { height = 240, width = WIDTH } = {}) {
  const steps = ticks(Math.max(...items.flatMap((item) => [item.value, item.before ?? 0]), 0));
  const plot = height - BOTTOM - 8;
  const y = (value) => 8 + plot - (Math.max(value, 0) / steps.at(-1)) * plot;
  const slot = (width - LEFT) / items.length;
  const every = Math.ceil(items.length / Math.max(Math.floor((width - LEFT) / 72), 2));
  return frame(label, width, height,
    steps.map((step) => [
      svg("line", { class: "axis", x1: LEFT, x2: width, y1: y(step), y2: y(step) }),
      svg("text", { x: LEFT - 8, y: y(step) + 4, "text-anchor": "end" }, format(step)),
    ]),
    items.map((item, at) => {
      const x = LEFT + at * slot;
      const gap = Math.min(slot * 0.2, 6);
      const box = { x: x + gap / 2, y: y(item.value), width: slot - gap, height: Math.max(y(0) - y(item.value), 0), rx: Math.min(3, slot / 4) };
      return [
        mark(item, box, "", { x, y: 8, width: slot, height: plot }),
        at % every === 0 && svg("text", { x: x + slot / 2, y: height - 6, "text-anchor": "middle" }, item.label),
      ];
    }),
    items.some((item) => item.before !== undefined) && svg("path", { class: "before", d: items.map((item, at) => `M${LEFT + at * slot} ${y(item.before ?? 0)}h${slot}`).join("") }));
}

/** Lying bars with their figures, as a list: `items` are { label, value, text, hint, before, pick }; `before` is a tick across the bar. */
export function lyingBars(items, label) {
  const most = Math.max(...items.flatMap((item) => [Math.abs(item.value), item.before ?? 0]), 1);
  return h("ul", { class: "lying", "aria-label": label }, items.map((item) => h("li", {}, lying(item, most))));
}

function lying(item, most) {
  const inside = [
    h("span", { class: "row between lying-head" }, h("span", { class: "clip" }, item.label), h("span", { class: "num strong" }, item.text)),
    h("span", { class: "row" },
      h("span", { class: "bar-track grow", "aria-hidden": "true" }, h("span", { class: "bar-fill", vars: { "--share": Math.max(item.value, 0) / most } }),
        item.before !== undefined && h("span", { class: "bar-before", vars: { "--share": Math.max(item.before, 0) / most } })),
      item.hint && h("span", { class: "muted small num lying-hint" }, item.hint)),
  ];
  return item.pick ? h("button", { type: "button", class: "lying-row", onclick: item.pick }, inside) : h("div", { class: "lying-row" }, inside);
}

/** An SVG drawing: with marks that are buttons a group of them, else a picture. */
export function frame(label, width, height, ...content) {
  const drawing = svg("svg", { class: "chart", viewBox: `0 0 ${width} ${height}`, "aria-label": label }, ...content);
  const group = drawing.querySelector(".pick");
  drawing.setAttribute("role", group ? "group" : "img");
  return group ? roving(drawing) : drawing;
}

/** A mark of a chart, a button if it has a `pick`. The `hit` is where a finger may fall: more than the mark itself where that is small. */
export function mark({ title, pick }, box, kind = "", hit = box) {
  if (!pick) return svg("rect", { ...box, class: `mark ${kind}` }, svg("title", {}, title));
  return svg("g", pickable(title, pick), svg("title", {}, title),
    svg("rect", { class: "hit", x: hit.x, y: hit.y, width: hit.width, height: hit.height }), svg("rect", { ...box, class: `mark ${kind}` }));
}
