/** A transfer that is awaited: the code that the customer's banking app scans, big on the screen. */

import { get } from "../api.js";
import { h, render } from "../dom.js";
import { money, t } from "../i18n.js";
import { button, qrImage, report, segmented } from "../ui.js";
import { off, resolve } from "./stage.js";

/** The cover while the bank is waited for; `acts` as of the stage. */
export function transferView(session, acts) {
  const view = h("div", { class: "stage-card transfer" }, h("p", { class: "muted" }, t("app.loading")));
  const others = () => [
    button(t("unknown.no_transfer"), { kind: "quiet", onclick: () => resolve("declined", session, acts, "no_transfer"), ...off(acts, "resolve") }),
    button(t("unknown.set_aside"), { kind: "quiet", onclick: acts.setAside })];
  const show = (kind) => get(`/v1/sessions/${session.session_id}/transfer-code`, kind && { kind }).then((code) => draw(view, code, acts, others, show), (problem) => {
    report(problem);
    render(view, others());
  });
  show();
  return view;
}

function draw(view, code, acts, others, show) {
  render(view,
    h("h2", {}, t("transfer.title")),
    code.kinds.length > 1 && segmented(t("transfer.kind"), code.kinds.map((kind) => ({ value: kind, label: t(`transfer.${kind}`) })), code.kind, show),
    qrImage(code.qr_svg, t("transfer.alt")),
    h("p", { class: "total num" }, money(code.amount, code.currency)),
    h("p", { class: "muted small" }, code.beneficiary, h("span", { class: "block mono" }, code.iban), h("span", { class: "block mono" }, code.reference)),
    h("div", { class: "stage-buttons" },
      button(t("transfer.ask"), { icon: "refresh", kind: "primary big", onclick: acts.askStatus }),
      others()));
}
