/** The orders of the day: what to prepare, what to bring, and the next thing to do under one thumb. */

import { get, post } from "./api.js";
import { h, icon, render } from "./dom.js";
import { money, t } from "./i18n.js";
import { Live } from "./live.js";
import { offlineBanner, requireRole } from "./nav.js";
import { button, confirm, dialog, iconButton, report, segmented, toast } from "./ui.js";
import { today } from "./dashboard/period.js";
import { backDialog } from "./orders/back.js";
import { orderCard } from "./orders/card.js";

const TABS = ["open", "run", "ended"];
const PICTURES = { open: "box", run: "pin", ended: "check" };
const COLUMNS = [["placed", "paid"], ["preparing"], ["ready"], ["on_the_way"]];
const MANAGERS = ["owner", "manager"];
const ENDED = new Set(["delivered", "returned", "cancelled"]);
const EARLY = new Set(["placed", "preparing"]);
const STATION = "poi.orders.station";
const PAGE = 100;

class PoiOrders extends HTMLElement {
  #tab = TABS.includes(location.hash.slice(1)) ? location.hash.slice(1) : "open";
  #orders = null;
  #next = null;
  #stations = [];
  #places = new Map();
  #store = "";
  #day = "";
  #asked = 0;
  #me = null;

  async connectedCallback() {
    this.#me = await requireRole("owner", "manager", "seller");
    this.#day = today(this.#me.merchant.zone);
    const live = new Live({ watch: "orders" });
    live.addEventListener("message", ({ detail }) => detail.kind === "order" && this.#load());
    live.addEventListener("resync", () => this.#load());
    offlineBanner(live);
    live.start();
    await this.#know();
    await this.#load();
  }

  async #know() {
    try {
      const [stations, places] = await Promise.all([get("/v1/stations"), get("/v1/stock/places")]);
      this.#stations = stations.items;
      this.#places = new Map(places.items.filter(({ name }) => name).map(({ place, name }) => [place, name]));
    } catch (problem) {
      report(problem);
    }
  }

  async #load(after = "") {
    const asked = (this.#asked += 1);
    try {
      const page = await get("/v1/orders", { ...this.#wanted(), limit: PAGE, after });
      if (asked !== this.#asked) return;
      this.#orders = after ? [...this.#orders, ...page.items] : page.items;
      this.#next = page.next;
    } catch (problem) {
      report(problem);
    }
    this.#draw();
  }

  #wanted() {
    const store = { store_id: this.#store };
    if (this.#tab === "run") return { ...store, how: "delivery", day: this.#day };
    return this.#tab === "open" ? { ...store, open: true } : store;
  }

  #draw() {
    render(this, h("div", { class: "wrap-page stack" },
      this.#head(),
      h("div", { class: "orders-filters", key: "filters" }, this.#filters()),
      this.#orders === null ? h("p", { class: "loading", key: "wait", role: "status" }, t("app.loading")) : this.#list()));
  }

  #head() {
    const tabs = TABS.map((value) => ({ value, label: t(`orders.tab_${value}`), icon: PICTURES[value] }));
    return h("div", { class: "row between wrap orders-head", key: "head" },
      h("div", { class: "row" }, h("h1", {}, t("page.orders")),
        MANAGERS.includes(this.#me?.role) && iconButton("edit", t("order_rules.title"), () => this.#rules())),
      button(t("take.open"), { icon: "phone", kind: "primary big take-open", onclick: () => this.#take() }),
      segmented(t("orders.view"), tabs, this.#tab, (tab) => this.#show(tab)));
  }

  #show(tab) {
    this.#tab = tab;
    this.#orders = null;
    history.replaceState(null, "", `#${tab}`);
    this.#draw();
    this.#load();
  }

  #filters() {
    const store = (event) => { this.#store = event.target.value; this.#load(); };
    const day = (event) => { this.#day = event.target.value; this.#load(); };
    return [
      this.#places.size > 1 && chooser(t("orders.store"), this.#store, [["", t("orders.every_store")], ...this.#places], store),
      chooser(t("orders.station"), this.#station, [["", "–"], ...this.#stations.map((one) => [one.station_id, one.name])], (event) => { localStorage.setItem(STATION, event.target.value); this.#draw(); }),
      this.#tab === "run" && h("label", { class: "field", key: "day" }, h("span", { class: "label" }, t("orders.day")), h("input", { class: "input", type: "date", value: this.#day, onchange: day })),
    ];
  }

  get #station() {
    const known = localStorage.getItem(STATION) ?? "";
    return this.#stations.some((one) => one.station_id === known) ? known : this.#stations.length === 1 ? this.#stations[0].station_id : "";
  }

  #list() {
    const shown = this.#shown();
    if (!shown.length) return h("div", { class: "empty", key: "none" }, icon(PICTURES[this.#tab]), h("p", {}, t(`orders.none_${this.#tab}`)));
    const body = this.#tab === "open" ? this.#board(shown) : this.#column(shown);
    const more = this.#next && h("button", { type: "button", class: "button", key: "more", onclick: () => this.#load(this.#next) }, t("orders.more"));
    return h("div", { class: "stack", key: `list-${this.#tab}` }, this.#tab === "run" && this.#sum(shown), body, more);
  }

  #shown() {
    if (this.#tab === "open") return soonest(this.#orders);
    if (this.#tab === "run") return soonest(this.#orders.filter((order) => order.state !== "cancelled" && order.state !== "returned"));
    return this.#orders.filter((order) => ENDED.has(order.state));
  }

  #sum(orders) {
    const open = orders.filter((order) => order.state !== "delivered");
    const due = open.reduce((sum, order) => sum + order.due, 0);
    return h("p", { class: "run-sum strong", role: "status", key: "sum" }, t("orders.run_total", { count: open.length, amount: money(due) }));
  }

  #board(orders) {
    const columns = COLUMNS.map((states) => [states, orders.filter((order) => states.includes(order.state))]).filter(([, found]) => found.length);
    return h("div", { class: "board", key: "board" }, columns.map(([states, found]) =>
      h("section", { class: "board-column", key: states[0], "aria-label": t(`orders.state_${states[0]}`) },
        h("h2", { class: "board-head" }, t(`orders.state_${states[0]}`), " ", h("span", { class: "muted num" }, String(found.length))),
        this.#column(found))));
  }

  #column(orders) {
    const acts = { move: (order, state) => this.#move(order, state), pay: (order) => this.#pay(order), back: (order) => this.#back(order), mend: (order) => this.#mend(order) };
    return h("div", { class: "order-list", key: "column" }, orders.map((order) => orderCard(order, this.#places, acts, { run: this.#tab === "run" })));
  }

  async #move(order, state) {
    if (state === "cancelled" && !(await confirm(t("orders.to_cancelled"), t("orders.cancel_hint", { number: order.number }), t("orders.to_cancelled")))) return;
    try {
      await post(`/v1/orders/${order.order_id}/moves`, { state });
    } finally {
      await this.#load();
    }
  }

  async #pay(order) {
    if (!this.#station) return toast(t("orders.no_station"), "bad");
    const ahead = EARLY.has(order.state) ? await askAhead(order) : false;
    if (ahead === null) return undefined;
    await post(`/v1/orders/${order.order_id}/session`, { station_id: this.#station, ahead });
    return location.assign(`/station/${this.#station}`);
  }

  async #back(order) {
    if (await backDialog(order, this.#places, this.#me, this.#station || this.#stations[0]?.station_id)) await this.#load();
  }

  async #mend(order) {
    const { mendDialog } = await import("./orders/mend.js");
    if (await mendDialog(order)) await this.#load();
  }

  async #rules() {
    const { rulesDialog } = await import("./orders/rules.js");
    await rulesDialog().catch(report);
  }

  async #take() {
    const { takeDialog } = await import("./orders/take.js");
    const order = await takeDialog(this.#me, this.#places, this.#store || this.#storeOf(this.#station));
    if (order) this.#show("open");
  }

  #storeOf(stationId) {
    return this.#stations.find((one) => one.station_id === stationId)?.store_id ?? [...this.#places.keys()][0];
  }
}

/** Before it is ready an order may be paid and waited for: true when paid ahead, null when nothing is to be done. */
async function askAhead(order) {
  let ahead = null;
  await dialog(t("orders.pay_title", { amount: money(order.due) }), (close) => {
    const choice = (value, label, picture) => button(label, { icon: picture, kind: "big", onclick: () => { ahead = value; close(); } });
    return { body: h("div", { class: "stack" }, h("p", {}, t("orders.pay_hint")), choice(false, t("orders.pay_now"), "basket"), choice(true, t("orders.pay_ahead"), "clock")) };
  });
  return ahead;
}

const soonest = (orders) => [...orders].sort((a, b) => a.wanted_at.localeCompare(b.wanted_at) || a.order_id.localeCompare(b.order_id));

function chooser(label, value, choices, onchange) {
  return h("label", { class: "field", key: label }, h("span", { class: "label" }, label),
    h("select", { class: "input", onchange }, choices.map(([one, name]) => h("option", { value: one, selected: one === value }, name))));
}

customElements.define("poi-orders", PoiOrders);
