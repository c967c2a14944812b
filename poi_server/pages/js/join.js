/**
 * What a station's code or a friend's link opens on a customer's phone: a new phone becomes a customer's, a known one joins
 * the counter, or gives the friend's code.
 */

import { post, whoAmI } from "./api.js";
import { h, icon, render } from "./dom.js";
import { t } from "./i18n.js";
import { languageSwitch } from "./nav.js";
import { rememberDevice, storedDevice } from "./me/device.js";

class PoiJoin extends HTMLElement {
  #station = this.dataset.station;

  async connectedCallback() {
    const token = decodeURIComponent(location.hash.slice(1));
    history.replaceState(null, "", location.pathname);
    if (!token) return this.#say("question", t("join.no_code"), t(this.#station ? "join.no_code_hint" : "join.no_friend_hint"));
    this.#say("tap", t(this.#station ? "join.joining" : "join.friend_joining"), "");
    try {
      await (this.#station ? this.#join(token) : this.#follow(token));
      location.replace("/me?joined=1");
    } catch (problem) {
      this.#say("alert", t(this.#station ? "join.failed" : "join.friend_failed"), problem.text ?? t("problem.unexpected"));
    }
    return undefined;
  }

  async #join(token) {
    const me = await whoAmI();
    const known = me?.role === "phone" && (await storedDevice());
    if (known) return post("/v1/me/join", { station_id: this.#station, token });
    const claimed = await post("/v1/pairings/claim", { secret: token });
    return rememberDevice(claimed.device);
  }

  async #follow(link) {
    const at = link.lastIndexOf(".");
    const [merchant_id, code] = [link.slice(0, at), link.slice(at + 1)];
    const me = await whoAmI();
    if (me?.role === "phone" && (await storedDevice())) return post("/v1/me/referral", { code });
    const joined = await post("/v1/pairings/friend", { merchant_id, code });
    return rememberDevice(joined.device);
  }

  #say(picture, title, words) {
    render(this, h("div", { class: "lonely", role: "status" }, icon(picture), h("h1", {}, title), h("p", { class: "muted" }, words),
      h("a", { class: "button", href: "/me" }, t("join.my_page")), h("div", { class: "row" }, languageSwitch())));
  }
}

customElements.define("poi-join", PoiJoin);
