/** The product sheet on the shop floor: pictures, words, price, variants, stock here and elsewhere, and this customer's offers. */

import { get } from "../api.js";
import { h, icon, render } from "../dom.js";
import { language, money, quantity, said, t } from "../i18n.js";
import { nearMissText } from "../near_miss.js";
import { button, dialog, iconButton, report } from "../ui.js";
import { scanDialog } from "./scan.js";

const SEARCH_DELAY = 160;
const SHOWN = 30;

/** Open the sheet of `code`, or a search for one. `add(product)` puts it on the ticket; `offers` are known by id. */
export async function sheetDialog(stationId, code, { add, seen, offers, opened }) {
  const view = new SheetView(stationId, add, seen, offers);
  if (code) view.open(code);
  opened(view);
  await dialog(t("sheet.title"), (close) => {
    view.close = close;
    return { body: view.node };
  }, { wide: true });
  opened(null);
}

class SheetView {
  #query = "";
  #found = null;
  #sheet = null;
  #asked = 0;
  #timer = 0;

  constructor(stationId, add, seen, offers) {
    Object.assign(this, { stationId, add, seen, offers, close: () => {} });
    this.node = h("div", { class: "sheet-dialog stack" });
    this.#draw();
  }

  /** Show one product. */
  async open(code) {
    const asked = (this.#asked += 1);
    try {
      const sheet = await get(`/v1/products/${encodeURIComponent(code)}/sheet`, { station_id: this.stationId });
      if (asked !== this.#asked) return;
      this.#sheet = sheet;
      this.#found = null;
    } catch (problem) {
      report(problem);
    }
    this.#draw();
  }

  #typed(text) {
    this.#query = text;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#search(), SEARCH_DELAY);
  }

  async #search() {
    const q = this.#query.trim();
    if (!q) { // nothing to look for, and a sheet may be on its way
      this.#found = null;
      return this.#draw();
    }
    const asked = (this.#asked += 1);
    try {
      const { items } = await get("/v1/products", { q, limit: SHOWN, station_id: this.stationId });
      if (asked !== this.#asked) return;
      this.#found = items;
    } catch (problem) {
      report(problem);
    }
    this.#draw();
  }

  #key(event) {
    if (event.key !== "Enter" || !this.#query.trim()) return;
    event.preventDefault();
    clearTimeout(this.#timer);
    this.open(this.#query.trim());
    this.#query = "";
    event.target.value = "";
  }

  #scan() {
    scanDialog(this.stationId, (answer) => {
      if (answer.code) this.open(answer.code);
      else this.seen(answer);
    }, { look: true });
  }

  #draw() {
    render(this.node,
      h("div", { class: "row", key: "search" },
        h("div", { class: "searchbox grow" }, icon("search"),
          h("input", { class: "input", type: "search", autocomplete: "off", autofocus: true, placeholder: t("sheet.search"), "aria-label": t("sheet.search"), value: this.#query,
            oninput: (event) => this.#typed(event.target.value), onkeydown: (event) => this.#key(event) })),
        iconButton("camera", t("add.scan"), () => this.#scan(), "")),
      this.#found ? this.#results() : this.#sheet ? this.#whole() : h("p", { class: "empty", key: "none" }, icon("search"), t("sheet.lead")));
  }

  #results() {
    if (!this.#found.length) return h("p", { class: "empty", key: "none" }, icon("search"), t("add.none_found"));
    return h("ul", { class: "sheet-found", key: "found", "aria-label": t("add.products") }, this.#found.map((product) => h("li", { key: `f-${product.code}` },
      h("button", { type: "button", class: "sheet-hit", onclick: () => this.open(product.code) },
        picture(product.picture, product.label),
        h("span", { class: "grow clip" }, product.label),
        product.here !== null && h("span", { class: `chip num ${product.here > 0 ? "good" : "bad"}` }, product.here > 0 ? t("sheet.here_count", { amount: quantity(product.here, product.unit) }) : t("stock.none")),
        h("span", { class: "num strong" }, money(product.unit_price))))));
  }

  #whole() {
    const { product } = this.#sheet;
    const words = wordsOf(product);
    return h("article", { class: "sheet", key: `sheet-${product.code}`, "aria-label": words.label },
      h("div", { class: "sheet-pictures" }, product.pictures.length ? product.pictures.map((one, at) => large(one, t("sheet.picture", { number: at + 1, label: words.label }))) : h("div", { class: "sheet-blank" }, icon("tag"))),
      h("div", { class: "stack" },
        h("div", {}, h("h3", { class: "sheet-name" }, words.label), h("p", { class: "muted small" }, [product.brand, product.code].filter(Boolean).join(" · "))),
        attributesView(product),
        this.#price(),
        button(t("sheet.add"), { kind: "primary big wide", icon: "plus", disabled: !product.active, onclick: () => { this.add(product); this.close(); } }),
        this.#offersView(),
        this.#variants(),
        stockView(this.#sheet),
        words.description && h("p", { class: "sheet-words" }, words.description)));
  }

  #price() {
    const { product, decision } = this.#sheet;
    const each = product.unit === "piece" ? "" : t(`per.${product.unit}`);
    const cheaper = decision.saved > 0;
    return h("div", { class: "sheet-price" },
      h("p", { class: "row wrap" },
        h("strong", { class: "sheet-total num" }, money(decision.total), each),
        cheaper && h("span", { class: "struck muted num" }, money(decision.subtotal)),
        cheaper && h("span", { class: "chip good num" }, t("sheet.saved", { amount: money(decision.saved) }))),
      product.per_unit && product.unit === "piece" && h("p", { class: "muted small num" }, perUnit(product.per_unit)));
  }

  #offersView() {
    const { decision, identified } = this.#sheet;
    const near = decision.reasons.filter((reason) => reason.near_miss && this.offers.has(reason.offer_id)).slice(0, 4);
    if (!decision.offers.length && !near.length) return h("p", { class: "muted small" }, t(identified ? "sheet.no_offers" : "sheet.no_offers_yet"));
    return h("section", { "aria-label": t("sheet.offers") },
      h("h4", { class: "small-head" }, t(identified ? "sheet.offers_customer" : "sheet.offers")),
      h("ul", { class: "stack tight" },
        decision.offers.map((offer) => h("li", { class: "row sheet-offer" }, icon("check"), h("span", { class: "grow" }, said(offer.name)), offer.saved > 0 && h("span", { class: "save num" }, `− ${money(offer.saved)}`))),
        near.map((reason) => h("li", { class: "row sheet-offer muted" }, icon("tag"), h("span", { class: "grow" }, nearMissText(reason.near_miss, said(this.offers.get(reason.offer_id).name)))))));
  }

  #variants() {
    const { variants, product } = this.#sheet;
    if (variants.length < 2 && variants[0]?.code === product.code) return null;
    if (!variants.length) return null;
    return h("section", { "aria-label": t("sheet.variants") },
      h("h4", { class: "small-head" }, t("sheet.variants")),
      h("div", { class: "sheet-variants" }, variants.map((one) =>
        h("button", { type: "button", class: "variant", key: `v-${one.code}`, "aria-pressed": String(one.code === product.code), onclick: () => this.open(one.code) },
          h("span", { class: "strong" }, Object.values(one.attributes).join(" · ") || one.label),
          h("span", { class: "small num" }, one.here === null ? money(one.unit_price) : t("sheet.here_count", { amount: quantity(one.here, one.unit) }))))));
  }
}

function picture(name, label) {
  return name ? h("img", { class: "thumb", src: `/v1/pictures/${name}?size=small`, alt: label, loading: "lazy", width: 48, height: 48 }) : h("span", { class: "thumb blank", "aria-hidden": "true" }, icon("tag"));
}

function large(one, label) {
  return h("img", { src: `/v1/pictures/${one.picture_id}`, alt: label, width: one.width, height: one.height, loading: "lazy" });
}

function wordsOf(product) {
  const own = product.texts?.[language];
  const told = Object.values(product.texts ?? {}).map((one) => one.description);
  return { label: own?.label || product.label, description: own?.description || told.find(Boolean) || "" };
}

function attributesView(product) {
  const pairs = Object.entries(product.attributes);
  if (!pairs.length) return null;
  return h("p", { class: "row wrap chips" }, pairs.map(([name, value]) => h("span", { class: "chip" }, `${name}: ${value}`)));
}

/** `17.96 € / kg`. */
export const perUnit = (one) => t("sheet.per_unit", { amount: money(one.price), unit: t(`sheet.unit.${one.unit}`) });

function stockView({ product, stock, store_id: here }) {
  if (!stock.length) return null;
  const place = (one) => (one.place === "central" ? t("stock.central") : one.place === here ? t("stock.here") : one.name);
  const sorted = [...stock].sort((a, b) => rank(a, here) - rank(b, here));
  return h("section", { "aria-label": t("stock.title") },
    h("h4", { class: "small-head" }, t("stock.title")),
    h("ul", { class: "sheet-stock" }, sorted.map((one) => h("li", { class: "row between" },
      h("span", { class: "clip" }, place(one)),
      h("span", { class: `chip num ${one.available > 0 ? "good" : "bad"}` }, one.available > 0 ? quantity(one.available, product.unit) : t("stock.none"))))));
}

const rank = (one, here) => (one.place === here ? 0 : one.place === "central" ? 1 : one.available > 0 ? 2 : 3);
