/** The figures as files: a table, and CSV for any program, CSV for a French spreadsheet, or Parquet. */

import { Problem } from "../api.js";
import { h } from "../dom.js";
import { t } from "../i18n.js";
import { button, dialog, field, report } from "../ui.js";
import { span } from "./words.js";

const TABLES = ["days", "hours", "products", "payments", "visits", "stores", "sellers", "offers", "customers", "cohorts", "sales", "lines"];
const FORMATS = [["csv", "plain"], ["csv", "french"], ["parquet", "plain"]];

/** Ask which table of the view, and download it. */
export function exportDialog(view) {
  const which = h("select", { class: "input" }, TABLES.map((name) => h("option", { value: name }, t(`export.${name}`))));
  const buttons = FORMATS.map(([format, style]) =>
    button(t(`export.as_${format}_${style}`), { icon: "down", kind: format === "csv" && style === "plain" ? "primary" : "", onclick: () => download(which.value, format, style, view) }));
  return dialog(t("export.title"), () => ({
    body: h("div", { class: "stack" }, h("p", { class: "muted" }, span(view.first, view.last)), field(t("export.table"), which), h("div", { class: "row wrap" }, buttons)),
  }));
}

/** The browser keeps the file as it comes; a refusal is said instead of kept. */
async function download(name, format, style, view) {
  const given = Object.entries({ ...view, format, style }).filter(([, value]) => value);
  const href = `/v1/insights/export/${name}?${new URLSearchParams(given)}`;
  const trial = new AbortController();
  const answer = await fetch(href, { signal: trial.signal, credentials: "same-origin" });
  if (!answer.ok) return report(new Problem((await answer.json().catch(() => null)) ?? {}, answer.status));
  trial.abort();
  const link = h("a", { href, download: "", hidden: true });
  document.body.append(link);
  link.click();
  link.remove();
}
