/** Selling stored value: a customer's wallet is loaded, or a gift card is made and sold. */

import { post } from "../api.js";
import { h, render } from "../dom.js";
import { decimals, merchantCurrency, money, t } from "../i18n.js";
import { busy, button, dialog, field, segmented } from "../ui.js";
import { addValue } from "./ticket.js";

const QUICK = [1000, 2000, 5000, 10000];

/** Ask what is sold and how much; `edit(change)` puts it into the basket. */
export function valueDialog(identity, edit) {
  const unit = 10 ** decimals();
  let kind = identity ? "wallet" : "gift_card";
  return dialog(t("value.open"), (close) => {
    const amount = h("input", { class: "input num", type: "number", min: 1 / unit, step: 1 / unit, required: true, inputmode: "decimal" });
    const code = h("input", { class: "input mono", minlength: 4, maxlength: 64, autocomplete: "off", spellcheck: "false" });
    const body = h("div", { class: "stack" });
    const quick = h("div", { class: "row wrap" }, QUICK.map((sum) => h("button", { type: "button", class: "button small num", onclick: () => { amount.value = (sum / unit).toFixed(decimals()); } }, money(sum))));
    const submit = button(t("value.add"), { kind: "primary", icon: "plus" });
    const draw = () => render(body,
      identity && segmented(t("value.kind"), ["wallet", "gift_card"].map((value) => ({ value, label: t(`value.${value}`) })), kind, (value) => { kind = value; draw(); }),
      h("p", { class: "muted", key: "words" }, kind === "wallet" ? t("value.wallet_of", { name: identity.display_name || t("identity.pseudonym") }) : t("value.card_hint")),
      kind === "gift_card" && field(t("value.code"), code, { id: "gift-code", hint: t("value.code_hint") }),
      field(t("value.amount", { currency: merchantCurrency() }), amount, { id: "value-amount" }), quick);
    const add = async () => {
      if (!amount.reportValidity() || !code.reportValidity()) return;
      const minor = Math.round(Number(amount.value) * unit);
      const known = code.value.trim();
      if (kind === "wallet") await edit(addValue("value:wallet", minor, t("value.wallet")));
      else {
        const card = await post(known ? "/v1/gift-cards/look" : "/v1/gift-cards", known ? { code: known } : {});
        if (!known) showCode(card.code);
        await edit(addValue(`value:gift_card:${card.card_id}`, minor, t("value.gift_card")));
      }
      close();
    };
    submit.onclick = () => busy(submit, add);
    draw();
    return { body, foot: [button(t("app.close"), { onclick: close }), submit] };
  });
}

/** A new card's code, also for whoever left before it was made. */
const showCode = (code) => dialog(t("value.gift_card"), (close) => ({
  body: h("p", { class: "banner is-good" }, t("value.made"), " ", h("strong", { class: "mono" }, code)),
  foot: button(t("app.close"), { onclick: close }),
}), { kept: true });
