/** The code for the customer's phone over the whole screen. */

import { h, render } from "../dom.js";
import { t } from "../i18n.js";
import { qrImage } from "../ui.js";

/** The join code as large as the screen lets it, kept fresh while it is shown. */
export function bigJoinCode(joinCode) {
  const frame = h("div", { class: "join-big" });
  const draw = () =>
    joinCode.current && render(frame, qrImage(joinCode.current.qr_svg, t("identity.code_alt")), h("p", { class: "muted" }, t("identity.code_hint")));
  joinCode.addEventListener("change", draw);
  draw();
  return { frame, stop: () => joinCode.removeEventListener("change", draw) };
}
