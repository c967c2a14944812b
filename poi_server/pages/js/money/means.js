/** By what one may pay here: the owner switches means on and off. */

import { get, put } from "../api.js";
import { h, render } from "../dom.js";
import { t } from "../i18n.js";
import { report, toast } from "../ui.js";

const ALL = ["card", "cash", "wallet", "gift_card", "meal_voucher", "transfer"];

/** The switches. */
export class MeansPanel extends HTMLElement {
  #items = null;

  async connectedCallback() {
    try {
      this.#items ??= (await get("/v1/settings/means")).items;
      this.#draw();
    } catch (problem) {
      report(problem);
    }
  }

  #draw() {
    render(this, h("section", { class: "card stack means-card" }, h("p", { class: "muted" }, t("money.means_words")),
      ALL.map((means) => h("label", { class: "check", key: means }, h("input", { type: "checkbox", checked: this.#items.includes(means), onchange: ({ target }) => this.#set(means, target.checked) }), h("span", {}, t(`means.${means}`), has(means) && h("span", { class: "muted small block" }, t(`money.means_${means}`)))))));
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
