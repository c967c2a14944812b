/** The parts every page shares: toasts, dialogs, busy buttons. */

import { h, icon } from "./dom.js";
import { t } from "./i18n.js";

const TOAST_MS = 4500;

/** Say something in passing; `tone` is "", "good" or "bad". */
export function toast(text, tone = "") {
  const note = h("div", { class: `toast ${tone}` }, tone && icon(tone === "good" ? "check" : "alert"), h("span", {}, text));
  document.getElementById("toasts").append(note);
  setTimeout(() => note.remove(), TOAST_MS);
}

/** Tell what went wrong; what is not the server's word is thrown on. */
export function report(problem) {
  if (problem.text === undefined) throw problem;
  toast(problem.text, "bad");
}

/** A button that shows when its work is under way and cannot be pressed twice. */
export function button(label, { icon: picture, onclick, kind = "", ...rest }) {
  const run = (event) => busy(event.currentTarget, onclick);
  return h("button", { type: "button", class: `button ${kind}`, onclick: onclick && run, ...rest }, picture && icon(picture), label);
}

/** Run `work` while `node` shows as busy; problems become toasts. */
export async function busy(node, work) {
  if (node.getAttribute("aria-busy") === "true") return;
  node.setAttribute("aria-busy", "true");
  try {
    await work();
  } catch (problem) {
    report(problem);
  } finally {
    node.removeAttribute("aria-busy");
  }
}

/** A round button with an icon alone; `label` is what a screen reader says. */
export function iconButton(name, label, onclick, kind = "quiet") {
  return h("button", { type: "button", class: `button round ${kind}`, "aria-label": label, title: label, onclick }, icon(name));
}

/** Open a dialog; resolves when it is closed, by a button alone if `kept`. `build(close)` returns { body, foot }. */
export function dialog(title, build, { wide = false, kept = false } = {}) {
  const close = () => node.close();
  const { body, foot } = build(close);
  const node = h("dialog", { class: wide && "wide", closedby: kept && "none", "aria-label": title },
    h("div", { class: "dialog-head" }, h("h2", {}, title), iconButton("close", t("app.close"), close)),
    h("div", { class: "dialog-body" }, body), foot && h("div", { class: "dialog-foot" }, foot));
  document.body.append(node);
  node.oncancel = () => !kept;
  node.onclick = ({ target }) => { if (target === node && !kept) close(); };
  node.showModal();
  return new Promise((resolve) => {
    node.onclose = () => resolve(node.remove());
  });
}

/** Ask before something that cannot be undone; resolves to true or false. */
export async function confirm(title, text, action, kind = "danger") {
  let agreed = false;
  await dialog(title, (close) => ({
    body: h("p", { class: "muted" }, text),
    foot: [button(t("app.cancel"), { onclick: close }), button(action, { kind, onclick: () => { agreed = true; close(); } })],
  }));
  return agreed;
}

/** Buttons of which one is pressed: `choices` are { value, label, icon }. */
export function segmented(label, choices, chosen, onchoose) {
  const buttons = choices.map((choice) =>
    h("button", { type: "button", key: `seg-${choice.value}`, "aria-pressed": String(choice.value === chosen), onclick: () => onchoose(choice.value) },
      choice.icon && icon(choice.icon), h("span", {}, choice.label)));
  return h("div", { class: "segmented", role: "group", "aria-label": label }, buttons);
}

/** A labelled control: `control` gets the id that the label names. */
export function field(label, control, { hint, id = `f-${Math.random().toString(36).slice(2, 9)}` } = {}) {
  control.id = id;
  if (hint) control.setAttribute("aria-describedby", `${id}-hint`);
  return h("div", { class: "field" }, h("label", { for: id }, label), control, hint && h("p", { class: "hint", id: `${id}-hint` }, hint));
}

/** The picture of a QR code the server drew, as an image: nothing in it can run. */
export function qrImage(markup, label) {
  const named = markup.includes("xmlns=") ? markup : markup.replace("<svg", '<svg xmlns="http://www.w3.org/2000/svg"');
  return h("div", { class: "qr" }, h("img", { alt: label, src: `data:image/svg+xml,${encodeURIComponent(named)}` }));
}
