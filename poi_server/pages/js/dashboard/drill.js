/** From a figure to the sales behind it, a page at a time, and to each one's receipt. */

import { get } from "../api.js";
import { h, icon, render } from "../dom.js";
import { day, hour, language, money, number, t, tn } from "../i18n.js";
import { button, dialog, report } from "../ui.js";
import { facetLabel } from "./words.js";

const PAGE = 25;

/** Open the sales of `view` that `filter` describes; `from` (see campaigns) becomes a link that begins an offer. */
export function drill(title, view, filter, { hint = "", from = null, names = {} } = {}) {
  const list = new SalesList({ ...view, ...filter }, names);
  return dialog(title, () => ({
    body: h("div", { class: "stack" }, hint && h("p", { class: "muted" }, hint), list.node),
    foot: from && h("a", { class: "button primary", href: offerLink(from) }, icon("tag"), t("drill.offer")),
  }), { wide: true });
}

/** The page that makes a campaign of what was found. */
export const offerLink = (from) => `/campaigns#${new URLSearchParams(from)}`;

class SalesList {
  #params;
  #names;
  #items = [];
  #next = null;
  #more = button(t("drill.more"), { icon: "down", onclick: () => this.#load() });

  constructor(params, names) {
    this.#params = params;
    this.#names = names;
    this.node = h("div", { class: "stack", dataset: { own: "" }, "aria-live": "polite" }, h("p", { class: "loading" }, t("app.loading")));
    this.#load().catch((problem) => {
      report(problem);
      render(this.node, h("p", { class: "empty" }, problem.text));
    });
  }

  async #load() {
    const given = Object.entries({ ...this.#params, limit: PAGE, after: this.#next }).filter(([, value]) => value !== undefined && value !== null);
    const page = await get(`/v1/insights/sales?${new URLSearchParams(given)}`);
    this.#items.push(...page.items);
    this.#next = page.next;
    this.#draw();
  }

  #draw() {
    render(this.node, this.#items.length ? h("ul", { class: "sales" }, this.#items.map((sale) => this.#row(sale))) : !this.#next && h("p", { class: "empty" }, t("chart.empty")),
      this.#next ? h("div", { class: "row between wrap", key: "more" }, h("span", { class: "muted small" }, t("drill.shown", { count: number(this.#items.length) })), this.#more)
        : this.#items.length > 0 && h("p", { class: "muted small", key: "all" }, tn("drill.all", this.#items.length)));
  }

  #row(sale) {
    const { stores = {}, sellers = {} } = this.#names;
    const told = [stores[sale.store_id], sellers[sale.seller_id], means(sale), t(`visitor.${sale.visitor}`)].filter(Boolean);
    return h("li", { key: sale.sale_id }, h("button", { type: "button", class: "sale-row", onclick: () => openReceipt(sale) },
      h("span", { class: "grow" }, h("span", { class: "strong" }, `${day(sale.day)}, ${hour(sale.hour)}`), sale.refund_of && h("span", { class: "chip warn" }, t("drill.refund")),
        h("span", { class: "muted small told" }, told.join(" · "))),
      h("span", { class: "num strong" }, money(sale.total, sale.currency), sale.saved !== 0 && h("span", { class: "muted small told" }, t("drill.saved", { amount: money(sale.saved, sale.currency) }))),
      icon("right")));
  }
}

function means(sale) {
  const parts = [facetLabel("means", sale.means), sale.card_scheme && facetLabel("card_scheme", sale.card_scheme), sale.entry_mode && sale.means === "card" && facetLabel("entry_mode", sale.entry_mode)];
  return parts.filter(Boolean).join(" ");
}

/** The receipt's text, above the list. */
async function openReceipt(sale) {
  try {
    const { text } = await get(`/v1/sales/${sale.sale_id}/receipt`, { lang: language });
    await dialog(t("receipt.title"), () => ({ body: h("div", { class: "paper", role: "region", tabindex: 0, "aria-label": t("receipt.title") }, h("pre", {}, text)) }));
  } catch (problem) {
    report(problem);
  }
}
