/** Money: the tills' days and closings, what waits for somebody's word, the bank's credits, and the means that are taken. */

import { get } from "./api.js";
import { h, render, slot } from "./dom.js";
import { t } from "./i18n.js";
import { requireRole } from "./nav.js";
import { report, segmented } from "./ui.js";
import { AtRiskPanel } from "./money/at_risk.js";
import { BankPanel } from "./money/bank.js";
import { DoubtsPanel } from "./money/doubts.js";
import { MeansPanel } from "./money/means.js";
import { TillsPanel } from "./money/tills.js";

const ICONS = { tills: "receipt", doubts: "question", risk: "card", bank: "store", means: "coins" };

class PoiMoney extends HTMLElement {
  #panels = {};
  #tab = "tills";
  #waiting = 0;

  async connectedCallback() {
    const me = await requireRole("owner", "manager");
    const { items: stations } = await get("/v1/stations").catch((problem) => { report(problem); return { items: [] }; });
    const names = new Map(stations.map((one) => [one.station_id, one.name]));
    this.#panels = { tills: new TillsPanel(), doubts: new DoubtsPanel(), risk: new AtRiskPanel(), bank: new BankPanel() };
    if (me.role === "owner") this.#panels.means = new MeansPanel();
    Object.assign(this.#panels.tills, { stations });
    Object.assign(this.#panels.risk, { names });
    Object.assign(this.#panels.doubts, { names, counted: (count) => { this.#waiting = count; this.#draw(); } });
    const wanted = location.hash.slice(1);
    if (wanted in this.#panels) this.#tab = wanted;
    this.#panels.doubts.load();
    this.#draw();
  }

  #show(tab) {
    this.#tab = tab;
    history.replaceState(null, "", tab === "tills" ? location.pathname : `#${tab}`);
    this.#draw();
  }

  #draw() {
    const tabs = Object.keys(this.#panels).map((value) => ({
      value, icon: ICONS[value], label: value === "doubts" && this.#waiting ? t("money.doubts_count", { count: this.#waiting }) : t(`money.${value}`),
    }));
    render(this, h("div", { class: "wrap-page stack loose" },
      h("div", { class: "page-head" }, h("h1", {}, t("page.money")), segmented(t("page.money"), tabs, this.#tab, (tab) => this.#show(tab))),
      slot(this.#panels[this.#tab])));
  }
}

customElements.define("poi-money", PoiMoney);
