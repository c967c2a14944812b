/** Papers: the server counts a receipt's prints and marks the duplicates. */

import { post } from "../api.js";
import { h, render } from "../dom.js";
import { language } from "../i18n.js";

/** Print a sale's receipt. */
export async function printReceipt(paper) {
  const { text } = await post(`/v1/sales/${paper.dataset.sale}/receipt/prints?lang=${language}`);
  render(paper, h("pre", {}, text));
  printPaper(paper);
}

/** Print one paper and nothing else of the page. */
export function printPaper(paper) {
  const copy = h("div", { class: "printing" }, paper.cloneNode(true));
  document.body.append(copy);
  window.print();
  copy.remove();
}
