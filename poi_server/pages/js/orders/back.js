/** Taking an order back: how much of which lines, why, where the goods arrive, and a second person above one's limit. */

import { get, newKey, postOnce } from "../api.js";
import { withConsent } from "../consent.js";
import { h, render } from "../dom.js";
import { money, quantity, t } from "../i18n.js";
import { Instead } from "../instead.js";
import { busy, button, dialog, field, report, toast } from "../ui.js";
import { placeName } from "./card.js";

const PIECE = 1000;

/** Ask, and refund; resolves to true when it was done. `me` is who acts, `stationId` a station whose people may consent. */
export async function backDialog(order, places, me, stationId) {
  const form = new BackForm(order, places);
  let done = false;
  await dialog(t("orders.back"), (close) => {
    const submit = button(t("orders.back"), { kind: "danger", icon: "undo" });
    submit.onclick = () => busy(submit, async () => {
      if (!form.valid()) return;
      const refund = await withConsent(form.what, () => people(me, stationId), (approvalId) => form.send(approvalId));
      done = true;
      toast(t("refund.done", { amount: money(-refund.total) }), "good");
      close();
    });
    return { body: form.node, foot: [button(t("app.cancel"), { onclick: close }), submit] };
  });
  return done;
}

/** Who may stand beside: everybody but the one who acts. */
async function people(me, stationId) {
  try {
    const { items } = await get(`/v1/stations/${stationId}/sellers`);
    return items.filter((face) => face.seller_id !== me.subject_id);
  } catch (problem) {
    report(problem);
    return null;
  }
}

class BackForm {
  #order;
  #left;
  #chosen;
  #keys = new Map();
  #list = h("ul", { class: "list back-lines" });
  #sum = h("p", { class: "run-sum", role: "status" });
  #reason = h("input", { class: "input", required: true, minlength: 3, maxlength: 200 });
  #place;
  #instead = new Instead();

  constructor(order, places) {
    this.#order = order;
    this.#left = order.lines.filter((line) => line.returned < line.quantity);
    this.#chosen = new Map(this.#left.map((line) => [line.line_id, line.quantity - line.returned]));
    const arrive = [...new Set([order.place, order.store_id, "central", ...places.keys()])];
    this.#place = h("select", { class: "input" }, arrive.map((one) => h("option", { value: one }, one === "central" ? t("order.central") : placeName(one, places))));
    this.node = h("div", { class: "stack" }, this.#list, this.#sum, h("p", { class: "muted small" }, t("orders.back_way")),
      field(t("orders.back_reason"), this.#reason), field(t("orders.back_place"), this.#place), this.#instead.node);
    this.#draw();
  }

  /** What a second person would consent to. */
  get what() {
    return { act: "refund", subject_id: this.#order.sale_id, amount: this.#amount };
  }

  /** To the cent what the server gives back: the exact share of all that has come back by then, rounded down. */
  get #amount() {
    const share = (line, back) => Math.floor((line.total * back) / line.quantity);
    return this.#left.reduce((sum, line) => sum + share(line, line.returned + this.#chosen.get(line.line_id)) - share(line, line.returned), 0);
  }

  get #lines() {
    return [...this.#chosen].filter(([, count]) => count > 0).map(([id, count]) => ({ line_id: id, quantity: count }));
  }

  valid() {
    return this.#lines.length > 0 && this.#reason.reportValidity();
  }

  /** Refund once, however often the same is sent; what the terminal declined may be tried anew. */
  send(approvalId) {
    return this.#instead.asked((instead) => this.#send(approvalId, instead));
  }

  async #send(approvalId, instead) {
    const body = { reason: this.#reason.value.trim(), lines: this.#lines, place: this.#place.value, instead };
    const intent = JSON.stringify(body);
    if (!this.#keys.has(intent)) this.#keys.set(intent, newKey());
    try {
      return await postOnce(`/v1/orders/${this.#order.order_id}/refunds`, { ...body, approval_id: approvalId }, this.#keys.get(intent));
    } catch (problem) {
      if (problem.code === "refund-declined") this.#keys.delete(intent);
      throw problem;
    }
  }

  #draw() {
    render(this.#list, this.#left.map((line) => this.#line(line)));
    render(this.#sum, t("orders.back_sum"), " ", h("strong", { class: "num" }, money(this.#amount)));
  }

  #line(line) {
    const left = line.quantity - line.returned;
    const step = line.unit === "piece" ? Math.min(PIECE, left) : left;
    const chosen = this.#chosen.get(line.line_id);
    const set = (value) => () => { this.#chosen.set(line.line_id, Math.max(0, Math.min(left, value))); this.#draw(); };
    return h("li", { key: `back-${line.line_id}` },
      h("span", { class: "grow" }, line.label, " ", h("span", { class: "muted small num" }, money(line.total))),
      h("div", { class: "stepper", role: "group", "aria-label": t("basket.quantity", { label: line.label }) },
        h("button", { type: "button", "aria-label": t("basket.less"), disabled: chosen === 0, onclick: set(chosen - step) }, "−"),
        h("span", { class: "num", "aria-live": "polite" }, t("refund.of", { count: quantity(chosen, line.unit), all: quantity(left, line.unit) })),
        h("button", { type: "button", "aria-label": t("basket.more"), disabled: chosen === left, onclick: set(chosen + step) }, "+")));
  }
}
