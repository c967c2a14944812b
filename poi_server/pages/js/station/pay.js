/** The total, what was saved, and the ways to pay. */

import { h, icon } from "../dom.js";
import { has, money, said, t } from "../i18n.js";
import { amountOf } from "./ticket.js";
import { plusPoints } from "./identity.js";

/** The means that have a button of their own. */
export const MEANS = ["card", "cash", "wallet"];

/** The sums as shown: from the decision, or of the lines alone while none is known. */
export function sums(ticket) {
  const { decision } = ticket;
  const subtotal = ticket.draft.lines.reduce((sum, line) => sum + amountOf(line), 0);
  if (!decision || ticket.pending) return { subtotal, saved: 0, total: subtotal, points: 0, pending: ticket.pending };
  const points = decision.base_points + decision.awards.filter((a) => a.kind === "points").reduce((sum, a) => sum + a.amount, 0);
  return { subtotal: decision.subtotal, saved: decision.saved, total: decision.total, points, pending: false };
}

/** The lower part of the ticket; `acts.pay(means)`, `acts.split()`, and `acts.why`: why the person may not, or nothing. */
export function payView(ticket, till, acts) {
  const sum = sums(ticket);
  return h("div", { class: sum.pending ? "pay is-pending" : "pay", key: "pay" },
    till.seen ? seenCard(till.seen) : strip(ticket, acts),
    h("div", { class: "total-row" },
      h("div", { class: "grow" },
        h("p", { class: "muted strong" }, t("pay.total"), sum.saved > 0 && h("span", { class: "struck small num before" }, money(sum.subtotal))),
        h("p", { class: "total-extras" },
          sum.saved > 0 && h("span", { class: "chip good num" }, t("pay.saved", { amount: money(sum.saved) })),
          sum.points > 0 && ticket.session?.identity && h("span", { class: "chip num" }, plusPoints(sum.points)))),
      h("output", { class: "total num", "aria-live": "polite", "aria-label": t("pay.total") }, money(sum.total))),
    buttons(ticket, till, sum, acts),
    acts.why && h("p", { class: "why-not small", id: "why-not-pay", key: "why-not-pay" }, icon("lock"), acts.why));
}

/** The offers in one line, where their panel is out of sight. */
function strip(ticket, acts) {
  const decision = ticket.pending ? null : ticket.decision;
  if (!decision?.offers.length) return null;
  return h("button", { type: "button", class: "strip", key: "strip", onclick: acts.showOffers },
    h("span", { class: "sr" }, t("offers.title")),
    decision.offers.map((offer) => h("span", { class: "chip good", key: `strip-${offer.offer_id}` }, icon("check"), h("span", { class: "clip" }, said(offer.name)), offer.saved > 0 && h("span", { class: "num" }, `−${money(offer.saved)}`))));
}

function buttons(ticket, till, sum, acts) {
  const empty = ticket.draft.lines.length === 0;
  const identified = Boolean(ticket.session?.identity);
  const idle = empty || Boolean(acts.why) || till.means !== "";
  const shown = MEANS.filter((means) => till.taken.includes(means));
  return h("div", { class: "pay-buttons" }, shown.map((means) => {
    const label = means === "card" && till.seen ? t("pay.charge", { amount: money(sum.total) }) : t(`means.${means}`);
    const off = idle || (means === "wallet" && !identified);
    return h("button", { type: "button", key: `pay-${means}`, class: `button big ${means === "card" ? "primary" : ""} pay-${means}`, disabled: off, "aria-describedby": acts.why ? "why-not-pay" : null, "aria-busy": till.means === means ? "true" : null, onclick: () => acts.pay(means) }, icon(means), label);
  }), h("button", { type: "button", key: "pay-split", class: "button big pay-split", title: t("pay.split"), disabled: idle, onclick: acts.split }, icon("coins"), h("span", { class: "sr" }, t("pay.split"))));
}

function seenCard({ before, after, facts }) {
  const difference = before - after;
  return h("div", { class: `banner ${difference > 0 ? "is-good" : ""}`, role: "status", key: "seen-card" }, icon("card"),
    h("div", { class: "grow" },
      h("p", {}, cardName(facts)),
      h("p", {}, difference > 0 ? t("pay.card_saves", { amount: money(difference), total: money(after) }) : t("pay.card_total", { total: money(after) }))));
}

/** A card in words: scheme, type and how it was presented. */
export function cardName(facts) {
  const parts = [facts?.scheme?.toUpperCase(), facts?.card_type && word("card_type", facts.card_type), facts?.entry_mode && word("entry_mode", facts.entry_mode)];
  return parts.filter(Boolean).join(" · ");
}

/** The word for a value of a facet, or the value itself. */
export const word = (facet, value) => (has(`${facet}.${value}`) ? t(`${facet}.${value}`) : value);
