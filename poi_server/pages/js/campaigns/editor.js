/** The editor of a campaign: whom it is for, what it gives, until when, and what it would have cost. */

import { get, post, put } from "../api.js";
import { h, icon } from "../dom.js";
import { said, t, tn } from "../i18n.js";
import { button, busy, dialog, toast } from "../ui.js";
import { EFFECTS, STACKING } from "../offer_fields.js";
import { fieldControl, fieldsControl } from "../offers/controls.js";
import { limitList, ProblemForm, section } from "../offers/form.js";
import { conditionTree, effectList } from "../offers/tree.js";
import { PreviewPanel } from "./preview.js";

const HEAD = [{ name: "name", called: "campaign_name", kind: "text", required: true }];
const PERIOD = [{ name: "first", kind: "date" }, { name: "last", kind: "date" }, { name: "holdout", kind: "percent", default: 0 }];
const STARTS_WITH = Object.keys(EFFECTS)[0];

/** Open it; `campaign` is null for a new one, `draft` what it starts from. */
export function edit(campaign, draft, context, done) {
  return dialog(t(campaign ? "campaigns.edit" : "campaigns.new"), (close) => {
    const form = new CampaignForm(draft, context);
    const kept = { campaign };
    const preview = new PreviewPanel(() => form.read(), (problem) => form.refuse(problem), () => kept.campaign?.campaign_id);
    const save = button(t("campaigns.save"), { icon: "check" });
    const start = button(t("campaigns.start"), { kind: "primary start", icon: "play" });
    save.onclick = () => busy(save, async () => { if (await keep(form, kept)) await finish(close, done); });
    start.onclick = () => busy(start, async () => {
      if (!(await keep(form, kept))) return;
      await post(`/v1/campaigns/${kept.campaign.campaign_id}/start`);
      await finish(close, done);
    });
    return { body: h("div", { class: "stack loose" }, form.node, preview.node), foot: [save, start] };
  }, { wide: true });
}

async function finish(close, done) {
  toast(t("app.saved"), "good");
  close();
  await done();
}

async function keep(form, kept) {
  const draft = form.read();
  if (!draft) return false;
  try {
    kept.campaign = await (kept.campaign ? put(`/v1/campaigns/${kept.campaign.campaign_id}`, draft) : post("/v1/campaigns", draft));
  } catch (problem) {
    if (!problem.path && !problem.errors?.length) throw problem;
    form.refuse(problem);
    return false;
  }
  return true;
}

/** The form; it reads into the API's JSON. */
class CampaignForm extends ProblemForm {
  #parts;
  #draft;

  constructor(draft, context) {
    super();
    this.#draft = draft ?? { name: "", offers: [{}] };
    this.#parts = {
      head: fieldsControl(HEAD, this.#draft, context), audience: audienceControl(this.#draft.audience ?? [], context), period: fieldsControl(PERIOD, this.#draft, context),
      offers: offersControl(this.#draft.offers, context), limits: limitList(this.#draft.limits, true),
    };
    const part = (name, body) => section(`campaign_${name}`, body);
    this.node = h("form", { class: "offer-form", onsubmit: (event) => event.preventDefault(), novalidate: true }, this.general,
      part("head", this.#parts.head.node), part("audience", this.#parts.audience.node), part("offers", this.#parts.offers.node),
      part("period", this.#parts.period.node), part("limits", this.#parts.limits.node));
  }

  /** The draft as the form says it, or null when a field cannot be read. */
  read() {
    const { head, audience, period, offers, limits } = this.#parts;
    return this.gather(() => {
      const found = { ...head.read("$", this), audience: audience.read("$.audience", this), ...period.read("$", this), offers: offers.read("$.offers", this), limits: limits.read("$.limits", this) };
      return this.#draft.suggestion_id ? { ...found, suggestion_id: this.#draft.suggestion_id } : found;
    });
  }
}

function audienceControl(chosen, context) {
  const known = [{ segment_id: "auto:lapsing", label: t("campaigns.lapsing") }, ...context.segments.map((one) => ({ ...one, label: said(one.name) || one.segment_id }))];
  const by_hand = chosen.filter((id) => !known.some((one) => one.segment_id === id)).map((id) => ({ segment_id: id, label: id }));
  const all = [...known, ...by_hand].map((one) => ({ ...one, box: h("input", { type: "checkbox", checked: chosen.includes(one.segment_id) }) }));
  const size = h("p", { class: "strong audience-size", role: "status" });
  const problem = h("p", { class: "problem", role: "alert", hidden: true });
  const read = () => all.filter(({ box }) => box.checked).map(({ segment_id: id }) => id);
  const tell = async () => {
    const found = await get("/v1/campaigns/audience", { segments: read().join(",") }).catch(() => null);
    if (found) size.textContent = read().length ? tn("campaigns.audience_size", found.size, { of: found.of }) : t("campaigns.audience_all");
  };
  const node = h("div", { class: "stack tight", onchange: tell },
    h("div", { class: "boxes" }, all.map(({ box, label, size: members }) => h("label", { class: "check" }, box, label, members !== undefined && h("span", { class: "muted small" }, ` ${members}`)))), size, problem);
  tell();
  return { node, read: (path, form) => { form.at(path, node, problem); return read(); } };
}

function offersControl(offers, context) {
  const controls = [];
  const list = h("div", { class: "parts" });
  const adder = h("button", { type: "button", class: "button small", onclick: () => append({ effects: [{ type: STARTS_WITH }] }) }, icon("plus"), t("campaigns.add_offer"));
  const refresh = () => controls.forEach((one) => { one.trash.hidden = controls.length < 2; });
  const append = (value) => {
    const control = offerControl(value, context, () => { controls.splice(controls.indexOf(control), 1); control.node.remove(); refresh(); });
    controls.push(control);
    list.append(control.node);
    refresh();
  };
  offers.forEach(append);
  return { node: h("div", { class: "part-list" }, list, adder), read: (path, form) => controls.map((one, at) => one.read(`${path}[${at}]`, form)) };
}

function offerControl(value, context, remove) {
  const name = fieldControl({ name: "name", kind: "texts", required: true }, value.name, context);
  const effects = effectList(value.effects ?? [], context);
  const conditions = conditionTree(value.conditions, context);
  const stacking = fieldsControl(STACKING, value.stacking, context);
  const problem = h("p", { class: "problem", role: "alert", hidden: true });
  const trash = h("button", { type: "button", class: "button small quiet", onclick: remove }, icon("trash"), t("offer_form.remove"));
  const asked = Boolean(value.conditions?.of?.length);
  const node = h("section", { class: "part", "aria-label": t("offer_form.head") }, name.node,
    h("h4", {}, t("offer_form.effects")), effects.node,
    h("details", { open: asked }, h("summary", {}, t("offer_form.conditions")), conditions.node),
    h("details", {}, h("summary", {}, t("offer_form.stacking")), stacking.node), problem, trash);
  return { node, trash, read: (path, form) => {
    form.at(path, node, problem);
    const offer = { name: name.read(`${path}.name`, form), effects: effects.read(`${path}.effects`, form), stacking: stacking.read(`${path}.stacking`, form) };
    const tree = conditions.read(`${path}.conditions`, form);
    return tree.of.length ? { ...offer, conditions: tree } : offer;
  } };
}
