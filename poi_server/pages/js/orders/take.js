/** An order taken on the telephone: for whom, what, fetched or brought, when, and what it comes to with the offers. */

import { AddressForm } from "../address.js";
import { get, newKey, post, postOnce } from "../api.js";
import { h, icon, render } from "../dom.js";
import { clock, day, money, said, t } from "../i18n.js";
import { busy, dialog, field, report, segmented, toast } from "../ui.js";
import { placeName } from "./card.js";
import { What } from "./what.js";
import { Who } from "./who.js";

const PAUSE_MS = 150;

/** Take an order; resolves to it, or to null. `places` are the stores' names by id, `storeId` the one to begin with. */
export async function takeDialog(me, places, storeId) {
  const rules = await get("/v1/settings/orders");
  let placed = null;
  await dialog(t("take.title"), (close) => {
    const form = new TakeForm(me, places, storeId, rules, (order) => { placed = order; close(); });
    return { body: form.node, foot: form.foot };
  }, { wide: true });
  return placed;
}

class TakeForm {
  #rules;
  #onplaced;
  #how = "pick_up";
  #quote = null;
  #refusal = "";
  #asked = 0;
  #timer = 0;
  #pending = false;
  #keys = new Map();
  #address = null;
  #who;
  #what;
  #store;
  #source;
  #ways = h("div", { class: "stack tight" });
  #to = h("div", { class: "stack tight" });
  #when = h("input", { class: "input", type: "datetime-local" });
  #note = h("textarea", { class: "input", maxlength: 500, rows: 2 });
  #code = h("input", { class: "input", maxlength: 64, autocomplete: "off" });

  constructor(me, places, storeId, rules, onplaced) {
    [this.#rules, this.#onplaced] = [rules, onplaced];
    this.#who = new Who(me, () => this.#changed());
    this.#what = new What(() => this.#changed());
    this.#store = h("select", { class: "input", onchange: () => this.#moved() }, [...places].map(([one, name]) => h("option", { value: one, selected: one === storeId }, name)));
    this.#source = h("select", { class: "input", onchange: () => this.#sourced() }, ["", "central", ...places.keys()].map((one) => h("option", { value: one }, one ? placeName(one, places) : t("take.source_store"))));
    this.#code.onchange = () => this.#changed();
    this.foot = h("div", { class: "take-foot" });
    this.node = h("div", { class: "stack loose take" }, this.#who.node, this.#what.node, this.#where());
    this.#draw();
    this.#sourced();
  }

  #where() {
    return h("section", { class: "stack tight", "aria-label": t("take.where") }, h("h3", {}, t("take.where")), this.#ways,
      h("div", { class: "pair" }, this.#store.options.length > 1 && field(t("orders.store"), this.#store), field(t("take.when"), this.#when, { hint: t("my_order.when_hint") })), this.#to,
      h("details", {}, h("summary", {}, t("take.more")), h("div", { class: "stack" },
        field(t("take.note"), this.#note), h("div", { class: "pair" }, field(t("take.source"), this.#source), field(t("take.code"), this.#code)))));
  }

  get #place() {
    return this.#source.value || this.#store.value;
  }

  #wished() {
    const wished = { store_id: this.#store.value, how: this.#how, entries: this.#what.entries };
    if (this.#source.value) wished.place = this.#source.value;
    if (this.#code.value.trim()) wished.codes = [this.#code.value.trim()];
    if (this.#who.customerId) wished.customer_id = this.#who.customerId;
    return wished;
  }

  #sourced() {
    this.#what.at(this.#place).catch(report);
  }

  #moved() {
    if (!this.#source.value) this.#sourced();
    this.#changed();
  }

  #changed() {
    this.#asked += 1;
    clearTimeout(this.#timer);
    this.#pending = this.#what.lines.length > 0;
    if (this.#pending) this.#timer = setTimeout(() => this.#ask(), PAUSE_MS);
    else [this.#quote, this.#refusal] = [null, ""];
    this.#draw();
  }

  async #ask() {
    const asked = (this.#asked += 1);
    let answer;
    try {
      answer = [await post("/v1/orders/quote", this.#wished()), ""];
    } catch (problem) {
      if (problem.text === undefined) throw problem;
      answer = [null, problem.text];
    }
    if (asked !== this.#asked) return;
    [this.#quote, this.#refusal] = answer;
    this.#pending = false;
    this.#draw();
  }

  #choose(how) {
    this.#how = how;
    if (how === "delivery") this.#address ??= new AddressForm({ name: this.#who.called, phone: this.#who.said.phone });
    render(this.#to, how === "delivery" && h("h4", {}, t("order.address")), how === "delivery" && this.#address.node);
    this.#changed();
  }

  #draw() {
    const ways = [{ value: "pick_up", label: t("orders.way_pick_up"), icon: "store" }, { value: "delivery", label: t("orders.way_delivery"), icon: "pin" }];
    render(this.#ways, this.#rules.delivery && segmented(t("my_order.way"), ways, this.#how, (how) => this.#choose(how)));
    render(this.foot,
      this.#refusal && h("p", { class: "banner is-bad", role: "alert", key: "refusal" }, icon("alert"), this.#refusal),
      this.#quote && this.#total(this.#quote),
      h("button", { type: "button", class: "button primary big", key: "place", disabled: !this.#quote || this.#pending, onclick: (event) => busy(event.currentTarget, () => this.#send()) },
        icon("phone"), this.#quote ? t(`take.place_${this.#how}`, { amount: money(this.#quote.decision.total) }) : t("take.empty")));
  }

  #total({ decision, ready_at: readyAt }) {
    const offers = decision.offers.filter((offer) => offer.saved > 0);
    return h("section", { class: "take-total", key: "total", "aria-label": t("my_order.total"), "aria-live": "polite" },
      offers.map((offer) => h("p", { class: "row between save small", key: offer.offer_id }, h("span", {}, said(offer.name)), h("span", { class: "num" }, `−${money(offer.saved)}`))),
      h("p", { class: "row between", key: "sum" }, h("span", {}, t("my_order.total")), h("strong", { class: "num take-sum" }, money(decision.total))),
      h("p", { class: "muted small", key: "ready" }, t("my_order.ready", { when: `${day(readyAt / 1000)} ${clock(readyAt / 1000)}` })));
  }

  async #send() {
    if (!this.#who.valid()) return;
    const order = { ...this.#wished(), ...this.#who.said, note: this.#note.value.trim() };
    if (this.#when.value) order.wanted_at = new Date(this.#when.value).toISOString();
    if (this.#how === "delivery") order.address = this.#address.value;
    const intent = JSON.stringify(order);
    if (!this.#keys.has(intent)) this.#keys.set(intent, newKey());
    try {
      const placed = await postOnce("/v1/orders", order, this.#keys.get(intent));
      toast(t("take.placed", { number: placed.number, amount: money(placed.due) }), "good");
      this.#onplaced(placed);
    } catch (problem) {
      if (this.#how !== "delivery" || !this.#address.show(problem)) throw problem;
    }
  }
}
