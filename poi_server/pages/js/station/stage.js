/** What covers the counter while money moves: paying, paid, declined, unknown. */

import { h, icon, slot, svg } from "../dom.js";
import { has, money, t } from "../i18n.js";
import { button, dialog, field, busy } from "../ui.js";
import { plusPoints } from "./identity.js";
import { sums } from "./pay.js";

const SHOWN = new Set(["paying", "paid", "declined", "unknown"]);

/** The cover for the session's state, or nothing. `acts`: pay, resume, cancel, askStatus, resolve, next, print, refund,
 * and `why(right)`: why the person may not, or nothing. */
export function stageView(ticket, till, paper, acts) {
  if (!SHOWN.has(ticket.state)) return null;
  const view = { paying, paid, declined, unknown }[ticket.state];
  return h("section", { class: `stage is-${ticket.state}`, key: `stage-${ticket.state}`, role: "status", "aria-live": "assertive", "aria-label": t(`state.${ticket.state}`) }, view(ticket, till, acts, paper));
}

function paying(ticket, till, acts) {
  const here = till.means !== "";
  return h("div", { class: "stage-card" },
    h("div", { class: here ? "stage-ring" : "stage-mark", "aria-hidden": "true" }, icon(here && till.means !== "card" ? till.means : "card")),
    h("h2", {}, t(here ? `paying.${till.means}` : "paying.elsewhere")),
    h("p", { class: "total num" }, money(sums(ticket).total)),
    !here && h("div", { class: "stage-buttons" },
      ["card", "cash", "wallet"].map((means) => button(t(`means.${means}`), { icon: means, onclick: () => acts.resume(means), ...off(acts, "take_payment") })),
      whyNot(acts, "take_payment"),
      button(t("pay.cancel"), { kind: "danger", onclick: acts.cancel })));
}

function paid(ticket, till, acts, paper) {
  const sum = sums(ticket);
  return h("div", { class: "stage-columns" },
    h("div", { class: "stage-card" },
      h("div", { class: "stage-mark good", "aria-hidden": "true" }, tick()),
      h("h2", {}, t("state.paid")),
      h("p", { class: "total num" }, money(sum.total)),
      h("p", { class: "total-extras" },
        sum.saved > 0 && h("span", { class: "chip good num" }, t("pay.saved", { amount: money(sum.saved) })),
        sum.points > 0 && ticket.session.identity && h("span", { class: "chip good num" }, plusPoints(sum.points))),
      h("div", { class: "stage-buttons" },
        h("button", { type: "button", class: "button primary big", onclick: acts.next }, icon("basket"), t("paid.next")),
        h("div", { class: "row wrap stage-minor" },
          button(t("receipt.print"), { icon: "print", onclick: acts.print }),
          button(t("refund.title"), { icon: "undo", onclick: acts.refund, ...off(acts, "refund") })),
        whyNot(acts, "refund"))),
    paper && slot(paper));
}

const tick = () => svg("svg", { viewBox: "0 0 48 48", class: "tick" }, svg("path", { d: "m13 25 8 8 15-17" }));

function declined(ticket, till, acts) {
  const why = ticket.session.notice;
  return h("div", { class: "stage-card" },
    h("div", { class: "stage-mark bad", "aria-hidden": "true" }, icon("close")),
    h("h2", {}, t("state.declined")),
    h("p", { class: "muted" }, why && has(`notice.${why.code}`) ? t(`notice.${why.code}`, why.values) : t("declined.nothing_taken")),
    h("p", { class: "total num" }, money(sums(ticket).total)),
    h("div", { class: "stage-buttons" },
      h("p", { class: "muted strong" }, t("declined.other")),
      h("div", { class: "row wrap stage-minor" }, ["card", "cash", "wallet"].map((means) =>
        button(t(`means.${means}`), { icon: means, kind: means === "cash" ? "primary big" : "big", onclick: () => acts.pay(means), ...off(acts, "take_payment") }))),
      whyNot(acts, "take_payment"),
      button(t("pay.cancel"), { kind: "quiet", onclick: acts.cancel })));
}

function unknown(ticket, till, acts) {
  return h("div", { class: "stage-card" },
    h("div", { class: "stage-mark warn", "aria-hidden": "true" }, icon("question")),
    h("h2", {}, t("state.unknown")),
    h("p", { class: "muted stage-words" }, t("unknown.words")),
    h("p", { class: "total num" }, money(sums(ticket).total)),
    h("div", { class: "stage-buttons" },
      button(t("unknown.ask"), { icon: "refresh", kind: "primary big", onclick: acts.askStatus }),
      h("div", { class: "row wrap stage-minor" },
        button(t("unknown.paid"), { icon: "check", onclick: () => resolveDialog("paid", acts.resolve), ...off(acts, "resolve") }),
        button(t("unknown.declined"), { icon: "close", onclick: () => resolveDialog("declined", acts.resolve), ...off(acts, "resolve") })),
      whyNot(acts, "resolve"),
      button(t("unknown.set_aside"), { kind: "quiet", onclick: acts.setAside })));
}

const off = (acts, right) => ({ disabled: Boolean(acts.why(right)), "aria-describedby": acts.why(right) ? "why-not" : null });

function whyNot(acts, right) {
  const reason = acts.why(right);
  return reason && h("p", { class: "why-not small", id: "why-not" }, icon("lock"), reason);
}

function resolveDialog(outcome, resolve) {
  return dialog(t(`unknown.${outcome}`), (close) => {
    const reason = h("input", { class: "input", maxlength: 500, minlength: 3, required: true });
    const submit = button(t("unknown.record"), { kind: "primary" });
    submit.onclick = () => busy(submit, async () => {
      if (!reason.reportValidity()) return;
      await resolve(outcome, reason.value.trim());
      close();
    });
    return {
      body: h("div", { class: "stack" }, h("p", { class: "muted" }, t(`unknown.${outcome}_hint`)), field(t("unknown.reason"), reason)),
      foot: [button(t("app.cancel"), { onclick: async () => close() }), submit],
    };
  });
}
