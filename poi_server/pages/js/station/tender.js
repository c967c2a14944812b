/** Paying in parts: what is due, what was taken, and the next tender with its amount; cash with its change. */

import { get, post } from "../api.js";
import { h, icon, render, slot } from "../dom.js";
import { decimals, merchantCurrency, money, t } from "../i18n.js";
import { busy, button, dialog, field } from "../ui.js";
import { iconOf } from "./stage.js";

const NOTES = [500, 1000, 2000, 5000, 10000, 20000];
const QUICK = 3;
const OWN = new Set(["wallet", "tab"]);

/** One ticket's tenders. Its `view` lives on while money moves. */
export class TenderPad {
  #ticket;
  #till;
  #means = "";
  #amount = h("input", { class: "input num", type: "number", required: true, inputmode: "decimal" });
  #code = h("input", { class: "input mono", required: true, minlength: 4, maxlength: 64, autocomplete: "off", spellcheck: "false", onchange: () => this.#look() });
  #balance = h("p", { class: "muted small", role: "status" });
  #quick = h("div", { class: "row wrap tender-quick" });
  #change = h("output", { class: "tender-change strong num", "aria-live": "polite" });
  #due = -1;
  #meal = h("p", { class: "muted small", role: "status" });
  view = h("div", { class: "tender stack" });

  constructor(ticket, till) {
    this.#ticket = ticket;
    this.#till = till;
    this.#amount.min = this.#amount.step = 1 / this.#unit;
    this.#amount.oninput = () => this.#drawCash();
    this.draw();
  }

  get #unit() {
    return 10 ** decimals();
  }

  /** What is still to be paid, minor units. */
  get due() {
    const { session, decision, state } = this.#ticket;
    return state === "paying" && session.tenders?.length ? session.due : (decision?.total ?? 0);
  }

  get #typed() {
    return Math.round(Number(this.#amount.value) * this.#unit);
  }

  /** The choices: what is taken here; a wallet and a tab need their customer. */
  get #choices() {
    return this.#till.taken.filter((means) => !OWN.has(means) || this.#ticket.session?.identity);
  }

  /** Draw it as things stand. */
  draw() {
    if (!this.#choices.includes(this.#means)) this.#means = this.#choices.includes("cash") ? "cash" : this.#choices[0];
    if (this.due !== this.#due) this.#reset();
    render(this.view, this.#taken(),
      h("p", { class: "tender-due", key: "due" }, h("span", { class: "muted" }, t("tender.due")), h("strong", { class: "num" }, money(this.due))),
      h("div", { class: "tender-means", role: "group", "aria-label": t("tender.means"), key: "means" }, this.#choices.map((means) =>
        h("button", { type: "button", key: `tender-${means}`, class: "button", "aria-pressed": String(means === this.#means), onclick: () => this.#choose(means) }, icon(iconOf(means)), t(`means.${means}`)))),
      this.#form());
  }

  #taken() {
    const shown = (this.#ticket.session?.tenders ?? []).filter((one) => one.state !== "reversed");
    if (this.#ticket.state !== "paying" || !shown.length) return null;
    return h("ul", { class: "tenders", key: "taken", "aria-label": t("tender.taken") }, shown.map((one) => h("li", { key: one.payment_id, class: `is-${one.state}` },
      icon(iconOf(one.means)), h("span", { class: "grow" }, t(`means.${one.means}`), one.given > one.amount && h("span", { class: "muted small block" }, t("tender.change", { amount: money(one.given - one.amount) }))),
      one.state !== "captured" && h("span", { class: "chip bad" }, t(`tender.${one.state}`)), h("span", { class: "num strong" }, money(one.amount)))));
  }

  #form() {
    const cash = this.#means === "cash";
    const gift = this.#means === "gift_card";
    const go = button(t("tender.take"), { icon: iconOf(this.#means), kind: "primary big wide tender-take" });
    go.onclick = () => busy(go, () => this.#take());
    return h("form", { class: "stack tight", key: `form-${this.#means}`, onsubmit: (event) => { event.preventDefault(); go.click(); } },
      gift && field(t("tender.code"), this.#code), gift && this.#balance,
      field(t(cash ? "tender.given" : "tender.amount", { currency: merchantCurrency() }), this.#amount),
      cash && this.#quick, cash && this.#change, this.#means === "meal_voucher" && slot(this.#meal), go);
  }

  #choose(means) {
    this.#means = means;
    this.#reset();
    this.draw();
  }

  #reset() {
    this.#due = this.due;
    this.#give(this.due);
    if (this.#means === "meal_voucher") this.#lookMeal().catch((problem) => render(this.#meal, problem.text));
  }

  /** What meal vouchers may pay of this basket, this customer's day included. */
  async #lookMeal() {
    render(this.#meal, t("tender.meal_hint"));
    const { amount, eligible, left_today: left } = await get(`/v1/sessions/${this.#ticket.session.session_id}/meal-voucher`);
    render(this.#meal, t("tender.meal_eligible", { amount: money(eligible) }), left !== null && left < eligible && ` ${t("tender.meal_left", { amount: money(left) })}`);
    if (this.#means === "meal_voucher") this.#give(Math.min(this.due, amount));
  }

  #drawCash() {
    const more = NOTES.filter((note) => note > this.due).slice(0, QUICK);
    const rounded = Math.ceil(this.due / 500) * 500;
    const sums = [...new Set([this.due, rounded, ...more])].slice(0, QUICK + 1);
    render(this.#quick, sums.map((sum) => h("button", { type: "button", key: `given-${sum}`, class: "button small num", onclick: () => this.#give(sum) }, sum === this.due ? t("tender.exact") : money(sum))));
    const back = this.#typed - this.due;
    render(this.#change, back > 0 ? t("tender.change", { amount: money(back) }) : back < 0 ? t("tender.left", { amount: money(-back) }) : "");
  }

  #give(sum) {
    this.#amount.value = (sum / this.#unit).toFixed(decimals());
    this.#drawCash();
  }

  /** What the gift card holds. */
  async #look() {
    if (!this.#code.value.trim()) return;
    const card = await post("/v1/gift-cards/look", { code: this.#code.value.trim() }).catch((problem) => ({ problem }));
    render(this.#balance, card.problem ? card.problem.text : t("tender.holds", { amount: money(card.balance, card.currency) }));
    if (!card.problem) this.#give(Math.min(this.due, card.balance));
  }

  async #take() {
    const gift = this.#means === "gift_card";
    if ((gift && !this.#code.reportValidity()) || !this.#amount.reportValidity()) return;
    const amount = Math.min(this.#typed, this.due);
    const given = this.#means === "cash" ? { given: this.#typed } : {};
    await this.#till.payPart({ means: this.#means, amount, ...given, ...(gift ? { gift_card: this.#code.value.trim() } : {}) });
    this.#code.value = "";
    render(this.#balance);
    this.draw();
  }
}

/** The first tender is chosen in a dialog; once something is accepted the counter's cover goes on. */
export async function splitDialog(ticket, till) {
  const pad = new TenderPad(ticket, till);
  let look = () => {};
  await dialog(t("pay.split"), (close) => {
    look = () => (ticket.state === "decided" ? pad.draw() : close());
    ticket.addEventListener("change", look);
    return { body: pad.view };
  });
  ticket.removeEventListener("change", look);
}
