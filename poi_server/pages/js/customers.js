/** The clientele: find a customer, look at one, and the rules that hold for all. */

import { get } from "./api.js";
import { h, icon, render, slot } from "./dom.js";
import { t, tn } from "./i18n.js";
import { requireRole } from "./nav.js";
import { report, segmented } from "./ui.js";
import { newCustomer } from "./customers/new.js";
import { CustomerProfile } from "./customers/profile.js";
import { nameOf, resultLine } from "./customers/parts.js";
import { CustomerRules } from "./customers/rules.js";

const PAUSE_MS = 350;
const LETTERS = { owner: 2, manager: 2, seller: 3 };
const MANAGERS = ["owner", "manager"];

class PoiCustomers extends HTMLElement {
  #me = null;
  #tab = "people";
  #query = "";
  #found = null;
  #problem = "";
  #chosen = null;
  #timer = 0;
  #rules = new CustomerRules();

  async connectedCallback() {
    this.#me = await requireRole("owner", "manager", "seller");
    this.addEventListener("changed", ({ detail }) => this.#reload(detail));
    this.addEventListener("gone", () => this.#close());
    this.addEventListener("close", () => this.#close());
    addEventListener("popstate", () => this.#follow());
    this.#draw();
    if (this.#manages) await this.#search();
    this.#follow();
  }

  get #manages() {
    return MANAGERS.includes(this.#me.role);
  }

  #draw() {
    const tabs = ["people", "rules"].map((value) => ({ value, label: t(`customers.tab_${value}`), icon: value === "people" ? "user" : "shield" }));
    render(this, h("div", { class: "wrap-page stack loose" },
      h("div", { class: "row between wrap", key: "head" }, h("h1", {}, t("page.customers")),
        this.#manages && segmented(t("customers.view"), tabs, this.#tab, (tab) => this.#show(tab))),
      this.#tab === "people" ? this.#people() : h("div", { key: "rules" }, slot(this.#rules))));
  }

  #show(tab) {
    this.#tab = tab;
    if (tab === "rules") this.#rules.load();
    this.#draw();
  }

  #people() {
    return h("div", { class: `people ${this.#chosen ? "has-chosen" : ""}`, key: "people" },
      h("section", { class: "finder", key: "finder", "aria-label": t("customers.find") },
        h("div", { class: "row finder-row" }, h("div", { class: "searchbox grow" }, icon("search"),
          h("input", { class: "input", type: "search", autocomplete: "off", value: this.#query, placeholder: t("customers.search"), "aria-label": t("customers.search"), oninput: (event) => this.#typed(event.target.value) })),
          h("button", { type: "button", class: "button primary", onclick: () => this.#new() }, icon("plus"), h("span", {}, t("customers.new")))),
        this.#results()),
      this.#chosen && h("div", { class: "chosen", key: "chosen" }, slot(this.#chosen)));
  }

  #results() {
    if (this.#problem) return h("p", { class: "banner is-warn", role: "alert" }, icon("alert"), this.#problem);
    if (this.#found === null) return h("p", { class: "muted finder-hint" }, t("customers.hint", { letters: LETTERS[this.#me.role] }));
    const { items, more } = this.#found;
    return h("div", { class: "stack tight" },
      h("p", { class: "muted small", role: "status" }, this.#query ? tn("customers.found", items.length) : t("customers.newest")),
      h("ul", { class: "list results" }, items.map((one) => h("li", { key: one.customer_id }, this.#result(one)))),
      more && this.#query && h("p", { class: "muted small" }, t("customers.more")));
  }

  #result(one) {
    const current = this.#chosen?.dataset.customer === one.customer_id;
    return h("button", { type: "button", class: "result", "aria-current": current ? "true" : null, onclick: () => this.#choose(one.customer_id) },
      h("span", { class: "grow" }, h("span", { class: "strong clip" }, nameOf(one)), h("span", { class: "muted small" }, resultLine(one))), icon("right"));
  }

  #typed(text) {
    this.#query = text;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#search(), PAUSE_MS);
  }

  async #search() {
    const asked = this.#query.trim();
    this.#problem = "";
    if (asked.length < LETTERS[this.#me.role] && (asked || !this.#manages)) this.#found = null;
    else await this.#ask(asked);
    this.#draw();
  }

  async #ask(asked) {
    try {
      const found = await get("/v1/customers", { q: asked, limit: 30 });
      if (asked === this.#query.trim()) this.#found = found;
    } catch (problem) {
      if (problem.code !== "too-many-searches" && problem.code !== "search-too-short") return report(problem);
      this.#found = null;
      this.#problem = problem.text;
    }
  }

  #choose(customerId, remember = true) {
    this.#chosen = new CustomerProfile(customerId, this.#me);
    if (remember) history.pushState(null, "", `#${customerId}`);
    this.#draw();
    this.#chosen.load();
  }

  #close() {
    this.#chosen = null;
    history.pushState(null, "", location.pathname);
    this.#draw();
    this.#search();
  }

  #follow() {
    const wanted = location.hash.slice(1);
    if (!wanted && this.#chosen) {
      this.#chosen = null;
      this.#draw();
    } else if (wanted && this.#chosen?.dataset.customer !== wanted) this.#choose(wanted, false);
  }

  #reload(customerId) {
    this.#search();
    if (customerId && customerId !== this.#chosen?.dataset.customer) this.#choose(customerId);
  }

  async #new() {
    const made = await newCustomer(this.#me);
    if (!made) return;
    this.#choose(made.customer_id);
    if (this.#manages) await this.#search();
  }
}

customElements.define("poi-customers", PoiCustomers);
