/** Credits on the account that pay nothing by themselves: to which payment they belong, or how they were dealt with. */

import { get, post } from "../api.js";
import { h, icon, render } from "../dom.js";
import { dateTime, day, money, t } from "../i18n.js";
import { busy, button, dialog, field, report, segmented, toast } from "../ui.js";

const STATES = ["unmatched", "under", "over", "give_back"];

/** The credits that wait for a person, by what is the matter with them. */
export class BankPanel extends HTMLElement {
  #state = STATES[0];
  #items = null;

  connectedCallback() {
    this.load();
  }

  async load() {
    try {
      this.#items = (await get("/v1/bank/credits", { state: this.#state, limit: 200 })).items;
    } catch (problem) {
      report(problem);
      this.#items = [];
    }
    this.#draw();
  }

  #draw() {
    const choices = STATES.map((value) => ({ value, label: t(`bank.${value}`) }));
    render(this, h("div", { class: "stack" }, h("p", { class: "muted" }, t("bank.words")),
      segmented(t("money.bank"), choices, this.#state, (state) => { this.#state = state; this.load(); }),
      this.#items.length ? h("ul", { class: "doubts" }, this.#items.map((one) => this.#card(one))) : h("div", { class: "card empty" }, icon("check"), h("p", {}, t("bank.none")))));
  }

  #card(one) {
    return h("li", { class: "card doubt", key: one.credit_id },
      h("div", { class: "row" }, h("div", { class: "grow" }, h("h2", { class: "mono clip" }, one.reference || t("bank.no_reference")), h("p", { class: "muted small" }, day(one.booked_at.slice(0, 10)))), h("strong", { class: "num doubt-amount" }, money(one.amount, one.currency))),
      one.reason && h("p", { class: "small" }, one.reason),
      h("div", { class: "row wrap" },
        this.#state !== "give_back" && button(t("bank.assign"), { icon: "check", kind: "small", onclick: () => this.#assign(one) }),
        button(t("bank.set_aside"), { kind: "small quiet", onclick: () => this.#ask(t("bank.set_aside"), [], (reason) => post("/v1/bank/set-aside", { credit_id: one.credit_id, reason })) })));
  }

  /** Choose one of the transfers that are awaited. */
  async #assign(one) {
    const { items } = await get("/v1/payments/in-doubt");
    const awaited = items.filter((item) => item.means === "transfer" && item.payment_id);
    if (!awaited.length) return toast(t("bank.no_payment"), "bad");
    const payment = h("select", { class: "input", required: true }, awaited.map((item) => h("option", { value: item.payment_id, selected: item.payment_id === one.payment_id }, `${money(item.amount, item.currency)} · ${dateTime(item.since)}`)));
    await this.#ask(t("bank.assign"), [field(t("bank.payment"), payment)], (reason) => post("/v1/bank/assignments", { credit_id: one.credit_id, payment_id: payment.value, reason }));
  }

  #ask(title, fields, send) {
    return dialog(title, (close) => {
      const reason = h("input", { class: "input", required: true, minlength: 3, maxlength: 200, autofocus: "" });
      const submit = button(t("unknown.record"), { kind: "primary" });
      submit.onclick = () => busy(submit, async () => {
        if (!reason.reportValidity() || fields.some((one) => !one.querySelector(".input").reportValidity())) return;
        await send(reason.value.trim());
        close();
        await this.load();
      });
      return { body: h("div", { class: "stack" }, fields, field(t("unknown.reason"), reason)), foot: [button(t("app.cancel"), { onclick: close }), submit] };
    });
  }
}

customElements.define("poi-bank", BankPanel);
