/** A counter asks for my word on what is spent of mine; and the PIN by which I give it without my phone. */

import { post, put, remove } from "../api.js";
import { h } from "../dom.js";
import { money, t } from "../i18n.js";
import { button, dialog, field, toast } from "../ui.js";

let asking = "";
let close = () => {};

/** Ask what `question` says, if it is not asked already; when nothing is asked any more, the dialog goes. */
export async function askSpending(question) {
  if (question?.confirmation_id === asking) return;
  close();
  asking = question?.confirmation_id ?? "";
  if (!question) return;
  const amount = money(question.amount, question.currency);
  await dialog(t("spending.title"), (shut) => {
    close = shut;
    const answer = (yes) => async () => {
      await post(`/v1/me/confirmations/${question.confirmation_id}`, { yes });
      toast(t(yes ? "spending.said_yes" : "spending.said_no"), yes ? "good" : "");
      shut();
    };
    return {
      body: h("div", { class: "stack", role: "status" }, h("p", { class: "balance-figure num" }, amount),
        h("p", {}, t("spending.words", { amount, total: money(question.total, question.currency) })),
        button(t("spending.yes"), { icon: "check", kind: "primary big wide", onclick: answer(true) }),
        button(t("spending.no"), { icon: "close", kind: "big wide", onclick: answer(false) })),
    };
  });
  if (asking !== question.confirmation_id) return; // another one is asked by now
  close = () => {};
  asking = "";
}

/** The card about my PIN; `told(has)` hears whether there is one by now. */
export function pinCard(hasPin, told) {
  const pin = h("input", { class: "input", type: "password", inputmode: "numeric", pattern: "[0-9]{4,8}", maxlength: 8, required: true, autocomplete: "new-password" });
  const act = (text, has, work) => async () => {
    await work();
    pin.value = "";
    toast(t(text), "good");
    told(has);
  };
  const save = act("pin.changed", true, () => put("/v1/me/pin", { pin: pin.value }));
  return h("section", { class: "card stack", key: "pin" }, h("h3", {}, t("spending.pin")), h("p", { class: "muted small" }, t(hasPin ? "spending.pin_kept" : "spending.pin_words")),
    field(t("pin.new"), pin, { id: "my-pin" }),
    h("div", { class: "row wrap" }, button(t("app.save"), { icon: "check", onclick: async () => pin.reportValidity() && save() }),
      hasPin && button(t("pin.remove"), { icon: "trash", onclick: act("spending.pin_gone", false, () => remove("/v1/me/pin")) })));
}
