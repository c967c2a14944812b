/** What the parts of the customers' page share: how a customer is called and described. */

import { h, icon } from "../dom.js";
import { day, number, t, tierName, tn } from "../i18n.js";

/** The name, or what a pseudonym is called. */
export function nameOf({ customer_id: id, display_name: name }) {
  return name || t("customers.pseudonym", { id: id.slice(-4).toUpperCase() });
}

/** One line under the name: tier, points and visits as far as they are shown. */
export function resultLine(one) {
  const parts = [tierName(one.tier)];
  if (one.points !== undefined) parts.push(tn("customers.points", one.points));
  if (one.visits) parts.push(tn("customers.visits", one.visits));
  if (one.last_visit_at) parts.push(t("customers.last", { day: day(one.last_visit_at / 1000) }));
  return parts.join(" · ");
}

/** A card with a heading and, beside it, what can be done. */
export function section(title, picture, body, { acts, key, kind = "", level = 3 } = {}) {
  return h("section", { class: `card ${kind}`, key: key ?? title },
    h("div", { class: "card-head center" }, h(`h${level}`, { class: "row" }, icon(picture), title), acts), body);
}

/** A figure with its label. */
export function fact(label, value, hint = "") {
  return h("div", { class: "fact", key: `fact-${label}` }, h("dt", { class: "muted small" }, label), h("dd", { class: "num strong" }, value, hint && h("span", { class: "muted small" }, hint)));
}

/** Who did something, for people: the role, and the end of the id. */
export function whoText(who) {
  const [role, id] = who.split(":");
  return `${t(`by.${role}`)}${id && !["owner", "phone", "server"].includes(role) ? ` ${id.slice(-4).toUpperCase()}` : ""}`;
}

export const count = (value) => number(value);
