/** Notes of the staff: the newest first, a line to write another one. */

import { post, remove } from "../api.js";
import { h } from "../dom.js";
import { dateTime, t } from "../i18n.js";
import { busy, button, confirm, iconButton, report } from "../ui.js";
import { whoText } from "./parts.js";

/** The notes; `reload` is called after a change. */
export function noteList(notes, customerId, reload) {
  const text = h("textarea", { class: "input note-text", rows: 2, maxlength: 1000, "aria-label": t("notes.write"), placeholder: t("notes.write") });
  const add = button(t("notes.add"), { icon: "plus", kind: "small" });
  add.onclick = () => busy(add, async () => {
    if (!text.value.trim()) return text.focus();
    await post(`/v1/customers/${customerId}/notes`, { text: text.value.trim() });
    text.value = "";
    await reload();
  });
  return h("div", { class: "stack" }, h("div", { class: "note-form" }, text, add),
    notes.length > 0 && h("ul", { class: "list" }, notes.map((note) => h("li", { key: note.note_id },
      h("div", { class: "grow" }, h("p", { class: "note" }, note.text), h("p", { class: "muted small" }, `${dateTime(note.at)} · ${whoText(note.who)}`)),
      iconButton("trash", t("notes.remove"), () => erase(customerId, note, reload))))));
}

async function erase(customerId, note, reload) {
  if (!(await confirm(t("notes.remove"), note.text, t("notes.remove")))) return;
  try {
    await remove(`/v1/customers/${customerId}/notes/${note.note_id}`);
  } catch (problem) {
    report(problem);
  }
  await reload();
}
