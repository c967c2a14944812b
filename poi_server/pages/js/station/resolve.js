/** A person's word, with the reason that goes on record. */

import { h } from "../dom.js";
import { t } from "../i18n.js";
import { busy, button, dialog, field } from "../ui.js";

/** How a payment in doubt ended; `resolve(reason)` records it. */
export const resolveDialog = (outcome, resolve) => reasonDialog(t(`unknown.${outcome}`), t(`unknown.${outcome}_hint`), t("unknown.reason"), button(t("unknown.record"), { kind: "primary" }), resolve);

/** Ask for the reason, under `words` and by a `label`; `submit` has `act(reason)` done. */
export function reasonDialog(title, words, label, submit, act) {
  return dialog(title, (close) => {
    const reason = h("input", { class: "input", maxlength: 200, minlength: 3, required: true, autofocus: "" });
    submit.onclick = () => busy(submit, async () => {
      if (!reason.reportValidity()) return;
      await act(reason.value.trim());
      close();
    });
    return {
      body: h("div", { class: "stack" }, h("p", { class: "muted" }, words), field(label, reason)),
      foot: [button(t("app.cancel"), { onclick: close }), submit],
    };
  });
}
