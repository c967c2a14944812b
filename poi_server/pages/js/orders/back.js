/** Taking an order back: which lines, why, and where the goods arrive. */

import { newKey, postOnce } from "../api.js";
import { h } from "../dom.js";
import { money, t } from "../i18n.js";
import { busy, button, dialog, field, report, toast } from "../ui.js";
import { placeName } from "./card.js";

/** Ask, and refund; resolves to true when it was done. */
export async function backDialog(order, places) {
  const left = order.lines.filter((line) => line.returned < line.quantity);
  const chosen = new Set(left.map((line) => line.line_id));
  const key = newKey();
  let done = false;
  const reason = h("input", { class: "input", required: true, minlength: 3, maxlength: 200 });
  const place = h("select", { class: "input" }, [...new Set([order.place, order.store_id, "central", ...places.keys()])].map((one) =>
    h("option", { value: one }, one === "central" ? t("order.central") : placeName(one, places))));
  const box = (line) => h("label", { class: "check" },
    h("input", { type: "checkbox", checked: true, onchange: (event) => (event.target.checked ? chosen.add(line.line_id) : chosen.delete(line.line_id)) }), line.label, " ", h("span", { class: "muted num" }, money(line.total)));
  const send = async (close) => {
    const lines = left.filter((line) => chosen.has(line.line_id)).map((line) => ({ line_id: line.line_id, quantity: line.quantity - line.returned }));
    if (!reason.reportValidity() || !lines.length) return;
    try {
      await postOnce(`/v1/orders/${order.order_id}/refunds`, { reason: reason.value, lines, place: place.value }, `${key}.${lines.map((line) => line.line_id).join(".")}`);
      done = true;
      toast(t("orders.back_done"), "good");
      close();
    } catch (problem) {
      report(problem);
    }
  };
  await dialog(t("orders.back"), (close) => ({
    body: h("div", { class: "stack" },
      h("p", { class: "muted" }, t("orders.back_hint", { amount: money(order.total) })),
      h("div", { class: "stack tight" }, left.map(box)),
      field(t("orders.back_reason"), reason), field(t("orders.back_place"), place)),
    foot: [button(t("app.cancel"), { onclick: close }), h("button", { type: "button", class: "button danger", onclick: (event) => busy(event.currentTarget, () => send(close)) }, t("orders.back"))],
  }));
  return done;
}
