/** A product's stock by place: what lies there, receiving, counting, moving, and what has changed it. */

import { get, newKey, postOnce } from "../api.js";
import { h, icon, render } from "../dom.js";
import { dateTime, quantity, t } from "../i18n.js";
import { busy, field, report, toast } from "../ui.js";
import { scaled } from "./numbers.js";

const KINDS = ["received", "counted", "moved", "lost", "found"];
const SHOWN = 30;

/** The stock; it loads itself. */
export function stockView(sheet, places) {
  const view = new StockView(sheet, places);
  view.load();
  return view.node;
}

class StockView {
  #kind = "received";
  #place;
  #levels = null;
  #entries = [];

  constructor(sheet, places) {
    this.sheet = sheet;
    this.places = places;
    this.#place = places.at(1)?.place ?? "central";
    this.node = h("div", { class: "stack loose", dataset: { own: "" } });
  }

  async load() {
    const path = `/v1/products/${encodeURIComponent(this.sheet.code)}/stock`;
    try {
      const [levels, entries] = await Promise.all([get(path), get(`${path}/entries`, { place: this.#place, limit: SHOWN })]);
      this.#levels = levels.items;
      this.#entries = entries.items;
    } catch (problem) {
      report(problem);
      this.#levels ??= [];
    }
    this.#draw();
  }

  #name(place) {
    return place === "central" ? t("stock.central") : this.places.find((one) => one.place === place)?.name ?? place;
  }

  #draw() {
    render(this.node, this.#levelsView(), this.#form(), this.#entriesView());
  }

  #levelsView() {
    if (!this.#levels.length) return h("p", { class: "muted", key: "untracked" }, t("stock.untracked"));
    return h("ul", { class: "sheet-stock", key: "levels", "aria-label": t("stock.title") }, this.#levels.map((one) => h("li", { class: "row between" },
      h("span", { class: "grow clip" }, this.#name(one.place)),
      one.held > 0 && h("span", { class: "muted small num" }, t("stock.held", { amount: quantity(one.held, this.sheet.unit) })),
      h("span", { class: `chip num ${one.available > (this.sheet.low_stock ?? 0) ? "good" : "bad"}` }, quantity(one.available, this.sheet.unit)))));
  }

  #form() {
    const select = (choices, chosen, change) => h("select", { class: "input", onchange: (event) => change(event.target.value) }, choices.map(([value, label]) => h("option", { value, selected: value === chosen }, label)));
    const places = this.places.map((one) => [one.place, this.#name(one.place)]);
    const amount = h("input", { class: "input", inputmode: "decimal", autocomplete: "off" });
    const to = select(places.filter(([place]) => place !== this.#place), "", () => {});
    const why = h("input", { class: "input", maxlength: 300, autocomplete: "off" });
    const submit = h("button", { class: "button primary" }, icon("check"), t("stock.record"));
    const onsubmit = (event) => {
      event.preventDefault();
      busy(submit, () => this.#record(amount, to.value, why.value.trim()));
    };
    return h("form", { class: "card stack stock-form", key: `form-${this.#kind}-${this.#place}`, onsubmit },
      h("div", { class: "fields" },
        field(t("stock.what"), select(KINDS.map((kind) => [kind, t(`stock.kind_${kind}`)]), this.#kind, (kind) => { this.#kind = kind; this.#draw(); })),
        field(t("stock.where"), select(places, this.#place, (place) => { this.#place = place; this.load(); })),
        field(t(this.#kind === "counted" ? "stock.counted_amount" : "stock.amount"), amount),
        this.#kind === "moved" && field(t("stock.to"), to),
        field(t("stock.why"), why)),
      h("div", { class: "row end" }, submit));
  }

  async #record(amount, to, why) {
    const thousandths = scaled(amount.value, 3);
    if (thousandths === null || Number.isNaN(thousandths)) {
      toast(t("offer_form.not_a_number"), "bad");
      return amount.focus();
    }
    const body = { kind: this.#kind, place: this.#place, lines: [{ code: this.sheet.code, quantity: thousandths }], why };
    if (this.#kind === "moved") body.to = to;
    await postOnce("/v1/stock/movements", body, newKey());
    toast(t("app.saved"), "good");
    amount.value = "";
    await this.load();
  }

  #entriesView() {
    if (!this.#entries.length) return null;
    return h("details", { key: "entries", open: true }, h("summary", {}, t("stock.history", { place: this.#name(this.#place) })),
      h("div", { class: "table-scroll", tabindex: 0, role: "region", "aria-label": t("stock.history", { place: this.#name(this.#place) }) }, h("table", {},
        h("thead", {}, h("tr", {}, ["when", "what", "change", "why"].map((name) => h("th", { scope: "col", class: name === "change" ? "end" : "" }, t(`stock.${name}`))))),
        h("tbody", {}, this.#entries.map((one) => h("tr", {},
          h("td", { class: "num" }, dateTime(one.at)), h("td", {}, t(`stock.entry_${one.kind}`)),
          h("td", { class: "end num" }, `${one.change > 0 ? "+" : "−"}${quantity(Math.abs(one.change), this.sheet.unit)}`),
          h("td", { class: "muted small" }, one.why)))))));
  }
}
