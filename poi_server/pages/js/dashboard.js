/** The merchant's dashboard: the figures of a period as sales come in, and who may come in. */

import { get } from "./api.js";
import { h, render, slot } from "./dom.js";
import { setCurrency, t } from "./i18n.js";
import { Live } from "./live.js";
import { offlineBanner, report, requireRole, segmented } from "./ui.js";
import { AccessPanel } from "./dashboard/access.js";
import { figures } from "./dashboard/figures.js";
import { lastDays, PERIODS } from "./dashboard/period.js";

const SETTLE_MS = 700;

class PoiDashboard extends HTMLElement {
  #tab = location.hash === "#access" ? "access" : "figures";
  #period = { name: "30", ...lastDays(30) };
  #store = "";
  #stores = [];
  #insights = null;
  #access = new AccessPanel();
  #timer = 0;
  #fresh = false;

  async connectedCallback() {
    await requireRole("owner");
    this.#draw();
    this.#stores = (await get("/v1/stores").catch((problem) => { report(problem); return { items: [] }; })).items;
    const live = new Live({ watch: "dashboard" });
    live.addEventListener("message", ({ detail }) => detail.kind === "sale" && this.#soon());
    live.addEventListener("resync", () => this.#load());
    offlineBanner(live);
    live.start();
    this.#load();
  }

  #soon() {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.#fresh = true;
      this.#load();
    }, SETTLE_MS);
  }

  async #load() {
    try {
      const { first, last } = this.#period;
      this.#insights = await get("/v1/insights", { first, last, store_id: this.#store });
      setCurrency(this.#insights.currency);
    } catch (problem) {
      report(problem);
    }
    this.#draw();
    this.#fresh = false;
  }

  #draw() {
    const tabs = [
      { value: "figures", label: t("dashboard.figures"), icon: "chart" },
      { value: "access", label: t("dashboard.access"), icon: "key" },
    ];
    render(this, h("div", { class: "wrap-page stack loose" },
      h("div", { class: "row between wrap", key: "head" }, h("h1", {}, t("page.dashboard")), segmented(t("dashboard.view"), tabs, this.#tab, (tab) => this.#show(tab))),
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
      this.#insights ? figures(this.#insights, this.#fresh) : h("p", { class: "loading" }, t("app.loading")));
  }

  #filters() {
    const choices = PERIODS.map((name) => ({ value: name, label: t(`period.${name}`) }));
    const pick = (name) => this.#setPeriod(name === "custom" ? { ...this.#period, name } : { name, ...lastDays(Number(name)) });
    return h("div", { class: "row wrap filters-row" },
      segmented(t("period.title"), choices, this.#period.name, pick),
      this.#period.name === "custom" && this.#dates(),
      this.#stores.length > 1 && h("select", { class: "input store-choice", "aria-label": t("dashboard.store"), onchange: (event) => { this.#store = event.target.value; this.#load(); } },
        h("option", { value: "" }, t("dashboard.all_stores")), this.#stores.map((store) => h("option", { value: store.store_id }, store.name))));
  }

  #dates() {
    const change = (name) => (event) => event.target.value && this.#setPeriod({ ...this.#period, [name]: event.target.value });
    return h("div", { class: "row" },
      h("input", { class: "input", type: "date", "aria-label": t("period.first"), value: this.#period.first, max: this.#period.last, onchange: change("first") }),
      h("input", { class: "input", type: "date", "aria-label": t("period.last"), value: this.#period.last, min: this.#period.first, onchange: change("last") }));
  }

  #setPeriod(period) {
    this.#period = period;
    this.#draw();
    this.#load();
  }
}

customElements.define("poi-dashboard", PoiDashboard);
