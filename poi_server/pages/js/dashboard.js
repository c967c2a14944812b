/** The merchant's dashboard: the figures of a period as sales come in, and who may come in. */

import { get } from "./api.js";
import { h, render, slot } from "./dom.js";
import { setCurrency, t } from "./i18n.js";
import { Live } from "./live.js";
import { offlineBanner, requireRole } from "./nav.js";
import { button, report, segmented } from "./ui.js";
import { AccessPanel } from "./dashboard/access.js";
import { exportDialog } from "./dashboard/export.js";
import { figures } from "./dashboard/figures.js";
import { period, PERIODS, today } from "./dashboard/period.js";
import { storesMap } from "./dashboard/stores.js";
import { span } from "./dashboard/words.js";

const SETTLE_MS = 700;
const COMPARISONS = ["before", "year", "none"];
const PAGE = 12; // best sellers at a time

class PoiDashboard extends HTMLElement {
  #tab = location.hash === "#access" ? "access" : "figures";
  #zone = "UTC";
  #period = null;
  #compare = "before";
  #store = "";
  #stores = [];
  #names = { stores: {}, sellers: {} };
  #named = null;
  #data = null;
  #best = null;
  #order = "total";
  #cohorts = null;
  #map = null;
  #owner = false;
  #access = new AccessPanel();
  #timer = 0;
  #asked = 0;
  #fresh = false;
  #allOffers = false;

  async connectedCallback() {
    const me = await requireRole("owner", "manager", "auditor");
    this.#owner = me.role === "owner";
    this.#zone = me.merchant.zone;
    if (!this.#owner) this.#tab = "figures";
    this.#period = this.#ending("28");
    this.#draw();
    this.#named = this.#loadNames();
    const live = new Live({ watch: "dashboard" });
    live.addEventListener("message", ({ detail }) => detail.kind === "sale" && this.#soon());
    live.addEventListener("resync", () => this.#load());
    offlineBanner(live);
    live.start();
    addEventListener("resize", () => this.#later(() => this.#drawAll()));
    this.#load();
  }

  async #loadNames() {
    const [stores, sellers] = await Promise.all(["/v1/stores", "/v1/sellers"].map((path) => get(path).catch((problem) => { report(problem); return { items: [] }; })));
    this.#stores = stores.items;
    this.#names = {
      stores: Object.fromEntries(stores.items.map((store) => [store.store_id, store.name])),
      sellers: Object.fromEntries(sellers.items.map((seller) => [seller.seller_id, seller.name])),
    };
  }

  #soon() {
    this.#later(() => {
      this.#fresh = true;
      this.#load();
    });
  }

  #later(work) {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(work, SETTLE_MS);
  }

  get #view() {
    return { first: this.#period.first, last: this.#period.last, ...(this.#store && { store_id: this.#store }) };
  }

  /** Ask for everything; an answer that comes after a newer question is not shown, unless nothing is there yet. */
  async #load() {
    this.#asked += 1;
    const asked = this.#asked;
    try {
      const [data, best, cohorts] = await Promise.all([
        get("/v1/insights", { ...this.#view, compare: this.#compare, top: 20 }), this.#askBest(0), get("/v1/insights/cohorts", { store_id: this.#store }), this.#named]);
      if (asked !== this.#asked && this.#data) return;
      setCurrency(data.currency);
      [this.#data, this.#best, this.#cohorts] = [data, best, cohorts];
    } catch (problem) {
      report(problem);
    }
    await this.#drawAll();
    this.#fresh = false;
  }

  #askBest(after) {
    const compare = this.#compare === "none" ? "before" : this.#compare;
    return get("/v1/insights/products", { ...this.#view, order: this.#order, compare, limit: PAGE, after: after || "" });
  }

  async #setOrder(order) {
    this.#order = order;
    await this.#askBest(0).then((best) => { this.#best = best; }, report);
    this.#draw();
  }

  async #moreBest() {
    const more = await this.#askBest(this.#best.next);
    this.#best = { ...more, items: [...this.#best.items, ...more.items] };
    this.#draw();
  }

  /** With the map, whose size and bubbles are made anew; the figures do not wait for the land. */
  async #drawAll() {
    this.#draw();
    if (!this.#data) return;
    this.#map = await storesMap(this.#page);
    this.#draw();
  }

  #draw() {
    const tabs = [
      { value: "figures", label: t("dashboard.figures"), icon: "chart" },
      { value: "access", label: t("dashboard.access"), icon: "key" },
    ];
    render(this, h("div", { class: "wrap-page stack loose" },
      h("div", { class: "row between wrap", key: "head" }, h("h1", {}, t("page.dashboard")), this.#owner && segmented(t("dashboard.view"), tabs, this.#tab, (tab) => this.#show(tab))),
      this.#tab === "figures" ? this.#figuresView() : h("div", { key: "access" }, slot(this.#access))));
  }

  #show(tab) {
    this.#tab = tab;
    history.replaceState(null, "", tab === "access" ? "#access" : location.pathname);
    this.#draw();
    if (tab === "access") this.#access.load();
  }

  #figuresView() {
    return h("div", { class: "stack loose", key: "figures" }, this.#filters(),
      this.#data ? [this.#told(), figures(this.#page)] : h("p", { class: "loading" }, t("app.loading")));
  }

  /** Which days these are, and which they are compared with. */
  #told() {
    const { first_day: first, last_day: last, before } = this.#data;
    const text = before ? t("period.compared", { now: span(first, last), then: span(before.first_day, before.last_day) }) : span(first, last);
    return h("p", { class: "muted told-period", key: "told", "aria-live": "polite" }, text);
  }

  get #page() {
    return {
      data: this.#data, best: this.#best, cohorts: this.#cohorts, map: this.#map, fresh: this.#fresh, view: this.#view, stores: this.#stores, names: this.#names,
      order: this.#order, setOrder: (order) => this.#setOrder(order), moreBest: () => this.#moreBest(), width: columns,
      allOffers: this.#allOffers, showAllOffers: () => { this.#allOffers = true; this.#draw(); },
    };
  }

  #filters() {
    const choices = PERIODS.map((name) => ({ value: name, label: t(`period.${name}`) }));
    const pick = (name) => this.#setPeriod(name === "custom" ? { ...this.#period, name } : this.#ending(name));
    const compare = h("select", { class: "input", "aria-label": t("period.compare"), value: this.#compare, onchange: (event) => { this.#compare = event.target.value; this.#load(); } },
      COMPARISONS.map((name) => h("option", { value: name, selected: name === this.#compare }, t(`compare.${name}`))));
    return h("div", { class: "row wrap filters-row" },
      segmented(t("period.title"), choices, this.#period.name, pick),
      this.#period.name === "custom" && this.#dates(), compare,
      this.#stores.length > 1 && h("select", { class: "input store-choice", "aria-label": t("dashboard.store"), value: this.#store, onchange: (event) => { this.#store = event.target.value; this.#load(); } },
        h("option", { value: "" }, t("dashboard.all_stores")), this.#stores.map((store) => h("option", { value: store.store_id, selected: store.store_id === this.#store }, store.name))),
      button(t("export.title"), { icon: "down", kind: "export", onclick: () => { exportDialog(this.#view); } }));
  }

  #dates() {
    const change = (name) => (event) => event.target.value && this.#setPeriod({ ...this.#period, [name]: event.target.value });
    return h("div", { class: "row dates" },
      h("input", { class: "input", type: "date", "aria-label": t("period.first"), value: this.#period.first, max: this.#period.last, onchange: change("first") }),
      h("input", { class: "input", type: "date", "aria-label": t("period.last"), value: this.#period.last, min: this.#period.first, onchange: change("last") }));
  }

  #ending(name) {
    return { name, ...period(name, today(this.#zone)) };
  }

  #setPeriod(chosen) {
    this.#period = chosen;
    this.#draw();
    this.#load();
  }
}

/** The pixels inside a card that is `count` of twelve columns wide: charts are drawn in them one to one. */
function columns(count) {
  const small = innerWidth < 1100;
  const edge = Math.min(Math.max(16, innerWidth * 0.03), 32);
  const inner = Math.min(innerWidth, 1320) - 2 * edge;
  const card = small ? inner : ((inner - 11 * 16) / 12) * count + (count - 1) * 16;
  return Math.round(card - (innerWidth < 600 ? 34 : 50));
}

customElements.define("poi-dashboard", PoiDashboard);
