/** How far an offer is from applying, in a sentence. */

import { distance, money, quantity, t, tn } from "./i18n.js";

export const OUTCOME_TONE = {
  chosen: "good", condition_unknown: "info", reward_not_requested: "info", points_missing: "warn", limit_reached: "warn",
};

/** The sentence for a near miss of the offer called `offer`. */
export function nearMissText({ what, missing = 0 }, offer) {
  if (what === "subtotal") return t("near.subtotal", { amount: money(missing), offer });
  if (what === "quantity") return t("near.quantity", { amount: quantity(missing), offer });
  if (what === "points") return tn("near.points", missing, { offer });
  if (what === "visits") return tn("near.visits", missing, { offer });
  if (what === "distance") return t("near.distance", { amount: distance(missing), offer });
  return t(`near.${what}`, { offer });
}
