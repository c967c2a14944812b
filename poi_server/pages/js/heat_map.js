/** Figures by two things at once, hours and weekdays mostly: the darker a field, the more. */

import { BOTTOM, frame, mark, WIDTH } from "./charts.js";
import { svg } from "./dom.js";

const LEFT = 44;

/** A heat map: `rows` and `columns` are labels, `value(row, column)` the figure, `title(row, column)` its words, `pick(row, column)` what a click does. */
export function heatMap(rows, columns, value, title, label, { width = WIDTH, side: tall, pick } = {}) {
  const cell = (width - LEFT) / columns.length;
  const side = tall ?? Math.min(cell, 34);
  const height = rows.length * side + BOTTOM;
  const most = Math.max(...rows.flatMap((_, r) => columns.map((__, c) => value(r, c))), 1);
  const every = Math.ceil(columns.length / Math.max(Math.floor((width - LEFT) / 46), 2));
  return frame(label, width, height,
    rows.map((name, r) => svg("text", { x: LEFT - 8, y: r * side + side / 2 + 4, "text-anchor": "end" }, name)),
    columns.map((name, c) => c % every === 0 && svg("text", { x: LEFT + c * cell + cell / 2, y: height - 6, "text-anchor": "middle" }, name)),
    rows.flatMap((_, r) => columns.map((__, c) => {
      const part = Math.max(value(r, c), 0) / most;
      const box = { x: LEFT + c * cell + 1, y: r * side + 1, width: cell - 2, height: side - 2, rx: Math.min(4, cell / 4) };
      return part > 0 ? mark({ title: title(r, c), pick: pick && (() => pick(r, c)) }, { ...box, "fill-opacity": (0.1 + 0.9 * part).toFixed(3) }) : svg("rect", { ...box, class: "cell-empty" });
    })));
}
