/** How far an offer is from applying, in a word or two. */

import { distance, money, quantity, t, tn } from "./i18n.js";

/** How far, for a place that names the offer itself. */
export function nearMissShort({ what, missing = 0 }) {
  if (what === "subtotal") return t("near_short.amount", { amount: money(missing) });
  if (what === "quantity") return t("near_short.amount", { amount: quantity(missing) });
  if (what === "points") return tn("near.points_short", missing);
  if (what === "visits") return tn("near_short.visits", missing);
  if (what === "distance") return t("near_short.distance", { amount: distance(missing) });
  return t(`near_short.${what}`);
}
