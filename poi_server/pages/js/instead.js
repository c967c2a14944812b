/** By what a refund goes back when another card paid since: asked only once the server says so. */

import { h } from "./dom.js";
import { t } from "./i18n.js";
import { field } from "./ui.js";

export class Instead {
  #means = h("select", { class: "input" }, ["cash", "transfer"].map((means) => h("option", { value: means }, t(`means.${means}`))));
  node = h("div", { hidden: true }, field(t("refund.instead"), this.#means));

  get value() {
    return this.node.hidden ? undefined : this.#means.value;
  }

  /** What `send(means)` resolves to; when it has to be said by what, the question shows. */
  async asked(send) {
    try {
      return await send(this.value);
    } catch (problem) {
      if (problem.code === "other-card-paid") this.node.hidden = false;
      throw problem;
    }
  }
}
