/** What can be put on the ticket: products by search and category, or a plain amount. */

import { get } from "../api.js";
import { h, icon, render, slot } from "../dom.js";
import { money, t } from "../i18n.js";
import { report, segmented } from "../ui.js";
import "./keypad.js";

const SHOWN = 120;
const SEARCH_DELAY = 140;

/** Dispatches `poi:add` with a product, `poi:amount` from the keypad, `poi:scan`, `poi:sheet` and `poi:close`. */
export class Catalogue extends HTMLElement {
  #mode = localStorage.getItem("poi_add_mode") ?? "products";
  #query = "";
  #category = "";
  #products = [];
  #loading = true;
  #timer = 0;
  #asked = 0;
  #level = 0;
  #keypad = h("poi-keypad");

  connectedCallback() {
    this.#draw();
    this.#search();
  }

  focusSearch() {
    this.querySelector("input[type=search]")?.focus();
  }

  #draw() {
    const modes = [
      { value: "products", label: t("add.products"), icon: "basket" },
      { value: "amount", label: t("add.amount"), icon: "keypad" },
    ];
    render(this,
      h("div", { class: "add-head", key: "head" },
        segmented(t("add.title"), modes, this.#mode, (mode) => this.#choose(mode)),
        h("button", { type: "button", class: "button look-up", onclick: () => this.#say("poi:sheet", null) }, icon("search"), t("sheet.open")),
        h("button", { type: "button", class: "button", onclick: () => this.#say("poi:scan") }, icon("camera"), t("add.scan")),
        h("button", { type: "button", class: "button round quiet only-narrow", "aria-label": t("app.close"), onclick: () => this.#say("poi:close") }, icon("close"))),
      this.#mode === "products" ? this.#productsView() : h("div", { class: "keypad-frame", key: "keypad" }, slot(this.#keypad)));
  }

  #choose(mode) {
    this.#mode = mode;
    localStorage.setItem("poi_add_mode", mode);
    this.#draw();
  }

  #productsView() {
    return h("div", { class: "products", key: "products" },
      h("div", { class: "searchbox" }, icon("search"),
        h("input", { class: "input", type: "search", placeholder: t("add.search"), "aria-label": t("add.search"), autocomplete: "off", value: this.#query, oninput: (event) => this.#typed(event.target.value) })),
      this.#categoriesView(),
      this.#tiles());
  }

  /** The first part of the category path that tells products apart. */
  #shelf(product) {
    const parts = path(product);
    return parts[this.#level] ?? parts[0] ?? "";
  }

  #categoriesView() {
    const names = [...new Set(this.#products.map((product) => this.#shelf(product)))].filter(Boolean).sort();
    if (names.length < 2) return null;
    const chip = (name, label) =>
      h("button", { type: "button", class: "filter", "aria-pressed": String(this.#category === name), onclick: () => this.#filter(name) }, label);
    return h("div", { class: "filters", role: "group", "aria-label": t("add.categories") }, chip("", t("add.all")), names.map((name) => chip(name, pretty(name))));
  }

  #tiles() {
    const shown = this.#products.filter((product) => !this.#category || this.#shelf(product) === this.#category);
    if (this.#loading) return h("p", { class: "empty" }, t("app.loading"));
    if (!shown.length) return h("p", { class: "empty" }, icon("search"), t(this.#query ? "add.none_found" : "add.none"));
    return h("ul", { class: "tiles", "aria-label": t("add.products") }, shown.map((product) => h("li", { key: `p-${product.code}` }, this.#tile(product), this.#info(product))));
  }

  #tile(product) {
    return h("button", { type: "button", class: "tile", vars: { "--hue": hue(this.#shelf(product)) }, onclick: (event) => this.#pick(product, event.currentTarget) },
      h("span", { class: "tile-label" }, product.label),
      h("span", { class: "tile-price num" }, money(product.unit_price), product.unit !== "piece" && h("span", { class: "muted small" }, t(`per.${product.unit}`))));
  }

  #info(product) {
    return h("button", { type: "button", class: "tile-info", "aria-label": t("sheet.of", { label: product.label }), onclick: () => this.#say("poi:sheet", product.code) }, icon("info"));
  }

  #pick(product, tile) {
    tile.classList.remove("picked");
    requestAnimationFrame(() => tile.classList.add("picked"));
    this.#say("poi:add", product);
  }

  #filter(category) {
    this.#category = category;
    this.#draw();
  }

  #typed(query) {
    this.#query = query;
    this.#category = "";
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#search(), SEARCH_DELAY);
  }

  async #search() {
    const asked = (this.#asked += 1);
    try {
      const { items } = await get("/v1/products", { q: this.#query.trim(), limit: SHOWN });
      if (asked !== this.#asked) return;
      this.#products = items;
      this.#level = new Set(items.map((product) => path(product)[0])).size > 1 ? 0 : 1;
    } catch (problem) {
      report(problem);
    }
    this.#loading = false;
    this.#draw();
  }

  #say(name, detail) {
    this.dispatchEvent(new CustomEvent(name, { bubbles: true, detail }));
  }
}

const pretty = (name) => name.charAt(0).toUpperCase() + name.slice(1).replaceAll(/[-_]/g, " ");

const path = (product) => (product.category ?? "").split("/").filter(Boolean);

function hue(name) {
  let sum = 7;
  for (const letter of name) sum = (sum * 31 + letter.codePointAt(0)) % 3600;
  return String(sum / 10);
}

customElements.define("poi-catalogue", Catalogue);
