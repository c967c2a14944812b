/** What is ordered: products found by name, code or EAN, each a large button; and the lines with their quantities. */

import { get } from "../api.js";
import { h, icon, render, slot } from "../dom.js";
import { money, quantity, t } from "../i18n.js";
import { report, toast } from "../ui.js";

const PAUSE_MS = 200;
const SHOWN = 12;
const PIECE = 1000;
const PART = 100;

const step = (product) => (product.unit === "piece" ? PIECE : PART);

/** The part of the form; `onchange()` is called when the lines change. */
export class What {
  lines = [];
  #onchange;
  #place = "";
  #products = null;
  #timer = 0;
  #asked = 0;
  #search = h("input", { class: "input", type: "search", autocomplete: "off", enterkeyhint: "done", placeholder: t("take.search"), "aria-label": t("take.search"), maxlength: 100 });
  #box = h("div", { class: "searchbox", dataset: { own: "" } }, icon("search"), this.#search);

  constructor(onchange) {
    this.#onchange = onchange;
    this.#search.oninput = () => this.#later();
    this.#search.onkeydown = (event) => {
      if (event.key !== "Enter") return;
      event.preventDefault();
      this.#entered().catch(report);
    };
    this.node = h("section", { class: "stack tight", "aria-label": t("take.what") });
    this.#draw();
  }

  /** Products as they are at this place: a store's id or `central`. */
  async at(place) {
    this.#place = place;
    await this.#find();
  }

  get entries() {
    return this.lines.map(({ product, quantity: amount }) => ({ code: product.code, quantity: amount }));
  }

  #draw() {
    render(this.node, h("h3", { key: "title" }, t("take.what")),
      this.lines.length > 0 && h("ul", { class: "list", key: "lines", "aria-label": t("take.lines") }, this.lines.map((line) => this.#line(line))),
      slot(this.#box), this.#tiles());
  }

  #tiles() {
    if (this.#products === null) return h("p", { class: "muted", role: "status", key: "wait" }, t("app.loading"));
    if (!this.#products.length) return h("p", { class: "muted", role: "status", key: "none" }, t("add.none_found"));
    return h("ul", { class: "take-tiles", key: "tiles", "aria-label": t("add.products") }, this.#products.map((product) => h("li", { key: product.code },
      h("button", { type: "button", class: "button big take-choice", onclick: () => this.#put(product, step(product)) },
        h("span", { class: "grow" }, h("span", { class: "take-label" }, product.label), h("span", { class: "muted small take-more num" }, this.#about(product))), icon("plus")))));
  }

  #about(product) {
    const left = this.#place === "central" ? product.central : product.here;
    const parts = [money(product.unit_price) + (product.unit === "piece" ? "" : ` ${t(`per.${product.unit}`)}`)];
    if (left !== null && left !== undefined) parts.push(t("take.left", { left: quantity(left, product.unit) }));
    return parts.join(" · ");
  }

  #line({ product, quantity: amount }) {
    return h("li", { key: product.code }, h("span", { class: "grow" }, product.label),
      h("div", { class: "stepper", role: "group", "aria-label": t("basket.quantity", { label: product.label }) },
        h("button", { type: "button", "aria-label": t("basket.less"), onclick: () => this.#put(product, -step(product)) }, "−"),
        h("span", { class: "num", "aria-live": "polite" }, quantity(amount, product.unit)),
        h("button", { type: "button", "aria-label": t("basket.more"), onclick: () => this.#put(product, step(product)) }, "+")));
  }

  #put(product, change) {
    const found = this.lines.find((line) => line.product.code === product.code);
    if (!found) this.lines = [...this.lines, { product, quantity: change }];
    else this.lines = this.lines.map((line) => (line === found ? { product, quantity: line.quantity + change } : line)).filter((line) => line.quantity > 0);
    this.#draw();
    this.#onchange();
  }

  #later() {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#find(), PAUSE_MS);
  }

  async #find() {
    const asked = (this.#asked += 1);
    try {
      const { items } = await get("/v1/products", { q: this.#search.value.trim(), limit: SHOWN, place: this.#place === "central" ? "" : this.#place });
      if (asked === this.#asked) this.#products = items;
    } catch (problem) {
      this.#products ??= [];
      report(problem);
    }
    this.#draw();
  }

  /** Enter, or a scanner's line: a code that is exactly one product's goes in at once. */
  async #entered() {
    clearTimeout(this.#timer);
    const code = this.#search.value.trim();
    if (!code) return;
    const product = await get(`/v1/products/${encodeURIComponent(code)}`).catch((problem) => {
      if (problem.status !== 404) throw problem;
      return null;
    });
    if (product) this.#search.value = "";
    await this.#find();
    const [only, ...others] = this.#products;
    if (product) this.#put(product, step(product));
    else if (only && !others.length) this.#put(only, step(only));
    else toast(t(only ? "take.several" : "add.none_found"));
  }
}
