/** A postal address as its country writes it: the fields come from the server, in the country's order. */

import { get } from "./api.js";
import { h, render } from "./dom.js";
import { language, t } from "./i18n.js";
import { field, report } from "./ui.js";

const DEFAULT_COUNTRY = "FR";

/** A form for one address; `value` is what was typed, ready for the API. */
export class AddressForm {
  #known = {};
  #form = null;
  #countries = [];
  /** Whether anything was typed or chosen. */
  touched = false;

  constructor(known = {}, country = DEFAULT_COUNTRY) {
    this.#known = { country_code: country, ...known };
    this.node = h("div", { class: "stack tight address" });
    this.#load();
  }

  get value() {
    const names = (this.#form?.lines.flat() ?? []).map(({ name }) => name);
    const kept = [...names, "phone", "country_code"].map((name) => [name, (this.#known[name] ?? "").trim()]);
    return Object.fromEntries(kept.filter(([, value]) => value));
  }

  /** Show at its field what the server found wrong; false when it is about none of them. */
  show(problem) {
    const name = /^\$\.address\.(\w+)/.exec(problem.path ?? "")?.[1];
    const input = name && this.node.querySelector(`[name="${name}"]`);
    if (!input) return false;
    const wrapper = input.closest(".field");
    wrapper.classList.add("has-problem");
    wrapper.querySelector(".problem")?.remove();
    wrapper.append(h("p", { class: "problem", role: "alert" }, problem.message));
    input.focus();
    return true;
  }

  async #load() {
    try {
      if (!this.#countries.length) this.#countries = (await get("/v1/address-forms")).items;
      this.#form = await get(`/v1/address-forms/${this.#known.country_code}`);
    } catch (problem) {
      return report(problem);
    }
    this.#draw();
  }

  #draw() {
    render(this.node,
      this.#form.lines.map((line) => h("div", { class: "address-line" }, line.map((one) => this.#field(one)))),
      field(`${t("order.phone")} (${t("order.optional")})`, this.#input("phone", { type: "tel", autocomplete: "tel", maxlength: 24 }), { id: "a-phone" }),
      field(t("order.country"), this.#country(), { id: "a-country" }));
  }

  #field({ name, required, example, choices }) {
    const label = t(`order.field.${name}`) + (required ? "" : ` (${t("order.optional")})`);
    const control = choices.length ? this.#select(name, choices) : this.#input(name, { placeholder: example || null, required, autocomplete: AUTOCOMPLETE[name] });
    return field(label, control, { id: `a-${name}` });
  }

  #input(name, more) {
    return h("input", { class: "input", name, value: this.#known[name] ?? "", oninput: (event) => this.#typed(event.target), ...more });
  }

  #select(name, choices) {
    return h("select", { class: "input", name, onchange: (event) => this.#typed(event.target) },
      h("option", { value: "" }, "–"),
      choices.map(([value, label]) => h("option", { value, selected: value === this.#known[name] }, label)));
  }

  #country() {
    const names = new Intl.DisplayNames([language], { type: "region" });
    const named = this.#countries.map((code) => [code, names.of(code) ?? code]).sort((a, b) => a[1].localeCompare(b[1], language));
    const choose = (event) => {
      this.#known.country_code = event.target.value;
      this.touched = true;
      this.#load();
    };
    return h("select", { class: "input", name: "country_code", autocomplete: "country", onchange: choose },
      named.map(([code, name]) => h("option", { value: code, selected: code === this.#known.country_code }, name)));
  }

  #typed(input) {
    this.#known[input.name] = input.value;
    this.touched = true;
    input.closest(".field").classList.remove("has-problem");
    input.closest(".field").querySelector(".problem")?.remove();
  }
}

const AUTOCOMPLETE = { name: "name", company_name: "organization", street_address: "street-address", postal_code: "postal-code", city: "address-level2", country_area: "address-level1", city_area: "address-level3" };
