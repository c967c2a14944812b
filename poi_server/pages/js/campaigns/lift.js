/** What a campaign brings, against those held out of all its offers: the interval drawn, or that there is not enough data yet. */

import { get } from "../api.js";
import { h, svg } from "../dom.js";
import { day, number, said, share, t } from "../i18n.js";
import { dialog } from "../ui.js";

const WIDTH = 600;
const HEIGHT = 70;

/** Ask and show. */
export async function showLift(campaignId) {
  const found = await get(`/v1/campaigns/${campaignId}/lift`);
  const period = t("campaigns.from_to", { first: day(found.first), last: day(found.last) });
  dialog(t("campaigns.lift"), () => ({ body: h("div", { class: "stack lift" },
    h("p", { class: "muted small" }, t(found.provisional ? "campaigns.lift_so_far" : "campaigns.lift_over", { period })),
    parts(found, "h3"),
    found.offers.length > 1 && h("details", {}, h("summary", {}, t("campaigns.by_offer")), h("div", { class: "stack" }, found.offers.map(ofOffer))),
    h("p", { class: "muted small" }, t("campaigns.lift_hint"))) }));
}

const parts = (lifts, heading) => ["spend", "visits"].map((name) => part(name, lifts[name], heading));

/** Of an offer for the same customers as the campaign's nobody can tell what it did by itself. */
function ofOffer(offer) {
  return h("section", { class: "stack tight" }, h("h3", {}, said(offer.name)), offer.spend ? parts(offer, "h4") : h("p", { class: "muted small" }, t("campaigns.lift_same")));
}

function part(name, lift, heading) {
  const known = lift.low !== null && lift.low !== undefined && lift.high !== null && lift.high !== undefined;
  return h("section", { class: `stack tight lift-${name}` }, h(heading, {}, t(`campaigns.lift_${name}`)),
    lift.enough ? h("p", {}, t("campaigns.lift_effect", { effect: signed(lift.effect), low: signed(lift.low), high: signed(lift.high) }))
      : h("p", { class: "banner" }, notEnough(lift)),
    known && interval(lift));
}

function notEnough({ treated, held_out: heldOut, needed }) {
  const counts = { treated: number(treated), held_out: number(heldOut) };
  return needed ? t("campaigns.not_enough", { ...counts, needed: number(needed) }) : t("campaigns.not_enough_yet", counts);
}

function interval({ effect, low, high }) {
  const most = Math.max(Math.abs(low), Math.abs(high), 0.05) * 1.15;
  const x = (value) => WIDTH / 2 + (value / most) * (WIDTH / 2 - 20);
  const label = t("campaigns.lift_effect", { effect: signed(effect ?? 0), low: signed(low), high: signed(high) });
  return svg("svg", { class: "chart", viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": label },
    svg("line", { class: "axis", x1: x(0), x2: x(0), y1: 4, y2: 44 }), svg("text", { x: x(0), y: 62, "text-anchor": "middle" }, share(0)),
    svg("rect", { class: "mark second", x: x(low), y: 16, width: Math.max(x(high) - x(low), 2), height: 14, rx: 7 }),
    svg("text", { x: x(low), y: 62, "text-anchor": "middle" }, signed(low)), svg("text", { x: x(high), y: 62, "text-anchor": "middle" }, signed(high)),
    svg("circle", { class: "mark", cx: x(effect ?? 0), cy: 23, r: 8 }));
}

const signed = (part) => `${part > 0 ? "+" : ""}${share(part ?? 0)}`;
