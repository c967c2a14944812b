/** The parts every page shares: toasts, dialogs, busy buttons, the navigation, the offline banner. */

import { post, whoAmI } from "./api.js";
import { h, icon, render } from "./dom.js";
import { language, LANGUAGES, setCurrency, switchLanguage, t } from "./i18n.js";

const TOAST_MS = 4500;
const LINKS = [
  { page: "dashboard", href: "/dashboard", icon: "chart", roles: ["owner", "manager", "auditor"] },
  { page: "customers", href: "/customers", icon: "user", roles: ["owner", "manager", "seller"] },
  { page: "orders", href: "/orders", icon: "basket", roles: ["owner", "manager", "seller"] },
  { page: "products", href: "/products", icon: "box", roles: ["owner", "manager"] },
  { page: "offers", href: "/offers", icon: "tag", roles: ["owner", "manager"] },
  { page: "campaigns", href: "/campaigns", icon: "target", roles: ["owner", "manager"] },
  { page: "sellers", href: "/sellers", icon: "shield", roles: ["owner", "manager", "auditor"] },
  { page: "home", href: "/", icon: "store", roles: ["owner", "manager", "seller", "auditor"] },
];

/** Say something in passing; `tone` is "", "good" or "bad". */
export function toast(text, tone = "") {
  const note = h("div", { class: `toast ${tone}` }, tone && icon(tone === "good" ? "check" : "alert"), h("span", {}, text));
  document.getElementById("toasts").append(note);
  setTimeout(() => note.remove(), TOAST_MS);
}

/** Tell what went wrong; what is not the server's word is thrown on. */
export function report(problem) {
  if (problem.text === undefined) throw problem;
  toast(problem.text, "bad");
}

/** A button that shows when its work is under way and cannot be pressed twice. */
export function button(label, { icon: picture, onclick, kind = "", ...rest }) {
  const run = (event) => busy(event.currentTarget, onclick);
  return h("button", { type: "button", class: `button ${kind}`, onclick: onclick && run, ...rest }, picture && icon(picture), label);
}

/** Run `work` while `node` shows as busy; problems become toasts. */
export async function busy(node, work) {
  if (node.getAttribute("aria-busy") === "true") return;
  node.setAttribute("aria-busy", "true");
  try {
    await work();
  } catch (problem) {
    report(problem);
  } finally {
    node.removeAttribute("aria-busy");
  }
}

/** A round button with an icon alone; `label` is what a screen reader says. */
export function iconButton(name, label, onclick, kind = "quiet") {
  return h("button", { type: "button", class: `button round ${kind}`, "aria-label": label, title: label, onclick }, icon(name));
}

/** Open a dialog; resolves when it is closed. `build(close)` returns { body, foot }. */
export function dialog(title, build, { wide = false } = {}) {
  const node = h("dialog", { class: wide ? "wide" : "", "aria-label": title });
  const close = () => node.close();
  const { body, foot } = build(close, node);
  const head = h("div", { class: "dialog-head" }, h("h2", {}, title), iconButton("close", t("app.close"), close));
  node.append(head, h("div", { class: "dialog-body" }, body));
  if (foot) node.append(h("div", { class: "dialog-foot" }, foot));
  document.body.append(node);
  node.onclick = (event) => {
    if (event.target === node) close();
  };
  node.showModal();
  return new Promise((resolve) => {
    node.onclose = () => resolve(node.remove());
  });
}

/** Ask before something that cannot be undone; resolves to true or false. */
export async function confirm(title, text, action, kind = "danger") {
  let agreed = false;
  await dialog(title, (close) => ({
    body: h("p", { class: "muted" }, text),
    foot: [
      button(t("app.cancel"), { onclick: close }),
      button(action, { kind, onclick: () => { agreed = true; close(); } }),
    ],
  }));
  return agreed;
}

/** Buttons of which one is pressed: `choices` are { value, label, icon }. */
export function segmented(label, choices, chosen, onchoose) {
  const buttons = choices.map((choice) =>
    h("button", { type: "button", key: `seg-${choice.value}`, "aria-pressed": String(choice.value === chosen), onclick: () => onchoose(choice.value) },
      choice.icon && icon(choice.icon), h("span", {}, choice.label)));
  return h("div", { class: "segmented", role: "group", "aria-label": label }, buttons);
}

/** A labelled control: `control` gets the id that the label names. */
export function field(label, control, { hint, id = `f-${Math.random().toString(36).slice(2, 9)}` } = {}) {
  control.id = id;
  if (hint) control.setAttribute("aria-describedby", `${id}-hint`);
  return h("div", { class: "field" }, h("label", { for: id }, label), control, hint && h("p", { class: "hint", id: `${id}-hint` }, hint));
}

/** The picture of a QR code the server drew, as an image: nothing in it can run. */
export function qrImage(markup, label) {
  const named = markup.includes("xmlns=") ? markup : markup.replace("<svg", '<svg xmlns="http://www.w3.org/2000/svg"');
  return h("div", { class: "qr" }, h("img", { alt: label, src: `data:image/svg+xml,${encodeURIComponent(named)}` }));
}

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
