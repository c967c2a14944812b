/** The offers on the ticket: the chosen ones, the near misses, rewards, codes, and every reason on demand. */

import { h, icon } from "../dom.js";
import { has, money, said, t, tn } from "../i18n.js";
import { nearMissText, OUTCOME_TONE } from "../near_miss.js";

const MOST_NEAR = 4;

/** `known` maps offer ids to the offers; `acts` holds toggleReward, addCode, removeCode. */
export function offersView(ticket, known, acts) {
  const decision = ticket.decision;
  const name = (id) => said(known.get(id)?.name) || id;
  return h("div", { class: "offers", key: "offers" },
    chosenView(decision, ticket.pending),
    nearView(decision, name),
    rewardsView(ticket, name, known, acts),
    codesView(ticket, acts),
    reasonsView(decision, name));
}

function chosenView(decision, pending) {
  const chosen = decision?.offers ?? [];
  if (!chosen.length) return h("p", { class: "muted offers-none", key: "none" }, icon("tag"), t("offers.none_chosen"));
  return h("ul", { class: pending ? "chosen is-pending" : "chosen", key: "chosen", "aria-label": t("offers.chosen") }, chosen.map((offer) =>
    h("li", { key: `chosen-${offer.offer_id}` },
      h("span", { class: "chosen-mark" }, icon(offer.reward_points ? "gift" : "check")),
      h("div", { class: "grow" }, h("p", { class: "strong" }, said(offer.name)), awards(decision, offer.offer_id)),
      offer.saved > 0 && h("span", { class: "save num" }, `−${money(offer.saved)}`))));
}

function awards(decision, offerId) {
  return decision.awards.filter((award) => award.offer_id === offerId).map((award) => h("p", { class: "small muted" }, awardText(award)));
}

/** What an offer gives besides money off now. */
export function awardText(award) {
  if (award.kind === "points") return t("award.points", { points: tn("points", award.amount) });
  if (award.kind === "cashback") return t("award.cashback", { amount: money(award.amount) });
  if (award.kind === "coupon") return tn("award.coupon", award.days ?? 0);
  return said(award.text);
}

function nearView(decision, name) {
  const near = (decision?.reasons ?? []).filter((reason) => reason.near_miss && reason.outcome !== "points_missing").slice(0, MOST_NEAR);
  if (!near.length) return null;
  return h("ul", { class: "near", key: "near", "aria-label": t("offers.near") },
    near.map((reason) => h("li", { key: `near-${reason.offer_id}` }, icon("bolt"), h("span", {}, nearMissText(reason.near_miss, name(reason.offer_id))))));
}

function rewardsView(ticket, name, known, acts) {
  const { rewards } = ticket.draft;
  const sure = ["authenticate", "staff"].includes(ticket.session?.identity?.assurance);
  const offered = (ticket.decision?.reasons ?? []).filter((reason) => ["reward_not_requested", "points_missing"].includes(reason.outcome));
  const chosen = (ticket.decision?.offers ?? []).filter((offer) => offer.reward_points && rewards.includes(offer.offer_id));
  if (!offered.length && !chosen.length) return null;
  return h("section", { key: "rewards", class: "rewards" },
    h("h3", { class: "small-head" }, t("offers.rewards")),
    h("ul", { class: "reward-list" },
      chosen.map((offer) => reward(offer.offer_id, said(offer.name), { asked: true, hint: tn("points", offer.reward_points) }, acts)),
      offered.map((reason) => reward(reason.offer_id, name(reason.offer_id), {
        asked: rewards.includes(reason.offer_id),
        ...readiness(reason, known.get(reason.offer_id)?.reward_points ?? 0, ticket.session?.facts?.points ?? 0, sure),
      }, acts))));
}

/** Whether a reward can be asked for, and what to say beside it. */
function readiness(reason, price, points, sure) {
  const missing = reason.near_miss?.missing || price - points;
  if (missing > 0) return { disabled: true, hint: tn("near.points_short", missing) };
  return { disabled: !sure, hint: t(sure ? "offers.ask_reward" : "offers.confirm_first") };
}

function reward(id, label, { asked, disabled = false, hint }, acts) {
  return h("li", { key: `reward-${id}` },
    h("button", { type: "button", class: "reward", disabled, "aria-pressed": String(asked), onclick: () => acts.toggleReward(id) },
      icon("gift"), h("span", { class: "grow" }, label), h("span", { class: "small muted" }, hint)));
}

function codesView(ticket, acts) {
  const { codes } = ticket.draft;
  const submit = (event) => {
    event.preventDefault();
    const input = event.target.elements.code;
    if (input.value.trim()) acts.addCode(input.value.trim());
    input.value = "";
  };
  return h("section", { key: "codes", class: "codes" },
    codes.map((code) => h("span", { class: "chip", key: `code-${code}` }, code,
      h("button", { type: "button", class: "chip-close", "aria-label": t("offers.remove_code", { code }), onclick: () => acts.removeCode(code) }, icon("close")))),
    !ticket.frozen && h("form", { class: "code-form", onsubmit: submit },
      h("input", { class: "input", name: "code", maxlength: 64, autocomplete: "off", placeholder: t("offers.code"), "aria-label": t("offers.code") }),
      h("button", { class: "button" }, t("offers.use_code"))));
}

function reasonsView(decision, name) {
  const reasons = decision?.reasons ?? [];
  if (!reasons.length) return null;
  return h("details", { key: "reasons", class: "reasons" },
    h("summary", {}, t("offers.why")),
    h("ul", {}, reasons.map((reason) =>
      h("li", { key: `why-${reason.offer_id}` },
        h("span", { class: "grow" }, name(reason.offer_id)),
        h("span", { class: `chip ${OUTCOME_TONE[reason.outcome] ?? ""}`, title: reason.path ?? "" }, outcomeText(reason, name))))),
    !decision.optimal && h("p", { class: "small muted" }, t("offers.not_optimal")));
}

function outcomeText(reason, name) {
  if (reason.outcome === "excluded" && reason.by) return t("outcome.excluded_by", { offer: name(reason.by) });
  const key = `outcome.${reason.outcome}`;
  return has(key) ? t(key) : reason.outcome;
}
