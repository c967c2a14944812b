/** What a till asks on this screen, and what it has printed here. */

import { get, post } from "../api.js";
import { h } from "../dom.js";
import { t } from "../i18n.js";
import { button, dialog, field, qrImage } from "../ui.js";
import { printPaper } from "./print.js";

let open = { mark: "", close: () => {} };

/** Show what is asked at the station now, or that nothing is asked any more. */
export async function showQuestion(stationId) {
  const path = `/v1/stations/${stationId}/question`;
  const asked = await get(path);
  const mark = JSON.stringify(asked ?? "");
  if (mark === open.mark) return;
  open.close();
  open = { mark, close: () => {} };
  const answer = (what) => post(`${path}/answer`, { question_id: asked.question_id, ...what });
  if (asked?.kind === "print") await print(asked, answer);
  else if (asked) await ask(asked, answer, mark);
}

/** The words, line by line. */
function said(asked) {
  return asked.lines.map(({ text, align = "left", bold }) => h("p", { class: `said is-${align} ${bold ? "is-bold" : ""}` }, text));
}

async function print(asked, answer) {
  const paper = h("div", { class: "paper" }, said(asked), asked.qr_svg && qrImage(asked.qr_svg, ""));
  await Promise.all([...paper.querySelectorAll("img")].map((picture) => picture.decode()));
  printPaper(paper);
  if (asked.waits) await answer({});
}

async function ask(asked, answer, mark) {
  let taken = false;
  await dialog(t(`question.${asked.side}`), (close) => {
    const send = async (what) => {
      taken = true;
      await answer(what).catch((problem) => { if (problem.status !== 404) { taken = false; throw problem; } }); // somebody else was faster
      close();
    };
    open = { mark, close: () => { taken = true; close(); } };
    return shown(asked, send);
  });
  if (open.mark === mark) open = { mark: "", close: () => {} };
  if (!taken && !asked.may_cancel) await ask(asked, answer, mark);
  else if (!taken) await answer({ given: false }).catch(() => {}); // it is over by itself
}

function shown(asked, send) {
  const words = h("div", { class: "question" }, said(asked));
  switch (asked.kind) {
    case "confirm":
      return { body: words, foot: [button(t("question.no"), { onclick: () => send({ confirmed: false }) }), button(t("question.yes"), { kind: "primary", onclick: () => send({ confirmed: true }) })] };
    case "key":
      return { body: words, foot: [button(t("question.go_on"), { kind: "primary", onclick: () => send({}) })] };
    case "menu":
      return { body: h("div", { class: "stack" }, words, asked.entries.map(({ number, label, selectable }) => (selectable ? button(label, { kind: "big wide", onclick: () => send({ entry: number }) }) : h("p", { class: "muted" }, label)))) };
    default:
      return typed(asked, words, send);
  }
}

/** A text or a number that is typed. */
function typed(asked, words, send) {
  const text = asked.kind === "text";
  const modes = { text: "text", digits: "numeric", decimal: "decimal" };
  const input = h("input", { class: "input", type: asked.hidden ? "password" : "text", autocomplete: "off", inputmode: modes[asked.kind], minlength: asked.least || null, maxlength: asked.most ? String(asked.most + (asked.kind === "decimal")) : null, autofocus: "" });
  input.value = asked.default;
  const give = () => send({ text: text ? input.value : input.value.trim().replace(",", ".") });
  const ok = button(t("question.send"), { kind: "primary", onclick: give });
  input.onkeydown = ({ key }) => key === "Enter" && ok.click();
  return { body: h("div", { class: "stack" }, words, field(t("question.answer"), input)), foot: [ok] };
}
