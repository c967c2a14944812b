/** A campaign as a card: state, audience, period, offers, counters, what is left, and what can be done. */

import { h, icon } from "../dom.js";
import { day, merchantCurrency, money, number, percent, said, t, tn } from "../i18n.js";
import { button, iconButton } from "../ui.js";
import { effectText } from "../offers/summary.js";

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
    counters && countersLine(counters, draft),
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

/** The whole campaign's figures; of several offers each one's own below. */
function countersLine(counters, draft) {
  const several = draft.offers.length > 1;
  const figures = [["uses", number(counters.uses)], ["saved", money(counters.saved)], ["customers", number(counters.customers)], ["revenue", money(counters.revenue)]];
  const left = counters.left.filter(({ offer_id: id }) => !id || !several).map((one) => ["left", leftText(one)]);
  return h("div", { class: "counters stack tight" },
    h("dl", { class: "figures-line", "aria-live": "polite" }, [...figures, ...left].map(([name, value]) =>
      h("div", { class: `counter-${name}` }, h("dt", { class: "muted small" }, t(`campaigns.count_${name}`)), h("dd", { class: "num strong" }, value)))),
    several && h("details", { class: "small" }, h("summary", {}, t("campaigns.by_offer")),
      h("ul", { class: "by-offer" }, draft.offers.map((offer, place) => ofOffer(offer, `${counters.campaign_id}.${place + 1}`, counters)))));
}

function ofOffer(offer, id, counters) {
  const { uses = 0, saved = 0 } = counters.offers.find((one) => one.offer_id === id) ?? {};
  const left = counters.left.filter((one) => one.offer_id === id).map((one) => t("campaigns.of_limit_left", { left: leftText(one) }));
  return h("li", {}, h("p", { class: "strong" }, said(offer.name)), h("p", { class: "muted" }, [t("campaigns.offer_use", { uses: tn("uses", uses), saved: money(saved) }), ...left].join(" · ")));
}

const leftText = ({ limit, left }) => (limit.of === "money" ? money(left) : tn("uses", left));

function buttons({ state, draft }, acts) {
  const measured = draft.holdout > 0 && ["live", "stopped", "ended"].includes(state);
  return [
    state === "draft" && h("button", { type: "button", class: "button small", onclick: acts.edit }, icon("edit"), t("campaigns.edit")),
    state === "draft" && h("button", { type: "button", class: "button small primary start", onclick: acts.start }, icon("play"), t("campaigns.start")),
    state === "scheduled" && h("button", { type: "button", class: "button small", onclick: acts.withdraw }, icon("undo"), t("campaigns.withdraw")),
    state === "live" && h("button", { type: "button", class: "button small danger stop", onclick: acts.stop }, icon("pause"), t("campaigns.stop")),
    state === "live" && h("button", { type: "button", class: "button small notify", onclick: acts.notify }, icon("phone"), t("notify.button")),
    measured && button(t("campaigns.lift"), { kind: "small show-lift", icon: "chart", onclick: acts.lift }),
    h("button", { type: "button", class: "button small quiet", onclick: acts.copy }, icon("plus"), t("campaigns.copy")),
    ["draft", "stopped", "ended"].includes(state) && iconButton("trash", t("campaigns.remove"), acts.remove),
  ];
}
