/** Why an offer applies or not: a basket at a store and a time, for nobody in particular. */

import { post } from "../api.js";
import { h, icon, render } from "../dom.js";
import { decimals, merchantCurrency, said, t } from "../i18n.js";
import { OUTCOME_TONE } from "../near_miss.js";
import { nearMissShort } from "../near_short.js";
import { button, busy, dialog, field } from "../ui.js";

/** Ask in a dialog; `named` gives the name of another offer by its id. */
export function askWhy(offer, stores, named) {
  const asked = {
    store: h("select", { class: "input" }, stores.map((store) => h("option", { value: store.store_id }, store.name))),
    amount: h("input", { class: "input", type: "number", min: 0, step: 10 ** -decimals(), inputmode: "decimal" }),
    codes: h("input", { class: "input", autocomplete: "off" }),
    at: h("input", { class: "input", type: "datetime-local" }),
  };
  const answer = h("div", { class: "stack", role: "status" });
  return dialog(t("why.title", { name: said(offer.name) }), (close) => {
    const ask = button(t("why.ask"), { kind: "primary", icon: "question" });
    ask.onclick = () => busy(ask, async () => {
      render(answer, told(await post(`/v1/offers/${offer.offer_id}/explain`, question(asked)), named));
      answer.scrollIntoView({ block: "nearest" });
    });
    return { body: form(asked, answer), foot: [button(t("app.close"), { onclick: close }), ask] };
  });
}

function form({ store, amount, codes, at }, answer) {
  return h("div", { class: "stack" }, h("p", { class: "muted" }, t("why.lead")),
    h("div", { class: "fields" }, field(t("why.store"), store), field(`${t("field.amount")} (${merchantCurrency()})`, amount),
      field(t("why.products"), codes, { hint: t("why.products_hint") }), field(t("why.at"), at, { hint: t("why.at_hint") })),
    answer);
}

function question({ store, amount, codes, at }) {
  const entries = codes.value.split(/[,;\s]+/).filter(Boolean).map((code) => ({ code }));
  if (amount.value) entries.push({ amount: Math.round(Number(amount.value) * 10 ** decimals()) });
  const when = at.value ? { at: new Date(at.value).toISOString() } : {};
  return { store_id: store.value, currency: merchantCurrency(), channel: "counter", entries, ...when };
}

/** The answer: the outcome, the condition to blame, and how far it is. */
function told({ state, conditions, reason }, named) {
  const outcome = reason?.outcome ?? (conditions.truth === "true" ? null : `condition_${conditions.truth}`);
  const near = reason?.near_miss ?? conditions.near_miss;
  return [
    state !== "live" && h("p", { class: "banner is-warn", key: "state" }, icon("pause"), t(`offer_state.${state}`)),
    outcome && h("p", { class: `banner is-${OUTCOME_TONE[outcome] ?? "info"} why-outcome`, key: "outcome" }, icon(outcome === "chosen" ? "check" : "alert"), outcomeText(outcome, reason, named)),
    h("ul", { class: "stack tight", key: "how" },
      conditions.condition && h("li", { class: "row", key: "blame", title: conditions.path }, icon("branch"), h("span", {}, t("why.blame", { condition: t(`condition.${conditions.condition}`) }))),
      near && h("li", { class: "row", key: "miss" }, icon("bolt"), h("span", {}, near.what === "identity" ? t("why.identity") : nearMissShort(near)))),
  ];
}

function outcomeText(outcome, reason, named) {
  const text = reason?.by ? t("outcome.excluded_by", { offer: named(reason.by) }) : t(`outcome.${outcome}`);
  return text[0].toLocaleUpperCase() + text.slice(1);
}
