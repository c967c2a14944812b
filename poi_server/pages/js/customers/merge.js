/** Two records of one person: find the other one, look at both, and make them one. */

import { get, newKey, postOnce } from "../api.js";
import { h, icon, render } from "../dom.js";
import { money, number, t, tierName } from "../i18n.js";
import { busy, button, dialog, report, toast } from "../ui.js";
import { nameOf, resultLine } from "./parts.js";

const PAUSE_MS = 350;
const LETTERS = 2;

/** Ask which record is the same person; resolves to the id that lives on, or to null. */
export async function mergeInto(customer) {
  let lives = null;
  await dialog(t("merge.title"), (close) => {
    const chooser = new Chooser(customer);
    const submit = button(t("merge.do"), { kind: "danger", icon: "branch", disabled: true });
    chooser.onchoose = () => { submit.disabled = !chooser.other; };
    const key = newKey();
    submit.onclick = () => busy(submit, async () => {
      const merged = await postOnce(`/v1/customers/${customer.customer_id}/merge`, { absorbed_id: chooser.other.customer_id }, key);
      lives = merged.customer_id;
      toast(t("merge.done"), "good");
      close();
    });
    return { body: chooser.node, foot: [button(t("app.cancel"), { onclick: close }), submit] };
  }, { wide: true });
  return lives;
}

class Chooser {
  constructor(customer) {
    this.customer = customer;
    this.other = null;
    this.onchoose = () => {};
    this.node = h("div", { class: "stack" });
    this.found = [];
    this.timer = 0;
    this.input = h("input", { class: "input", type: "search", autocomplete: "off", "aria-label": t("merge.search"), placeholder: t("merge.search"), oninput: () => this.typed() });
    this.results = h("div", { class: "stack", dataset: { own: "" } });
    this.node.append(h("p", { class: "muted" }, t("merge.hint", { name: nameOf(customer) })), h("div", { class: "searchbox" }, icon("search"), this.input), this.results);
  }

  typed() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.search(), PAUSE_MS);
  }

  async search() {
    const q = this.input.value.trim();
    this.choose(null);
    try {
      this.found = q.length < LETTERS ? [] : (await get("/v1/customers", { q, limit: 8 })).items.filter((one) => one.customer_id !== this.customer.customer_id);
    } catch (problem) {
      report(problem);
    }
    this.draw();
  }

  choose(other) {
    this.other = other;
    this.onchoose();
    this.draw();
  }

  draw() {
    render(this.results, this.other ? this.comparison() : h("ul", { class: "list results" }, this.found.map((one) => h("li", { key: one.customer_id },
      h("button", { type: "button", class: "result", onclick: () => this.choose(one) }, h("span", { class: "grow" }, h("span", { class: "strong" }, nameOf(one)), h("span", { class: "muted small" }, resultLine(one))), icon("right"))))));
  }

  comparison() {
    const rows = [["customers.fact_points", (one) => number(one.points)], ["customers.fact_wallet", (one) => money(one.wallet)], ["customers.fact_visits", (one) => number(one.visits)], ["customers.fact_spend", (one) => money(one.spend)]];
    const both = { points: this.sum("points"), wallet: this.sum("wallet"), visits: this.sum("visits"), spend: this.sum("spend") };
    return h("div", { class: "stack" }, h("div", { class: "table-scroll", tabindex: 0, role: "region", "aria-label": t("merge.after") }, h("table", { class: "comparison" },
      h("thead", {}, h("tr", {}, h("td", {}), [this.customer, this.other].map((one) => h("th", { scope: "col", class: "end" }, nameOf(one), h("span", { class: "muted small block" }, tierName(one.tier)))), h("th", { scope: "col", class: "end" }, t("merge.after")))),
      h("tbody", {}, rows.map(([label, value]) => h("tr", {}, h("th", { scope: "row" }, t(label)), [this.customer, this.other, both].map((one) => h("td", { class: "end num" }, value(one)))))))),
      h("p", { class: "banner is-warn" }, icon("alert"), t("merge.warning", { name: nameOf(this.other) })));
  }

  sum(name) {
    return this.customer[name] + this.other[name];
  }
}
