/** What the owner settles of money: by what one may pay, how counters go on alone, what receipts say of the company. */

import { get, put } from "../api.js";
import { h, render } from "../dom.js";
import { decimals, merchantCurrency, t } from "../i18n.js";
import { field, report, toast } from "../ui.js";

const ALL = ["card", "cash", "wallet", "gift_card", "meal_voucher", "transfer", "tab"];

/** The switches. */
export class MeansPanel extends HTMLElement {
  #items = null;
  #policy = {};
  #head = { vat_number: "", lines: [] };
  #saved = Promise.resolve();

  connectedCallback() {
    return this.#load();
  }

  async #load() {
    try {
      [this.#items, this.#policy, this.#head] = await Promise.all([get("/v1/settings/means").then(({ items }) => items), get("/v1/settings/offline"), get("/v1/settings/receipt")]);
      this.#draw();
    } catch (problem) {
      report(problem);
    }
  }

  #draw() {
    render(this, h("div", { class: "stack loose" }, this.#taken(), this.#offline(), this.#receipt()));
  }

  #taken() {
    return h("section", { class: "card stack means-card", "aria-label": t("money.means") }, h("p", { class: "muted" }, t("money.means_words")),
      ALL.map((means) => h("label", { class: "check", key: means }, h("input", { type: "checkbox", checked: this.#items.includes(means), onchange: ({ target }) => this.#set(means, target.checked) }), h("span", {}, t(`means.${means}`), has(means) && h("span", { class: "muted small block" }, t(`money.means_${means}`))))));
  }

  /** How counters go on without the server, and terminals without the bank. */
  #offline() {
    return [["offline.title", ["floor_limit"]], ["offline.bank_title", ["card_floor_limit", "card_cap"]]].map(([title, names]) =>
      h("section", { class: "card stack means-card", key: title, "aria-label": t(title) }, h("h2", {}, t(title)), names.map((name) => this.#amount(name))));
  }

  #amount(name) {
    const unit = 10 ** decimals();
    const most = (name === "card_cap" ? 100_000_000 : 1_000_000) / unit;
    const input = h("input", { class: "input num", type: "number", min: 0, max: most, step: 1 / unit, inputmode: "decimal", value: this.#policy[name] / unit, onchange: ({ target }) => target.reportValidity() && this.#setPolicy(name, Math.round(Number(target.value) * unit)) });
    return field(t(`offline.${name}`, { currency: merchantCurrency() }), input, { hint: t(`offline.${name}_hint`) });
  }

  #receipt() {
    const vat = h("input", { class: "input", value: this.#head.vat_number, maxlength: 20, onchange: ({ target }) => this.#setHead({ vat_number: target.value.replace(/[ .]/g, "").toUpperCase() }) });
    const lines = h("textarea", { class: "input", rows: 3, maxlength: 480, value: this.#head.lines.join("\n"), onchange: ({ target }) => this.#setHead({ lines: target.value.split("\n").map((line) => line.trim()).filter(Boolean) }) });
    return h("section", { class: "card stack means-card", key: "receipt", "aria-label": t("receipt_head.title") }, h("h2", {}, t("receipt_head.title")), h("p", { class: "muted" }, t("receipt_head.words")),
      field(t("receipt_head.vat_number"), vat), field(t("receipt_head.lines"), lines, { hint: t("receipt_head.lines_hint") }));
  }

  #setHead(change) {
    this.#head = { ...this.#head, ...change };
    this.#save("receipt", this.#head);
  }

  #setPolicy(name, amount) {
    this.#policy = { ...this.#policy, [name]: amount };
    this.#save("offline", this.#policy);
  }

  #set(means, on) {
    this.#items = ALL.filter((one) => (one === means ? on : this.#items.includes(one)));
    this.#save("means", { items: this.#items });
  }

  /** One after the other: what is changed in quick succession is all kept. What is refused is shown as it was. */
  #save(setting, value) {
    this.#saved = this.#saved.then(async () => {
      try {
        await put(`/v1/settings/${setting}`, value);
        toast(t("app.saved"), "good");
      } catch (problem) {
        report(problem);
        await this.#load();
      }
    });
  }
}

/** Means of which more is to be said. */
const has = (means) => ["meal_voucher", "transfer", "tab"].includes(means);

customElements.define("poi-means", MeansPanel);
