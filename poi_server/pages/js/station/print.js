/** Papers: a receipt is printed once as it is, and from then on as a duplicate, which is marked, counted and put on record. */

import { post } from "../api.js";
import { h, render } from "../dom.js";
import { language } from "../i18n.js";

/** Print a sale's receipt. */
export async function printReceipt(paper) {
  const { sale } = paper.dataset;
  const printed = `printed:${sale}`;
  if (sessionStorage.getItem(printed)) {
    const { text } = await post(`/v1/sales/${sale}/reprint?lang=${language}`);
    render(paper, h("pre", {}, text));
  }
  sessionStorage.setItem(printed, "1");
  printPaper(paper);
}

/** Print one paper and nothing else of the page. */
export function printPaper(paper) {
  const copy = h("div", { class: "printing" }, paper.cloneNode(true));
  document.body.append(copy);
  window.print();
  copy.remove();
}
