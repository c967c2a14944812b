/** An offer in words: what it gives, and under which conditions. */

import { CONDITIONS } from "../offer_fields.js";
import { money, number, percent, said, t, tn } from "../i18n.js";

/** One effect in a sentence. */
export function effectText(effect, currency) {
  const amount = (minor) => money(minor, currency);
  const on = t(Object.keys(effect.items ?? {}).length && effect.on !== "cheapest" ? "on.selected" : `on.${effect.on ?? "basket"}`);
  const texts = {
    percent_off: () => t("summary.percent_off", { percent: percent(effect.percent), on }),
    amount_off: () => t("summary.amount_off", { amount: amount(effect.amount), on }),
    fixed_price: () => t("summary.fixed_price", { amount: amount(effect.price) }),
    free_item: () => tn("summary.free_item", effect.units ?? 1),
    buy_x_get_y: () => t("summary.buy_x_get_y", { buy: number(effect.buy), get: number(effect.get ?? 1), percent: percent(effect.percent ?? 10_000) }),
    points_fixed: () => `+ ${tn("points", effect.points)}`,
    points_per_unit: () => t("summary.points_per_unit", { points: tn("points", effect.points), amount: amount(effect.amount) }),
    points_multiplier: () => t("summary.points_multiplier", { factor: number(effect.factor / 1000, 3) }),
    cashback: () => t("summary.cashback", { value: effect.percent ? percent(effect.percent) : amount(effect.amount) }),
    next_visit_coupon: () => tn("award.coupon", effect.days ?? 30),
    message: () => `« ${said(effect.text)} »`,
  };
  return texts[effect.type]();
}

/** The kinds of leaf conditions in a tree, each once: { tag, group }. */
export function leavesOf(condition) {
  const found = new Map();
  const visit = (part) => {
    if (!part) return;
    if (part.type === "all" || part.type === "any") part.of.forEach(visit);
    else if (part.type === "not") visit(part.of);
    else found.set(part.type, { tag: part.type, group: CONDITIONS[part.type]?.group ?? "other" });
  };
  visit(condition);
  return [...found.values()];
}
