/** Another price for a line, by hand and with a reason. */

import { h, render } from "../dom.js";
import { decimals, merchantCurrency, money, t } from "../i18n.js";
import { busy, button, dialog, field } from "../ui.js";

const WHY = ["damaged", "label", "matched"];

/** Ask for the price and why; `change(override, difference)` does it, with `null` for the product's own price. */
export function priceDialog(line, change) {
  const list = line.override?.list_price ?? line.unit_price;
  const unit = 10 ** decimals();
  return dialog(t("price.change_of", { label: line.label }), (close) => {
    const price = h("input", { class: "input num", type: "number", min: 0, step: 1 / unit, required: true, inputmode: "decimal", value: line.unit_price / unit });
    const reason = h("input", { class: "input", required: true, minlength: 3, maxlength: 200, pattern: ".*\\S.*\\S.*", value: line.override?.reason ?? "", autocomplete: "off" });
    const said = h("p", { class: "muted", role: "status" });
    const asked = () => Math.round(Number(price.value) * unit);
    const tell = () => render(said, t("price.from_to", { list: money(list), price: money(asked()), percent: list ? Math.round((100 * (asked() - list)) / list) : 0 }));
    price.oninput = tell;
    tell();
    const send = (override, amount) => async () => {
      await change(override, amount);
      close();
    };
    const submit = button(t("app.save"), { kind: "primary" });
    submit.onclick = () => busy(submit, async () => {
      if (!price.reportValidity() || !reason.reportValidity()) return;
      await send({ unit_price: asked(), reason: reason.value.trim() }, Math.round((Math.abs(asked() - list) * line.quantity) / 1000))();
    });
    const reasons = h("div", { class: "row wrap" }, WHY.map((one) => button(t(`price.why_${one}`), { kind: "small", onclick: async () => { reason.value = t(`price.why_${one}`); } })));
    return {
      body: h("div", { class: "stack" }, field(t("price.new", { currency: merchantCurrency() }), price), said, field(t("refund.reason"), reason), reasons),
      foot: [line.override ? button(t("price.back"), { icon: "undo", onclick: send(null, 0) }) : button(t("app.cancel"), { onclick: close }), submit],
    };
  });
}
