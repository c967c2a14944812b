/** The customer who stands here: what to say to them now and why, and their history, as far as the seller may see it. */

import { get } from "../api.js";
import { h, icon, render } from "../dom.js";
import { day, hour, money, number, said, t, tierName, tn, weekday } from "../i18n.js";
import { nearMissText } from "../near_miss.js";
import { button } from "../ui.js";

const SURE = new Set(["authenticate", "staff"]);
const ICONS = { near: "bolt", together: "basket", usual: "star", birthday: "gift" };
const SHOWN = 5;

/** Draws into `node`. `acts`: add(product), sheet(code), confirm(), why(right), offer(id), and `manages`: sees everybody. */
export class CustomerPanel {
  #node;
  #acts;
  #session = null;
  #asked = "";
  #whose = "";
  #profile = null;
  #advised = null;
  #problem = "";
  /** When the proof was given that has become too old. */
  #aged = null;

  constructor(node, acts) {
    this.#node = node;
    this.#acts = acts;
  }

  /** The station's session as it is now, or null. */
  show(session) {
    this.#session = session?.identity ? session : null;
    const wanted = this.#session && !this.#lock() ? `${session.session_id} ${session.identity.customer_id} ${session.identity.proved_at} ${session.decision_id}` : "";
    if (wanted !== this.#asked) this.#load(wanted);
    this.#draw();
  }

  /** What keeps the history from this seller, or nothing. */
  #lock() {
    const { assurance, proved_at: proved = 0 } = this.#session.identity;
    const sure = this.#acts.manages || (SURE.has(assurance) && proved !== this.#aged);
    return this.#acts.why("see_history") || (sure ? "" : t("advice.unsure"));
  }

  async #load(wanted) {
    this.#asked = wanted;
    this.#problem = "";
    if (!wanted) return this.#forget();
    const { session_id: id, identity } = this.#session;
    const whose = `${id} ${identity.customer_id}`;
    if (whose !== this.#whose) this.#forget();
    try {
      const profile = this.#profile ?? get(`/v1/customers/${identity.customer_id}/profile`, { session_id: id });
      const found = await Promise.all([get(`/v1/sessions/${id}/suggestions`), profile]);
      if (wanted !== this.#asked) return;
      [this.#advised, this.#profile] = found;
      this.#whose = whose;
    } catch (problem) {
      if (problem.text === undefined) throw problem;
      if (wanted !== this.#asked) return;
      if (problem.code === "assurance-needed") this.#aged = identity.proved_at ?? 0;
      this.#problem = problem.text;
    }
    this.#draw();
  }

  #forget() {
    this.#profile = this.#advised = null;
    this.#whose = "";
  }

  #draw() {
    this.#node.hidden = !this.#session;
    if (!this.#session) return render(this.#node);
    const lock = this.#lock();
    return render(this.#node,
      h("h2", { class: "small-head", key: "head" }, t("advice.title")),
      lock ? this.#locked(lock) : this.#problem ? h("p", { class: "banner is-warn", key: "problem" }, icon("alert"), this.#problem) : this.#known());
  }

  #locked(reason) {
    const may = !this.#acts.why("see_history") && !this.#acts.why("confirm_identity");
    return h("div", { class: "banner advice-locked", key: "locked" }, icon("lock"), h("p", { class: "grow" }, reason),
      may && button(t("identity.confirm"), { kind: "small", icon: "shield", onclick: this.#acts.confirm }));
  }

  #known() {
    if (!this.#profile) return h("p", { class: "muted", key: "loading" }, t("app.loading"));
    const { items, objects } = this.#advised;
    return [
      this.#rhythm(),
      items.length > 0 && h("ul", { class: "advices", key: "advices", "aria-label": t("advice.list") }, items.map((one) => this.#advice(one))),
      objects && h("p", { class: "muted small", key: "objects" }, t("advice.objects")),
      this.#history()];
  }

  #rhythm() {
    const { customer, average, usual_hour: at, usual_weekday: on } = this.#profile;
    if (!customer.visits) return h("p", { class: "muted", key: "rhythm" }, t("advice.first"));
    const parts = [
      customer.last_visit_at && t("customers.last", { day: day(customer.last_visit_at / 1000) }),
      at !== null && t("advice.usually", { day: weekday(on, "long"), hour: hour(at) }),
      t("advice.average", { amount: money(average) })];
    return h("p", { class: "muted small", key: "rhythm" }, parts.filter(Boolean).join(" · "));
  }

  #advice({ kind, figures, product }) {
    const why = this.#why(kind, figures);
    return h("li", { class: `advice is-${kind}`, key: `advice-${kind}-${product?.code ?? ""}` }, icon(ICONS[kind]),
      h("div", { class: "grow" }, h("p", { class: "strong" }, product ? product.label : why), product && h("p", { class: "small muted" }, why)),
      product && h("button", { type: "button", class: "button num", "aria-label": t("advice.add", { label: product.label, price: money(product.unit_price) }), onclick: () => this.#acts.add(product) }, icon("plus"), money(product.unit_price)));
  }

  #why(kind, figures) {
    if (kind === "near") return nearMissText({ what: "subtotal", missing: figures.missing }, said(this.#acts.offer(figures.offer_id)?.name) || figures.offer_id);
    if (kind !== "birthday") return t(`advice.${kind}`, figures);
    if (!figures.days) return t("advice.birthday_today");
    return figures.days > 0 ? tn("advice.birthday_in", figures.days) : tn("advice.birthday_ago", -figures.days);
  }

  #history() {
    const { favourites, sales, consents, notes } = this.#profile;
    const { sizes } = this.#advised;
    return h("details", { class: "history", key: "history" },
      h("summary", {}, t("advice.history")),
      this.#standing(),
      part(t("customers.notes"), notes.map((note) => h("li", {}, h("span", { class: "grow note" }, note.text), h("span", { class: "muted small" }, day(note.at))))),
      part(t("advice.sizes"), sizes.map((one) => h("li", {}, h("span", { class: "grow" }, `${one.name}: `, h("strong", {}, one.value)), h("span", { class: "muted small" }, tn("customers.times", one.sales))))),
      part(t("customers.favourites"), favourites.slice(0, SHOWN).map((one) => h("li", {},
        h("button", { type: "button", class: "link-like grow", onclick: () => this.#acts.sheet(one.code) }, one.label), h("span", { class: "muted small num" }, tn("customers.times", one.sales))))),
      part(t("customers.history"), sales.slice(0, SHOWN).map((sale) => h("li", {}, h("span", { class: "grow" }, day(sale.at), sale.refund_of && ` · ${t("customers.refund")}`), h("span", { class: "num" }, money(sale.total, sale.currency))))),
      part(t("customers.consents"), consents.map((one) => h("li", {}, h("span", { class: "grow" }, t(`purpose.${one.purpose}`)), h("span", { class: `chip ${one.given ? "good" : ""}` }, t(one.given ? "consents.given" : "consents.not_given"))))));
  }

  #standing() {
    const { customer, next_tier: next } = this.#profile;
    const parts = [tierName(customer.tier), tn("points", customer.points), customer.wallet > 0 && t("advice.wallet", { amount: money(customer.wallet) }),
      customer.points_owed > 0 && t("customers.owed", { points: number(customer.points_owed) }),
      next && t("advice.next", { tier: tierName(next.tier), amount: money(next.missing) })];
    return h("p", { class: "small" }, parts.filter(Boolean).join(" · "));
  }
}

/** A heading with its list, if there is anything in it. */
function part(title, rows) {
  return rows.length > 0 && h("section", { "aria-label": title }, h("h3", { class: "small-head" }, title), h("ul", { class: "history-list" }, rows));
}
