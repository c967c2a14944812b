/** The customer's own page: the rotating code, what they have, offers near by, receipts, profile. */

import { get } from "./api.js";
import { h, icon, render, slot } from "./dom.js";
import { setCurrency, t } from "./i18n.js";
import { Live } from "./live.js";
import { dialog, iconButton, report, toast } from "./ui.js";
import "./me/card.js";
import { askSpending } from "./me/confirm.js";
import { keep, recall, storedDevice } from "./me/device.js";
import "./me/friends.js";
import { keepPapers, lastKnown, receiptText } from "./me/kept.js";
import "./me/near.js";
import "./me/orders.js";
import { asOf, atCounter, balances, coupons, receiptList, rewards } from "./me/parts.js";
import "./me/products.js";
import "./me/profile.js";

const TABS = { card: "qr", offers: "tag", shop: "basket", receipts: "receipt", profile: "user" };

const titled = (key, title, part) => h("div", { class: "stack", key }, h("h2", {}, t(title)), slot(part));
const loading = () => h("p", { class: "loading" }, t("app.loading"));

class PoiMe extends HTMLElement {
  #me = null;
  #fetched = 0;
  #asked = 0;
  #offline = false;
  #session = null;
  #near = h("poi-near", { class: "stack" });
  #receipts = null;
  #tab = Object.hasOwn(TABS, location.hash.slice(1)) ? location.hash.slice(1) : "card";
  #code = h("poi-code");
  #profile = h("poi-profile", { class: "stack" });
  #friends = h("poi-friends");
  #products = h("poi-products", { class: "stack" });
  #orders = h("poi-my-orders", { class: "stack" });
  #view = h("div", { class: "me-view" });

  async connectedCallback() {
    registerWorker();
    this.addEventListener("poi:unpaired", () => this.#unpaired());
    this.addEventListener("poi:changed", () => this.#load());
    this.addEventListener("poi:ordered", () => this.#go("receipts"));
    const kept = await recall("me");
    if (kept) this.#take(kept.me, kept.at);
    await this.#load();
    this.#loadReceipts();
    const live = new Live({ watch: "customer" });
    live.addEventListener("message", ({ detail }) => this.#heard(detail));
    live.addEventListener("resync", () => this.#load());
    live.start();
  }

  async #load() {
    const before = this.#session;
    const asked = (this.#asked += 1);
    try {
      const me = await get("/v1/me");
      if (asked !== this.#asked) return undefined;
      this.#offline = false;
      if (before === this.#session) this.#session = me.session; // else a newer one was told
      this.#take(me, Date.now());
      await keep("me", { me, at: Date.now() });
      askSpending(me.confirmation);
    } catch (problem) {
      if ([401, 403].includes(problem.status)) return this.#unpaired();
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
    if (message.kind === "order") this.#orders.load();
  }

  #bought() {
    this.#loadReceipts();
    toast(t("me.thanks"), "good");
    this.#load();
  }

  #draw() {
    if (!this.#me) return;
    render(this, this.#head(), slot(this.#view), this.#tabs());
    render(this.#view, this.#offline && asOf(this.#fetched), this.#shown());
  }

  #shown() {
    if (this.#tab === "offers") return titled("offers", "near_me.title", this.#near);
    if (this.#tab === "shop") return titled("shop", "shop.title", this.#products);
    if (this.#tab === "receipts") return this.#receiptsView();
    if (this.#tab === "profile") return titled("profile", "me.tab_profile", Object.assign(this.#profile, { me: this.#me }));
    return this.#cardView();
  }

  #head() {
    return h("header", { class: "me-head", key: "head" },
      h("div", { class: "grow" }, h("p", { class: "muted small" }, this.#me.merchant), h("h1", { class: "clip" }, this.#greeting())),
      iconButton("refresh", t("app.refresh"), () => this.#load()));
  }

  #greeting() {
    const { display_name: name } = this.#me;
    return /\s|^[^0-9]{2,20}$/.test(name) ? t("me.hello", { name }) : t("me.hello_you");
  }

  #tabs() {
    return h("nav", { class: "tabs", key: "tabs", "aria-label": t("app.navigation") }, Object.entries(TABS).map(([name, picture]) =>
      h("button", { type: "button", key: `tab-${name}`, "aria-current": name === this.#tab ? "page" : null, onclick: () => this.#go(name) }, icon(picture), h("span", {}, t(`me.tab_${name}`)))));
  }

  #go(tab) {
    this.#tab = tab;
    history.replaceState(null, "", tab === "card" ? location.pathname : `#${tab}`);
    this.#draw();
    scrollTo({ top: 0 });
  }

  #cardView() {
    return h("div", { class: "stack", key: "card" },
      h("section", { class: "card code-card", key: "code", "aria-label": t("code.alt") }, slot(this.#code)),
      atCounter(this.#session), balances(this.#me), rewards(this.#me), coupons(this.#me), slot(Object.assign(this.#friends, { me: this.#me })));
  }

  #receiptsView() {
    return h("div", { class: "stack", key: "receipts" }, slot(this.#orders), h("h2", {}, t("me.tab_receipts")),
      this.#receipts ? receiptList(this.#receipts, (id) => this.#openReceipt(id)) : loading());
  }

  async #loadReceipts() {
    try {
      const { value, fresh } = await lastKnown("receipts", () => get("/v1/me/receipts", { limit: 50 }));
      this.#receipts = value.items;
      if (fresh) keepPapers(value.items);
    } catch (problem) {
      this.#receipts ??= [];
      if (problem.code !== "offline" && problem.status !== 401) report(problem);
    }
    this.#draw();
  }

  #openReceipt(saleId) {
    const paper = h("div", { class: "paper", role: "region", "aria-label": t("receipt.title"), tabindex: 0 }, loading());
    receiptText(saleId).then((text) => render(paper, h("pre", {}, text)), (problem) => render(paper, h("p", {}, problem.text)));
    return dialog(t("receipt.title"), () => ({ body: paper }));
  }

  async #unpaired() {
    const device = await storedDevice();
    render(this, h("div", { class: "lonely" }, icon("phone"), h("h1", {}, t("me.unpaired")), h("p", { class: "muted" }, t(device ? "me.signed_out_hint" : "me.unpaired_hint"))));
  }
}

function registerWorker() {
  const policy = window.trustedTypes?.createPolicy("poi", { createScriptURL: (address) => address });
  const address = "/sw.js";
  navigator.serviceWorker?.register(policy?.createScriptURL(address) ?? address).catch(() => {});
}

customElements.define("poi-me", PoiMe);
