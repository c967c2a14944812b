/** The persons of the staff as cards, and the rule of signing in at stations. */

import { get, patch, post, put } from "../api.js";
import { h, icon, render } from "../dom.js";
import { clock, decimals, merchantCurrency, money, t, tn } from "../i18n.js";
import { button, confirm, dialog, qrImage, report, segmented, toast } from "../ui.js";
import { badgeDialog, personDialog, pinDialog } from "./forms.js";

const ROLE_ICONS = { manager: "shield", seller: "user", auditor: "chart" };
const IDLE_MINUTES = [5, 15, 30, 60, 240, null];

/** Everybody who works here. `me` says what may be changed. */
export class PeoplePanel extends HTMLElement {
  #people = null;
  #rule = null;
  #cap = null;

  connectedCallback() {
    if (!this.#people) this.load();
  }

  async load() {
    try {
      const [{ items }, rule, { spend_cap: cap }] = await Promise.all([get("/v1/sellers"), get("/v1/settings/sign-in"), get("/v1/settings/spending")]);
      this.#people = items;
      this.#rule = rule;
      this.#cap = cap;
      this.#draw();
    } catch (problem) {
      report(problem);
    }
  }

  get #owner() {
    return this.me.role === "owner";
  }

  /** Nobody changes their own rights, and a manager no other manager's. */
  #changeable(person) {
    return this.#owner || (this.me.role === "manager" && person.role !== "manager");
  }

  #draw() {
    render(this, h("div", { class: "stack loose" },
      h("section", { class: "stack" },
        h("div", { class: "row between wrap" }, h("p", { class: "muted people-head" }, t("sellers.words")),
          this.me.role !== "auditor" && button(t("sellers.add"), { icon: "plus", kind: "primary add-person", onclick: () => this.#add() })),
        this.#people.length ? h("ul", { class: "people" }, this.#people.map((person) => this.#card(person))) : h("div", { class: "card empty" }, icon("user"), h("p", {}, t("sellers.nobody")))),
      this.#ruleCard(), this.#capCard()));
  }

  #card(person) {
    return h("li", { class: person.active ? "card person" : "card person is-out", key: person.seller_id, "aria-label": person.name },
      h("div", { class: "row person-head" },
        h("span", { class: "person-mark", "aria-hidden": "true" }, icon(ROLE_ICONS[person.role])),
        h("div", { class: "grow" }, h("h2", { class: "clip" }, person.name), h("p", { class: "muted small" }, t(`role.${person.role}`))),
        !person.active && h("span", { class: "chip bad" }, t("sellers.out"))),
      person.role !== "auditor" && h("ul", { class: "row wrap chips" }, this.#chips(person)),
      this.#acts(person));
  }

  #chips(person) {
    const chip = (tone, picture, text) => h("li", { class: `chip ${tone}` }, icon(picture), text);
    const limit = person.refund_limit;
    return [
      person.take_payment ? chip("good", "card", t("sellers.takes_payment")) : chip("warn", "card", t("sellers.no_payment")),
      chip(limit === null ? "" : "info", "undo", limit === null ? t("sellers.refund_free") : limit === 0 ? t("sellers.refund_none") : t("sellers.refund_up_to", { amount: money(limit) })),
      person.role === "seller" && person.override_limit > 0 && chip("info", "tag", t("sellers.override_up_to", { percent: person.override_limit })),
      person.role === "seller" && person.close_day && chip("good", "lock", t("sellers.closes_day")),
      chip(person.has_pin ? "" : "warn", "keypad", t(person.has_pin ? "sellers.has_pin" : "sellers.no_pin")),
      person.badges.length > 0 && chip("", "tap", tn("sellers.badges", person.badges.length)),
      person.locked_until && chip("bad", "lock", t("sellers.locked", { time: clock(person.locked_until) })),
    ];
  }

  #acts(person) {
    const own = this.me.subject_id === person.seller_id;
    if (this.me.role === "auditor" || (!this.#changeable(person) && !own)) return null;
    const acts = person.active ? this.#activeActs(person, own) : [button(t("sellers.let_in"), { icon: "play", kind: "small", onclick: () => this.#setActive(person, true) })];
    return h("div", { class: "row wrap person-acts" }, acts);
  }

  #activeActs(person, own) {
    const counter = person.role !== "auditor";
    const again = () => this.load();
    return [
      !own && button(t("sellers.change"), { icon: "edit", kind: "small", onclick: () => personDialog(person, this.#owner, again) }),
      counter && button(t("sellers.pin"), { icon: "keypad", kind: "small", onclick: () => pinDialog(person, again) }),
      counter && button(t("sellers.badge"), { icon: "tap", kind: "small", onclick: () => badgeDialog(person, again) }),
      (this.#owner || (!own && person.role !== "manager")) && button(t("access.pair"), { icon: "qr", kind: "small", onclick: () => this.#pair(person) }),
      !own && button(t("sellers.shut_out"), { icon: "pause", kind: "small quiet", onclick: () => this.#shutOut(person) }),
    ];
  }

  #add() {
    return personDialog(null, this.#owner, () => this.load());
  }

  async #setActive(person, active) {
    await patch(`/v1/sellers/${person.seller_id}`, { active });
    await this.load();
  }

  async #shutOut(person) {
    if (await confirm(t("sellers.shut_out"), t("sellers.shut_out_hint", { name: person.name }), t("sellers.shut_out"))) await this.#setActive(person, false);
  }

  async #pair(person) {
    const invitation = await post("/v1/pairings", { role: person.role, subject_id: person.seller_id });
    await dialog(t("access.pair_title", { name: person.name }), () => ({
      body: h("div", { class: "invite" }, qrImage(invitation.qr_svg, t("access.pair_alt")),
        h("p", {}, t("access.pair_hint")), h("p", { class: "muted small" }, t("access.pair_until", { time: clock(invitation.expires_at) })),
        h("input", { class: "input", readonly: true, value: invitation.url, "aria-label": t("access.pair_link"), onclick: (event) => event.target.select() })),
    }));
  }

  #ruleCard() {
    const { sign_in: chosen, sign_out_minutes: minutes } = this.#rule;
    const choices = ["optional", "required"].map((value) => ({ value, label: t(`sellers.rule_${value}`) }));
    return h("section", { class: "card stack rule", "aria-label": t("sellers.rule") },
      h("h2", {}, t("sellers.rule")),
      this.#owner ? segmented(t("sellers.rule"), choices, chosen, (value) => this.#setRule({ sign_in: value })) : h("p", { class: "strong" }, t(`sellers.rule_${chosen}`)),
      h("p", { class: "muted small" }, t(`sellers.rule_${chosen}_hint`)),
      this.#idle(minutes));
  }

  #idle(minutes) {
    const words = (value) => (value === null ? t("sellers.idle_never") : tn("sellers.idle", value));
    if (!this.#owner) return h("p", { class: "muted" }, `${t("sellers.idle_title")} ${words(minutes)}`);
    const values = IDLE_MINUTES.includes(minutes) ? IDLE_MINUTES : [minutes, ...IDLE_MINUTES];
    const select = h("select", { class: "input", id: "idle", onchange: (event) => this.#setRule({ sign_out_minutes: event.target.value ? Number(event.target.value) : null }) },
      values.map((value) => h("option", { value: value ?? "", selected: value === minutes }, words(value))));
    return h("div", { class: "field idle" }, h("label", { for: "idle" }, t("sellers.idle_title")), select);
  }

  #capCard() {
    const unit = 10 ** decimals();
    const words = this.#cap === null ? t("spending.cap_none") : t("spending.cap_is", { amount: money(this.#cap) });
    return h("section", { class: "card stack rule", "aria-label": t("spending.cap") },
      h("h2", {}, t("spending.cap")), h("p", { class: "strong" }, words), h("p", { class: "muted small" }, t("spending.cap_hint")),
      this.#owner && h("div", { class: "field idle" }, h("label", { for: "cap" }, t("spending.cap_change", { currency: merchantCurrency() })),
        h("input", { class: "input", id: "cap", type: "number", min: 0, step: 1 / unit, inputmode: "decimal", value: this.#cap === null ? "" : this.#cap / unit,
          onchange: ({ target }) => target.reportValidity() && this.#setCap(target.value === "" ? null : Math.round(Number(target.value) * unit)) })));
  }

  async #setCap(cap) {
    try {
      this.#cap = (await put("/v1/settings/spending", { spend_cap: cap })).spend_cap;
      toast(t("app.saved"), "good");
    } catch (problem) {
      report(problem);
    }
    this.#draw();
  }

  async #setRule(change) {
    try {
      this.#rule = await put("/v1/settings/sign-in", { ...this.#rule, ...change });
    } catch (problem) {
      report(problem);
    }
    this.#draw();
  }
}

customElements.define("poi-people", PeoplePanel);
