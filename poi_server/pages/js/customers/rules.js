/** The rules that hold for all customers: what friends get, how long people are kept, and the texts they agree to. */

import { get, post, put } from "../api.js";
import { h, render } from "../dom.js";
import { day, LANGUAGES, number, said, t, tn } from "../i18n.js";
import { busy, button, confirm, dialog, field, report, toast } from "../ui.js";
import { section } from "./parts.js";

/** The panel; `load` fetches what it shows. */
export class CustomerRules extends HTMLElement {
  #data = null;

  constructor() {
    super();
    this.dataset.own = "";
  }

  async load() {
    try {
      const [referral, retention, texts, offers] = await Promise.all(
        [get("/v1/programme/referral"), get("/v1/programme/retention"), get("/v1/consent-texts"), get("/v1/offers", { limit: 200 })]);
      this.#data = { referral, retention, texts: texts.items, offers: offers.items.map(({ offer }) => offer) };
    } catch (problem) {
      report(problem);
    }
    if (this.#data) this.#draw();
  }

  #draw() {
    const { referral, retention, texts } = this.#data;
    render(this, h("div", { class: "rules-grid" }, this.#referral(referral), this.#retention(retention), this.#texts(texts)));
  }

  #referral(rule) {
    const open = h("input", { type: "checkbox", checked: rule.open });
    const friend = this.#offerChoice(rule.friend_offer_id);
    const referrer = this.#offerChoice(rule.referrer_offer_id);
    const days = h("input", { class: "input", type: "number", min: 1, max: 730, required: true, value: rule.days });
    const most = h("input", { class: "input", type: "number", min: 1, max: 1000, required: true, value: rule.most });
    return this.#form("referral", "gift", [h("p", { class: "muted" }, t("rules.referral_hint")), h("label", { class: "check" }, open, t("rules.referral_open")),
      field(t("rules.friend_offer"), friend), field(t("rules.referrer_offer"), referrer, { hint: t("rules.coupon_hint") }),
      h("div", { class: "row wrap pair-row" }, field(t("rules.days"), days), field(t("rules.most"), most))],
    () => put("/v1/programme/referral", { open: open.checked, friend_offer_id: friend.value, referrer_offer_id: referrer.value, days: Number(days.value), most: Number(most.value) }));
  }

  #offerChoice(chosen) {
    const opened = this.#data.offers.filter((offer) => JSON.stringify(offer.conditions ?? {}).includes(`coupon:${offer.offer_id}`));
    return h("select", { class: "input" }, h("option", { value: "" }, t("rules.no_offer")), opened.map((offer) => h("option", { value: offer.offer_id, selected: offer.offer_id === chosen }, said(offer.name))));
  }

  #retention(rule) {
    const years = h("input", { class: "input", type: "number", min: 1, max: 10, required: true, value: rule.years });
    const action = h("select", { class: "input" }, ["erase", "pseudonymise", "nothing"].map((value) => h("option", { value, selected: value === rule.action }, t(`retention.${value}`))));
    const look = button(t("rules.try"), { icon: "search", onclick: () => this.#try() });
    return this.#form("retention", "clock", [h("p", { class: "muted" }, t("rules.retention_hint")), h("div", { class: "row wrap pair-row" }, field(t("rules.years"), years), field(t("rules.action"), action))],
      () => put("/v1/programme/retention", { years: Number(years.value), action: action.value }), look);
  }

  #form(name, picture, fields, send, ...more) {
    const save = button(t("app.save"), { kind: "primary", icon: "check" });
    const node = h("form", { class: "stack", onsubmit: (event) => { event.preventDefault(); save.click(); } }, fields, h("div", { class: "row wrap" }, save, more));
    save.onclick = () => busy(save, async () => {
      if (!node.reportValidity()) return;
      await send();
      toast(t("app.saved"), "good");
      await this.load();
    });
    return section(t(`rules.${name}`), picture, node, { key: name, level: 2 });
  }

  async #try() {
    const report_ = await post("/v1/retention", { dry_run: true });
    let run = false;
    await dialog(t("rules.retention"), (close) => ({
      body: h("div", { class: "stack" }, h("p", {}, tn("rules.due", report_.due, { years: number(report_.years) })),
        h("ul", { class: "list" }, report_.items.slice(0, 20).map((one) => h("li", { key: one.customer_id }, h("p", { class: "grow mono" }, one.customer_id.slice(-8).toUpperCase()), h("span", { class: "muted small" }, t("customers.last", { day: day(one.last_act) })))))),
      foot: [button(t("app.close"), { onclick: close }), report_.due > 0 && button(t("rules.run"), { kind: "danger", onclick: () => { run = true; close(); } })],
    }));
    if (run && (await confirm(t("rules.retention"), t("customers.erase_hint"), t("rules.run")))) {
      const done = await post("/v1/retention", { dry_run: false });
      toast(tn("rules.done", done.done), "good");
    }
  }

  #texts(texts) {
    return section(t("rules.texts"), "shield", h("div", { class: "stack" }, h("p", { class: "muted" }, t("rules.texts_hint")), h("ul", { class: "list" }, texts.map((text) => h("li", { key: text.purpose },
      h("div", { class: "grow" }, h("p", { class: "strong" }, t(`purpose.${text.purpose}`), h("span", { class: "muted small" }, ` · ${t("rules.version", { version: text.version })}`)), h("p", { class: "muted small" }, said(text.text))),
      button(t("customers.edit"), { icon: "edit", kind: "small", onclick: () => this.#write(text) }))))), { key: "texts", kind: "texts-card", level: 2 });
  }

  #write(text) {
    return dialog(t(`purpose.${text.purpose}`), (close) => {
      const areas = LANGUAGES.map((code) => [code, h("textarea", { class: "input", lang: code, maxlength: 2000, value: text.text[code] ?? "" })]);
      const submit = button(t("rules.new_version"), { kind: "primary", icon: "check" });
      submit.onclick = () => busy(submit, async () => {
        const written = Object.fromEntries(areas.map(([code, area]) => [code, area.value.trim()]).filter(([, words]) => words));
        await put(`/v1/consent-texts/${text.purpose}`, { text: written });
        toast(t("app.saved"), "good");
        close();
        await this.load();
      });
      return { body: h("div", { class: "stack" }, h("p", { class: "muted" }, t("rules.version_hint")), areas.map(([code, area]) => field(t(`language.${code}`), area))),
        foot: [button(t("app.cancel"), { onclick: close }), submit] };
    });
  }
}

customElements.define("poi-customer-rules", CustomerRules);
