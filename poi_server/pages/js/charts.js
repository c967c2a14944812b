/** Small SVG charts: bars over days, horizontal bars, a heat map, a stacked bar. Each has a title and a table with its figures. */

import { h, svg } from "./dom.js";
import { t } from "./i18n.js";

const WIDTH = 720;
const LEFT = 56;
const BOTTOM = 24;

/** The chart with its heading, and its figures as a table on demand. */
export function figure(title, chart, { head, rows }, { hint } = {}) {
  return h("figure", { class: "card figure", key: `figure-${title}` },
    h("figcaption", { class: "card-head" }, h("h2", {}, title), hint && h("span", { class: "muted small" }, hint)),
    rows.length ? chart : h("p", { class: "empty" }, t("chart.empty")),
    rows.length > 0 && h("details", { class: "figures" }, h("summary", {}, t("chart.table")), table(head, rows)));
}

/** A table: `head` are labels, `rows` lists of texts; all columns but the first are figures. */
export function table(head, rows) {
  const end = (at) => (at > 0 ? "end num" : "");
  return h("div", { class: "table-scroll" }, h("table", {},
    h("thead", {}, h("tr", {}, head.map((label, at) => h("th", { class: end(at), scope: "col" }, label)))),
    h("tbody", {}, rows.map((row) => h("tr", {}, row.map((cell, at) => h("td", { class: end(at) }, cell)))))));
}

/** Steps of an axis that end at or above `most`: 1, 2 or 5 times a power of ten. */
export function ticks(most, count = 4) {
  if (!(most > 0)) return [0, 1];
  const rough = most / count;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((candidate) => candidate >= rough);
  return Array.from({ length: Math.ceil(most / step) + 1 }, (_, at) => at * step);
}

/** Upright bars: `items` are { label, value, title }; `format` writes the axis. */
export function bars(items, label, format, { height = 240 } = {}) {
  const steps = ticks(Math.max(...items.map((item) => item.value), 0));
  const top = steps.at(-1);
  const plot = height - BOTTOM - 8;
  const y = (value) => 8 + plot - (Math.max(value, 0) / top) * plot;
  const slot = (WIDTH - LEFT) / items.length;
  const every = Math.ceil(items.length / 8);
  return frame(label, height,
    steps.map((step) => [
      svg("line", { class: "axis", x1: LEFT, x2: WIDTH, y1: y(step), y2: y(step) }),
      svg("text", { x: LEFT - 8, y: y(step) + 4, "text-anchor": "end" }, format(step)),
    ]),
    items.map((item, at) => {
      const x = LEFT + at * slot;
      const gap = Math.min(slot * 0.2, 6);
      return [
        mark(item.title, { x: x + gap / 2, y: y(item.value), width: slot - gap, height: Math.max(y(0) - y(item.value), 0), rx: Math.min(3, slot / 4) }),
        at % every === 0 && svg("text", { x: x + slot / 2, y: height - 6, "text-anchor": "middle" }, item.label),
      ];
    }));
}

/** Lying bars with their figures, as a list: `items` are { label, value, text, hint }. */
export function lyingBars(items, label) {
  const most = Math.max(...items.map((item) => Math.abs(item.value)), 1);
  return h("ul", { class: "lying", "aria-label": label }, items.map((item) =>
    h("li", {},
      h("p", { class: "row between" }, h("span", { class: "clip" }, item.label), h("span", { class: "num strong" }, item.text, item.hint && h("span", { class: "muted small" }, ` · ${item.hint}`))),
      h("div", { class: "bar-track", "aria-hidden": "true" }, h("div", { class: "bar-fill", vars: { "--share": Math.max(item.value, 0) / most } })))));
}

/** A heat map: `rows` and `columns` are labels, `value(row, column)` the figure, `title(row, column)` its words. */
export function heatMap(rows, columns, value, title, label) {
  const cell = (WIDTH - LEFT) / columns.length;
  const side = Math.min(cell, 34);
  const height = rows.length * side + BOTTOM;
  const most = Math.max(...rows.flatMap((_, r) => columns.map((__, c) => value(r, c))), 1);
  return frame(label, height,
    rows.map((name, r) => svg("text", { x: LEFT - 8, y: r * side + side / 2 + 4, "text-anchor": "end" }, name)),
    columns.map((name, c) => (columns.length <= 12 || c % 2 === 0) && svg("text", { x: LEFT + c * cell + cell / 2, y: height - 6, "text-anchor": "middle" }, name)),
    rows.flatMap((_, r) => columns.map((__, c) => {
      const part = Math.max(value(r, c), 0) / most;
      const box = { x: LEFT + c * cell + 1, y: r * side + 1, width: cell - 2, height: side - 2, rx: 4 };
      return part > 0 ? mark(title(r, c), { ...box, "fill-opacity": (0.1 + 0.9 * part).toFixed(3) }) : svg("rect", { ...box, class: "cell-empty" });
    })));
}

/** One bar in parts, with its legend: `parts` are { label, value, text }. */
export function partsBar(parts, label) {
  const total = parts.reduce((sum, part) => sum + part.value, 0) || 1;
  const kinds = ["", "second", "third"];
  let x = 0;
  const drawn = parts.map((part, at) => {
    const width = (part.value / total) * WIDTH;
    const box = mark(`${part.label}: ${part.text}`, { x, y: 0, width: Math.max(width - 2, 0), height: 30, rx: 5 }, kinds[at]);
    x += width;
    return box;
  });
  return h("div", { class: "stack tight" }, frame(label, 30, drawn),
    h("ul", { class: "legend" }, parts.map((part, at) => h("li", {}, h("span", { class: `dot ${kinds[at]}` }), part.label, h("span", { class: "num strong" }, part.text)))));
}

function frame(label, height, ...content) {
  return svg("svg", { class: "chart", viewBox: `0 0 ${WIDTH} ${height}`, role: "img", "aria-label": label }, ...content);
}

function mark(title, box, kind = "") {
  return svg("rect", { ...box, class: `mark ${kind}` }, svg("title", {}, title));
}
