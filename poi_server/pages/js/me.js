/** The customer's own page: the rotating code, what they have, offers near by, receipts, profile. */

import { get, patch, remove } from "./api.js";
import { h, icon, render, slot } from "./dom.js";
import { language, LANGUAGES, setCurrency, switchLanguage, t } from "./i18n.js";
import { Live } from "./live.js";
import { button, busy, confirm, dialog, field, iconButton, report, toast } from "./ui.js";
import "./me/card.js";
import { forgetAll, keep, recall, storedDevice } from "./me/device.js";
import { asOf, atCounter, balances, coupons, nearOffers, receiptList, rewards } from "./me/parts.js";
import { receiptPaper } from "./station/receipt.js";

const TABS = [
  { name: "card", icon: "qr" },
  { name: "offers", icon: "tag" },
  { name: "receipts", icon: "receipt" },
  { name: "profile", icon: "user" },
];

class PoiMe extends HTMLElement {
  #me = null;
  #fetched = 0;
  #offline = false;
  #session = null;
  #near = null;
  #receipts = null;
  #tab = TABS.some(({ name }) => name === location.hash.slice(1)) ? location.hash.slice(1) : "card";
  #code = h("poi-code");
  #view = h("div", { class: "me-view" });

  async connectedCallback() {
    registerWorker();
    this.addEventListener("poi:unpaired", () => this.#unpaired());
    const kept = await recall("me");
    if (kept) this.#take(kept.me, kept.at);
    await this.#load();
    const live = new Live({ watch: "customer" });
    live.addEventListener("message", ({ detail }) => this.#heard(detail));
    live.addEventListener("resync", () => this.#load());
    live.start();
  }

  async #load() {
    try {
      const me = await get("/v1/me");
      this.#offline = false;
      this.#session = me.session;
      await keep("me", { me, at: Date.now() });
      this.#take(me, Date.now());
    } catch (problem) {
      if (problem.status === 401 || problem.status === 403) return this.#unpaired();
      this.#offline = true;
      this.#draw();
      if (problem.code !== "offline") report(problem);
    }
    return undefined;
  }

  #take(me, at) {
    this.#me = me;
    this.#fetched = at;
    setCurrency(me.currency);
    this.#draw();
  }

  #heard(message) {
    if (message.kind === "session") {
      this.#session = message.session;
      this.#draw();
      if (message.session?.state === "paid") this.#bought();
    }
    if (message.kind === "customer") this.#load();
  }

  #bought() {
    this.#receipts = null;
    if (this.#tab === "receipts") this.#loadReceipts();
    toast(t("me.thanks"), "good");
    this.#load();
  }

  #draw() {
    if (!this.#me) return;
    render(this, this.#head(), slot(this.#view), this.#tabs());
    const view = { card: () => this.#cardView(), offers: () => this.#offersView(), receipts: () => this.#receiptsView(), profile: () => this.#profileView() }[this.#tab];
    render(this.#view, this.#offline && asOf(this.#fetched), view());
  }

  #head() {
    return h("header", { class: "me-head", key: "head" },
      h("div", { class: "grow" }, h("p", { class: "muted small" }, this.#me.merchant), h("h1", { class: "clip" }, this.#greeting())),
      iconButton("refresh", t("app.refresh"), () => this.#load()));
  }

  #greeting() {
    const { display_name: name } = this.#me;
    return this.#me.pseudonym === false || /\s|^[^0-9]{2,20}$/.test(name) ? t("me.hello", { name }) : t("me.hello_you");
  }

  #tabs() {
    return h("nav", { class: "tabs", key: "tabs", "aria-label": t("app.navigation") }, TABS.map(({ name, icon: picture }) =>
      h("button", { type: "button", key: `tab-${name}`, "aria-current": name === this.#tab ? "page" : null, onclick: () => this.#go(name) }, icon(picture), h("span", {}, t(`me.tab_${name}`)))));
  }

  #go(tab) {
    this.#tab = tab;
    history.replaceState(null, "", tab === "card" ? location.pathname : `#${tab}`);
    this.#draw();
    scrollTo({ top: 0 });
    if (tab === "receipts" && !this.#receipts) this.#loadReceipts();
    if (tab === "offers" && !this.#near) this.#loadNear({});
  }

  #cardView() {
    return h("div", { class: "stack", key: "card" },
      h("section", { class: "card code-card", key: "code", "aria-label": t("code.alt") }, slot(this.#code)),
      atCounter(this.#session), balances(this.#me), rewards(this.#me), coupons(this.#me));
  }

  #offersView() {
    const find = button(t("near_me.find"), { icon: "target", kind: "primary big wide", onclick: () => this.#locate() });
    return h("div", { class: "stack", key: "offers" }, h("h2", {}, t("near_me.title")), find, h("p", { class: "muted small" }, t("near_me.privacy")),
      this.#near ? nearOffers(this.#near) : h("p", { class: "loading" }, t("app.loading")));
  }

  async #locate() {
    if (!navigator.geolocation) return toast(t("near_me.unavailable"), "bad");
    const position = await new Promise((resolve) => navigator.geolocation.getCurrentPosition(resolve, () => resolve(null), { timeout: 10_000, maximumAge: 60_000 }));
    if (!position) return toast(t("near_me.unavailable"), "bad");
    return this.#loadNear({ lat: position.coords.latitude.toFixed(5), lon: position.coords.longitude.toFixed(5) });
  }

  async #loadNear(place) {
    try {
      this.#near = (await get("/v1/me/offers", place)).items;
    } catch (problem) {
      this.#near = [];
      report(problem);
    }
    this.#draw();
  }

  #receiptsView() {
    return h("div", { class: "stack", key: "receipts" }, h("h2", {}, t("me.tab_receipts")),
      this.#receipts ? receiptList(this.#receipts, (id) => this.#openReceipt(id)) : h("p", { class: "loading" }, t("app.loading")));
  }

  async #loadReceipts() {
    try {
      this.#receipts = (await get("/v1/me/receipts", { limit: 50 })).items;
    } catch (problem) {
      this.#receipts = [];
      report(problem);
    }
    this.#draw();
  }

  #openReceipt(saleId) {
    return dialog(t("receipt.title"), () => ({ body: receiptPaper(saleId) }));
  }

  #profileView() {
    const name = h("input", { class: "input", maxlength: 120, required: true, autocomplete: "name", value: this.#me.display_name });
    const birthday = h("input", { class: "input", type: "date", value: this.#me.birthday ?? "", max: new Date().toISOString().slice(0, 10) });
    const tongue = h("select", { class: "input" }, LANGUAGES.map((code) => h("option", { value: code, selected: code === language }, t(`language.${code}`))));
    const save = h("button", { class: "button primary big wide" }, icon("check"), t("app.save"));
    const onsubmit = (event) => {
      event.preventDefault();
      busy(save, () => this.#save({ display_name: name.value.trim(), birthday: birthday.value || null, language: tongue.value }));
    };
    return h("div", { class: "stack", key: "profile", dataset: { own: "" } }, h("h2", {}, t("me.tab_profile")),
      h("form", { class: "card stack", onsubmit },
        field(t("profile.name"), name, { hint: t("profile.name_hint") }),
        field(t("profile.birthday"), birthday, { hint: t("profile.birthday_hint") }),
        field(t("profile.language"), tongue), save),
      h("section", { class: "card stack" }, h("h3", {}, t("profile.erase")), h("p", { class: "muted small" }, t("profile.erase_hint")),
        button(t("profile.erase"), { icon: "trash", kind: "danger", onclick: () => this.#erase() })));
  }

  async #save(profile) {
    await patch("/v1/me", profile);
    toast(t("app.saved"), "good");
    if (profile.language !== language) return switchLanguage(profile.language);
    return this.#load();
  }

  async #erase() {
    if (!(await confirm(t("profile.erase"), t("profile.erase_sure"), t("profile.erase_yes")))) return;
    await remove("/v1/me");
    await forgetAll();
    location.replace("/");
  }

  async #unpaired() {
    const device = await storedDevice();
    render(this, h("div", { class: "lonely" }, icon("phone"), h("h1", {}, t("me.unpaired")), h("p", { class: "muted" }, t(device ? "me.signed_out_hint" : "me.unpaired_hint"))));
  }
}

function registerWorker() {
  const policy = window.trustedTypes?.createPolicy("poi", { createScriptURL: (address) => address });
  const address = "/sw.js";
  navigator.serviceWorker?.register(policy ? policy.createScriptURL(address) : address).catch(() => {});
}

customElements.define("poi-me", PoiMe);
