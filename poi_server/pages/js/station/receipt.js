/** A sale's receipt. */

import { get } from "../api.js";
import { h, render } from "../dom.js";
import { language, t } from "../i18n.js";

/** The paper of a sale's receipt, loaded into the returned element. */
export function receiptPaper(saleId) {
  const paper = h("div", { class: "paper", dataset: { own: "", sale: saleId }, role: "region", "aria-label": t("receipt.title") }, h("p", { class: "loading" }, t("app.loading")));
  get(`/v1/sales/${saleId}/receipt`, { lang: language }).then(
    ({ text }) => render(paper, h("pre", {}, text)),
    (problem) => render(paper, h("p", { class: "muted" }, problem.text)));
  return paper;
}
