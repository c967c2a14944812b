/** The words of the figures: values of facets, customers, periods. */

import { dates, day, dayShort, has, t } from "../i18n.js";

const BRANDS = { visa: "Visa", mastercard: "Mastercard", maestro: "Maestro", amex: "American Express", discover: "Discover", jcb: "JCB", cb: "CB" };

/** A facet's value as people say it; an empty value is the absence of one. */
export function facetLabel(facet, value) {
  if (!value) return t(has(`none.${facet}`) ? `none.${facet}` : "figure.no_card");
  if (facet === "card_scheme") return BRANDS[value] ?? value.toUpperCase();
  return has(`${facet}.${value}`) ? t(`${facet}.${value}`) : value.toUpperCase();
}

/** A customer's name, or a short mark of the pseudonym. */
export const customerName = (row) => row.display_name || t("figure.pseudonym", { id: row.customer_id.slice(-4).toUpperCase() });

/** The first day to the last, or the one day. */
export function span(first, last) {
  return first === last ? day(first) : t("period.span", { first: dayShort(first), last: day(last) });
}

/** `November 2026` of `2026-11`. */
export const month = (value, width = "long") => dates({ month: width, year: width === "long" ? "numeric" : "2-digit" }).format(new Date(`${value.slice(0, 7)}-15T12:00`));
