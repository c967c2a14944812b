/** The segments: the built-in ones, the merchant's own, and the form that says how many would be in while it is written. */

import { post, put, remove } from "../api.js";
import { h, icon, render } from "../dom.js";
import { number, said, t, tn } from "../i18n.js";
import { busy, button, confirm, dialog, iconButton, report, toast } from "../ui.js";
import { CONDITIONS } from "../offer_fields.js";
import { fieldControl } from "../offers/controls.js";
import { ProblemForm, section } from "../offers/form.js";
import { conditionTree } from "../offers/tree.js";

const SETTLE_MS = 350;
const BOUGHT = { group: "customer", fields: [
  { name: "products", kind: "words" }, { name: "categories", kind: "words" }, { name: "brands", kind: "words" },
  { name: "days", called: "bought_days", kind: "integer", min: 1, max: 730, default: 90 },
] };
const OF_CUSTOMERS = Object.fromEntries([...Object.entries(CONDITIONS).filter(([, entry]) => entry.group === "customer"), ["bought", BOUGHT]]);

/** The list; `changed` loads the segments anew. */
export class SegmentsPanel extends HTMLElement {
  #changed;
  #segments = [];

  constructor(changed) {
    super();
    this.#changed = changed;
  }

  show(segments) {
    this.#segments = segments;
    this.#draw();
  }

  #draw() {
    render(this, h("div", { class: "stack" },
      h("div", { class: "row between wrap" }, h("p", { class: "muted" }, t("segments.lead")),
        h("button", { type: "button", class: "button primary new-segment", onclick: () => this.#edit(null) }, icon("plus"), t("segments.new"))),
      h("ul", { class: "card list" }, this.#segments.map((one) => this.#row(one)))));
  }

  #row(one) {
    return h("li", { key: one.segment_id },
      h("div", { class: "grow" }, h("p", { class: "strong" }, said(one.name)), h("p", { class: "muted small" }, one.state === "counting" ? t("segments.counting") : tn("segments.size", one.size))),
      h("a", { class: "button small", href: `#from=segment&id=${encodeURIComponent(one.segment_id)}` }, icon("target"), t("segments.campaign")),
      !one.built_in && iconButton("edit", t("segments.edit"), () => this.#edit(one)),
      !one.built_in && iconButton("trash", t("segments.remove"), () => this.#remove(one)));
  }

  async #remove(one) {
    if (!(await confirm(t("segments.remove"), t("segments.remove_hint", { name: said(one.name) }), t("segments.remove")))) return;
    await remove(`/v1/segments/${one.segment_id}`).catch(report);
    await this.#changed();
  }

  #edit(one) {
    return dialog(t(one ? "segments.edit" : "segments.new"), (close) => {
      const form = new SegmentForm(one);
      const save = button(t("app.save"), { kind: "primary", icon: "check" });
      save.onclick = () => busy(save, async () => {
        if (!(await keep(form, one))) return;
        toast(t("app.saved"), "good");
        close();
        await this.#changed();
      });
      return { body: form.node, foot: [button(t("app.cancel"), { onclick: close }), save] };
    }, { wide: true });
  }
}

async function keep(form, one) {
  const draft = form.read();
  if (!draft) return false;
  try {
    await (one ? put(`/v1/segments/${one.segment_id}`, draft) : post("/v1/segments", draft));
  } catch (problem) {
    if (!problem.path && !problem.errors?.length) throw problem;
    form.refuse(problem);
    return false;
  }
  return true;
}

class SegmentForm extends ProblemForm {
  #name;
  #conditions;
  #size = h("p", { class: "strong segment-size", role: "status" });
  #timer = 0;

  constructor(one) {
    super();
    const context = { stores: [], offers: [], conditions: OF_CUSTOMERS };
    this.#name = fieldControl({ name: "name", kind: "texts", required: true }, one?.name, context);
    this.#conditions = conditionTree(one?.conditions, context);
    const soon = () => { clearTimeout(this.#timer); this.#timer = setTimeout(() => this.#count(), SETTLE_MS); };
    this.node = h("form", { class: "offer-form", onsubmit: (event) => event.preventDefault(), oninput: soon, onchange: soon, onclick: soon, novalidate: true },
      this.general, section("segment", this.#name.node), section("segment_conditions", this.#conditions.node), this.#size);
    this.#count();
  }

  read() {
    return this.gather(() => ({ name: this.#name.read("$.name", this), conditions: this.#conditions.read("$.conditions", this) }));
  }

  async #count() {
    const quiet = { at: () => {}, fail: () => undefined };
    const conditions = this.#conditions.read("$.conditions", quiet);
    try {
      const found = await post("/v1/segments/size", { conditions });
      this.#size.textContent = tn("segments.would_be", found.size, { of: number(found.of) });
    } catch (problem) {
      if (problem.code !== "superseded") this.#size.textContent = t("segments.unfinished");
    }
  }
}

customElements.define("poi-segments", SegmentsPanel);
