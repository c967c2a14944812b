/** Sales made without the server that it refuses for good: shown, taken out as a file, and dropped with a reason on record. */

import { post } from "../api.js";
import { h, icon, render } from "../dom.js";
import { dateTime, money, t } from "../i18n.js";
import { button, dialog, toast } from "../ui.js";
import { reasonDialog } from "./resolve.js";

/** What a closed day refuses is recorded once the next one begins. */
const WAITS = new Set(["day-closed"]);

/** A banner while there are any, and the dialog behind it. `consent(what, run)` asks for a second person where it takes one. */
export class Spoilt {
  #stationId;
  #consent;
  #items = [];
  #saved = new Set();
  #strip = h("div", { class: "banner is-warn spoilt no-print", role: "status", hidden: true });
  #list = h("div", { class: "stack" });

  constructor(stationId, consent) {
    this.#stationId = stationId;
    this.#consent = consent;
    document.getElementById("main").before(this.#strip);
  }

  /** Those of the last try: `{ kept, sale, code, reason }`. */
  show(items) {
    this.#items = items.filter(({ code }) => !WAITS.has(code));
    this.#draw();
  }

  #draw() {
    const count = this.#items.length;
    this.#strip.hidden = count === 0;
    render(this.#strip, icon("bolt"), h("span", { class: "grow" }, t("spoilt.banner", { count })), button(t("spoilt.look"), { kind: "small", onclick: () => this.#open() }));
    render(this.#list, h("p", { class: "muted" }, t("spoilt.words")), count === 0 && h("p", { class: "strong" }, t("spoilt.none")),
      h("ul", { class: "doubts" }, this.#items.map((one) => this.#card(one))));
  }

  #open() {
    const save = button(t("spoilt.save"), { icon: "down", onclick: () => this.#save() });
    return dialog(t("spoilt.title"), () => ({ body: this.#list, foot: [save] }), { wide: true });
  }

  #card({ kept, sale, reason }) {
    const lines = [sale.lines ?? []].flat().map((line) => `${line?.label || line?.code || "?"} ${money(Number(line?.unit_price) || 0)}`);
    const drop = button(t("spoilt.drop"), { kind: "small danger", disabled: !this.#saved.has(sale.offline_id), onclick: () => this.#drop({ kept, sale }) });
    return h("li", { class: "card doubt", key: sale.offline_id },
      h("div", { class: "row" }, h("p", { class: "grow" }, when(sale)), h("strong", { class: "num doubt-amount" }, amount(sale))),
      h("p", { class: "small" }, lines.join(", ")), h("p", { class: "muted small" }, reason),
      h("div", { class: "row wrap" }, drop, !this.#saved.has(sale.offline_id) && h("span", { class: "muted small" }, t("spoilt.save_first"))));
  }

  /** All of them, as they are in this device. */
  #save() {
    const told = this.#items.map(({ kept, sale, code, reason }) => ({ station_id: kept.stationId, refused: code, reason, sale }));
    const link = h("a", { href: URL.createObjectURL(new Blob([JSON.stringify(told, null, 2)], { type: "application/json" })), download: `offline-sales-${this.#stationId}.json` });
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
    for (const { sale } of this.#items) this.#saved.add(sale.offline_id);
    this.#draw();
  }

  /** The server judges the sale anew; one that cannot even be sent is told by its amount. */
  async #tell(sale, body) {
    const path = `/v1/stations/${this.#stationId}/offline-sales/dropped`;
    try {
      return await post(path, { ...body, sale });
    } catch (problem) {
      if (![400, 413].includes(problem.status) && problem.code !== "nul-character") throw problem;
      return await post(path, { ...body, sale: { total: Number(sale.total) || 0 } });
    }
  }

  /** The word takes a reason: it goes on record with who said it, where and when. */
  #drop({ kept, sale }) {
    const submit = button(t("spoilt.drop_now"), { kind: "danger" });
    return reasonDialog(t("spoilt.drop"), t("spoilt.drop_words", { amount: amount(sale) }), t("spoilt.reason"), submit, async (reason) => {
      const what = { act: "resolve", subject_id: sale.offline_id, amount: Math.max(0, Number(sale.total) || 0) };
      await this.#consent(what, (approvalId) => this.#tell(sale, { offline_id: sale.offline_id, reason, approval_id: approvalId }));
      await kept.remove("queue", sale.offline_id);
      this.#items = this.#items.filter((one) => one.sale.offline_id !== sale.offline_id);
      this.#draw();
      toast(t("spoilt.dropped"), "good");
    });
  }
}

/** What is spoilt may have no time, or no amount, that can be read. */
const when = ({ sold_at: at }) => (Number.isNaN(Date.parse(at)) ? String(at) : dateTime(at));
const amount = ({ total }) => (Number.isInteger(total) ? money(total) : String(total));
