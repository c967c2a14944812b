/** The form of a product's sheet. */

import { put } from "../api.js";
import { h, render } from "../dom.js";
import { decimals, LANGUAGES, merchantCurrency, t } from "../i18n.js";
import { busy, field, iconButton, report, toast } from "../ui.js";
import { scaled, shown } from "./numbers.js";

const UNITS = ["piece", "kg", "l", "m", "h"];
const CONTENT_UNITS = ["g", "kg", "ml", "cl", "l", "cm", "m", "piece"];

/** The form; `saved(sheet)` is told of the product as the server has it. */
export function sheetForm(sheet, saved) {
  const form = new Form(sheet);
  const submit = h("button", { class: "button primary big" }, t("app.save"));
  const onsubmit = (event) => {
    event.preventDefault();
    busy(submit, async () => {
      const made = await form.send();
      if (!made) return;
      toast(t("app.saved"), "good");
      saved(made);
    });
  };
  return h("form", { class: "stack loose product-form", onsubmit, novalidate: true }, form.node, h("div", { class: "row end" }, submit));
}

class Form {
  #inputs = new Map();
  #attributes = h("div", { class: "stack tight" });
  #pairs;

  constructor(sheet) {
    this.sheet = sheet ?? {};
    this.isNew = !sheet;
    this.#pairs = Object.entries(this.sheet.attributes ?? {});
    this.node = this.#build();
  }

  #build() {
    const { sheet } = this;
    const text = (name, more = {}) => this.#input(name, h("input", { class: "input", autocomplete: "off", value: sheet[name] ?? "", ...more }));
    const number = (name, digits, more = {}) => this.#input(name, h("input", { class: "input", inputmode: "decimal", autocomplete: "off", value: shown(sheet[name], digits), ...more }));
    const choice = (name, values, chosen, label) => this.#input(name, h("select", { class: "input" }, values.map((value) => h("option", { value, selected: value === chosen }, label(value)))));
    const flag = (name, on) => h("label", { class: "check" }, this.#keep(name, h("input", { type: "checkbox", checked: on })), t(`products.${name}`));
    const places = decimals();
    return h("div", { class: "stack loose" },
      h("div", { class: "fields" }, text("code", { required: true, maxlength: 64, readonly: !this.isNew }), text("label", { required: true, maxlength: 200 }),
        number("unit_price", places, { required: true }), choice("unit", UNITS, sheet.unit ?? "piece", (unit) => t(`products.unit_${unit}`)),
        number("vat_rate", 2, { value: shown(sheet.vat_rate ?? 2000, 2) }), number("cost", places), text("category", { maxlength: 200 }), text("brand", { maxlength: 120 })),
      h("div", { class: "row wrap" }, flag("active", sheet.active ?? true), flag("tracked", sheet.tracked ?? false)),
      h("details", { class: "more-fields", open: Boolean(sheet.parent || sheet.content || sheet.gtin) }, h("summary", {}, t("products.details")),
        h("div", { class: "fields" },
          this.#input("gtins", h("input", { class: "input", inputmode: "numeric", autocomplete: "off", value: [sheet.gtin, ...(sheet.gtins ?? [])].filter(Boolean).join(" ") }), t("products.gtins_hint")),
          number("content", 3), choice("content_unit", ["", ...CONTENT_UNITS], sheet.content_unit ?? "", (unit) => (unit ? t(`products.content_${unit}`) : "—")),
          number("low_stock", 3), text("parent", { maxlength: 64 })),
        this.#attributesView()),
      h("details", { class: "more-fields", open: Object.keys(sheet.texts ?? {}).length > 0 }, h("summary", {}, t("products.words")),
        h("div", { class: "words" }, LANGUAGES.map((code) => this.#wordsView(code)))));
  }

  #keep(name, input) {
    this.#inputs.set(name, input);
    return input;
  }

  #input(name, input, hint) {
    const label = ["unit_price", "cost"].includes(name) ? `${t(`products.${name}`)} (${merchantCurrency()})` : t(`products.${name}`);
    const node = field(label, this.#keep(name, input), { hint });
    node.append(h("p", { class: "problem", role: "alert", hidden: true }));
    return node;
  }

  #wordsView(code) {
    const words = this.sheet.texts?.[code] ?? {};
    return h("fieldset", { class: "stack tight" }, h("legend", { class: "label" }, t(`language.${code}`)),
      field(t("products.label"), this.#keep(`label_${code}`, h("input", { class: "input", maxlength: 200, value: words.label ?? "", lang: code }))),
      field(t("products.description"), this.#keep(`description_${code}`, h("textarea", { class: "input", maxlength: 5000, rows: 4, value: words.description ?? "", lang: code }))));
  }

  #attributesView() {
    this.#drawAttributes();
    return h("fieldset", { class: "field" }, h("legend", { class: "label" }, t("products.attributes")), this.#attributes);
  }

  #drawAttributes() {
    render(this.#attributes, this.#pairs.map((pair, at) => h("div", { class: "row", key: `a-${at}` },
      h("input", { class: "input", "aria-label": t("products.attribute_name"), placeholder: t("products.attribute_example"), maxlength: 60, value: pair[0], oninput: (event) => { pair[0] = event.target.value; } }),
      h("input", { class: "input", "aria-label": t("products.attribute_value"), maxlength: 60, value: pair[1], oninput: (event) => { pair[1] = event.target.value; } }),
      iconButton("trash", t("products.attribute_remove"), () => { this.#pairs.splice(at, 1); this.#drawAttributes(); }))),
    h("div", { key: "add" }, h("button", { type: "button", class: "button small", onclick: () => { this.#pairs.push(["", ""]); this.#drawAttributes(); } }, t("products.attribute_add"))));
  }

  /** Send what is written; undefined when something has to be mended. */
  async send() {
    for (const input of this.#inputs.values()) this.#mark(input, "");
    const body = this.#read();
    if (!body) return undefined;
    try {
      return await put(`/v1/products/${encodeURIComponent(body.code)}`, body);
    } catch (problem) {
      const wrong = [...(problem.errors ?? []), problem].filter((one) => one.path);
      for (const { path, detail } of wrong) this.#refuse(path, detail ?? problem.text);
      if (!wrong.length) report(problem);
      return undefined;
    }
  }

  #read() {
    const value = (name) => this.#inputs.get(name).value.trim();
    const numbers = { unit_price: decimals(), vat_rate: 2, cost: decimals(), content: 3, low_stock: 3 };
    const body = { code: value("code"), label: value("label"), unit: value("unit"), category: value("category"), brand: value("brand") };
    let right = true;
    for (const [name, digits] of Object.entries(numbers)) {
      body[name] = scaled(value(name), digits);
      if (Number.isNaN(body[name])) right = this.#refuse(`$.${name}`, t("offer_form.not_a_number"));
    }
    for (const name of ["code", "label"]) if (!body[name]) right = this.#refuse(`$.${name}`, t("products.needed"));
    if (body.unit_price === null) right = this.#refuse("$.unit_price", t("products.needed"));
    body.vat_rate ??= 2000;
    [body.gtin = null, ...body.gtins] = value("gtins").split(/[\s,;/]+/).filter(Boolean);
    const attributes = Object.fromEntries(this.#pairs.map(([name, of]) => [name.trim(), of.trim()]).filter(([name, of]) => name && of));
    const texts = Object.fromEntries(LANGUAGES.map((code) => [code, { label: value(`label_${code}`), description: value(`description_${code}`) }]));
    const flags = { active: this.#inputs.get("active").checked, tracked: this.#inputs.get("tracked").checked };
    return right && { ...body, ...flags, attributes, texts, parent: value("parent") || null, content_unit: value("content_unit") || null };
  }

  #refuse(path, words) {
    const name = /^\$\.(\w+)/.exec(path)?.[1] ?? "";
    const input = this.#inputs.get(name === "gtin" ? "gtins" : name) ?? this.#inputs.get("label");
    this.#mark(input, words);
    input.closest("details")?.setAttribute("open", "");
    input.focus();
    return false;
  }

  #mark(input, words) {
    const node = input.closest(".field");
    const problem = node?.querySelector(".problem");
    if (!problem) return;
    node.classList.toggle("has-problem", Boolean(words));
    problem.hidden = !words;
    problem.textContent = words;
    input.setAttribute("aria-invalid", String(Boolean(words)));
  }
}

