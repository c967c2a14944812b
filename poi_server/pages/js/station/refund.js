/** Refunds: of a whole sale, or of lines of it. */

import { get, newKey, postOnce } from "../api.js";
import { h, render } from "../dom.js";
import { money, quantity, t } from "../i18n.js";
import { Instead } from "../instead.js";
import { button, busy, dialog, field, toast } from "../ui.js";

const keys = new Map();

/** Ask what to give back and why; `consented(send)` calls `send(approvalId)`. Resolves to the refund, a sale of its own, or null. */
export async function refundDialog(saleId, consented) {
  const sale = await get(`/v1/sales/${saleId}`);
  let done = null;
  await dialog(t("refund.title"), (close) => {
    const form = new RefundForm(sale);
    const submit = button(t("refund.do"), { kind: "primary", icon: "undo" });
    submit.onclick = () => busy(submit, async () => {
      if (!form.valid()) return;
      done = await form.instead.asked((instead) => consented((approvalId) => refund(saleId, form.lines(), form.reason(), approvalId, instead)));
      toast(t("refund.done", { amount: money(Math.abs(done.total)) }), "good");
      close();
    });
    return { body: form.view, foot: [button(t("app.cancel"), { onclick: close }), submit] };
  });
  return done;
}

/** Refund a sale, or some of its lines; repeated after a lost answer it is the same refund. */
async function refund(saleId, lines, reason, approvalId, instead) {
  const intent = JSON.stringify([saleId, lines, reason, instead]);
  if (!keys.has(intent)) keys.set(intent, newKey());
  const body = { ...(lines ? { lines, reason } : { reason }), approval_id: approvalId, instead };
  const made = await postOnce(`/v1/sales/${saleId}/refunds`, body, keys.get(intent));
  keys.delete(intent);
  return made;
}

class RefundForm {
  instead = new Instead();
  #chosen = new Map();
  #left;
  #reason = h("input", { class: "input", maxlength: 200, minlength: 3, required: true });
  #list = h("ul", { class: "refund-lines" });
  #whole = true;

  constructor(sale) {
    this.#left = sale.lines.map((line) => ({ ...line, left: line.quantity - line.returned })).filter((line) => line.left > 0);
    const scope = h("label", { class: "check" }, h("input", { type: "checkbox", checked: true, onchange: (event) => this.#setWhole(event.target.checked) }), t("refund.whole", { amount: money(sale.total - sale.refunded) }));
    this.view = h("div", { class: "stack" }, scope, this.#list, field(t("refund.reason"), this.#reason), this.instead.node);
  }

  valid() {
    return this.#reason.reportValidity() && (this.#whole || this.lines().length > 0);
  }

  lines() {
    if (this.#whole) return null;
    return [...this.#chosen].filter(([, count]) => count > 0).map(([id, count]) => ({ line_id: id, quantity: count }));
  }

  reason() {
    return this.#reason.value.trim();
  }

  #setWhole(whole) {
    this.#whole = whole;
    this.#draw();
  }

  #draw() {
    render(this.#list, this.#whole ? [] : this.#left.map((line) => this.#line(line)));
  }

  #line(line) {
    const step = line.unit === "piece" ? Math.min(1000, line.left) : line.left;
    const chosen = this.#chosen.get(line.line_id) ?? 0;
    const set = (value) => () => { this.#chosen.set(line.line_id, Math.max(0, Math.min(line.left, value))); this.#draw(); };
    return h("li", { key: `refund-${line.line_id}` },
      h("span", { class: "grow" }, line.label, h("span", { class: "muted small num block" }, money(line.total))),
      h("div", { class: "stepper", role: "group", "aria-label": t("basket.quantity", { label: line.label }) },
        h("button", { type: "button", "aria-label": t("basket.less"), onclick: set(chosen - step) }, "−"),
        h("span", { class: "num", "aria-live": "polite" }, t("refund.of", { count: quantity(chosen, line.unit), all: quantity(line.left, line.unit) })),
        h("button", { type: "button", "aria-label": t("basket.more"), onclick: set(chosen + step) }, "+")));
  }
}
