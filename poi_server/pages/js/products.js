/** The merchant's products: search, sheets, pictures, prices, stock, and files. */

import { get } from "./api.js";
import { h, icon, render } from "./dom.js";
import { money, quantity, t } from "./i18n.js";
import { requireRole } from "./nav.js";
import { dialog, report, segmented } from "./ui.js";
import { sheetForm } from "./products/form.js";
import { importDialog } from "./products/importer.js";
import { picturesView } from "./products/pictures.js";
import { pricesView } from "./products/prices.js";
import { stockView } from "./products/stock.js";

const PAGE = 60;
const SEARCH_DELAY = 160;

class PoiProducts extends HTMLElement {
  #items = null;
  #next = null;
  #query = "";
  #show = "all";
  #places = [];
  #place = "";
  #asked = 0;
  #timer = 0;

  async connectedCallback() {
    await requireRole("owner", "manager");
    try {
      this.#places = (await get("/v1/stock/places")).items;
    } catch (problem) {
      report(problem);
    }
    this.#place = this.#places.at(1)?.place ?? "central";
    await this.#load();
  }

  async #load(more = false) {
    const asked = (this.#asked += 1);
    const after = more ? this.#next : "";
    try {
      const page = this.#show === "low"
        ? await get("/v1/stock/low", { place: this.#place, limit: PAGE, after })
        : await get("/v1/products", { q: this.#query.trim(), place: this.#place, limit: PAGE, after, inactive: true });
      if (asked !== this.#asked) return;
      this.#items = more ? [...this.#items, ...page.items] : page.items;
      this.#next = page.next ?? null;
    } catch (problem) {
      report(problem);
      this.#items ??= [];
    }
    this.#draw();
  }

  #draw() {
    render(this, h("div", { class: "wrap-page stack loose" },
      h("div", { class: "row between wrap", key: "head" },
        h("div", {}, h("h1", {}, t("page.products")), h("p", { class: "muted" }, t("products.lead"))),
        h("div", { class: "row wrap" },
          h("button", { type: "button", class: "button", onclick: () => this.#import() }, icon("upload"), t("products.import")),
          h("a", { class: "button", href: "/v1/products.csv?style=french", download: "" }, icon("down"), t("products.export")),
          h("button", { type: "button", class: "button primary new-product", onclick: () => this.#open(null) }, icon("plus"), t("products.new")))),
      h("div", { class: "row wrap", key: "search" },
        h("div", { class: "searchbox grow" }, icon("search"), h("input", { class: "input", type: "search", value: this.#query, placeholder: t("products.search"), "aria-label": t("products.search"), oninput: (event) => this.#typed(event.target.value) })),
        segmented(t("products.show"), [{ value: "all", label: t("products.all") }, { value: "low", label: t("products.low") }], this.#show, (show) => this.#choose(show)),
        this.#places.length > 0 && h("select", { class: "input place", "aria-label": t("products.place"), value: this.#place, onchange: (event) => { this.#place = event.target.value; this.#load(); } },
          this.#places.map((one) => h("option", { value: one.place, selected: one.place === this.#place }, nameOf(one))))),
      this.#list(),
      this.#next && h("button", { type: "button", class: "button wide more", key: "more", onclick: () => this.#load(true) }, t("products.more"))));
  }

  #list() {
    if (!this.#items) return h("p", { class: "loading", key: "wait", role: "status" }, t("app.loading"));
    if (!this.#items.length) return h("div", { class: "card empty", key: "none" }, icon("box"), h("p", {}, t(this.#show === "low" ? "products.none_low" : this.#query ? "add.none_found" : "products.none")));
    return h("ul", { class: "product-list card flush", key: "list" }, this.#items.map((product) => h("li", { key: `p-${product.code}` }, this.#row(product))));
  }

  #row(product) {
    const here = product.available ?? product.here ?? (this.#place === "central" ? product.central : null);
    return h("button", { type: "button", class: `product-row ${product.active === false ? "is-off" : ""}`, onclick: () => this.#open(product.code) },
      product.picture ? h("img", { class: "thumb", src: `/v1/pictures/${product.picture}?size=small`, alt: "", loading: "lazy", width: 48, height: 48 }) : h("span", { class: "thumb blank", "aria-hidden": "true" }, icon("box")),
      h("span", { class: "grow product-name" }, h("span", { class: "strong" }, product.label), h("span", { class: "muted small clip" }, [product.code, product.category].filter(Boolean).join(" · "))),
      product.active === false && h("span", { class: "chip warn" }, t("products.off")),
      here !== null && here !== undefined && h("span", { class: `chip num ${here > (product.low_stock ?? 0) ? "good" : "bad"}` }, quantity(here, product.unit)),
      product.unit_price !== undefined && h("span", { class: "num strong product-price" }, money(product.unit_price)));
  }

  #typed(text) {
    this.#query = text;
    this.#show = "all";
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#load(), SEARCH_DELAY);
  }

  #choose(show) {
    this.#show = show;
    this.#load();
  }

  async #import() {
    if (await importDialog()) await this.#load();
  }

  async #open(code) {
    const sheet = code === null ? null : await get(`/v1/products/${encodeURIComponent(code)}`).catch((problem) => report(problem));
    if (sheet === undefined) return;
    await new ProductDialog(sheet, this.#places).show();
    await this.#load();
  }
}

/** The name of a place as people say it. */
export const nameOf = (one) => (one.place === "central" ? t("stock.central") : one.name);

/** A product's sheet, pictures, stock and prices, each behind its tab. */
class ProductDialog {
  #tab = "sheet";
  #frame = h("div", { class: "stack", role: "tabpanel" });
  #tabs = h("div", {});

  constructor(sheet, places) {
    this.sheet = sheet;
    this.places = places;
  }

  async show() {
    await dialog(this.sheet?.label ?? t("products.new"), (close) => {
      this.close = close;
      this.#draw();
      return { body: h("div", { class: "stack" }, this.#tabs, this.#frame) };
    }, { wide: true });
  }

  #draw() {
    const choices = [["sheet", "edit"], ["pictures", "camera"], ["stock", "box"], ["prices", "chart"]].map(([value, picture]) => ({ value, icon: picture, label: t(`products.tab_${value}`) }));
    render(this.#tabs, this.sheet && segmented(t("products.tabs"), choices, this.#tab, (tab) => { this.#tab = tab; this.#draw(); }));
    render(this.#frame, h("div", { key: `tab-${this.#tab}` }, this.#view()));
  }

  #view() {
    const again = (sheet) => { this.sheet = sheet; this.#draw(); };
    if (this.#tab === "pictures") return picturesView(this.sheet, again);
    if (this.#tab === "stock") return stockView(this.sheet, this.places);
    if (this.#tab === "prices") return pricesView(this.sheet, again);
    return sheetForm(this.sheet, (saved) => { this.sheet = saved; this.close(); });
  }
}

customElements.define("poi-products", PoiProducts);

