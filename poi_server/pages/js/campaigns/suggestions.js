/** A suggestion as a card: what to do, why, with its figures, and the way to a draft. */

import { h, icon } from "../dom.js";
import { hour, number, share, t, tn, weekday } from "../i18n.js";
import { button, iconButton } from "../ui.js";

const PICTURES = { together: "basket", companion: "star", quiet_hours: "clock", lapsing: "user", birthdays: "gift" };

/** The card; `acts` are { make, dismiss }. */
export function suggestionCard(suggestion, acts) {
  const { kind, figures } = suggestion;
  return h("li", { class: `card suggestion is-${kind}`, key: suggestion.suggestion_id },
    h("div", { class: "row between top" }, h("span", { class: "suggestion-icon" }, icon(PICTURES[kind])), h("h3", { class: "grow" }, title(kind, figures)),
      iconButton("close", t("campaigns.dismiss"), acts.dismiss)),
    h("p", { class: "muted" }, why(kind, figures)),
    h("dl", { class: "figures-line" }, facts(kind, figures).map(([label, value]) => h("div", {}, h("dt", { class: "muted small" }, label), h("dd", { class: "num strong" }, value)))),
    button(t("campaigns.make_draft"), { kind: "primary make-draft", icon: "plus", onclick: acts.make }));
}

function title(kind, f) {
  if (kind === "quiet_hours") return t("suggestion.quiet_hours", { days: f.days.map((day) => weekday(day, "long")).join(", "), start: hour(f.start), end: hour(f.end % 24) });
  if (kind === "lapsing") return tn("suggestion.lapsing", f.customers);
  if (kind === "birthdays") return tn("suggestion.birthdays", f.customers);
  return t(`suggestion.${kind}`, { first: f.first_label, second: f.second_label, label: f.label, companion: f.companion_label });
}

function why(kind, f) {
  const place = f.store ? ` (${f.store})` : "";
  const lift = number(f.lift ?? 0, 1);
  if (kind === "quiet_hours") return t("suggestion.quiet_hours_why", { sales: number(f.sales, 1), usual: number(f.usual, 1), place });
  if (kind === "lapsing") return tn("suggestion.lapsing_why", f.usual_days);
  if (kind === "birthdays") return t("suggestion.birthdays_why");
  if (kind === "companion") return t("suggestion.companion_why", { label: f.label, companion: f.companion_label, share: share(f.share), lift });
  return t("suggestion.together_why", { first: f.first_label, second: f.second_label, confidence: share(f.confidence), lift });
}

function facts(kind, f) {
  if (kind === "together") return [[t("suggestion.both"), number(f.both)], [t("suggestion.support"), share(f.support)], [t("suggestion.confidence"), share(f.confidence)], [t("suggestion.lift"), `× ${number(f.lift, 1)}`]];
  if (kind === "companion") return [[t("suggestion.rank"), number(f.rank)], [t("suggestion.with_code"), number(f.with_code)], [t("suggestion.alone"), number(f.alone)], [t("suggestion.lift"), `× ${number(f.lift, 1)}`]];
  if (kind === "quiet_hours") return [[t("suggestion.sales_an_hour"), number(f.sales, 1)], [t("suggestion.usual"), number(f.usual, 1)]];
  if (kind === "lapsing") return [[t("suggestion.customers"), number(f.customers)], [t("suggestion.usual_days"), number(f.usual_days)]];
  return [[t("suggestion.customers"), number(f.customers)]];
}
