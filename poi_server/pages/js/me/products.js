/** Products on the phone: search or scan, compare two of them at the stores, put them into an order. */

import { get } from "../api.js";
import { h, icon, render } from "../dom.js";
import { money, quantity, t, tn } from "../i18n.js";
import { button, iconButton, report } from "../ui.js";
import { perUnit, picture } from "./compare.js";
import { keep, recall } from "./device.js";

const PAGE = 30;
const PAUSE_MS = 250;
const SIDES = 2;

/** The amount that one touch adds: a piece, or a tenth of a kilogram, litre or metre. */
export const step = (product) => (product.unit === "piece" ? 1000 : 100);

class Products extends HTMLElement {
  #items = null;
  #more = null;
  #asked = 0;
  #sides = [];
  #basket = [];
  #timer = 0;
  #box = h("input", { class: "input", type: "search", placeholder: t("shop.search"), "aria-label": t("shop.search"), maxlength: 100, enterkeyhint: "search" });
  #body = h("div", { class: "stack" });

  async connectedCallback() {
    this.#box.oninput = () => {
      clearTimeout(this.#timer);
      this.#timer = setTimeout(() => this.#load(), PAUSE_MS);
    };
    const search = h("div", { class: "searchbox grow" }, icon("search"), this.#box);
    if (!this.firstChild) render(this, h("div", { class: "row" }, search, iconButton("camera", t("shop.scan"), () => this.#scan(), "")), this.#body);
    this.#basket = (await recall("basket")) ?? [];
    this.#draw();
    if (!this.#items) await this.#load();
  }

  async #load(after = "") {
    const asked = (this.#asked += 1);
    try {
      const page = await get("/v1/me/products", { q: this.#box.value.trim(), limit: PAGE, after });
      if (asked !== this.#asked) return;
      this.#items = after ? [...this.#items, ...page.items] : page.items;
      this.#more = page.next;
    } catch (problem) {
      if (asked !== this.#asked) return;
      this.#items ??= [];
      report(problem);
    }
    this.#draw();
  }

  async #scan() {
    const { scanProduct } = await import("./scan.js");
    await scanProduct((code) => this.#compare([code]));
  }

  async #compare(codes) {
    const { compareDialog } = await import("./compare.js");
    await compareDialog(codes, (product) => this.#put(product, step(product)));
  }

  async #order() {
    const { orderDialog } = await import("./order.js");
    await orderDialog(this.#basket, (product, change) => this.#put(product, change), async () => {
      await this.#keep([]);
      this.dispatchEvent(new Event("poi:ordered", { bubbles: true }));
    });
  }

  /** Add `change` thousandths of a product to the order; answers the basket. */
  async #put(product, change) {
    const found = this.#basket.find((line) => line.product.code === product.code);
    const amount = Math.max(0, (found?.quantity ?? 0) + change);
    const rest = this.#basket.map((line) => (line === found ? { product, quantity: amount } : line));
    const basket = found ? rest : [...rest, { product, quantity: amount }];
    await this.#keep(basket.filter((line) => line.quantity > 0));
    return this.#basket;
  }

  async #keep(basket) {
    this.#basket = basket;
    this.#draw();
    await keep("basket", basket);
  }

  #draw() {
    render(this.#body, this.#bar(), this.#items ? this.#list() : h("p", { class: "loading" }, t("app.loading")),
      this.#more && button(t("shop.more"), { kind: "wide", onclick: () => this.#load(this.#more) }));
  }

  #bar() {
    if (!this.#sides.length && !this.#basket.length) return null;
    const pieces = this.#basket.reduce((sum, { product, quantity: amount }) => sum + (product.unit === "piece" ? amount / 1000 : 1), 0);
    return h("div", { class: "row wrap shop-bar", key: "bar" },
      this.#sides.length > 0 && button(tn("shop.compare_count", this.#sides.length), { icon: "chart", onclick: () => this.#compare(this.#sides), key: "compare" }),
      this.#basket.length > 0 && button(tn("shop.order_count", pieces), { icon: "basket", kind: "primary grow", onclick: () => this.#order(), key: "order" }));
  }

  #list() {
    if (!this.#items.length) return h("p", { class: "empty" }, icon("box"), t("shop.none"));
    return h("ul", { class: "card list products" }, this.#items.map((product) => this.#row(product)));
  }

  #row(product) {
    const chosen = this.#sides.includes(product.code);
    const line = this.#basket.find((one) => one.product.code === product.code);
    return h("li", { key: product.code },
      h("button", { type: "button", class: "product-row", onclick: () => this.#compare([product.code]) }, picture(product),
        h("span", { class: "grow" }, h("span", { class: "strong block" }, product.label), h("span", { class: "muted small block" }, [product.brand, ...Object.values(product.attributes)].filter(Boolean).join(" · ")),
          h("span", { class: "num" }, money(product.unit_price)), " ", h("span", { class: "muted small num" }, perUnit(product.per_unit)))),
      h("button", { type: "button", class: "button round", "aria-pressed": String(chosen), "aria-label": t("shop.side", { label: product.label }), title: t("shop.side", { label: product.label }), onclick: () => this.#side(product.code) }, icon(chosen ? "check" : "chart")),
      h("button", { type: "button", class: "button round primary", "aria-label": t("shop.add", { label: product.label }), title: t("shop.add", { label: product.label }), onclick: () => this.#put(product, step(product)) },
        line ? h("span", { class: "num" }, quantity(line.quantity)) : icon("plus")));
  }

  #side(code) {
    const others = this.#sides.filter((one) => one !== code);
    this.#sides = others.length < this.#sides.length ? others : [...others, code].slice(-SIDES);
    this.#draw();
  }
}

customElements.define("poi-products", Products);
