/** What frames a page: who is signed in, the bar's navigation, the language, the offline banner. */

import { post, whoAmI } from "./api.js";
import { h, icon, render } from "./dom.js";
import { language, LANGUAGES, setCurrency, switchLanguage, t } from "./i18n.js";
import { report } from "./ui.js";

const LINKS = [
  { page: "dashboard", href: "/dashboard", icon: "chart", roles: ["owner", "manager", "auditor"] },
  { page: "customers", href: "/customers", icon: "user", roles: ["owner", "manager", "seller"] },
  { page: "orders", href: "/orders", icon: "basket", roles: ["owner", "manager", "seller"] },
  { page: "products", href: "/products", icon: "box", roles: ["owner", "manager"] },
  { page: "offers", href: "/offers", icon: "tag", roles: ["owner", "manager"] },
  { page: "campaigns", href: "/campaigns", icon: "target", roles: ["owner", "manager"] },
  { page: "money", href: "/money", icon: "coins", roles: ["owner", "manager"] },
  { page: "sellers", href: "/sellers", icon: "shield", roles: ["owner", "manager", "auditor"] },
  { page: "home", href: "/", icon: "store", roles: ["owner", "manager", "seller", "auditor"] },
];

/** Signed in as one of `roles`, or away to the sign-in; the merchant's name and currency are set. */
export async function requireRole(...roles) {
  const me = await whoAmI();
  if (!me || !roles.includes(me.role)) {
    location.replace(`/?next=${encodeURIComponent(location.pathname)}`);
    return new Promise(() => {});
  }
  setCurrency(me.merchant.currency);
  const name = document.getElementById("brand-name");
  if (name) name.textContent = me.merchant.name;
  document.dispatchEvent(new CustomEvent("poi:me", { detail: me }));
  return me;
}

/** A strip on top while the server cannot be reached. */
export function offlineBanner(live) {
  const strip = h("div", { class: "banner is-warn offline no-print", role: "status", hidden: true }, icon("bolt"), t("app.offline"));
  document.getElementById("main").before(strip);
  let timer = 0;
  live.addEventListener("status", () => {
    clearTimeout(timer);
    if (live.connected) strip.hidden = true;
    else timer = setTimeout(() => { strip.hidden = false; }, 1200);
  });
}

/** Buttons for the other languages. */
export function languageSwitch() {
  return LANGUAGES.filter((code) => code !== language).map((code) =>
    h("button", { type: "button", class: "button quiet small language", lang: code, "aria-label": t("app.switch_language"), onclick: () => switchLanguage(code) }, icon("globe"), h("span", { class: "label" }, t(`language.${code}`))));
}

/** The bar's links, language switch and way out, by the role of who is signed in; folded behind a button where the bar is narrow. */
class PoiNav extends HTMLElement {
  #me = null;
  #open = false;

  connectedCallback() {
    document.addEventListener("poi:me", ({ detail }) => this.#draw(detail));
    document.addEventListener("pointerdown", ({ target }) => this.contains(target) || this.#fold());
    document.addEventListener("keydown", ({ key }) => key === "Escape" && this.#fold() && this.querySelector(".menu-button").focus());
    this.addEventListener("focusout", ({ relatedTarget: to }) => to && !this.contains(to) && this.#fold());
    this.#draw(null);
  }

  /** Close the menu; answers whether it was open. */
  #fold() {
    return this.#open && this.#toggle();
  }

  #toggle() {
    this.#open = !this.#open;
    this.#draw(this.#me);
    return true;
  }

  #draw(me) {
    this.#me = me;
    const here = document.documentElement.dataset.page;
    const links = LINKS.filter((link) => link.roles.includes(me?.role));
    this.classList.toggle("folds", links.length > 0);
    this.classList.toggle("is-open", this.#open);
    render(this,
      links.length > 0 && h("button", { type: "button", class: "button quiet menu-button", key: "menu-button", "aria-expanded": String(this.#open), "aria-controls": "menu", onclick: () => this.#toggle() },
        icon(this.#open ? "close" : "menu"), t("app.menu")),
      h("div", { class: "menu", id: "menu", key: "menu" },
        links.length > 0 && h("nav", { class: "links", "aria-label": t("app.navigation") }, links.map((link) =>
          h("a", { class: "link", href: link.href, "aria-current": link.page === here ? "page" : null }, icon(link.icon), h("span", {}, t(`page.${link.page}`))))),
        h("div", { class: "row menu-foot" }, languageSwitch(),
          me && h("button", { type: "button", class: "button quiet small leave", title: t("app.sign_out"), onclick: leave }, icon("out"), h("span", { class: "label" }, t("app.sign_out"))))));
  }
}

async function leave() {
  await post("/v1/access/leave").catch(report);
  location.assign("/");
}

customElements.define("poi-nav", PoiNav);
