/** Ordering ahead: the basket, fetched or brought, what it will cost with the offers, and the order. */

import { get, newKey, post, postOnce } from "../api.js";
import { h, icon, render } from "../dom.js";
import { clock, day, money, quantity, said, t } from "../i18n.js";
import { busy, dialog, field, report, segmented, toast } from "../ui.js";
import { step } from "./products.js";

/** The order under way: `onput(product, change)` answers the changed basket, `onplaced()` follows the order. */
export async function orderDialog(basket, onput, onplaced) {
  const places = await get("/v1/me/order-places");
  await dialog(t("my_order.title"), (close) => {
    const form = new OrderForm(places, basket, onput, async () => { close(); await onplaced(); }, close);
    return { body: form.node };
  });
}

class OrderForm {
  #rules;
  #basket;
  #onput;
  #onplaced;
  #close;
  #how = "pick_up";
  #quote = null;
  #refusal = "";
  #address = null;
  #key = newKey();
  #asked = 0;
  #store;
  #when = h("input", { class: "input", type: "datetime-local" });
  #name = h("input", { class: "input", maxlength: 120, autocomplete: "name" });
  #note = h("textarea", { class: "input", maxlength: 500, rows: 2 });
  #top = h("div", { class: "stack" });
  #where = h("div", { class: "stack" });
  #sum = h("div", { class: "stack" });

  constructor({ items, rules }, basket, onput, onplaced, close) {
    Object.assign(this, { node: h("form", { class: "stack order-ahead", onsubmit: (event) => this.#submit(event) }) });
    [this.#rules, this.#basket, this.#onput, this.#onplaced, this.#close] = [rules, basket, onput, onplaced, close];
    this.#store = h("select", { class: "input", onchange: () => this.#ask() }, items.map(({ place, name }) => h("option", { value: place }, name)));
    render(this.node, this.#top, field(t("my_order.store"), this.#store), this.#where,
      field(t("my_order.when"), this.#when, { hint: t("my_order.when_hint") }),
      h("details", {}, h("summary", {}, t("my_order.more")), h("div", { class: "stack" }, field(t("my_order.name"), this.#name), field(t("my_order.note"), this.#note))), this.#sum);
    this.#draw();
    this.#ask();
  }

  #wished() {
    return { store_id: this.#store.value, how: this.#how, entries: this.#basket.map(({ product, quantity: amount }) => ({ code: product.code, quantity: amount })) };
  }

  async #ask() {
    const asked = (this.#asked += 1);
    try {
      const quote = await post("/v1/me/orders/quote", this.#wished());
      if (asked !== this.#asked) return;
      [this.#quote, this.#refusal] = [quote, ""];
    } catch (problem) {
      if (asked !== this.#asked) return;
      [this.#quote, this.#refusal] = [null, problem.text ?? ""];
      if (problem.text === undefined) throw problem;
    }
    this.#draw();
  }

  async #put(product, change) {
    this.#basket = await this.#onput(product, change);
    this.#key = newKey();
    if (!this.#basket.length) return this.#close();
    this.#draw();
    return this.#ask();
  }

  async #choose(how) {
    this.#how = how;
    if (how === "delivery" && !this.#address) {
      const { AddressForm } = await import("../address.js");
      this.#address = new AddressForm();
    }
    render(this.#where, how === "delivery" && this.#address.node);
    this.#draw();
    await this.#ask();
  }

  #draw() {
    const ways = [{ value: "pick_up", label: t("orders.way_pick_up"), icon: "store" }, { value: "delivery", label: t("orders.way_delivery"), icon: "pin" }];
    render(this.#top, h("ul", { class: "list" }, this.#basket.map((line) => this.#line(line))),
      this.#rules.delivery && segmented(t("my_order.way"), ways, this.#how, (how) => this.#choose(how).catch(report)));
    render(this.#sum, this.#refusal && h("p", { class: "banner is-bad", role: "alert" }, icon("alert"), this.#refusal), this.#quote && this.#total(this.#quote),
      h("button", { class: "button primary big wide", disabled: !this.#quote }, icon("basket"), t("my_order.place", { amount: money(this.#quote?.decision.total ?? 0) })));
  }

  #line({ product, quantity: amount }) {
    return h("li", { key: product.code }, h("span", { class: "grow" }, product.label),
      h("div", { class: "stepper", role: "group", "aria-label": t("basket.quantity", { label: product.label }) },
        h("button", { type: "button", "aria-label": t("basket.less"), onclick: () => this.#put(product, -step(product)).catch(report) }, "−"),
        h("span", { class: "num", "aria-live": "polite" }, quantity(amount, product.unit)),
        h("button", { type: "button", "aria-label": t("basket.more"), onclick: () => this.#put(product, step(product)).catch(report) }, "+")));
  }

  #total({ decision, ready_at: readyAt }) {
    return h("section", { class: "stack tight", "aria-label": t("my_order.total"), "aria-live": "polite" },
      decision.offers.filter((offer) => offer.saved > 0).map((offer) => h("p", { class: "row between save small" }, h("span", {}, said(offer.name)), h("span", { class: "num" }, `−${money(offer.saved)}`))),
      h("p", { class: "row between" }, h("span", {}, t("my_order.total")), h("strong", { class: "num small-total" }, money(decision.total))),
      h("p", { class: "muted small" }, t("my_order.ready", { when: `${day(readyAt / 1000)} ${clock(readyAt / 1000)}` })),
      h("p", { class: "muted small" }, t("my_order.hint")));
  }

  #submit(event) {
    event.preventDefault();
    busy(event.submitter ?? this.node, async () => {
      const wished = { ...this.#wished(), name: this.#name.value.trim(), note: this.#note.value.trim() };
      if (this.#when.value) wished.wanted_at = new Date(this.#when.value).toISOString();
      if (this.#how === "delivery") wished.address = this.#address.value;
      try {
        await postOnce("/v1/me/orders", wished, this.#key);
      } catch (problem) {
        if (problem.code !== "offline") this.#key = newKey();
        if (this.#how === "delivery" && this.#address.show(problem)) return;
        throw problem;
      }
      toast(t("my_order.placed"), "good");
      await this.#onplaced();
    });
  }
}
