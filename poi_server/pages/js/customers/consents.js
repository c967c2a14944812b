/** What a customer agreed to: each purpose with its text, a switch, and every word so far as proof. */

import { put } from "../api.js";
import { h } from "../dom.js";
import { dateTime, said, t } from "../i18n.js";
import { busy, button, confirm, dialog } from "../ui.js";
import { whoText } from "./parts.js";

/** The purposes; `reload` is called after a change. */
export function consentList(states, customerId, reload) {
  return h("ul", { class: "list consents" }, states.map((state) => h("li", { key: state.purpose },
    h("div", { class: "grow" },
      h("p", { class: "row wrap" }, h("span", { class: "strong" }, t(`purpose.${state.purpose}`)), h("span", { class: `chip ${state.given ? "good" : ""}` }, t(state.given ? "consents.given" : "consents.not_given"))),
      h("p", { class: "muted small" }, said(state.text)), history(state)),
    button(t(state.given ? "consents.take_back" : "consents.take"), { kind: "small", onclick: () => (state.given ? withdraw : take)(state, customerId, reload) }))));
}

function history(state) {
  if (!state.history.length) return null;
  return h("details", { class: "proof" }, h("summary", {}, t("consents.proof")), h("ul", { class: "small" }, state.history.map((word) =>
    h("li", {}, t(word.given ? "consents.word_yes" : "consents.word_no", { when: dateTime(word.at), version: word.version, who: whoText(word.who), how: t(`how.${word.how}`) })))));
}

async function withdraw(state, customerId, reload) {
  if (!(await confirm(t(`purpose.${state.purpose}`), t("consents.withdraw_hint"), t("consents.take_back")))) return;
  await put(`/v1/customers/${customerId}/consents/${state.purpose}`, { given: false, version: state.version });
  await reload();
}

/** Show the customer the text, and keep that they agreed. */
function take(state, customerId, reload) {
  return dialog(t(`purpose.${state.purpose}`), (close) => {
    const give = (how) => async () => {
      await put(`/v1/customers/${customerId}/consents/${state.purpose}`, { given: true, version: state.version, how });
      close();
      await reload();
    };
    return { body: h("div", { class: "stack" }, h("p", { class: "muted" }, t("consents.show")), h("blockquote", { class: "consent-text" }, said(state.text))),
      foot: ["spoken", "signed"].map((how) => taking(how, give(how))) };
  });
}

function taking(how, give) {
  const node = button(t(`consents.${how}`), { kind: how === "spoken" ? "primary" : "" });
  node.onclick = () => busy(node, give);
  return node;
}
