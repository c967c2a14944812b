/** The orders that wait in this station's store: one is opened here to be paid, or handed over when it is paid. */

import { get, post } from "../api.js";
import { h, icon, render } from "../dom.js";
import { clock, day, money, t } from "../i18n.js";
import { busy, dialog, report, toast } from "../ui.js";

const SHOWN = 100;
/** From so many on, a field finds one. */
const MANY = 8;

/** Choose an order; resolves to the session that pays it, or to null. `me` is whose device this is. */
export async function waitingDialog(stationId, me) {
  const station = me.station ?? (await get("/v1/stations")).items.find((one) => one.station_id === stationId);
  const { items } = await get("/v1/orders", { open: true, store_id: station?.store_id, limit: SHOWN });
  const orders = items.filter((order) => !order.being_paid && (order.due > 0 || order.next.includes("delivered"))).sort(readyFirst);
  let session = null;
  await dialog(t("waiting.title"), (close) => {
    const list = h("div");
    let wanted = "";
    const choose = async (order) => {
      session = await open(order, stationId);
      close();
    };
    const draw = () => render(list, rows(orders.filter((order) => fits(order, wanted)), choose));
    const find = h("input", { class: "input", type: "search", autocomplete: "off", "aria-label": t("waiting.find"), placeholder: t("waiting.find"), oninput: () => { wanted = find.value.trim().toLowerCase(); draw(); } });
    draw();
    return { body: h("div", { class: "stack" }, orders.length > MANY && find, list) };
  });
  return session;
}

async function open(order, stationId) {
  const path = `/v1/orders/${order.order_id}`;
  if (order.due > 0) return post(`${path}/session`, { station_id: stationId });
  await post(`${path}/moves`, { state: "delivered" });
  toast(t("waiting.given", { number: order.number }), "good");
  return null;
}

const readyFirst = (a, b) => (b.state === "ready") - (a.state === "ready") || a.wanted_at.localeCompare(b.wanted_at);

const fits = (order, wanted) => `${order.number} ${order.name}`.toLowerCase().includes(wanted);

function rows(orders, choose) {
  if (!orders.length) return h("p", { class: "empty" }, icon("box"), t("waiting.none"));
  return h("ul", { class: "stack tight" }, orders.map((order) => h("li", { key: order.order_id },
    h("button", { type: "button", class: "button big wide face", onclick: (event) => busy(event.currentTarget, () => choose(order).catch(report)) },
      h("span", { class: "grow" },
        h("span", { class: "face-name" }, `${order.number} ${order.name}`),
        h("span", { class: "small muted block" }, `${t(`orders.state_${order.state}`)} · ${day(order.wanted_at)} ${clock(order.wanted_at)}`)),
      h("span", { class: "num strong" }, order.due > 0 ? money(order.due) : t("orders.paid"))))));
}
