/** One customer: who they are here, what they like, when they come, what they agreed to, and what can be done. */

import { get, post, remove } from "../api.js";
import { bars, figure, lyingBars, moneyShort, table } from "../charts.js";
import { h, icon, render } from "../dom.js";
import { heatMap } from "../heat_map.js";
import { clock, dateTime, day, hour, money, number, quantity, t, tierName, tn, weekday } from "../i18n.js";
import { button, confirm, dialog, iconButton, qrImage, report, toast } from "../ui.js";
import { consentList } from "./consents.js";
import { editCustomer } from "./new.js";
import { mergeInto } from "./merge.js";
import { noteList } from "./notes.js";
import { cardsSection, couponsSection, friendsSection } from "./owned.js";
import { fact, nameOf, section } from "./parts.js";

const MANAGERS = ["owner", "manager"];
const OPENING = 8;
const CLOSING = 20;
const SHOWN_MONTHS = 12;

/** The profile; tells `changed` (the id to show) and `gone`. */
export class CustomerProfile extends HTMLElement {
  #id;
  #me;
  #data = null;
  #problem = "";

  constructor(customerId, me) {
    super();
    this.#id = customerId;
    this.#me = me;
    this.dataset.customer = customerId;
    this.dataset.own = "";
  }

  async load() {
    try {
      const [data, referral] = await Promise.all([this.#manages ? get(`/v1/customers/${this.#id}/profile`) : this.#seen(), get(`/v1/customers/${this.#id}/referral`)]);
      this.#data = { ...data, referral };
    } catch (problem) {
      if (problem.text === undefined) throw problem;
      this.#problem = problem.text;
    }
    this.#draw();
  }

  get #manages() {
    return MANAGERS.includes(this.#me.role);
  }

  /** What a seller sees of somebody who is not at the counter. */
  async #seen() {
    const [customer, consents] = await Promise.all([get(`/v1/customers/${this.#id}`), get(`/v1/customers/${this.#id}/consents`)]);
    return { customer, consents: consents.items };
  }

  #draw() {
    render(this, h("div", { class: "stack loose" }, this.#problem ? this.#absent() : this.#data ? this.#content() : h("p", { class: "loading" }, t("app.loading"))));
  }

  #absent() {
    return h("div", { class: "card empty" }, icon("user"), h("p", {}, this.#problem), button(t("customers.back"), { icon: "left", onclick: () => this.#tell("close") }));
  }

  #content() {
    const data = this.#data;
    const consents = section(t("customers.consents"), "shield", consentList(data.consents, this.#id, () => this.load()), { key: "consents" });
    if (!this.#manages) return [this.#head(data.customer), h("p", { class: "banner", key: "banner" }, icon("lock"), t("customers.at_counter")), consents, this.#friends()];
    return [this.#head(data.customer), this.#figures(data), h("div", { class: "profile-grid", key: "grid" },
      this.#favourites(data), this.#months(data), this.#wide("habits", this.#habits(data)), this.#wide("history", this.#history(data)),
      section(t("customers.notes"), "edit", noteList(data.notes, this.#id, () => this.load()), { key: "notes" }),
      h("div", { class: "stack", key: "owned" }, cardsSection(data, this.#id, () => this.load()), couponsSection(data), this.#friends()), this.#wide("consents", consents), this.#wide("acts", this.#acts(data)))];
  }

  #friends() {
    const { customer, referral } = this.#data;
    return friendsSection(referral, this.#id, !customer.visits, () => this.load());
  }

  #wide(key, node) {
    return h("div", { class: "wide", key }, node);
  }

  #head(customer) {
    return h("div", { class: "profile-head", key: "head" }, iconButton("left", t("customers.back"), () => this.#tell("close"), "quiet back"),
      h("div", { class: "grow" }, h("h2", { tabindex: "-1" }, nameOf(customer)), h("p", { class: "row wrap chips" },
        h("span", { class: "chip good" }, icon("crown"), tierName(customer.tier)),
        customer.pseudonym && h("span", { class: "chip" }, t("customers.is_pseudonym")),
        customer.birthday && h("span", { class: "chip" }, icon("gift"), day(customer.birthday)),
        this.#data.merged > 0 && h("span", { class: "chip" }, tn("customers.merged", this.#data.merged)),
        (customer.segments ?? []).map((name) => h("span", { class: "chip info" }, name)))),
      button(t("customers.edit"), { icon: "edit", kind: "small", onclick: () => this.#edit() }));
  }

  #figures({ customer, average, usual_hour: at, usual_weekday: on, since, next_tier: next }) {
    const owed = customer.points_owed ? t("customers.owed", { points: number(customer.points_owed) }) : "";
    return h("dl", { class: "facts card", key: "facts" },
      fact(t("customers.fact_points"), number(customer.points), owed), fact(t("customers.fact_wallet"), money(customer.wallet)),
      fact(t("customers.fact_visits"), number(customer.visits)), fact(t("customers.fact_spend"), money(customer.spend)),
      fact(t("customers.fact_average"), money(average)),
      fact(t("customers.fact_last"), customer.last_visit_at ? day(customer.last_visit_at / 1000) : t("customers.never")),
      fact(t("customers.fact_usual"), at === null ? t("customers.never") : t("customers.usual", { day: weekday(on, "long"), hour: hour(at) })),
      fact(t("customers.fact_since"), day(since)),
      next && fact(t("customers.fact_next"), tierName(next.tier), t("customers.missing", { amount: money(next.missing) })));
  }

  #favourites({ favourites }) {
    const items = favourites.slice(0, 6).map((one) => ({ label: one.label, value: one.sales, text: tn("customers.times", one.sales), hint: money(one.total) }));
    return figure(t("customers.favourites"), lyingBars(items, t("customers.favourites")), {
      head: [t("figure.product"), t("figure.sales"), t("figure.quantity"), t("figure.amount")],
      rows: favourites.map((one) => [one.label, number(one.sales), quantity(one.quantity), money(one.total)]),
    });
  }

  #months({ months }) {
    const name = (month) => t(`month.${Number(month.slice(5))}`);
    const items = lastMonths(months).map((one) => ({ label: name(one.month), value: one.total, title: `${name(one.month)} ${one.month.slice(0, 4)}: ${money(one.total)}` }));
    return figure(t("customers.months"), bars(items, t("customers.months"), moneyShort, { height: 200 }), {
      head: [t("customers.month"), t("figure.sales"), t("figure.amount")],
      rows: months.map((one) => [`${name(one.month)} ${one.month.slice(0, 4)}`, number(one.sales), money(one.total)]),
    });
  }

  #habits({ habits }) {
    const cells = new Map(habits.map((one) => [`${one.weekday} ${one.hour}`, one.sales]));
    const hours = habits.map((one) => one.hour);
    const first = Math.min(...hours, OPENING);
    const columns = Array.from({ length: Math.max(...hours, CLOSING) - first + 1 }, (_, at) => first + at);
    const value = (row, column) => cells.get(`${row + 1} ${columns[column]}`) ?? 0;
    const title = (row, column) => t("customers.habit", { day: weekday(row + 1, "long"), hour: hour(columns[column]), sales: tn("customers.visits", value(row, column)) });
    const rows = [1, 2, 3, 4, 5, 6, 7].map((index) => weekday(index));
    return figure(t("customers.habits"), heatMap(rows, columns.map(hour), value, title, t("customers.habits")), {
      head: [t("figure.weekday"), t("figure.hour"), t("figure.sales")],
      rows: habits.map((one) => [weekday(one.weekday, "long"), hour(one.hour), number(one.sales)]),
    });
  }

  #history({ sales }) {
    const rows = sales.map((sale) => [dateTime(sale.at), t(`means.${sale.means}`), sale.refund_of ? t("customers.refund") : number(sale.points), money(sale.total, sale.currency)]);
    const head = [t("customers.when"), t("customers.paid_by"), t("customers.fact_points"), t("figure.amount")];
    return section(t("customers.history"), "receipt", rows.length ? table(head, rows) : h("p", { class: "muted" }, t("customers.no_history")), { key: "history", kind: "history" });
  }

  #acts({ customer }) {
    return section(t("customers.acts"), "lock", h("div", { class: "row wrap" },
      button(t("customers.pair"), { icon: "qr", onclick: () => this.#pair(customer) }),
      button(t("customers.merge"), { icon: "branch", onclick: () => this.#merge() }),
      button(t("customers.export"), { icon: "down", onclick: () => this.#export() }),
      button(t("customers.erase"), { icon: "trash", kind: "danger", onclick: () => this.#erase(customer) })), { key: "acts" });
  }

  async #edit() {
    if (await editCustomer(this.#data.customer, this.#me)) this.#changed();
  }

  /** Their own phone becomes their card: a code that works once. */
  async #pair(customer) {
    const { qr_svg: qr, expires_at: until } = await post("/v1/pairings", { role: "phone", subject_id: this.#id });
    await dialog(t("access.pair_title", { name: nameOf(customer) }), () => ({
      body: h("div", { class: "invite" }, qrImage(qr, t("access.pair_alt")), h("p", {}, t("access.pair_hint")), h("p", { class: "muted small" }, t("access.pair_until", { time: clock(until) }))),
    }));
  }

  async #merge() {
    const lives = await mergeInto(this.#data.customer);
    if (lives) this.#changed();
  }

  async #export() {
    const told = await get(`/v1/customers/${this.#id}/export`);
    const link = h("a", { href: URL.createObjectURL(new Blob([JSON.stringify(told, null, 2)], { type: "application/json" })), download: `${this.#id}.json` });
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  }

  async #erase(customer) {
    const left = t("customers.erase_left", { points: number(customer.points), wallet: money(customer.wallet) });
    if (!(await confirm(t("customers.erase_title", { name: nameOf(customer) }), `${t("customers.erase_hint")} ${left}`, t("customers.erase")))) return;
    try {
      await remove(`/v1/customers/${this.#id}`);
    } catch (problem) {
      return report(problem);
    }
    toast(t("customers.erased"), "good");
    this.#tell("gone");
  }

  #changed() {
    this.load();
    this.#tell("changed", this.#id);
  }

  #tell(name, detail = null) {
    this.dispatchEvent(new CustomEvent(name, { bubbles: true, detail }));
  }
}

/** Twelve months up to the last one with a sale; those without are empty. */
function lastMonths(months) {
  if (!months.length) return [];
  const known = new Map(months.map((one) => [one.month, one]));
  const last = months.at(-1).month.split("-").map(Number);
  return Array.from({ length: SHOWN_MONTHS }, (_, at) => {
    const date = new Date(Date.UTC(last[0], last[1] - SHOWN_MONTHS + at, 1));
    const month = date.toISOString().slice(0, 7);
    return known.get(month) ?? { month, sales: 0, total: 0 };
  });
}

customElements.define("poi-customer", CustomerProfile);
