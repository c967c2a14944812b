/** The rules of ordering: what is taken, how far ahead, how long it waits, and how much a partner's app may hold. */

import { get, put } from "../api.js";
import { h } from "../dom.js";
import { t } from "../i18n.js";
import { busy, button, dialog, field, toast } from "../ui.js";

const MILLI = 1000;
/** The numbers with their bounds; `of` is the part of the rules they stand in, `unit` what one of them is worth there. */
const NUMBERS = [
  { name: "lead_minutes", min: 0, max: 20_160 },
  { name: "days_ahead", min: 1, max: 365 },
  { name: "hold_hours", min: 1, max: 336 },
  { name: "address_days", min: 0, max: 365 },
  { name: "most_open", min: 1, max: 100 },
  { name: "partner_open", of: "partner", as: "most_open", min: 0, max: 10_000 },
  { name: "partner_held", of: "partner", as: "most_held", min: 0, max: 1_000_000, unit: MILLI },
];

/** Show and change the rules. */
export async function rulesDialog() {
  const form = new RulesForm(await get("/v1/settings/orders"));
  await dialog(t("order_rules.title"), (close) => {
    const submit = button(t("app.save"), { kind: "primary", icon: "check" });
    submit.onclick = () => busy(submit, async () => {
      if (!form.node.reportValidity()) return;
      await put("/v1/settings/orders", form.value);
      toast(t("app.saved"), "good");
      close();
    });
    return { body: form.node, foot: [button(t("app.cancel"), { onclick: close }), submit] };
  });
}

class RulesForm {
  #rules;
  #inputs = new Map();
  #open;
  #delivery;

  constructor(rules) {
    this.#rules = rules;
    [this.#open, this.#delivery] = ["open", "delivery"].map((name) => h("input", { type: "checkbox", checked: rules[name] }));
    this.node = h("form", { class: "stack", onsubmit: (event) => event.preventDefault() },
      h("label", { class: "check" }, this.#open, t("order_rules.open")), h("label", { class: "check" }, this.#delivery, t("order_rules.delivery")),
      NUMBERS.filter(({ of }) => !of).map((one) => this.#number(one)),
      h("fieldset", { class: "stack" }, h("legend", { class: "strong" }, t("order_rules.partners")), h("p", { class: "muted small" }, t("order_rules.partners_hint")),
        NUMBERS.filter(({ of }) => of).map((one) => this.#number(one))));
  }

  #number({ name, of, as = name, min, max, unit = 1 }) {
    const value = (of ? this.#rules[of] : this.#rules)[as] / unit;
    const input = h("input", { class: "input", type: "number", inputmode: "numeric", required: true, step: 1, min, max, value: Math.round(value) });
    this.#inputs.set(name, input);
    return field(t(`order_rules.${name}`), input);
  }

  /** The rules as they are to be; what this form does not show stays. */
  get value() {
    const rules = { ...this.#rules, open: this.#open.checked, delivery: this.#delivery.checked, partner: { ...this.#rules.partner } };
    for (const { name, of, as = name, unit = 1 } of NUMBERS) (of ? rules[of] : rules)[as] = this.#inputs.get(name).valueAsNumber * unit;
    return rules;
  }
}
