/** By what one may pay here: the owner switches means on and off. */

import { get, put } from "../api.js";
import { h, render } from "../dom.js";
import { decimals, merchantCurrency, t } from "../i18n.js";
import { field, report, toast } from "../ui.js";

const ALL = ["card", "cash", "wallet", "gift_card", "meal_voucher", "transfer", "tab"];

/** The switches. */
export class MeansPanel extends HTMLElement {
  #items = null;
  #floor = 0;

  async connectedCallback() {
    try {
      [this.#items, this.#floor] = await Promise.all([get("/v1/settings/means").then(({ items }) => items), get("/v1/settings/offline").then(({ floor_limit: floor }) => floor)]);
      this.#draw();
    } catch (problem) {
      report(problem);
    }
  }

  #draw() {
    render(this, h("div", { class: "stack loose" }, this.#taken(), this.#offline()));
  }

  #taken() {
    return h("section", { class: "card stack means-card", "aria-label": t("money.means") }, h("p", { class: "muted" }, t("money.means_words")),
      ALL.map((means) => h("label", { class: "check", key: means }, h("input", { type: "checkbox", checked: this.#items.includes(means), onchange: ({ target }) => this.#set(means, target.checked) }), h("span", {}, t(`means.${means}`), has(means) && h("span", { class: "muted small block" }, t(`money.means_${means}`))))));
  }

  /** How counters go on without the server. */
  #offline() {
    const unit = 10 ** decimals();
    const floor = h("input", { class: "input num", type: "number", min: 0, max: 1_000_000 / unit, step: 1 / unit, inputmode: "decimal", value: this.#floor / unit, onchange: ({ target }) => target.reportValidity() && this.#setFloor(Math.round(Number(target.value) * unit)) });
    return h("section", { class: "card stack means-card", "aria-label": t("offline.title") }, h("h2", {}, t("offline.title")), field(t("offline.floor", { currency: merchantCurrency() }), floor, { hint: t("offline.floor_hint") }));
  }

  async #setFloor(floor) {
    try {
      this.#floor = (await put("/v1/settings/offline", { floor_limit: floor })).floor_limit;
      toast(t("app.saved"), "good");
    } catch (problem) {
      report(problem);
    }
  }

  async #set(means, on) {
    const items = ALL.filter((one) => (one === means ? on : this.#items.includes(one)));
    try {
      this.#items = (await put("/v1/settings/means", { items })).items;
      toast(t("app.saved"), "good");
    } catch (problem) {
      report(problem);
    }
    this.#draw();
  }
}

/** Means that take something more to be set up. */
const has = (means) => ["meal_voucher", "transfer"].includes(means);

customElements.define("poi-means", MeansPanel);
