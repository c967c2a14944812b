/** Each till: its open day in figures, closing it, and the closings there are. */

import { get, post } from "../api.js";
import { figure, lyingBars, table } from "../charts.js";
import { h, icon, render } from "../dom.js";
import { dates, day, money, number, percent, t } from "../i18n.js";
import { button, confirm, report, toast } from "../ui.js";

const SHOWN = 12;

/** The merchant's tills; `stations` as the API lists them. */
export class TillsPanel extends HTMLElement {
  #books = new Map();
  #chosen = "";

  connectedCallback() {
    if (this.#chosen || !this.stations.length) return this.#draw();
    this.#choose(this.stations[0].station_id);
  }

  async #choose(stationId) {
    this.#chosen = stationId;
    await this.#load(stationId);
  }

  async #load(stationId) {
    try {
      const [standing, { items: closings }] = await Promise.all([get(`/v1/stations/${stationId}/day`), get(`/v1/stations/${stationId}/closings`, { limit: SHOWN })]);
      this.#books.set(stationId, { standing, closings });
    } catch (problem) {
      report(problem);
    }
    this.#draw();
  }

  #draw() {
    const book = this.#books.get(this.#chosen);
    render(this, h("div", { class: "stack loose" },
      this.stations.length > 1 && h("div", { class: "field till-choice" }, h("label", { for: "till" }, t("money.till")),
        h("select", { class: "input", id: "till", onchange: (event) => this.#choose(event.target.value) }, this.stations.map((one) => h("option", { value: one.station_id, selected: one.station_id === this.#chosen }, one.name)))),
      !this.stations.length && h("div", { class: "card empty" }, icon("receipt"), h("p", {}, t("money.no_till"))),
      book && this.#day(book), book && this.#closings(book.closings)));
  }

  #day({ standing }) {
    const { totals } = standing;
    const tile = (label, value) => h("div", { class: "till-tile" }, h("p", { class: "muted small" }, label), h("p", { class: "num strong" }, value));
    return h("section", { class: "card stack till", "aria-label": t("money.today") },
      h("div", { class: "row between wrap" }, h("div", {}, h("h2", {}, t("money.today")), h("p", { class: "muted small" }, day(standing.day), !standing.open && ` · ${t("money.closed")}`)),
        h("div", { class: "row wrap" }, standing.training && h("span", { class: "chip warn" }, t("training.mark")),
          button(t("money.close_day"), { icon: "lock", kind: "primary close-day", disabled: !standing.open || standing.last < standing.first, onclick: () => this.#close("day") }))),
      !standing.clock_believed && h("p", { class: "small strong clock-doubted" }, t("money.clock_doubted")),
      h("div", { class: "till-tiles" }, tile(t("money.sales"), number(totals.sales)), tile(t("money.refunds"), number(totals.refunds)), tile(t("money.total"), money(totals.total))),
      h("div", { class: "till-figures" }, byMeans(totals), byVat(totals)));
  }

  #closings(closings) {
    return h("section", { class: "stack", "aria-label": t("money.closings") },
      h("div", { class: "row between wrap" }, h("h2", {}, t("money.closings")),
        h("div", { class: "row wrap" }, ["month", "year"].map((kind) => button(t(`money.close_${kind}`), { kind: "small", onclick: () => this.#close(kind) })))),
      closings.length ? h("div", { class: "card" }, table([t("money.period"), t("money.total"), t("money.sales"), t("money.refunds"), t("money.number"), t("money.perpetual")], closings.map(row), t("money.closings")))
        : h("p", { class: "muted" }, t("money.no_closing")));
  }

  async #close(kind) {
    if (!(await confirm(t(`money.close_${kind}`), t(`money.close_${kind}_hint`), t(`money.close_${kind}`), "primary"))) return;
    const { closing } = await post(`/v1/stations/${this.#chosen}/closings`, { kind });
    toast(t("money.closed_as", { number: closing.number }), "good");
    await this.#load(this.#chosen);
  }
}

const row = ({ closing }) => [period(closing), money(closing.total, closing.currency), number(closing.sales), number(closing.refunds), `Z ${number(closing.number)}`, money(closing.perpetual_total, closing.currency)];

function period({ kind, period }) {
  if (kind === "day") return day(period);
  return kind === "month" ? dates({ month: "long", year: "numeric" }).format(new Date(`${period}-01T12:00`)) : period;
}

function byMeans({ means }) {
  const items = means.map((one) => ({ label: t(`means.${one.means}`), value: one.amount, text: money(one.amount) }));
  return figure(t("money.by_means"), lyingBars(items, t("money.by_means")), { head: [t("money.means"), t("money.count"), t("money.amount")], rows: means.map((one) => [t(`means.${one.means}`), number(one.count), money(one.amount)]) });
}

function byVat({ vat }) {
  const items = vat.map((one) => ({ label: percent(one.rate), value: one.gross, text: money(one.gross) }));
  return figure(t("money.by_vat"), lyingBars(items, t("money.by_vat")), { head: [t("money.rate"), t("money.net"), t("money.vat"), t("money.gross")], rows: vat.map((one) => [percent(one.rate), money(one.net), money(one.vat), money(one.gross)]) });
}

customElements.define("poi-tills", TillsPanel);
