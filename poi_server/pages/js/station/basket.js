/** The ticket's lines, with what each saves. */

import { h, icon } from "../dom.js";
import { money, quantity, t } from "../i18n.js";
import { amountOf, isValue, stepOf } from "./ticket.js";

/** The list of lines; `change(line, thousandths)` changes one, `price(line)` asks for another price, if one may. */
export function basketView(ticket, change, price) {
  const { lines } = ticket.draft;
  if (!lines.length) return h("div", { class: "empty", key: "basket-empty" }, icon("basket"), h("p", {}, t("basket.empty")));
  const saved = savings(ticket);
  return h("ul", { class: "lines", key: "basket-lines", "aria-label": t("basket.title") },
    lines.map((line, at) => lineView(line, at, saved.get(line.line_id) ?? 0, ticket.frozen, change, price)));
}

function savings(ticket) {
  const saved = new Map();
  for (const { line_id: id, amount } of ticket.decision?.adjustments ?? []) saved.set(id, (saved.get(id) ?? 0) + amount);
  return saved;
}

function lineView(line, at, saved, frozen, change, price) {
  const amount = amountOf(line);
  return h("li", { class: "line", key: line.line_id ? `line-${line.line_id}` : `new-${at}` },
    h("div", { class: "grow" },
      h("p", { class: "line-label clip" }, line.label),
      line.fulfilment && wayChip(line),
      priceOf(line, frozen, price)),
    isValue(line) ? h("button", { type: "button", class: "button round quiet", disabled: frozen, "aria-label": t("basket.remove"), onclick: () => change(line, 0) }, icon("trash")) : stepper(line, frozen, change),
    h("div", { class: "line-amount num" },
      h("span", { class: saved ? "struck muted small" : "strong" }, money(amount)),
      saved > 0 && h("span", { class: "save" }, money(amount - saved))));
}

/** What one costs; a button where the price may be changed by hand. */
function priceOf(line, frozen, price) {
  const words = [line.override && h("span", { class: "struck" }, money(line.override.list_price)), " ", money(line.unit_price), line.unit && line.unit !== "piece" ? t(`per.${line.unit}`) : ""];
  const why = line.override && h("p", { class: "small line-why clip", title: line.override.reason }, line.override.reason);
  if (frozen || !price || !line.line_id || !line.code || line.fulfilment || isValue(line)) return [h("p", { class: "muted small num" }, words), why];
  return [h("p", { class: "small num" }, h("button", { type: "button", class: "line-price muted", "aria-label": t("price.change_of", { label: line.label }), onclick: () => price(line) }, words, icon("edit"))), why];
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
