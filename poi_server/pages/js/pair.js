/** Pairing: the code after the # makes this browser a station, a seller's tablet or a customer's phone, once. */

import { post } from "./api.js";
import { h, icon, render } from "./dom.js";
import { t } from "./i18n.js";
import { languageSwitch } from "./nav.js";
import { rememberDevice } from "./me/device.js";

class PoiPair extends HTMLElement {
  async connectedCallback() {
    const secret = decodeURIComponent(location.hash.slice(1));
    history.replaceState(null, "", location.pathname);
    if (!secret) return this.#say("question", t("pair.no_code"), t("pair.no_code_hint"));
    this.#say("key", t("pair.pairing"), "");
    try {
      const me = await post("/v1/pairings/claim", { secret });
      if (me.device) await rememberDevice(me.device);
      location.replace(me.role === "station" ? `/station/${me.subject_id}` : me.role === "phone" ? "/me" : "/");
    } catch (problem) {
      this.#say("alert", t("pair.failed"), problem.text ?? t("problem.unexpected"));
    }
    return undefined;
  }

  #say(picture, title, words) {
    render(this, h("div", { class: "lonely", role: "status" }, icon(picture), h("h1", {}, title), h("p", { class: "muted" }, words),
      h("a", { class: "button", href: "/" }, t("app.home")), h("div", { class: "row" }, languageSwitch())));
  }
}

customElements.define("poi-pair", PoiPair);
