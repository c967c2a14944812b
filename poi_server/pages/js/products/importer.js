/** A CSV file into the catalogue: tried first, its mistakes in a table, then imported. */

import { post } from "../api.js";
import { h, icon, render } from "../dom.js";
import { has, number, t, tn } from "../i18n.js";
import { button, busy, dialog, toast } from "../ui.js";

/** Ask for a file; true when products were written. */
export async function importDialog() {
  let written = false;
  await dialog(t("products.import"), (close) => {
    const outcome = h("div", { class: "stack", role: "status" });
    const go = button(t("import.go"), { kind: "primary", icon: "upload", hidden: true });
    const input = h("input", { class: "input file", type: "file", accept: ".csv,text/csv", "aria-label": t("import.file") });
    input.onchange = () => busy(input, () => tryOut(input.files[0], outcome, go));
    go.onclick = () => busy(go, async () => {
      const report = await send(input.files[0], false);
      written = report.written;
      render(outcome, outcomeView(report));
      go.hidden = true;
      if (written) toast(t("app.saved"), "good");
    });
    return { body: h("div", { class: "stack" }, h("p", { class: "muted" }, t("import.lead")), input, outcome), foot: [button(t("app.close"), { onclick: close }), go] };
  }, { wide: true });
  return written;
}

const send = (file, dryRun) => post(`/v1/products.csv?dry_run=${dryRun}`, new Blob([file], { type: "text/csv" }));

async function tryOut(file, outcome, go) {
  go.hidden = true;
  render(outcome);
  if (!file) return;
  const report = await send(file, true);
  render(outcome, outcomeView(report));
  go.hidden = report.mistake_count > 0 || report.rows === 0;
}

function outcomeView(report) {
  if (report.mistake_count) return [h("p", { class: "banner is-bad", key: "bad" }, icon("alert"), tn("import.mistakes", report.mistake_count)), mistakesTable(report)];
  if (!report.written) return h("p", { class: "banner is-good", key: "good" }, icon("check"), tn("import.ready", report.rows));
  return h("p", { class: "banner is-good", key: "done" }, icon("check"), t("import.done", { created: number(report.created), changed: number(report.changed), unchanged: number(report.unchanged) }));
}

function mistakesTable(report) {
  return h("div", { class: "table-scroll", key: "table", tabindex: 0, role: "region", "aria-label": t("import.mend") }, h("table", { class: "mistakes" },
    h("thead", {}, h("tr", {}, ["line", "column", "value", "mend"].map((name) => h("th", { scope: "col" }, t(`import.${name}`))))),
    h("tbody", {}, report.mistakes.map((one) => h("tr", {},
      h("td", { class: "num" }, number(one.line)), h("td", {}, one.column), h("td", { class: "mono" }, one.value), h("td", {}, words(one)))))));
}

/** Our own words in the page's language, the server's for what needs its details. */
const words = (one) => (has(`mistake.${one.code}`) ? t(`mistake.${one.code}`, { value: one.value }) : one.message);
