/** The front door: sign in with a secret, or choose where to go. */

import { get, post, whoAmI } from "./api.js";
import { h, icon, render } from "./dom.js";
import { setCurrency, t } from "./i18n.js";
import "./nav.js";
import { busy, report } from "./ui.js";

const PAGES_OF = {
  owner: ["dashboard", "customers", "orders", "products", "offers", "campaigns", "money", "sellers"],
  manager: ["dashboard", "customers", "orders", "products", "offers", "campaigns", "money", "sellers"],
  auditor: ["dashboard", "sellers"],
  seller: ["customers", "orders"],
};
const PICTURES = { dashboard: "chart", customers: "user", orders: "basket", offers: "tag", campaigns: "target", products: "box", money: "coins", sellers: "shield" };
const NEXT = /^\/(?:station\/[\w.:-]+|dashboard|offers|campaigns|products|money|sellers|customers|orders|me)$/;

class PoiHome extends HTMLElement {
  async connectedCallback() {
    const secret = decodeURIComponent(location.hash.slice(1));
    if (secret) history.replaceState(null, "", location.pathname + location.search);
    try {
      const me = secret ? await this.#enter(secret) : await whoAmI();
      if (me) await this.#choose(me, Boolean(secret));
      else this.#signIn();
    } catch (problem) {
      this.#signIn();
      report(problem);
    }
  }

  #enter(secret) {
    return post("/v1/access/enter", { secret });
  }

  #signIn() {
    const input = h("input", { class: "input", type: "password", id: "secret", name: "secret", autocomplete: "current-password", required: true, minlength: 16, maxlength: 128, spellcheck: "false" });
    const submit = h("button", { class: "button primary big wide" }, icon("lock"), t("home.sign_in"));
    const onsubmit = (event) => {
      event.preventDefault();
      busy(submit, async () => this.#choose(await this.#enter(input.value.trim()), true));
    };
    render(this, h("div", { class: "door" },
      h("div", { class: "door-words" },
        h("h1", {}, t("home.title")),
        h("p", { class: "lead muted" }, t("home.lead")),
        h("ul", { class: "door-points" }, ["tap", "tag", "coins"].map((name, at) => h("li", {}, icon(name), h("span", {}, t(`home.point_${at + 1}`)))))),
      h("form", { class: "card stack loose", onsubmit },
        h("h2", {}, t("home.sign_in")),
        h("div", { class: "field" }, h("label", { for: "secret" }, t("home.secret")), input, h("p", { class: "hint" }, t("home.secret_hint"))),
        submit,
        h("p", { class: "muted small" }, t("home.paired_hint")))));
    input.focus();
  }

  async #choose(me, fresh) {
    setCurrency(me.merchant.currency);
    document.getElementById("brand-name").textContent = me.merchant.name;
    document.dispatchEvent(new CustomEvent("poi:me", { detail: me }));
    const wanted = new URLSearchParams(location.search).get("next") ?? "";
    if (fresh && NEXT.test(wanted)) return location.replace(wanted);
    if (me.role === "station") return location.replace(`/station/${me.subject_id}`);
    if (me.role === "phone") return location.replace("/me");
    const [{ items: stations }, { items: stores }] = await Promise.all([get("/v1/stations"), get("/v1/stores")]);
    this.#chooser(me, stations, stores);
  }

  #chooser(me, stations, stores) {
    const storeName = (id) => stores.find((store) => store.store_id === id)?.name ?? "";
    render(this, h("div", { class: "wrap-page stack loose" },
      h("div", {}, h("h1", {}, me.merchant.name), h("p", { class: "muted" }, t(`role.${me.role}`))),
      PAGES_OF[me.role].length > 0 && h("ul", { class: "choices" }, PAGES_OF[me.role].map((page) =>
        h("li", {}, choice(`/${page}`, PICTURES[page], t(`page.${page}`), t(`home.${page}_hint`), "accent")))),
      me.role !== "auditor" && h("section", { class: "stack" },
        h("h2", {}, t("home.stations")),
        stations.length === 0 && h("p", { class: "muted" }, t("home.no_stations")),
        h("ul", { class: "choices" }, stations.map((station) =>
          h("li", {}, choice(`/station/${station.station_id}`, "tablet", station.name, storeName(station.store_id)))))),
      h("p", {}, h("a", { class: "button quiet", href: "/docs" }, icon("question"), t("home.docs")))));
  }
}

function choice(href, picture, title, hint, tone = "") {
  return h("a", { class: `choice ${tone}`, href }, icon(picture),
    h("span", { class: "grow" }, h("span", { class: "strong block" }, title), h("span", { class: "muted small" }, hint)),
    icon("right"));
}

customElements.define("poi-home", PoiHome);
