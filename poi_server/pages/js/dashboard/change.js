/** A figure beside what it was: the change in per cent, with an arrow and a sign, so that no colour is needed to read it. */

import { h } from "../dom.js";
import { numbers, t } from "../i18n.js";

/** The change in words: `+12 %`, `new`, or nothing when there is nothing to compare. */
export function changeText(now, before) {
  if (before === undefined || before === null || (now === 0 && before === 0)) return "";
  if (before <= 0) return now > 0 ? t("change.new") : "";
  return numbers({ style: "percent", maximumFractionDigits: 0, signDisplay: "exceptZero" }).format((now - before) / before);
}

/** The same as a mark; `good` says whether more is better, worse, or neither (null); `was` what to say to a screen reader. */
export function change(now, before, { good = true, was = "" } = {}) {
  const text = changeText(now, before);
  if (!text) return null;
  const way = Math.sign(now - before);
  const tone = good === null || way === 0 ? "" : (way > 0) === good ? "up" : "down";
  return h("span", { class: `change ${tone}`, title: was || null }, h("span", { "aria-hidden": "true" }, ["▼", "■", "▲"][way + 1]), text, was && h("span", { class: "sr" }, ` (${was})`));
}
