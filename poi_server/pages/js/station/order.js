/** What is not taken along: which lines are fetched or brought, from where, and the address. */

import { AddressForm } from "../address.js";
import { get, put } from "../api.js";
import { h, render } from "../dom.js";
import { quantity, t } from "../i18n.js";
import { busy, button, dialog, field, report } from "../ui.js";

/** Choose the way of each line of the ticket's session; resolves to the session as it is then, or null. */
export async function orderDialog(ticket) {
  const view = new OrderView(ticket.session);
  await view.load();
  let saved = null;
  await dialog(t("order.open"), (close) => ({
    body: view.node,
    foot: [
      button(t("app.cancel"), { onclick: close }),
      h("button", { type: "button", class: "button primary", onclick: (event) => busy(event.currentTarget, async () => {
        saved = await view.save();
        if (saved) close();
      }) }, t("order.save")),
    ],
  }));
  return saved;
}

class OrderView {
  #session;
  #places = [];
  #stock = new Map();
  #ways = new Map();
  #form = null;
  #note = h("textarea", { class: "input", maxlength: 500, rows: 2 });
  #last = false;

  constructor(session) {
    this.#session = session;
    this.node = h("div", { class: "stack" });
    for (const one of session.fulfilments ?? []) if (!one.order_id) this.#ways.set(one.line_id, one);
  }

  get #lines() {
    const ordered = new Set((this.#session.fulfilments ?? []).filter((one) => one.order_id).map((one) => one.line_id));
    return this.#session.basket.items.filter((line) => !ordered.has(line.line_id));
  }

  async load() {
    const codes = [...new Set(this.#lines.map((line) => line.code).filter(Boolean))];
    try {
      const [places, contact, ...stocks] = await Promise.all([
        get("/v1/stock/places"),
        get(`/v1/sessions/${this.#session.session_id}/contact`),
        ...codes.map((code) => get(`/v1/products/${encodeURIComponent(code)}/stock`)),
      ]);
      this.#places = places.items;
      codes.forEach((code, at) => this.#stock.set(code, new Map(stocks[at].items.map((one) => [one.place, one.available]))));
      this.#form = new AddressForm(contact?.contact.address ?? {});
      this.#note.value = contact?.contact.note ?? "";
      this.#last = Boolean(contact) && contact.contact_id !== this.#session.contact_id;
    } catch (problem) {
      report(problem);
      this.#form = new AddressForm();
    }
    this.#draw();
  }

  #draw() {
    const brought = [...this.#ways.values()].some((way) => way.how === "delivery");
    render(this.node,
      h("ul", { class: "stack" }, this.#lines.map((line) => this.#line(line))),
      brought && h("section", { class: "stack tight", key: "to", "aria-label": t("order.address") },
        h("h3", {}, t("order.address")),
        this.#last && h("p", { class: "banner" }, t("order.last")),
        this.#form.node,
        field(t("order.note"), this.#note, { id: "order-note" })));
  }

  #line(line) {
    const way = this.#ways.get(line.line_id);
    return h("li", { class: "stack tight", key: `way-${line.line_id}` },
      h("p", { class: "strong" }, h("span", { class: "num" }, quantity(line.quantity, line.unit)), " ", line.label),
      h("div", { class: "order-way" },
        h("select", { class: "input", "aria-label": t("order.way", { label: line.label }), onchange: (event) => this.#choose(line, event.target.value) }, this.#choices(way)),
        way && h("select", { class: "input", "aria-label": t("order.from_of", { label: line.label }), onchange: (event) => { way.place = event.target.value; } }, this.#sources(line, way))));
  }

  #choices(way) {
    const now = way ? (way.how === "delivery" ? "delivery" : `at:${way.store_id}`) : "";
    const stores = this.#places.filter(({ name }) => name);
    const option = (value, label) => h("option", { value, selected: value === now }, label);
    return [option("", t("order.take_away")), option("delivery", t("order.delivery")),
      ...stores.map(({ place, name }) => option(`at:${place}`, t("order.pick_up_at", { store: name })))];
  }

  #sources(line, way) {
    return this.#places.map(({ place, name }) => {
      const left = this.#stock.get(line.code)?.get(place);
      const label = name || t("order.central");
      const said = left === undefined ? label : t("order.left", { place: label, left: quantity(left, line.unit) });
      return h("option", { value: place, selected: place === way.place }, said);
    });
  }

  #choose(line, value) {
    if (!value) this.#ways.delete(line.line_id);
    else {
      const before = this.#ways.get(line.line_id);
      const place = before?.place ?? this.#best(line);
      this.#ways.set(line.line_id, value === "delivery" ? { how: "delivery", place } : { how: "pick_up", place, store_id: value.slice(3) });
    }
    this.#draw();
  }

  /** Where the goods are most likely: here if there are enough, else where most are. */
  #best(line) {
    const stock = [...(this.#stock.get(line.code) ?? [])].sort((a, b) => b[1] - a[1]);
    return stock.length && stock[0][1] >= line.quantity ? stock[0][0] : "central";
  }

  /** Send the ways and the address; null when something is to be mended first. */
  async save() {
    const path = `/v1/sessions/${this.#session.session_id}`;
    const ways = [...this.#ways].map(([lineId, { how, place, store_id: store }]) => ({ line_id: lineId, how, place, ...(how === "pick_up" ? { store_id: store } : {}) }));
    try {
      if (ways.some((way) => way.how === "delivery")) await put(`${path}/contact`, { address: this.#form.value, note: this.#note.value.trim() });
      return await put(`${path}/fulfilments`, { lines: ways });
    } catch (problem) {
      if (!this.#form.show(problem)) report(problem);
      return null;
    }
  }
}
