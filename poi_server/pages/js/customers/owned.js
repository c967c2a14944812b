/** What belongs to a customer: cards and phones, coupons, and the code that brings friends. */

import { post } from "../api.js";
import { h, icon } from "../dom.js";
import { day, said, t, tn } from "../i18n.js";
import { busy, button, toast } from "../ui.js";
import { section } from "./parts.js";

/** Cards and phones; a card's number written here identifies the customer from now on. */
export function cardsSection({ cards, phones }, customerId, reload) {
  const rows = cards.map((card) => h("li", { key: `${card.scheme} ${card.ending}` }, icon("card"),
    h("p", { class: "grow" }, t(`credential.${card.scheme}`), h("span", { class: "mono muted" }, ` …${card.ending}`)), h("span", { class: "muted small" }, day(card.since))));
  const link = writing("customers.link_card", "customers.link", async (subject) => {
    await post(`/v1/customers/${customerId}/credentials`, { scheme: "loyalty", subject });
    toast(t("app.saved"), "good");
    await reload();
  }, 128);
  return section(t("customers.cards"), "card", h("div", { class: "stack" },
    rows.length || phones ? h("ul", { class: "list" }, rows, phones > 0 && h("li", { key: "phones" }, icon("phone"), h("p", { class: "grow" }, tn("customers.phones", phones)))) : h("p", { class: "muted" }, t("customers.no_cards")), link), { key: "cards" });
}

/** The coupons that can still be used. */
export function couponsSection({ coupons }) {
  const rows = coupons.map((coupon) => h("li", { key: coupon.code }, icon("gift"), h("p", { class: "grow" }, said(coupon.name) || t("customers.some_coupon")), h("span", { class: "muted small" }, t("customers.until", { day: day(coupon.expires_at) }))));
  return section(t("customers.coupons"), "gift", rows.length ? h("ul", { class: "list" }, rows) : h("p", { class: "muted" }, t("customers.no_coupons")), { key: "coupons" });
}

/** The customer's code for friends, and the place to write down the code of a friend who sent them. */
export function friendsSection(referral, customerId, isNew, reload) {
  if (!referral.code) return null;
  const send = writing("customers.friends_code", "customers.sent", async (code) => {
    await post(`/v1/customers/${customerId}/referral`, { code });
    toast(t("app.saved"), "good");
    await reload();
  }, 32);
  return section(t("customers.friends"), "gift", h("div", { class: "stack" },
    h("p", {}, t("customers.own_code"), " ", h("span", { class: "mono strong" }, referral.code)),
    h("p", { class: "muted small" }, tn("customers.brought", referral.rewards)),
    referral.waiting ? h("p", { class: "chip good" }, t("customers.was_sent")) : isNew && send), { key: "friends" });
}

function writing(label, act, send, longest) {
  const input = h("input", { class: "input grow", autocomplete: "off", maxlength: longest, "aria-label": t(label), placeholder: t(label) });
  const submit = button(t(act), { kind: "small" });
  const go = () => busy(submit, async () => {
    if (!input.value.trim()) return input.focus();
    await send(input.value.trim());
    input.value = "";
  });
  submit.onclick = go;
  return h("form", { class: "row", onsubmit: (event) => { event.preventDefault(); go(); } }, input, submit);
}
