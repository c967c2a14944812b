/** The dialogs about one person: role and limits, PIN, badges. */

import { patch, post, put, remove } from "../api.js";
import { h, render } from "../dom.js";
import { decimals, merchantCurrency, t } from "../i18n.js";
import { busy, button, dialog, field, iconButton, toast } from "../ui.js";

const ROLES = ["seller", "manager", "auditor"];
const USUAL_LIMIT = 50;

/** A dialog with a form; `send` runs when it is whole, then it closes and `again` loads what changed. */
function formDialog(title, parts, send, again, more = []) {
  return dialog(title, (close) => {
    const submit = button(t("app.save"), { kind: "primary" });
    const form = h("form", { class: "stack", onsubmit: (event) => { event.preventDefault(); submit.click(); } }, parts);
    submit.onclick = () => busy(submit, async () => {
      if (!form.reportValidity()) return;
      if ((await send()) === false) return;
      close();
      await again();
    });
    const others = more.map(({ label, act }) => button(label, { kind: "danger", onclick: async () => { await act(); close(); await again(); } }));
    return { body: form, foot: [...others, button(t("app.cancel"), { onclick: close }), submit] };
  });
}

/** Name, role, and what they may at a counter; `person` null makes a new one. Only an owner makes managers. */
export function personDialog(person, owner, again) {
  const name = h("input", { class: "input", required: true, maxlength: 120, value: person?.name ?? "", autocomplete: "off" });
  const counter = h("div", { class: "stack" });
  const role = h("select", { class: "input" },
    ROLES.filter((one) => owner || one !== "manager").map((one) => h("option", { value: one, selected: one === (person?.role ?? "seller") }, t(`role.${one}`))));
  const takes = h("input", { type: "checkbox", checked: person?.take_payment ?? true });
  const limit = limitFields(person);
  const own = ownFields(person);
  const shown = () => {
    counter.hidden = role.value === "auditor";
    own.view.hidden = role.value !== "seller";
  };
  role.onchange = shown;
  counter.append(h("label", { class: "check" }, takes, t("sellers.may_take_payment")), own.view, limit.view);
  shown();
  const send = () => {
    const body = { name: name.value.trim(), role: role.value, take_payment: takes.checked, refund_limit: limit.value(), ...own.value() };
    return person ? patch(`/v1/sellers/${person.seller_id}`, body) : post("/v1/sellers", body);
  };
  const hint = person ? { hint: t("sellers.role_hint") } : {};
  return formDialog(person ? person.name : t("sellers.add"), [field(t("access.name"), name), field(t("sellers.role"), role, hint), counter], send, again);
}

/** What managers do anyway and a seller by their settings: closing the day, and prices changed by hand. */
function ownFields(person) {
  const closes = h("input", { type: "checkbox", checked: person?.close_day ?? false });
  const percent = h("input", { class: "input", type: "number", min: 0, max: 100, step: 1, required: true, inputmode: "numeric", value: person?.override_limit ?? 0 });
  const view = h("div", { class: "stack tight" },
    h("label", { class: "check" }, closes, t("sellers.may_close_day")),
    field(t("sellers.override"), percent, { hint: t("sellers.override_hint") }));
  return { view, value: () => ({ close_day: closes.checked, override_limit: Number(percent.value) }) };
}

function limitFields(person) {
  const unit = 10 ** decimals();
  const known = person?.refund_limit;
  const limited = h("input", { type: "checkbox", checked: person ? known !== null : true, onchange: () => { amount.disabled = !limited.checked; } });
  const amount = h("input", { class: "input", type: "number", min: 0, step: 1 / unit, required: true, inputmode: "decimal", value: (known ?? USUAL_LIMIT * unit) / unit, disabled: !limited.checked });
  const view = h("div", { class: "stack tight" },
    h("label", { class: "check" }, limited, t("sellers.limited")),
    field(t("sellers.limit", { currency: merchantCurrency() }), amount, { hint: t("sellers.limit_hint") }));
  return { view, value: () => (limited.checked ? Math.round(Number(amount.value) * unit) : null) };
}

/** A new PIN, typed twice; or none any more. */
export function pinDialog(person, again) {
  const input = () => h("input", { class: "input", type: "password", inputmode: "numeric", pattern: "[0-9]{4,8}", minlength: 4, maxlength: 8, required: true, autocomplete: "new-password" });
  const [first, second] = [input(), input()];
  const send = async () => {
    if (first.value !== second.value) {
      toast(t("pin.differ"), "bad");
      return false;
    }
    await put(`/v1/sellers/${person.seller_id}/pin`, { pin: first.value });
    toast(t("pin.changed"), "good");
    return true;
  };
  const gone = { label: t("pin.remove"), act: () => remove(`/v1/sellers/${person.seller_id}/pin`) };
  return formDialog(t("sellers.pin_of", { name: person.name }), [h("p", { class: "muted" }, t("pin.words")), field(t("pin.new"), first), field(t("pin.again"), second)], send, again, person.has_pin ? [gone] : []);
}

/** The person's badges, and another one by what stands on the card or by the chip's number. */
export function badgeDialog(person, again) {
  const list = h("ul", { class: "list" });
  let badges = person.badges;
  const take = async (badge) => {
    await remove(`/v1/sellers/${person.seller_id}/badges/${badge.scheme}/${encodeURIComponent(badge.subject)}`);
    badges = badges.filter((other) => other !== badge);
    draw();
    await again();
  };
  const draw = () => render(list, badges.map((badge) => h("li", { key: `${badge.scheme} ${badge.subject}` },
    h("div", { class: "grow" }, h("p", { class: "strong mono clip" }, badge.subject), h("p", { class: "muted small" }, t(`badge.${badge.scheme}`))),
    iconButton("trash", t("badge.remove", { subject: badge.subject }), (event) => busy(event.currentTarget, () => take(badge))))));
  draw();
  const scheme = h("select", { class: "input" }, ["loyalty", "uid"].map((one) => h("option", { value: one }, t(`badge.${one}`))));
  const subject = h("input", { class: "input mono", required: true, minlength: 4, maxlength: 128, pattern: "[!-~]+", autocomplete: "off", spellcheck: "false" });
  const send = () => post(`/v1/sellers/${person.seller_id}/badges`, { scheme: scheme.value, subject: subject.value.trim() });
  return formDialog(t("badge.title", { name: person.name }), [h("p", { class: "muted" }, t("badge.words")), list, field(t("badge.kind"), scheme), field(t("badge.subject"), subject, { hint: t("badge.subject_hint") })], send, again);
}
