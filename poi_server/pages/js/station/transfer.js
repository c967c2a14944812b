/** A transfer that is awaited: the code that the customer's banking app scans, big on the screen. */

import { get } from "../api.js";
import { h, render } from "../dom.js";
import { money, t } from "../i18n.js";
import { button, qrImage, report } from "../ui.js";

/** The cover while the bank is waited for; `acts` as of the stage. */
export function transferView(sessionId, acts) {
  const view = h("div", { class: "stage-card transfer" }, h("p", { class: "muted" }, t("app.loading")));
  get(`/v1/sessions/${sessionId}/transfer-code`).then((code) => draw(view, code, acts), (problem) => {
    report(problem);
    render(view, button(t("unknown.set_aside"), { onclick: acts.setAside }));
  });
  return view;
}

function draw(view, code, acts) {
  render(view,
    h("h2", {}, t("transfer.title")),
    qrImage(code.qr_svg, t("transfer.alt")),
    h("p", { class: "total num" }, money(code.amount, code.currency)),
    h("p", { class: "muted small" }, code.beneficiary, h("span", { class: "block mono" }, code.iban), h("span", { class: "block mono" }, code.reference)),
    h("div", { class: "stage-buttons" },
      button(t("transfer.ask"), { icon: "refresh", kind: "primary big", onclick: acts.askStatus }),
      button(t("unknown.set_aside"), { kind: "quiet", onclick: acts.setAside })));
}
