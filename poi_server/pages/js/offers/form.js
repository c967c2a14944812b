/** The form of one offer: it reads into the API's JSON, and shows the server's problems at the fields they name. */

import { limitFields, OFFER, OFFER_MORE, STACKING } from "../offer_fields.js";
import { h } from "../dom.js";
import { merchantCurrency, t } from "../i18n.js";
import { fieldsControl, limitRow, listControl } from "./controls.js";
import { conditionTree, effectList } from "./tree.js";

/** A form whose controls say where the problems of which JSON path are shown. */
export class ProblemForm {
  #places = new Map();
  #problems = [];
  general = h("p", { class: "banner is-bad", role: "alert", hidden: true });

  /** What `read(form)` gives, or null when a field cannot be read. */
  gather(read) {
    this.#clear();
    const found = read(this);
    if (this.#problems.length) this.#reveal(this.#problems[0]);
    return this.#problems.length ? null : found;
  }

  /** Remember where the problems of a path are shown. */
  at(path, node, problem) {
    this.#places.set(path, { node, problem });
  }

  /** A field that cannot be read. */
  fail(path, text) {
    this.#problems.push(this.#show(path, text));
    return undefined;
  }

  /** Show what the server refused. */
  refuse(problem) {
    const mistakes = problem.errors.length ? problem.errors : [{ path: problem.path ?? "$", detail: problem.text }];
    const shown = mistakes.map(({ path, detail }) => this.#show(path, detail.replace(/ - at `.*`$/, "")));
    this.#reveal(shown[0]);
  }

  #show(path, text) {
    for (let at = path; at; at = at.replace(/(\.[^.[\]]+|\[[^\]]*\]|\$)$/, "")) {
      const place = this.#places.get(at);
      if (place) {
        place.problem.textContent = text;
        place.problem.hidden = false;
        place.node.classList.add("has-problem");
        return place.node;
      }
    }
    this.general.textContent = path && path !== "$" ? `${text} (${path})` : text;
    this.general.hidden = false;
    return this.general;
  }

  #reveal(node) {
    for (let at = node.closest("details"); at; at = at.parentElement.closest("details")) at.open = true;
    node.scrollIntoView({ block: "center", behavior: "smooth" });
    node.querySelector("input, select, textarea")?.focus({ preventScroll: true });
  }

  #clear() {
    this.general.hidden = true;
    for (const { node, problem } of this.#places.values()) {
      problem.hidden = true;
      node.classList.remove("has-problem");
    }
    this.#places.clear();
    this.#problems = [];
  }
}

/** The form; `offer` is what it starts from, undefined for a new one. */
export class OfferForm extends ProblemForm {
  #offer;
  #parts;

  constructor(offer, context) {
    super();
    this.#offer = offer;
    const start = offer ?? { currency: merchantCurrency(), effects: [], limits: [] };
    this.#parts = {
      head: fieldsControl(offer ? OFFER.map((spec) => (spec.name === "offer_id" ? { ...spec, fixed: true } : spec)) : OFFER, start, context),
      effects: effectList(start.effects, context),
      conditions: conditionTree(start.conditions, context),
      limits: limitList(start.limits, Boolean(start.campaign_id)),
      stacking: fieldsControl(STACKING, start.stacking, context),
      more: fieldsControl(OFFER_MORE, start, context),
    };
    this.node = h("form", { class: "offer-form", onsubmit: (event) => event.preventDefault(), novalidate: true },
      this.general, section("head", this.#parts.head.node), section("effects", this.#parts.effects.node), section("conditions", this.#parts.conditions.node),
      section("limits", this.#parts.limits.node), section("stacking", this.#parts.stacking.node), section("more", this.#parts.more.node));
  }

  /** The offer as the form says it, or null when a field cannot be read. */
  read() {
    const { head, effects, conditions, limits, stacking, more } = this.#parts;
    return this.gather(() => {
      const offer = {
        ...head.read("$", this), effects: effects.read("$.effects", this), conditions: conditions.read("$.conditions", this),
        limits: limits.read("$.limits", this), stacking: stacking.read("$.stacking", this), ...more.read("$", this),
      };
      offer.offer_id ??= idFrom(offer.name);
      if (!offer.conditions.of.length) delete offer.conditions;
      if (this.#offer?.version) offer.version = this.#offer.version;
      return offer;
    });
  }
}

/** The limits, row by row. */
export function limitList(values, ofCampaign) {
  return listControl(values, (value) => limitRow(limitFields(ofCampaign), value), { add: t("offer_form.add_limit"), empty: t("offer_form.no_limits") });
}

/** One part of a form with its words, of `offer_form.<name>`. */
export function section(name, body) {
  return h("section", { class: "form-section" }, h("div", { class: "form-words" }, h("h3", {}, t(`offer_form.${name}`)), h("p", { class: "muted small" }, t(`offer_form.${name}_hint`))), body);
}

function idFrom(name) {
  const text = name?.en ?? name?.fr ?? "";
  const plain = text.normalize("NFD").replace(/[\u0300-\u036f]/g, "").toLowerCase().replace(/%/g, " pct ").replace(/[^a-z0-9]+/g, "-").replace(/^-+|-+$/g, "");
  const tail = Math.random().toString(36).slice(2, 6);
  return `${plain.slice(0, 48) || "offer"}-${tail}`;
}
