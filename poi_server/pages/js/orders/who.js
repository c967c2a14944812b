/** For whom an order is: a customer found or made known, or anybody by name and telephone. */

import { get } from "../api.js";
import { nameOf, resultLine } from "../customers/parts.js";
import { newCustomer } from "../customers/new.js";
import { h, icon, render, slot } from "../dom.js";
import { t } from "../i18n.js";
import { button, field, iconButton, report } from "../ui.js";

const PAUSE_MS = 350;
const LETTERS = { owner: 2, manager: 2, seller: 3 };
const SHOWN = 6;

/** The part of the form; `onchange()` is called when another customer is chosen. */
export class Who {
  #me;
  #onchange;
  #customer = null;
  #found = null;
  #problem = "";
  #timer = 0;
  #search = h("input", { class: "input", type: "search", autocomplete: "off", placeholder: t("customers.search"), "aria-label": t("customers.search"), maxlength: 100 });
  #name = h("input", { class: "input", maxlength: 120, autocomplete: "off" });
  #phone = h("input", { class: "input", type: "tel", inputmode: "tel", autocomplete: "off", maxlength: 24 });
  #box = null;
  #chooser = h("div", { class: "stack tight" });

  constructor(me, onchange) {
    [this.#me, this.#onchange] = [me, onchange];
    this.#search.oninput = () => {
      clearTimeout(this.#timer);
      this.#timer = setTimeout(() => this.#find(), PAUSE_MS);
    };
    this.node = h("section", { class: "stack tight", "aria-label": t("take.who") }, h("h3", {}, t("take.who")), this.#chooser,
      h("div", { class: "pair" }, field(t("take.name"), this.#name), field(t("order.phone"), this.#phone)));
    this.#draw();
  }

  get customerId() {
    return this.#customer?.customer_id ?? null;
  }

  /** How to address whoever gets it. */
  get called() {
    return this.#name.value.trim() || (this.#customer?.display_name ?? "");
  }

  /** What the order says of the person. */
  get said() {
    return { name: this.#name.value.trim(), phone: this.#phone.value.trim() };
  }

  /** Nobody can be called back without a name or a number; false after saying so. */
  valid() {
    const known = Boolean(this.#customer || this.#name.value.trim() || this.#phone.value.trim());
    this.#name.setCustomValidity(known ? "" : t("take.who_needed"));
    this.#name.oninput = () => this.#name.setCustomValidity("");
    return this.#name.reportValidity();
  }

  #draw() {
    render(this.#chooser, this.#customer ? this.#chosen() : [slot(this.#finder()), this.#results()]);
  }

  #finder() {
    this.#box ??= h("div", { class: "row wrap", dataset: { own: "" } },
      h("div", { class: "searchbox grow" }, icon("search"), this.#search), button(t("customers.new"), { icon: "plus", onclick: () => this.#new() }));
    return this.#box;
  }

  #chosen() {
    return h("div", { class: "banner is-good", key: "chosen" }, icon("user"),
      h("div", { class: "grow" }, h("p", { class: "strong" }, nameOf(this.#customer)), h("p", { class: "small" }, resultLine(this.#customer))),
      iconButton("close", t("take.another"), () => this.#choose(null)));
  }

  #results() {
    if (this.#problem) return h("p", { class: "banner is-warn", role: "alert", key: "problem" }, icon("alert"), this.#problem);
    if (this.#found === null) return h("p", { class: "muted small", key: "hint" }, t("take.who_hint", { letters: LETTERS[this.#me.role] }));
    if (!this.#found.length) return h("p", { class: "muted small", role: "status", key: "none" }, t("take.nobody"));
    return h("ul", { class: "stack tight", key: "found" }, this.#found.map((one) => h("li", { key: one.customer_id },
      h("button", { type: "button", class: "button big take-choice", onclick: () => this.#choose(one) },
        h("span", { class: "grow" }, h("span", { class: "strong" }, nameOf(one)), h("span", { class: "muted small take-more" }, resultLine(one))), icon("right")))));
  }

  async #find() {
    const asked = this.#search.value.trim();
    this.#problem = "";
    this.#found = asked.length < LETTERS[this.#me.role] ? null : await this.#ask(asked);
    if (asked === this.#search.value.trim()) this.#draw();
  }

  async #ask(asked) {
    try {
      return (await get("/v1/customers", { q: asked, limit: SHOWN })).items;
    } catch (problem) {
      if (problem.text === undefined) throw problem;
      this.#problem = problem.text;
      return null;
    }
  }

  async #new() {
    const made = await newCustomer(this.#me).catch(report);
    if (made) this.#choose(made);
  }

  #choose(customer) {
    this.#customer = customer;
    this.#search.value = "";
    this.#found = null;
    this.#name.setCustomValidity("");
    this.#draw();
    this.#onchange();
  }
}
