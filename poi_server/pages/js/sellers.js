/** The staff: persons, roles, PINs, badges and limits; the rule of signing in; and the audit of what everybody did. */

import { h, render, slot } from "./dom.js";
import { t } from "./i18n.js";
import { requireRole } from "./nav.js";
import { segmented } from "./ui.js";
import { AuditPanel } from "./sellers/audit.js";
import { PeoplePanel } from "./sellers/people.js";

class PoiSellers extends HTMLElement {
  #panels = {};
  #tab = "people";

  async connectedCallback() {
    const me = await requireRole("owner", "manager", "auditor");
    this.#panels = { people: new PeoplePanel(), audit: new AuditPanel() };
    this.#panels.people.me = me;
    this.#tab = location.hash === "#audit" || me.role === "auditor" ? "audit" : "people";
    this.#draw();
  }

  #show(tab) {
    this.#tab = tab;
    history.replaceState(null, "", tab === "audit" ? "#audit" : location.pathname);
    this.#draw();
  }

  #draw() {
    const tabs = [
      { value: "people", label: t("sellers.people"), icon: "user" },
      { value: "audit", label: t("audit.title"), icon: "receipt" },
    ];
    render(this, h("div", { class: "wrap-page stack loose" },
      h("div", { class: "page-head" }, h("h1", {}, t("page.sellers")), segmented(t("page.sellers"), tabs, this.#tab, (tab) => this.#show(tab))),
      slot(this.#panels[this.#tab])));
  }
}

customElements.define("poi-sellers", PoiSellers);
