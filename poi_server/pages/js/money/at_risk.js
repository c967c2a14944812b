/** Cards that were taken while the bank was away: what it has not got yet, and what it declined afterwards. */

import { get, post } from "../api.js";
import { h, icon, render } from "../dom.js";
import { dateTime, money, t } from "../i18n.js";
import { busy, button, dialog, field, report } from "../ui.js";

/** What somebody may have paid by since. */
const PAID_BY = ["cash", "card", "transfer", "meal_voucher"];

/** The list, oldest first. `names` of the stations by id. */
export class AtRiskPanel extends HTMLElement {
  #page = null;

  connectedCallback() {
    this.load();
  }

  async load() {
    try {
      this.#page = await get("/v1/payments/at-risk");
    } catch (problem) {
      report(problem);
    }
    this.#draw();
  }

  #draw() {
    if (!this.#page) return;
    const { items, waiting, cap, currency } = this.#page;
    render(this, h("div", { class: "stack" }, h("p", { class: "muted" }, t("money.risk_words")),
      h("p", {}, t("money.risk_sum"), " ", h("strong", { class: "num risk-waiting" }, money(waiting, currency)), " ", h("span", { class: "muted" }, t("money.risk_cap", { amount: money(cap, currency) }))),
      items.length ? h("ul", { class: "doubts" }, items.map((one) => this.#card(one))) : h("div", { class: "card empty" }, icon("check"), h("p", {}, t("money.risk_nothing")))));
  }

  #card(one) {
    const declined = one.state === "declined";
    return h("li", { class: "card doubt", key: one.payment_id },
      h("div", { class: "row" }, h("span", { class: "doubt-mark", "aria-hidden": "true" }, icon("card")),
        h("div", { class: "grow" }, h("h2", {}, t(`money.risk_${one.state}`)), h("p", { class: "muted small" }, this.names.get(one.station_id) ?? one.station_id, " · ", dateTime(one.taken_at))),
        h("strong", { class: "num doubt-amount" }, money(one.amount, one.currency))),
      declined && one.reason && h("p", { class: "muted mono small", lang: "en" }, one.reason),
      declined && h("div", { class: "row wrap" }, ["paid", "lost"].map((outcome) => button(t(`money.risk_end_${outcome}`), { kind: "small", onclick: () => this.#ask(one, outcome) }))));
  }

  /** The word takes a reason: it goes on record with who said it. */
  #ask(one, outcome) {
    return dialog(t(`money.risk_end_${outcome}`), (close) => {
      const paid = outcome === "paid";
      const means = h("select", { class: "input", required: true }, PAID_BY.map((name) => h("option", { value: name }, t(`means.${name}`))));
      const reason = h("input", { class: "input", required: true, minlength: 3, maxlength: 200, autofocus: "" });
      const submit = button(t("unknown.record"), { kind: "primary" });
      submit.onclick = () => busy(submit, async () => {
        if (!reason.reportValidity()) return;
        try {
          await post(`/v1/payments/${one.payment_id}/at-risk`, { outcome, reason: reason.value.trim(), paid_by: paid ? means.value : undefined });
        } finally {
          close(); // somebody else may have been faster
          await this.load();
        }
      });
      return { body: h("div", { class: "stack" }, paid && field(t("money.risk_paid_by"), means), field(t("unknown.reason"), reason)), foot: [button(t("app.cancel"), { onclick: close }), submit] };
    });
  }
}

customElements.define("poi-at-risk", AtRiskPanel);
