/** The form's tree of conditions, and its list of effects: cards that are added from a menu. */

import { CONDITIONS, EFFECTS, GROUPS } from "../offer_fields.js";
import { h, icon } from "../dom.js";
import { has, t } from "../i18n.js";
import { iconButton } from "../ui.js";
import { fieldsControl } from "./controls.js";

const DEEPEST = 6;

/** The conditions: a group that always exists at the top; of `context.conditions`, by default of all there are. */
export function conditionTree(value, context) {
  const top = value && GROUPS[value.type] === "list" ? value : { type: "all", of: value ? [value] : [] };
  return groupControl(top, context, 0);
}

/** The effects. */
export function effectList(values, context) {
  return partList(values ?? [], (value, remove) => partCard("effect", value, remove, fieldsControl(EFFECTS[value.type].fields, value, context)),
    { add: t("offer_form.add_effect"), menu: menuOf("effect", EFFECTS), empty: t("offer_form.no_effects") });
}

function groupControl(value, context, depth) {
  const kind = h("select", { class: "input group-kind", "aria-label": t("offer_form.group") }, ["all", "any"].map((type) => h("option", { value: type, selected: value.type === type }, t(`condition.${type}`))));
  const parts = partList(value.of, (part, remove) => conditionControl(part, remove, context, depth + 1), {
    add: t("offer_form.add_condition"), menu: conditionMenu(depth, context), empty: t(depth ? "offer_form.no_parts" : "offer_form.always"),
  });
  return { node: h("div", { class: "group" }, kind, parts.node), read: (path, form) => ({ type: kind.value, of: parts.read(`${path}.of`, form) }) };
}

function conditionControl(value, remove, context, depth) {
  if (GROUPS[value.type] === "list") return partCard("condition", value, remove, groupControl({ of: [], ...value }, context, depth), true);
  if (value.type === "not") return partCard("condition", value, remove, notControl(value, context, depth));
  return partCard("condition", value, remove, fieldsControl((context.conditions ?? CONDITIONS)[value.type].fields, value, context));
}

function notControl(value, context, depth) {
  const parts = partList(value.of ? [value.of] : [], (part, remove) => conditionControl(part, remove, context, depth + 1), {
    add: t("offer_form.add_condition"), menu: conditionMenu(depth, context), empty: t("offer_form.no_parts"), most: 1,
  });
  return { node: parts.node, read: (path, form) => {
    const [of] = parts.read(`${path}.of`, form, true);
    return of === undefined ? form.fail(path, t("offer_form.no_parts")) : { of };
  } };
}

function partCard(family, value, remove, control, isGroup = false) {
  const hint = `${family}.${value.type}.hint`;
  const problem = h("p", { class: "problem", role: "alert", hidden: true });
  const node = h("section", { class: `part ${isGroup ? "is-group" : ""}`, "aria-label": t(`${family}.${value.type}`) },
    h("div", { class: "part-head" }, h("div", { class: "grow" }, h("h4", {}, t(`${family}.${value.type}`)), has(hint) && h("p", { class: "hint muted small" }, t(hint))), iconButton("trash", t("offer_form.remove"), () => remove())),
    control.node, problem);
  return { node, read: (path, form) => {
    form.at(path, node, problem);
    const found = control.read(path, form);
    return isGroup ? found : { type: value.type, ...found };
  } };
}

function partList(values, make, { add, menu, empty, most = Infinity }) {
  const parts = [];
  const list = h("div", { class: "parts" });
  const none = h("p", { class: "muted small" }, empty);
  const adder = h("select", { class: "input adder", "aria-label": add, onchange: () => { append({ type: adder.value }); adder.value = ""; } }, h("option", { value: "" }, `+ ${add}`), menu);
  const refresh = () => { none.hidden = parts.length > 0; adder.hidden = parts.length >= most; };
  const append = (value) => {
    const part = make(value, () => { parts.splice(parts.indexOf(part), 1); part.node.remove(); refresh(); });
    parts.push(part);
    list.append(part.node);
    refresh();
  };
  values.forEach(append);
  refresh();
  const read = (path, form, single = false) => parts.map((part, at) => part.read(single ? path : `${path}[${at}]`, form));
  return { node: h("div", { class: "part-list" }, list, none, adder), read };
}

function menuOf(family, table) {
  const groups = [...new Set(Object.values(table).map(({ group }) => group))];
  return groups.map((group) => h("optgroup", { label: t(`${family}_group.${group}`) },
    Object.entries(table).filter(([, entry]) => entry.group === group).map(([tag]) => h("option", { value: tag }, t(`${family}.${tag}`)))));
}

function conditionMenu(depth, context) {
  const groups = depth >= DEEPEST ? [] : [h("optgroup", { label: t("condition_group.groups") }, Object.keys(GROUPS).map((tag) => h("option", { value: tag }, t(`condition.${tag}`))))];
  return [...menuOf("condition", context.conditions ?? CONDITIONS), ...groups];
}

/** The picture of a condition's family. */
export const groupIcon = (group) => icon({ place: "pin", time: "clock", customer: "user", basket: "basket", payment: "card", other: "tag", groups: "branch" }[group] ?? "tag");
