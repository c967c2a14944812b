/** Mending an order that has not left: who it is for, where to bring it, and when. */

import { AddressForm } from "../address.js";
import { patch } from "../api.js";
import { h } from "../dom.js";
import { t } from "../i18n.js";
import { busy, button, dialog, field, toast } from "../ui.js";

/** Ask what changes; resolves to true when something did. */
export async function mendDialog(order) {
  const form = new MendForm(order);
  let done = false;
  await dialog(t("mend.title", { number: order.number }), (close) => {
    const submit = button(t("app.save"), { kind: "primary", icon: "check" });
    submit.onclick = () => busy(submit, async () => {
      if (!(await form.save())) return;
      done = form.changed;
      close();
    });
    return { body: form.node, foot: [button(t("app.cancel"), { onclick: close }), submit] };
  });
  return done;
}

class MendForm {
  changed = false;
  #order;
  #before;
  #address;
  #inputs;

  constructor(order) {
    this.#order = order;
    const { name = "", note = "", phone = "", address } = order.contact ?? {};
    this.#before = { name, note, phone, wanted_at: local(order.wanted_at) };
    this.#inputs = {
      name: h("input", { class: "input", maxlength: 120, autocomplete: "off", value: name }),
      phone: h("input", { class: "input", type: "tel", maxlength: 24, autocomplete: "off", value: phone }),
      wanted_at: h("input", { class: "input", type: "datetime-local", required: true, value: this.#before.wanted_at }),
      note: h("textarea", { class: "input", maxlength: 500, rows: 2, value: note }),
    };
    this.#address = order.how === "delivery" ? new AddressForm(address ?? {}) : null;
    this.node = h("div", { class: "stack" },
      h("div", { class: "pair" }, field(t("take.name"), this.#inputs.name), (phone || !this.#address) && field(t("order.phone"), this.#inputs.phone)),
      field(t("mend.when"), this.#inputs.wanted_at),
      this.#address && h("section", { class: "stack tight", "aria-label": t("order.address") }, h("h3", {}, t("order.address")),
        order.customer_id && h("p", { class: "muted small" }, t("mend.address_hint")), this.#address.node),
      field(t("take.note"), this.#inputs.note));
  }

  /** What was changed, ready for the API: the rest stays as it is, whoever changes it meanwhile. */
  get #said() {
    const given = Object.entries(this.#inputs).map(([name, input]) => [name, name === "wanted_at" ? input.value : input.value.trim()]);
    const said = Object.fromEntries(given.filter(([name, value]) => value !== this.#before[name]));
    if (said.wanted_at) said.wanted_at = new Date(said.wanted_at).toISOString();
    if (this.#address?.touched) said.address = this.#address.value;
    return said;
  }

  /** True when the dialog may close. */
  async save() {
    const said = this.#said;
    if (!this.#inputs.wanted_at.reportValidity()) return false;
    if (!Object.keys(said).length) return true;
    try {
      await patch(`/v1/orders/${this.#order.order_id}`, said);
    } catch (problem) {
      if (this.#address?.show(problem)) return false;
      throw problem;
    }
    this.changed = true;
    toast(t("app.saved"), "good");
    return true;
  }
}

/** A moment as a field for date and time shows it, in this device's zone. */
function local(moment) {
  const at = new Date(moment);
  return new Date(at.getTime() - at.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
}
