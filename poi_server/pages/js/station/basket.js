/** The ticket's lines, with what each saves. */

import { h, icon } from "../dom.js";
import { money, quantity, t } from "../i18n.js";
import { amountOf, stepOf } from "./ticket.js";

/** The list of lines; `setQuantity(line, thousandths)` changes one. */
export function basketView(ticket, change) {
  const { lines } = ticket.draft;
  if (!lines.length) return h("div", { class: "empty", key: "basket-empty" }, icon("basket"), h("p", {}, t("basket.empty")));
  const saved = savings(ticket);
  return h("ul", { class: "lines", key: "basket-lines", "aria-label": t("basket.title") },
    lines.map((line, at) => lineView(line, at, saved.get(line.line_id) ?? 0, ticket.frozen, change)));
}

function savings(ticket) {
  const saved = new Map();
  for (const { line_id: id, amount } of ticket.decision?.adjustments ?? []) saved.set(id, (saved.get(id) ?? 0) + amount);
  return saved;
}

function lineView(line, at, saved, frozen, change) {
  const amount = amountOf(line);
  return h("li", { class: "line", key: line.line_id ? `line-${line.line_id}` : `new-${at}` },
    h("div", { class: "grow" },
      h("p", { class: "line-label clip" }, line.label),
      line.fulfilment && wayChip(line),
      h("p", { class: "muted small num" }, money(line.unit_price), line.unit && line.unit !== "piece" ? t(`per.${line.unit}`) : "")),
    stepper(line, frozen, change),
    h("div", { class: "line-amount num" },
      h("span", { class: saved ? "struck muted small" : "strong" }, money(amount)),
      saved > 0 && h("span", { class: "save" }, money(amount - saved))));
}

function stepper(line, frozen, change) {
  const step = stepOf(line);
  const press = (delta) => () => change(line, Math.max(0, line.quantity + delta));
  return h("div", { class: "stepper", role: "group", "aria-label": t("basket.quantity", { label: line.label }) },
    h("button", { type: "button", disabled: frozen, "aria-label": line.quantity <= step ? t("basket.remove") : t("basket.less"), onclick: press(-step) }, icon(line.quantity <= step ? "trash" : "minus")),
    h("span", { class: "num", "aria-live": "polite" }, quantity(line.quantity, line.unit ?? "piece")),
    h("button", { type: "button", disabled: frozen, "aria-label": t("basket.more"), onclick: press(step) }, icon("plus")));
}

/** The chip of a line that is not taken along. */
function wayChip(line) {
  return h("p", { class: "chip info line-way" }, t(`orders.way_${line.fulfilment.how}`));
}
