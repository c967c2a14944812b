/** What takes somebody's word at the counter: staff vouch for a customer; the customer agrees to what is spent. */

import { get, post } from "../api.js";
import { h, render, slot } from "../dom.js";
import { money, t } from "../i18n.js";
import { PinPad } from "../pinpad.js";
import { button, dialog, toast } from "../ui.js";

const LOOK_MS = 3000;

/** Staff vouch for the session's customer, with a second person's consent where that is needed. */
export async function vouch(ticket, person) {
  const { session } = ticket;
  const how = await askHow(session.identity.pseudonym ? t("identity.pseudonym") : session.identity.display_name);
  if (!how) return;
  const what = { act: "confirm_identity", subject_id: session.session_id, amount: 0 };
  await person.withConsent(what, async (approvalId) => ticket.take(await post(`/v1/sessions/${session.session_id}/confirm-identity`, { how, approval_id: approvalId })));
}

/** By what sign the staff know this customer: `known`, `document`, `answers`, or "" when they do not vouch. */
async function askHow(name) {
  let how = "";
  await dialog(t("identity.confirm"), (close) => ({
    body: h("div", { class: "stack" }, h("p", { class: "muted" }, t("identity.confirm_hint", { name })),
      ["known", "document", "answers"].map((one) => button(t(`vouch.${one}`), { kind: "big wide", onclick: () => { how = one; close(); } }))),
  }));
  return how;
}

/** Wait for the customer's word on what the session spends; whether they gave it. */
export async function awaitWord(ticket) {
  const path = `/v1/sessions/${ticket.session.session_id}/confirmation`;
  let question = await get(path);
  const body = h("div", { class: "stack" });
  let timer = 0;
  let look = () => {};
  await dialog(t("spending.waiting"), (close) => {
    const take = (fresh) => {
      question = fresh;
      if (question?.state !== "asked") close();
    };
    look = async () => take(await get(path).catch(() => question));
    timer = setInterval(look, LOOK_MS);
    ticket.addEventListener("change", look);
    const pad = new PinPad(t("spending.pin"), t("spending.yes"), async (pin) => take(await post(path, { pin })));
    const byPin = () => {
      render(body, h("p", { class: "muted" }, t("spending.type_pin")), slot(pad.view));
      pad.view.focus();
    };
    render(body, h("p", { class: "total num", key: "amount" }, money(question?.amount ?? 0)), h("p", { key: "words", role: "status" }, t("spending.ask_them")),
      question?.has_pin ? button(t("spending.by_pin"), { icon: "keypad", kind: "big wide", onclick: () => byPin() }) : h("p", { class: "muted small" }, t("spending.no_pin")));
    return { body };
  });
  clearInterval(timer);
  ticket.removeEventListener("change", look);
  if (question?.state === "refused") toast(t("spending.they_said_no"), "bad");
  return question?.state === "given";
}
