/** A campaign as a card: state, audience, period, offers, counters, what is left, and what can be done. */

import { h, icon } from "../dom.js";
import { day, merchantCurrency, money, number, percent, said, t, tn } from "../i18n.js";
import { button, iconButton } from "../ui.js";
import { effectText } from "../offers/summary.js";
import { showLift } from "./lift.js";

const TONES = { draft: "", scheduled: "info", live: "good", stopped: "warn", ended: "" };

/** The card; `acts` are the buttons' doings. */
export function campaignCard(campaign, counters, context, acts) {
  const { draft, state } = campaign;
  return h("li", { class: `card campaign is-${state}`, key: campaign.campaign_id },
    h("div", { class: "row between top" },
      h("div", { class: "grow" }, h("h3", {}, draft.name), h("p", { class: "muted small" }, draft.offers.flatMap(({ effects }) => effects).map((effect) => effectText(effect, merchantCurrency())).join(" · "))),
      h("span", { class: `chip ${TONES[state]}` }, t(`campaign_state.${state}`))),
    h("p", { class: "row wrap chips" },
      h("span", { class: "chip" }, icon("user"), audienceText(draft.audience ?? [], context.segments)),
      h("span", { class: "chip" }, icon("clock"), periodText(draft)),
      draft.holdout > 0 && h("span", { class: "chip" }, icon("chart"), t("campaigns.held_out", { share: percent(draft.holdout) }))),
    counters && countersLine(counters),
    h("div", { class: "row wrap campaign-acts" }, buttons(campaign, acts)));
}

/** Whom a campaign is for. */
export function audienceText(audience, segments) {
  if (!audience.length) return t("campaigns.everybody");
  return audience.map((id) => (id === "auto:lapsing" ? t("campaigns.lapsing") : said(segments.find((one) => one.segment_id === id)?.name) || id)).join(", ");
}

function periodText({ first, last }) {
  if (first && last) return t("campaigns.from_to", { first: day(first), last: day(last) });
  if (last) return t("campaigns.until", { last: day(last) });
  return first ? t("campaigns.since", { first: day(first) }) : t("campaigns.until_stopped");
}

function countersLine(counters) {
  const figures = [["uses", number(counters.uses)], ["saved", money(counters.saved)], ["customers", number(counters.customers)], ["revenue", money(counters.revenue)]];
  const left = counters.left.map(({ limit, left: amount }) => ["left", limit.of === "money" ? money(amount) : tn("uses", amount)]);
  return h("dl", { class: "figures-line counters", "aria-live": "polite" }, [...figures, ...left].map(([name, value]) =>
    h("div", { class: `counter-${name}` }, h("dt", { class: "muted small" }, t(`campaigns.count_${name}`)), h("dd", { class: "num strong" }, value))));
}

function buttons({ state, draft, offer_ids: ids }, acts) {
  const measured = draft.holdout > 0 && ["live", "stopped", "ended"].includes(state);
  return [
    state === "draft" && h("button", { type: "button", class: "button small", onclick: acts.edit }, icon("edit"), t("campaigns.edit")),
    state === "draft" && h("button", { type: "button", class: "button small primary start", onclick: acts.start }, icon("play"), t("campaigns.start")),
    state === "scheduled" && h("button", { type: "button", class: "button small", onclick: acts.withdraw }, icon("undo"), t("campaigns.withdraw")),
    state === "live" && h("button", { type: "button", class: "button small danger stop", onclick: acts.stop }, icon("pause"), t("campaigns.stop")),
    measured && button(t("campaigns.lift"), { kind: "small", icon: "chart", onclick: () => showLift(ids[0]) }),
    h("button", { type: "button", class: "button small quiet", onclick: acts.copy }, icon("plus"), t("campaigns.copy")),
    ["draft", "stopped", "ended"].includes(state) && iconButton("trash", t("campaigns.remove"), acts.remove),
  ];
}
