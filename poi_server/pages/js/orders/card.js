/** One order as whoever prepares or brings it needs it, with the next thing to do under the thumb. */

import { h, icon } from "../dom.js";
import { clock, day, money, quantity, t } from "../i18n.js";
import { button } from "../ui.js";

const TONES = { placed: "warn", paid: "warn", preparing: "info", ready: "good", on_the_way: "info", delivered: "good", returned: "bad", cancelled: "" };
const FORWARD = { placed: "preparing", paid: "preparing", preparing: "ready", ready: "delivered", on_the_way: "delivered" };
const MENDABLE = new Set(["placed", "paid", "preparing", "ready"]);
const PICTURES = { preparing: "play", ready: "check", on_the_way: "pin", delivered: "check", cancelled: "close" };

/** The card; `acts` are move(order, state), pay(order), back(order), mend(order); `places` name stores. */
export function orderCard(order, places, acts, { run = false } = {}) {
  return h("article", { class: `card order is-${order.state}`, key: order.order_id, "aria-label": t("orders.number", { number: order.number }) },
    head(order, places),
    run && addressView(order),
    linesView(order),
    missingView(order),
    !run && order.how === "delivery" && addressView(order),
    callView(order),
    order.contact?.note && h("p", { class: "order-note" }, icon("info"), " ", order.contact.note),
    h("div", { class: "order-acts" }, actsView(order, acts)));
}

function head(order, places) {
  return h("header", { class: "order-head" },
    h("div", { class: "row between" },
      h("h3", { class: "clip" }, h("span", { class: "order-number" }, order.number), " ", order.name || t("orders.somebody")),
      h("span", { class: `chip ${TONES[order.state]}` }, t(`orders.state_${order.state}`))),
    h("p", { class: "muted small" }, whereTo(order, places)),
    h("p", { class: "order-money" }, moneyView(order)));
}

function whereTo(order, places) {
  const parts = [t(`orders.way_${order.how}`)];
  if (order.how === "pick_up") parts.push(t("orders.at", { place: places.get(order.store_id) ?? order.store_id }));
  if (order.place !== order.store_id) parts.push(t("orders.from", { place: placeName(order.place, places) }));
  parts.push(t("orders.wanted", { when: `${day(order.wanted_at)} ${clock(order.wanted_at)}` }));
  return parts.join(" · ");
}

/** A store's name, or the central stock's. */
export const placeName = (place, places) => (place === "central" ? t("orders.central") : places.get(place) ?? place);

function moneyView(order) {
  if (order.being_paid) return h("span", { class: "chip info" }, t("orders.being_paid"));
  if (order.due > 0) return h("span", { class: "strong num" }, t("orders.due", { amount: money(order.due) }));
  if (order.sale_id) return h("span", { class: "save num" }, icon("check"), ` ${t("orders.paid")} ${money(order.total)}`);
  return h("span", { class: "num" }, money(order.total));
}

function linesView(order) {
  return h("ul", { class: "order-lines" }, order.lines.map((line) => h("li", {},
    h("span", { class: "num strong" }, quantity(line.quantity - line.returned, line.unit)), " ",
    h("span", { class: line.returned === line.quantity ? "struck" : "" }, line.label))));
}

/** What somebody else bought while a payment was given up. */
function missingView(order) {
  const labels = new Map(order.lines.map((line) => [line.code, line]));
  const told = (order.missing ?? []).map(({ code, quantity: count }) => `${quantity(count, labels.get(code)?.unit)} ${labels.get(code)?.label ?? code}`);
  return told.length > 0 && h("p", { class: "order-note" }, icon("info"), " ", t("orders.missing", { goods: told.join(", ") }));
}

function addressView(order) {
  if (!order.contact?.lines?.length) return order.how === "delivery" && h("p", { class: "muted small" }, t("orders.no_address"));
  return h("div", { class: "order-address" },
    h("address", {}, order.contact.lines.map((line) => h("span", {}, line))),
    h("p", { class: "muted small" }, icon(order.confirmed_at ? "check" : "question"), " ", t(order.confirmed_at ? "orders.confirmed" : "orders.unconfirmed")));
}

function callView({ contact }) {
  const phone = contact?.phone || contact?.address?.phone;
  return phone && h("a", { class: "button small order-call", href: `tel:${phone.replace(/[^+\d]/g, "")}` }, icon("phone"), t("orders.call", { phone }));
}

function actsView(order, acts) {
  const main = mainAct(order);
  const nodes = [];
  if (order.due > 0 && !order.being_paid) {
    const first = main === "delivered" || order.state === "ready";
    nodes.push(button(t("orders.pay", { amount: money(order.due) }), { icon: "tap", kind: first ? "primary big" : "", onclick: () => acts.pay(order) }));
  }
  for (const state of sorted(order, main)) nodes.push(moveButton(order, state, state === main, acts));
  if (MENDABLE.has(order.state)) nodes.push(button(t("orders.mend"), { icon: "edit", kind: "quiet", onclick: () => acts.mend(order) }));
  if (order.sale_id && order.lines.some((line) => line.returned < line.quantity)) nodes.push(button(t("orders.back"), { icon: "undo", kind: "quiet", onclick: () => acts.back(order) }));
  return nodes;
}

function mainAct(order) {
  if (order.state === "ready" && order.how === "delivery") return "on_the_way";
  return FORWARD[order.state];
}

const sorted = (order, main) => [...order.next].sort((a, b) => (b === main) - (a === main) || (a === "cancelled") - (b === "cancelled"));

function moveButton(order, state, main, acts) {
  const back = (order.state === "ready" && state === "preparing") || (order.state === "on_the_way" && state === "ready");
  const label = t(`orders.to_${state}${back ? "_back" : ""}`);
  const kind = main ? "primary big" : state === "cancelled" || back ? "quiet" : "";
  return button(label, { icon: back ? "undo" : PICTURES[state], kind, onclick: () => acts.move(order, state) });
}
