/** What covers the counter while money moves: paying, paid, declined, unknown. */

import { h, icon, slot, svg } from "../dom.js";
import { has, money, t } from "../i18n.js";
import { button } from "../ui.js";
import { plusPoints } from "./identity.js";
import { MEANS, sums } from "./pay.js";

const ICONS = { gift_card: "gift", meal_voucher: "tag", transfer: "qr", tab: "clock" };
const SHOWN = new Set(["paying", "paid", "declined", "unknown"]);

/** The cover for the session's state, or nothing. `acts`: pay, tenders, transfer, cancel, handOver, askStatus, resolve, next, print, refund,
 * and `why(right)`: why the person may not, or nothing. */
export function stageView(ticket, till, paper, acts) {
  if (!SHOWN.has(ticket.state)) return null;
  const view = { paying, paid, declined, unknown }[ticket.state];
  return h("section", { class: `stage is-${ticket.state}`, key: `stage-${ticket.state}`, role: "status", "aria-live": "assertive", "aria-label": t(`state.${ticket.state}`) }, view(ticket, till, acts, paper));
}

function paying(ticket, till, acts) {
  const here = till.means !== "";
  const taken = (ticket.session.tenders ?? []).some((one) => one.state === "captured");
  return h("div", { class: "stage-card" },
    h("div", { class: here ? "stage-ring" : "stage-mark", "aria-hidden": "true" }, icon(here ? iconOf(till.means) : "card")),
    h("h2", {}, t(here ? `paying.${till.means}` : "paying.elsewhere")),
    h("p", { class: "total num" }, money(sums(ticket).total)),
    !here && h("div", { class: "stage-buttons" },
      acts.tenders && slot(acts.tenders),
      whyNot(acts, "take_payment"),
      button(t("handover.title"), { icon: "right", kind: "quiet", onclick: acts.handOver }),
      button(t(taken ? "tender.give_back" : "pay.cancel"), { kind: "danger", onclick: acts.cancel })));
}

function paid(ticket, till, acts, paper) {
  const sum = sums(ticket);
  const change = (ticket.session.tenders ?? []).reduce((left, one) => left + (one.given && one.state === "captured" ? one.given - one.amount : 0), 0);
  return h("div", { class: "stage-columns" },
    h("div", { class: "stage-card" },
      h("div", { class: "stage-mark good", "aria-hidden": "true" }, tick()),
      h("h2", {}, t("state.paid")),
      h("p", { class: "total num" }, money(sum.total)),
      h("p", { class: "total-extras" },
        sum.saved > 0 && h("span", { class: "chip good num" }, t("pay.saved", { amount: money(sum.saved) })),
        sum.points > 0 && ticket.session.identity && h("span", { class: "chip good num" }, plusPoints(sum.points)),
        change > 0 && h("span", { class: "chip info num change-due" }, icon("cash"), t("tender.change", { amount: money(change) }))),
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
      h("div", { class: "row wrap stage-minor" }, MEANS.filter((means) => till.taken.includes(means)).map((means) =>
        button(t(`means.${means}`), { icon: means, kind: means === "cash" ? "primary big" : "big", onclick: () => acts.pay(means), ...off(acts, "take_payment") }))),
      whyNot(acts, "take_payment"),
      button(t("pay.cancel"), { kind: "quiet", onclick: acts.cancel })));
}

function unknown(ticket, till, acts) {
  if (acts.transfer) return slot(acts.transfer);
  return h("div", { class: "stage-card" },
    h("div", { class: "stage-mark warn", "aria-hidden": "true" }, icon("question")),
    h("h2", {}, t("state.unknown")),
    h("p", { class: "muted stage-words" }, t("unknown.words")),
    h("p", { class: "total num" }, money(sums(ticket).total)),
    h("div", { class: "stage-buttons" },
      button(t("unknown.ask"), { icon: "refresh", kind: "primary big", onclick: acts.askStatus }),
      h("div", { class: "row wrap stage-minor" },
        ["paid", "declined"].map((outcome) => button(t(`unknown.${outcome}`), { icon: outcome === "paid" ? "check" : "close", onclick: () => resolve(outcome, ticket.session, acts), ...off(acts, "resolve") }))),
      whyNot(acts, "resolve"),
      button(t("unknown.set_aside"), { kind: "quiet", onclick: acts.setAside })));
}

/** The word is on the payment that was in doubt when it was asked for, whatever is in doubt by the time it is given. */
export async function resolve(outcome, { tenders }, acts, words = outcome) {
  const paymentId = tenders?.find((one) => one.state === "unknown")?.payment_id;
  const { resolveDialog } = await import("./resolve.js");
  await resolveDialog(words, (reason) => acts.resolve({ outcome, reason, payment_id: paymentId }));
}

/** The icon of some means of payment. */
export const iconOf = (means) => ICONS[means] ?? means;

/** What the person may not press says why. */
export const off = (acts, right) => ({ disabled: Boolean(acts.why(right)), "aria-describedby": acts.why(right) ? "why-not" : null });

function whyNot(acts, right) {
  const reason = acts.why(right);
  return reason && h("p", { class: "why-not small", id: "why-not" }, icon("lock"), reason);
}
