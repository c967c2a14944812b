/**
 * The form's controls. Each is { node, read(path, form) }: `read` gives the value (undefined when left out) and tells the
 * form which node shows the problems of which JSON path.
 */

import { h, icon, render } from "../dom.js";
import { decimals, has, LANGUAGES, merchantCurrency, t, weekday } from "../i18n.js";
import { iconButton } from "../ui.js";
import { ringsText, parseRings } from "./rings.js";

let serial = 0;

/** A labelled control for one field; `context` has stores and offers to choose from. */
export function fieldControl(spec, value, context) {
  const make = KINDS[spec.kind];
  const control = make(spec, value ?? spec.default, context);
  const name = spec.called ?? spec.name;
  const label = t(`field.${name}`);
  const node = h("div", { class: `field kind-${spec.kind}` });
  const problem = h("p", { class: "problem", role: "alert", hidden: true });
  if (control.input) {
    control.input.id = `field-${(serial += 1)}`;
    if (spec.required) control.input.setAttribute("aria-required", "true");
    node.append(h("label", { for: control.input.id }, label), control.node);
  } else if (control.bare) node.append(control.node);
  else node.append(h("fieldset", { class: "field" }, h("legend", { class: "label" }, label), control.node));
  const hint = `field.${name}.hint`;
  if (has(hint)) node.append(h("p", { class: "hint" }, t(hint)));
  node.append(problem);
  return { spec, node, change: control.change, read: (path, form) => { form.at(path, node, problem); return control.read(path, form); } };
}

/** The controls of a list of fields, as one control that reads an object. */
export function fieldsControl(specs, value, context) {
  const controls = specs.map((spec) => fieldControl(spec, value?.[spec.name], context));
  const node = h("div", { class: "fields" }, controls.map((control) => control.node));
  node.addEventListener("change", () => toggle(controls));
  toggle(controls);
  return { node, read: (path, form) => readFields(controls, path, form) };
}

function readFields(controls, path, form) {
  const found = {};
  for (const control of controls) {
    const value = control.read(`${path}.${control.spec.name}`, form);
    if (value !== undefined && !control.node.hidden) found[control.spec.name] = value;
  }
  return found;
}

function toggle(controls) {
  for (const { spec, node } of controls) {
    if (!spec.when) continue;
    const [[name, wanted]] = Object.entries(spec.when);
    node.hidden = controls.find((other) => other.spec.name === name)?.node.querySelector("select")?.value !== wanted;
  }
}

function textual(attributes, parse, show) {
  return (spec, value) => {
    const input = h("input", { class: "input", autocomplete: "off", placeholder: spec.example, readonly: spec.fixed, ...attributes(spec), value: value === undefined || value === null ? "" : show(value) });
    return { node: input, input, read: (path, form) => (input.value.trim() === "" ? undefined : parse(input.value.trim(), path, form)) };
  };
}

/** A number with its unit: shown divided by `scale`, kept as a whole number. */
function scaled(scale, unit, places) {
  return (spec, value) => {
    const by = scale(spec);
    const show = (kept) => (kept / by).toFixed(places()).replace(/\.?0+$/, "") || "0";
    const input = h("input", { class: "input", type: "text", inputmode: "decimal", autocomplete: "off", value: value === undefined || value === null ? "" : show(value) });
    const read = (path, form) => (input.value.trim() === "" ? undefined : scaledNumber(input.value, by, path, form));
    return { node: h("div", { class: "input-with" }, input, h("span", { class: "unit", "aria-hidden": "true" }, unit())), input, read };
  };
}

function scaledNumber(text, by, path, form) {
  const number = Number(text.replace(/\s/g, "").replace(",", "."));
  if (!Number.isFinite(number)) form.fail(path, t("offer_form.not_a_number"));
  return Math.round(number * by);
}

const currencySign = () => (0).toLocaleString(undefined, { style: "currency", currency: merchantCurrency() }).replace(/[\d\s.,]/g, "");
const minor = scaled(() => 10 ** decimals(), currencySign, decimals);
const whole = (text, path, form) => (/^-?\d+$/.test(text) ? Number(text) : form.fail(path, t("offer_form.not_a_number")));
const split = (text) => text.split(/[,;\n]/).map((word) => word.trim()).filter(Boolean);
const joined = (words) => words.join(", ");

const words = (spec, value) => {
  const input = h("input", { class: "input", autocomplete: "off", placeholder: spec.example ?? t("offer_form.words"), value: joined(value ?? []) });
  return { node: input, input, read: () => (split(input.value).length || spec.required ? split(input.value) : undefined) };
};

function choice(spec, value) {
  const prefix = spec.words ?? spec.name;
  const input = h("select", { class: "input" }, spec.choices.map((one) => h("option", { value: String(one), selected: String(one) === String(value) }, t(`${prefix}.${one}`))));
  const numeric = typeof spec.choices[0] === "number";
  return { node: input, input, read: () => {
    const chosen = numeric ? Number(input.value) : input.value;
    return chosen === spec.default && !spec.required ? undefined : chosen;
  } };
}

function boxes(list, value) {
  const inputs = list.map(({ id, label }) => ({ id, box: h("input", { type: "checkbox", checked: (value ?? []).includes(id) }), label }));
  const node = h("div", { class: "boxes" }, inputs.map(({ box, label }) => h("label", { class: "check" }, box, label)));
  return { node, read: () => inputs.filter(({ box }) => box.checked).map(({ id }) => id) };
}

const choices = (spec, value) => boxes(spec.choices.map((one) => ({ id: one, label: t(`${spec.words}.${one}`) })), value);
const stores = (spec, value, context) => boxes(context.stores.map((store) => ({ id: store.store_id, label: store.name })), value);

function flag(spec, value) {
  const box = h("input", { type: "checkbox", checked: Boolean(value) });
  return { bare: true, node: h("label", { class: "check" }, box, t(`field.${spec.name}`)), read: () => (box.checked ? true : undefined) };
}

function offer(spec, value, context) {
  const input = h("select", { class: "input" }, h("option", { value: "" }, t("offer_form.choose")), context.offers.map((one) => h("option", { value: one.id, selected: one.id === value }, one.label)));
  return { node: input, input, read: () => input.value || undefined };
}

function texts(spec, value) {
  const inputs = LANGUAGES.map((code) => ({ code, input: h(spec.long ? "textarea" : "input", { class: "input", lang: code, maxlength: spec.long ? 500 : 120, value: value?.[code] ?? "", "aria-label": `${t(`field.${spec.name}`)} (${t(`language.${code}`)})`, placeholder: t(`language.${code}`) }) }));
  const read = () => Object.fromEntries(inputs.map(({ code, input }) => [code, input.value.trim()]).filter(([, text]) => text));
  return { node: h("div", { class: "texts" }, inputs.map(({ input }) => input)), read };
}

function selector(spec, value, context) {
  const part = (name) => fieldControl({ name, kind: "words" }, value?.[name], context);
  const include = ["products", "categories", "brands"].map(part);
  const exclude = ["exclude_products", "exclude_categories", "exclude_brands"].map(part);
  const excluding = Object.keys(value ?? {}).some((name) => name.startsWith("exclude"));
  const node = h("div", { class: "selector" },
    h("div", { class: "fields three" }, include.map((control) => control.node)),
    h("details", { open: excluding }, h("summary", {}, t("offer_form.exclude")), h("div", { class: "fields three" }, exclude.map((control) => control.node))));
  return { node, read: (path, form) => {
    const found = readFields([...include, ...exclude], path, form);
    return Object.keys(found).length || spec.required ? found : undefined;
  } };
}

/** Rows that can be added and removed; `make(value)` gives a control for one row. */
export function listControl(values, make, { add, empty, least = 0 }) {
  const rows = [];
  const node = h("div", { class: "rows" });
  const list = h("div", { class: "rows-list" });
  const append = (value) => {
    const control = make(value);
    const row = h("div", { class: "row-frame" }, h("div", { class: "grow" }, control.node), iconButton("trash", t("offer_form.remove"), () => { rows.splice(rows.indexOf(control), 1); row.remove(); draw(); }));
    rows.push(control);
    list.append(row);
    draw();
  };
  const draw = () => render(node, list, rows.length === 0 && h("p", { class: "muted small" }, empty), h("button", { type: "button", class: "button small", onclick: () => append(undefined) }, icon("plus"), add));
  list.dataset.own = "";
  draw();
  const given = values?.length ? values : Array.from({ length: least });
  given.forEach(append);
  return { node, read: (path, form) => rows.map((control, at) => control.read(`${path}[${at}]`, form)) };
}

const bundle = (spec, value, context) => listControl(value, (row) => fieldsControl([{ name: "items", kind: "selector", required: true }, { name: "quantity", kind: "milli", default: 1000 }], row, context), { add: t("offer_form.add_component"), empty: "", least: 1 });

const windows = (spec, value) => listControl(value, windowRow, { add: t("offer_form.add_hours"), empty: "", least: 1 });

function windowRow(value) {
  const chosen = new Set(value?.days ?? [1, 2, 3, 4, 5]);
  const toggles = [1, 2, 3, 4, 5, 6, 7].map((index) => h("button", { type: "button", class: "day", "aria-pressed": String(chosen.has(index)), "aria-label": weekday(index, "long"), onclick: (event) => {
    if (!chosen.delete(index)) chosen.add(index);
    event.currentTarget.setAttribute("aria-pressed", String(chosen.has(index)));
  } }, weekday(index)));
  const time = (name, fallback) => h("input", { class: "input", type: "time", required: true, value: value?.[name] ?? fallback, "aria-label": t(`field.${name}`) });
  const [start, end] = [time("start", "09:00"), time("end", "12:00")];
  const node = h("div", { class: "window" }, h("div", { class: "days", role: "group", "aria-label": t("field.days") }, toggles), h("div", { class: "row" }, start, h("span", { "aria-hidden": "true" }, "–"), end));
  return { node, read: () => ({ days: [...chosen].sort(), start: start.value, end: end.value }) };
}

function rings(spec, value) {
  const input = h("textarea", { class: "input mono", rows: 5, spellcheck: "false", placeholder: t("offer_form.rings_example"), value: value ? ringsText(value) : "" });
  return { node: input, input, read: (path, form) => {
    try {
      return parseRings(input.value);
    } catch {
      return form.fail(path, t("offer_form.rings_problem"));
    }
  } };
}

/** A limit's cap is a count or an amount, by what the row limits. */
function limitCap(spec, value, context) {
  const asMoney = minor(spec, context?.money ? value : undefined);
  const asCount = KINDS.integer(spec, context?.money ? undefined : value);
  for (const { input } of [asMoney, asCount]) input.setAttribute("aria-label", t(`field.${spec.called ?? spec.name}`));
  const node = h("div", {}, asMoney.node, asCount.node);
  const pick = (money) => { asMoney.node.hidden = !money; asCount.node.hidden = money; };
  pick(Boolean(context?.money));
  return { node, pick, read: (path, form) => (asMoney.node.hidden ? asCount : asMoney).read(path, form) };
}

/** One limit. */
export function limitRow(specs, value) {
  const row = fieldsControl(specs, value, { money: value?.of === "money" });
  const cap = row.node.querySelector(".kind-limit_cap");
  row.node.addEventListener("change", () => {
    const money = row.node.querySelector("select").value === "money";
    const [asMoney, asCount] = cap.querySelector("fieldset > div").children;
    asMoney.hidden = !money;
    asCount.hidden = money;
  });
  return row;
}

const KINDS = {
  text: textual(() => ({ type: "text" }), String, String),
  integer: textual((spec) => ({ type: "text", inputmode: "numeric", min: spec.min, max: spec.max }), whole, String),
  decimal: textual(() => ({ type: "text", inputmode: "decimal" }), (text, path, form) => (Number.isFinite(Number(text.replace(",", "."))) ? Number(text.replace(",", ".")) : form.fail(path, t("offer_form.not_a_number"))), String),
  date: textual(() => ({ type: "date" }), String, String),
  moment: textual(() => ({ type: "datetime-local" }), (text) => (text.length === 16 ? `${text}:00` : text), (kept) => kept.slice(0, 16)),
  minor,
  percent: scaled(() => 100, () => "%", () => 2),
  milli: scaled(() => 1000, () => "", () => 3),
  factor: scaled(() => 1000, () => "×", () => 3),
  words, choice, choices, stores, flag, offer, texts, selector, bundle, windows, rings,
  limit_cap: limitCap,
};

export const CONTROL_KINDS = Object.keys(KINDS);
