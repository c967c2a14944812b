/** What waits for somebody's word, over all tills: payments, refunds, and sales paid in part. */

import { get, post } from "../api.js";
import { h, icon, render } from "../dom.js";
import { dateTime, money, t } from "../i18n.js";
import { busy, button, confirm, dialog, field, report, toast } from "../ui.js";

const ICONS = { payment: "card", refund: "undo", part_paid: "coins", tab_hold: "clock", tab_capture: "clock" };

/** The list, oldest first. `names` of the stations by id; `counted(n)` hears how many there are. */
export class DoubtsPanel extends HTMLElement {
  #items = null;
  #clocks = [];
  #asked = 0;

  connectedCallback() {
    this.#draw();
  }

  async load() {
    const asked = (this.#asked += 1);
    try {
      const { items, clocks } = await get("/v1/payments/in-doubt");
      if (asked !== this.#asked) return;
      [this.#items, this.#clocks] = [items, clocks];
      this.counted(this.#items.length);
    } catch (problem) {
      report(problem);
    }
    this.#draw();
  }

  #draw() {
    if (!this.#items) return;
    render(this, h("div", { class: "stack" }, h("p", { class: "muted" }, t("money.doubts_words")),
      this.#clocks.map((one) => h("p", { class: "small strong clock-doubted" }, t(`money.terminal_${one.seconds > 0 ? "ahead" : "behind"}`, { station: this.names.get(one.station_id) ?? one.station_id, minutes: Math.round(Math.abs(one.seconds) / 60) }))),
      this.#items.length ? h("ul", { class: "doubts" }, this.#items.map((one) => this.#card(one))) : h("div", { class: "card empty" }, icon("check"), h("p", {}, t("money.nothing_waits")))));
  }

  #card(one) {
    const by = one.means.split(" ").map((means) => t(`means.${means}`)).join(", ");
    return h("li", { class: "card doubt", key: `${one.checkout_id} ${one.payment_id}` },
      h("div", { class: "row" }, h("span", { class: "doubt-mark", "aria-hidden": "true" }, icon(ICONS[one.kind])),
        h("div", { class: "grow" }, h("h2", {}, t(`money.kind_${one.kind}`)), h("p", { class: "muted small" }, this.names.get(one.station_id) ?? one.station_id, " · ", dateTime(one.since))),
        h("strong", { class: "num doubt-amount" }, money(one.amount, one.currency))),
      h("p", { class: "small" }, by, " · ", t(`money.state_${isAwaited(one) ? "awaited" : one.state}`), one.reason && !isAwaited(one) && h("span", { class: "muted mono", lang: "en" }, ` · ${one.reason}`)),
      h("div", { class: "row wrap" }, this.#acts(one)));
  }

  #acts(one) {
    if (one.kind === "part_paid") return button(t("tender.give_back"), { icon: "undo", kind: "small danger", onclick: () => this.#giveBack(one) });
    if (one.state === "reversing") return ["declined", "reversed"].map((outcome) => button(t(`money.reversing_${outcome}`), { kind: "small", onclick: () => this.#ask(one, outcome) }));
    if (one.state !== "unknown") return h("p", { class: "muted small" }, t("money.under_way"));
    const word = (outcome) => button(t(`money.${one.kind}_${outcome}`), { kind: "small", onclick: () => this.#ask(one, outcome) });
    if (one.kind === "refund") return [word("refunded"), word("declined")];
    if (isTab(one)) return [word("approved"), word("declined")];
    return [button(t(isAwaited(one) ? "transfer.ask" : "unknown.ask"), { icon: "refresh", kind: "small", onclick: () => this.#status(one) }), word("paid"), word("declined")];
  }

  async #status(one) {
    const session = await post(`/v1/sessions/${one.session_id}/status`);
    toast(t(session.state === "unknown" ? "unknown.still" : `state.${session.state}`), session.state === "unknown" ? "" : "good");
    await this.load();
  }

  async #giveBack(one) {
    const amount = money(one.amount, one.currency);
    if (!(await confirm(t("tender.give_back"), t("money.give_back_hint", { amount }), t("tender.give_back")))) return;
    await post(`/v1/sessions/${one.session_id}/abandon`);
    await this.load();
  }

  /** The word takes a reason: it goes on record with who said it, where and when. */
  #ask(one, outcome) {
    const path = pathOf(one);
    const going = one.state === "reversing";
    const hint = isTab(one) ? `${one.kind}_${outcome}` : going ? `reversing_${outcome}` : outcome;
    return dialog(t(`money.${going ? "reversing" : one.kind}_${outcome}`), (close) => {
      const reason = h("input", { class: "input", required: true, minlength: 3, maxlength: 200, autofocus: "" });
      const submit = button(t("unknown.record"), { kind: "primary" });
      submit.onclick = () => busy(submit, async () => {
        if (!reason.reportValidity()) return;
        try {
          await post(path, { outcome, reason: reason.value.trim(), payment_id: one.kind === "payment" && !going ? one.payment_id : undefined });
        } finally {
          close(); // somebody else, or the terminal, may have been faster
          await this.load();
        }
      });
      return {
        body: h("div", { class: "stack" }, h("p", { class: "muted" }, t(`money.hint_${hint}`)), field(t("unknown.reason"), reason)),
        foot: [button(t("app.cancel"), { onclick: close }), submit],
      };
    });
  }
}

/** A transfer that the bank has not told of yet. */
const isAwaited = ({ means, state }) => means === "transfer" && state === "unknown";

const isTab = ({ kind }) => kind.startsWith("tab_");

/** Where the word on it goes. */
function pathOf(one) {
  if (one.state === "reversing") return `/v1/payments/${one.payment_id}/reversing`;
  if (isTab(one)) return `/v1/tabs/${one.checkout_id}/resolve`;
  return one.kind === "refund" ? `/v1/sales/${one.sale_id}/refunds/${one.checkout_id}/resolve` : `/v1/sessions/${one.session_id}/resolve`;
}

customElements.define("poi-doubts", DoubtsPanel);
