/** The audit: who did what, when, why and where; newest first, by person, act, subject and days. */

import { get } from "../api.js";
import { h, icon, render } from "../dom.js";
import { dateTime, has, t } from "../i18n.js";
import { button, field, report } from "../ui.js";

const PAGE = 50;

/** The list with its filters. */
export class AuditPanel extends HTMLElement {
  #entries = [];
  #next = null;
  #people = [];
  #acts = [];
  #wanted = { who: "", act: "", subject_id: "", first: "", last: "" };
  #asked = 0;
  #loaded = false;

  async connectedCallback() {
    if (this.#loaded) return;
    this.#loaded = true;
    try {
      const [people, acts] = await Promise.all([get("/v1/sellers"), get("/v1/audit/acts")]);
      this.#people = people.items;
      this.#acts = acts.items;
    } catch (problem) {
      report(problem);
    }
    await this.#load();
  }

  async #load(after = "") {
    const asked = ++this.#asked;
    try {
      const page = await get("/v1/audit", { ...this.#wanted, after, limit: PAGE });
      if (asked !== this.#asked) return;
      this.#entries = after ? [...this.#entries, ...page.items] : page.items;
      this.#next = page.next;
    } catch (problem) {
      report(problem);
    }
    this.#draw();
  }

  #want(name, value) {
    this.#wanted = { ...this.#wanted, [name]: value };
    return this.#load();
  }

  #draw() {
    render(this, h("div", { class: "stack" }, this.#filters(),
      this.#entries.length ? this.#table() : h("div", { class: "card empty" }, icon("receipt"), h("p", {}, t("audit.nothing"))),
      this.#next && h("div", { class: "row more" }, button(t("audit.more"), { icon: "down", onclick: () => this.#load(this.#next) }))));
  }

  #filters() {
    const { who, act, subject_id: subject, first, last } = this.#wanted;
    const select = (name, chosen, all, choices) => h("select", { class: "input", onchange: (event) => this.#want(name, event.target.value) },
      h("option", { value: "", selected: !chosen }, all), choices.map(([value, label]) => h("option", { value, selected: value === chosen }, label)));
    const date = (name, value) => h("input", { class: "input", type: "date", value, onchange: (event) => this.#want(name, event.target.value) });
    const people = [["owner:owner", t("role.owner")], ...this.#people.map((person) => [`seller:${person.seller_id}`, person.name])];
    const found = h("input", { class: "input mono", value: subject, maxlength: 80, spellcheck: "false", onchange: (event) => this.#want("subject_id", event.target.value.trim()) });
    return h("form", { class: "card filters-form", role: "search", "aria-label": t("audit.filters"), onsubmit: (event) => event.preventDefault() },
      field(t("audit.who"), select("who", who, t("audit.anybody"), people), { id: "audit-who" }),
      field(t("audit.act"), select("act", act, t("audit.anything"), this.#acts.map((one) => [one, actName(one)]).sort(([, a], [, b]) => a.localeCompare(b))), { id: "audit-act" }),
      field(t("audit.subject"), found, { id: "audit-subject" }),
      field(t("audit.first"), date("first", first), { id: "audit-first" }),
      field(t("audit.last"), date("last", last), { id: "audit-last" }));
  }

  #subject(id) {
    return this.#people.find((person) => person.seller_id === id)?.name ?? id;
  }

  #table() {
    return h("div", { class: "card flush" }, h("div", { class: "table-scroll audit-scroll", tabindex: "0", role: "region", "aria-label": t("audit.title") },
      h("table", { class: "audit" },
        h("thead", {}, h("tr", {}, ["when", "who", "act", "subject", "why", "where"].map((name) => h("th", { scope: "col" }, t(`audit.${name}`))))),
        h("tbody", {}, this.#entries.map((entry) => this.#row(entry))))));
  }

  #row(entry) {
    const cell = (name, ...content) => h("td", { "data-label": t(`audit.${name}`) }, content);
    return h("tr", { key: entry.audit_id },
      cell("when", h("span", { class: "num" }, dateTime(entry.at))),
      cell("who", whoName(entry)),
      cell("act", h("span", { class: "strong" }, actName(entry.act))),
      cell("subject", entry.subject_id && h("button", { type: "button", class: "button quiet small mono subject", title: t("audit.only", { subject: entry.subject_id }), onclick: () => this.#want("subject_id", entry.subject_id) }, this.#subject(entry.subject_id))),
      cell("why", h("span", { class: "why" }, entry.why)),
      cell("where", entry.station ?? ""));
  }
}

const actName = (act) => (has(`act.${act}`) ? t(`act.${act}`) : act);

function whoName({ who, name, station }) {
  const role = who.split(":")[0];
  return name ?? (role === "station" && station ? station : has(`role.${role}`) ? t(`role.${role}`) : who);
}

customElements.define("poi-audit", AuditPanel);
