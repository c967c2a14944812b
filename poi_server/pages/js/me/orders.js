/** The customer's own orders: where each stands, what is due, the address to confirm. */

import { get, post } from "../api.js";
import { h, icon, render } from "../dom.js";
import { clock, day, money, quantity, t } from "../i18n.js";
import { button, confirm, dialog, report, toast } from "../ui.js";
import { lastKnown } from "./kept.js";

const SHOWN = 10;
const ENDED = ["delivered", "returned", "cancelled"];
const TONES = { placed: "warn", paid: "warn", preparing: "info", ready: "good", on_the_way: "info", delivered: "good", returned: "bad", cancelled: "" };
const BEFORE_LEAVING = ["placed", "paid", "preparing", "ready"];

class MyOrders extends HTMLElement {
  #orders = [];
  #stores = new Map();

  connectedCallback() {
    this.load();
  }

  /** Ask again: an order moved. */
  async load() {
    try {
      const { value } = await lastKnown("orders", async () => ({ ...(await get("/v1/me/orders", { limit: SHOWN })), places: (await get("/v1/me/order-places")).items }));
      this.#orders = value.items;
      this.#stores = new Map(value.places.map(({ place, name }) => [place, name]));
    } catch (problem) {
      if (problem.code !== "offline" && problem.status !== 401) report(problem);
    }
    this.#draw();
  }

  #draw() {
    if (!this.#orders.length) return render(this);
    return render(this, h("h2", {}, t("my_orders.title")), this.#orders.map((order) => this.#card(order)));
  }

  #card(order) {
    const title = t("orders.number", { number: order.number });
    return h("article", { class: "card stack tight", key: order.order_id, "aria-label": title },
      h("p", { class: "row between" }, h("span", { class: "strong" }, title), h("span", { class: `chip ${TONES[order.state]}` }, t(`my_orders.${order.state}`))),
      h("p", { class: "muted small" }, this.#where(order)),
      h("ul", { class: "small" }, order.lines.map((line) => h("li", {}, `${quantity(line.quantity - line.returned, line.unit)} ${line.label}`))),
      h("p", { class: "row between" }, h("span", { class: "num strong" }, money(order.total, order.currency)), !ENDED.includes(order.state) && h("span", { class: "small muted" }, t(order.due > 0 ? `my_orders.due_${order.how}` : "orders.paid"))),
      order.how === "delivery" && this.#address(order),
      order.state === "placed" && button(t("my_orders.cancel"), { icon: "close", kind: "quiet", onclick: () => this.#cancel(order, title) }));
  }

  #where(order) {
    const way = order.how === "delivery" ? t("orders.way_delivery") : `${t("orders.way_pick_up")} ${t("orders.at", { place: this.#stores.get(order.store_id) ?? "" })}`;
    return `${way} · ${t("orders.wanted", { when: `${day(order.wanted_at)} ${clock(order.wanted_at)}` })}`;
  }

  #address(order) {
    const lines = order.contact?.lines ?? [];
    if (!lines.length) return null;
    const open = BEFORE_LEAVING.includes(order.state);
    return h("div", { class: "stack tight" }, h("address", {}, lines.map((line) => h("span", { class: "block" }, line))),
      order.confirmed_at ? h("p", { class: "small save row" }, icon("check"), t("my_orders.confirmed")) : open && button(t("my_orders.confirm"), { icon: "check", kind: "primary", onclick: () => this.#confirm(order, {}) }),
      open && button(t("my_orders.other"), { icon: "edit", onclick: () => this.#other(order) }));
  }

  async #confirm(order, body) {
    await post(`/v1/me/orders/${order.order_id}/confirm-address`, body);
    toast(t("app.saved"), "good");
    await this.load();
  }

  async #other(order) {
    const { AddressForm } = await import("../address.js");
    const form = new AddressForm(order.contact.address);
    await dialog(t("my_orders.other"), (close) => ({
      body: form.node,
      foot: button(t("app.save"), { kind: "primary", onclick: async () => {
        try {
          await this.#confirm(order, { address: form.value });
          close();
        } catch (problem) {
          if (!form.show(problem)) throw problem;
        }
      } }),
    }));
  }

  async #cancel(order, title) {
    if (!(await confirm(title, t("my_orders.cancel_sure"), t("my_orders.cancel")))) return;
    await post(`/v1/me/orders/${order.order_id}/cancel`);
    await this.load();
  }
}

customElements.define("poi-my-orders", MyOrders);
