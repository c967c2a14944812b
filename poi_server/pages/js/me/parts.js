/** The parts of the customer's page: points, rewards, coupons and receipts. */

import { h, icon } from "../dom.js";
import { clock, dateTime, day, money, number, said, share, t, tierName, tn } from "../i18n.js";

/** Points, tier and wallet. */
export function balances(me) {
  return h("section", { class: "balances", key: "balances", "aria-label": t("me.balances") },
    figure(number(me.points), t("me.points")), figure(money(me.wallet), t("me.wallet")),
    me.points_owed > 0 && h("p", { class: "small muted balance-note" }, tn("me.points_owed", me.points_owed)),
    tier(me));
}

const figure = (amount, label) => h("div", { class: "balance" }, h("p", { class: "balance-figure num" }, amount), h("p", { class: "muted small" }, label));

function tier(me) {
  const { tier_progress: ahead } = me;
  if (!me.tier && !ahead) return null;
  return h("div", { class: "tier" },
    h("p", { class: "row between" }, h("span", { class: "chip info" }, icon("crown"), me.tier ? tierName(me.tier) : t("me.no_tier")),
      ahead && h("span", { class: "small muted" }, toNext(ahead))),
    ahead && bar(ahead, toNext(ahead)));
}

const toNext = (ahead) => t("me.to_next", { amount: money(ahead.missing), tier: tierName(ahead.next) });

function bar(ahead, label) {
  const part = Math.max(0, 1 - ahead.missing / ahead.threshold);
  return h("div", { class: "bar-track", role: "progressbar", "aria-label": label, "aria-valuenow": Math.round(part * 100), "aria-valuetext": share(part) },
    h("div", { class: "bar-fill", vars: { "--share": part } }));
}

/** What points buy. */
export function rewards(me) {
  if (!me.rewards.length) return null;
  return section("gift", t("me.rewards"), h("ul", { class: "list" }, me.rewards.map((reward) =>
    h("li", { key: `reward-${reward.offer_id}` },
      h("div", { class: "grow" }, h("p", { class: "strong" }, said(reward.name)), progress(reward, me.points)),
      h("span", { class: `chip num ${reward.affordable ? "good" : ""}` }, reward.affordable && icon("check"), tn("points", reward.points))))));
}

function progress(reward, points) {
  if (reward.affordable) return h("p", { class: "small muted" }, t("me.reward_ready"));
  return h("div", { class: "bar-track thin", "aria-label": tn("near.points_short", reward.points - points), role: "img" },
    h("div", { class: "bar-fill", vars: { "--share": Math.max(0, points) / reward.points } }));
}

/** Personal codes for a next visit. */
export function coupons(me) {
  if (!me.coupons.length) return null;
  return section("tag", t("me.coupons"), h("ul", { class: "list" }, me.coupons.map((coupon) =>
    h("li", { key: `coupon-${coupon.code}` },
      h("div", { class: "grow" }, h("p", { class: "strong" }, said(coupon.name) || t("me.coupon_title")), h("p", { class: "small muted" }, t("me.until", { day: day(coupon.expires_at) }))),
      h("code", { class: "chip" }, coupon.code)))));
}

/** The session under way at a counter. */
export function atCounter(session) {
  if (!session || ["paid", "abandoned"].includes(session.state)) return null;
  return h("section", { class: "card at-counter", key: "at-counter", role: "status" },
    h("p", { class: "row between" }, h("span", { class: "chip good" }, icon("tap"), t("me.at_counter")), h("span", { class: "total small-total num" }, money(session.total, session.currency))),
    session.saved > 0 && h("p", { class: "save" }, t("pay.saved", { amount: money(session.saved, session.currency) })),
    h("ul", {}, session.offers.map((offer) => h("li", { class: "row between small" }, h("span", {}, said(offer.name)), offer.saved > 0 && h("span", { class: "save num" }, `−${money(offer.saved, session.currency)}`)))));
}

/** The customer's receipts. */
export function receiptList(items, onopen) {
  if (!items.length) return h("p", { class: "empty" }, icon("receipt"), t("me.no_receipts"));
  return h("ul", { class: "card list receipts" }, items.map((sale) =>
    h("li", { key: `sale-${sale.sale_id}` },
      h("button", { type: "button", class: "receipt-row", onclick: () => onopen(sale.sale_id) },
        h("span", { class: "grow" },
          h("span", { class: "strong block" }, dateTime(sale.at)),
          h("span", { class: "muted small" }, t(sale.refund_of ? "me.refund_number" : "me.receipt_number", { number: sale.receipt_number }))),
        h("span", { class: "num strong" }, money(sale.total, sale.currency)), icon("right")))));
}

/** When the page last heard from the server. */
export const asOf = (time) => h("p", { class: "banner is-warn", role: "status", key: "as-of" }, icon("bolt"), t("me.as_of", { time: clock(time) }));

function section(picture, title, body) {
  return h("section", { class: "card", key: `section-${picture}` }, h("div", { class: "card-head" }, h("h2", { class: "row" }, icon(picture), title)), body);
}
