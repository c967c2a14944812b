/** A person's word on a payment in doubt, with the reason that goes on record. */

import { h } from "../dom.js";
import { t } from "../i18n.js";
import { busy, button, dialog, field } from "../ui.js";

/** Ask for the reason; `resolve(reason)` records it. */
export function resolveDialog(outcome, resolve) {
  return dialog(t(`unknown.${outcome}`), (close) => {
    const reason = h("input", { class: "input", maxlength: 500, minlength: 3, required: true, autofocus: "" });
    const submit = button(t("unknown.record"), { kind: "primary" });
    submit.onclick = () => busy(submit, async () => {
      if (!reason.reportValidity()) return;
      await resolve(reason.value.trim());
      close();
    });
    return {
      body: h("div", { class: "stack" }, h("p", { class: "muted" }, t(`unknown.${outcome}_hint`)), field(t("unknown.reason"), reason)),
      foot: [button(t("app.cancel"), { onclick: async () => close() }), submit],
    };
  });
}
