/** A person changes their own PIN at the counter. */

import { post } from "../api.js";
import { h, render, slot } from "../dom.js";
import { t } from "../i18n.js";
import { PinPad } from "../pinpad.js";
import { dialog, toast } from "../ui.js";

/** The old PIN, the new one, and the new one again. */
export function changePin(stationId, person) {
  return dialog(t("pin.change"), (close) => {
    const body = h("div", { class: "stack" });
    const step = (label, next) => {
      const pad = new PinPad(label, t("app.next"), next);
      render(body, h("p", { class: "strong" }, label), slot(pad.view));
      requestAnimationFrame(() => pad.view.focus());
    };
    const renew = (pin, first, again) => {
      if (first !== again) throw Object.assign(new Error(t("pin.differ")), { text: t("pin.differ") });
      return post(`/v1/stations/${stationId}/pin`, { seller_id: person.seller_id, pin, new_pin: again });
    };
    step(t("pin.old"), async (pin) => step(t("pin.new"), async (first) => step(t("pin.again"), async (again) => {
      await renew(pin, first, again);
      toast(t("pin.changed"), "good");
      close();
    })));
    return { body };
  });
}
