/** A friend brings a friend: the customer's own code to pass on, and a place for the code a friend gave. */

import { get, post } from "../api.js";
import { h, icon, render } from "../dom.js";
import { t, tn } from "../i18n.js";
import { busy, button, dialog, field, qrImage, toast } from "../ui.js";
import { lastKnown } from "./kept.js";

/** Shows nothing while the shop has no programme. `me` is an answer of `/v1/me`. */
class Friends extends HTMLElement {
  me = null;
  #referral = null;

  async connectedCallback() {
    try {
      this.#referral = (await lastKnown("referral", () => get("/v1/me/referral"))).value;
    } catch {
      return; // the rest of the page says that the server is away
    }
    this.#draw();
  }

  #draw() {
    const { code, waiting } = this.#referral;
    if (!code) return;
    render(this, h("section", { class: "card stack" }, h("h2", { class: "row" }, icon("gift"), t("friends.title")), h("p", { class: "muted small" }, t("friends.hint")),
      h("p", { class: "row between wrap" }, h("code", { class: "friends-code" }, code), h("span", { class: "row" },
        this.#referral.qr_svg && button(t("friends.show"), { icon: "qr", kind: "show-link", onclick: () => this.#show() }),
        button(t("friends.share"), { icon: "upload", kind: "primary share-link", onclick: () => this.#share() }))),
      h("p", { class: "small muted" }, tn("friends.brought", this.#referral.rewards)),
      waiting ? h("p", { class: "small save" }, t("friends.waiting")) : this.me.visits === 0 && this.#given()));
  }

  async #share() {
    const { code, url } = this.#referral;
    const text = t("friends.words", { shop: this.me.merchant, code });
    if (navigator.share) return navigator.share({ text, url }).catch(() => {});
    await navigator.clipboard.writeText(`${text} ${url}`);
    return toast(t("friends.copied"), "good");
  }

  /** For a friend who stands beside: their camera opens the link. */
  #show() {
    return dialog(t("friends.title"), () => ({ body: h("div", { class: "stack" }, qrImage(this.#referral.qr_svg, t("friends.qr")), h("p", { class: "muted small" }, t("friends.show_hint"))) }));
  }

  #given() {
    const input = h("input", { class: "input", required: true, minlength: 4, maxlength: 32, autocapitalize: "none", autocomplete: "off" });
    const send = h("button", { class: "button" }, t("friends.give"));
    const onsubmit = (event) => {
      event.preventDefault();
      busy(send, async () => {
        await post("/v1/me/referral", { code: input.value.trim() });
        this.#referral = { ...this.#referral, waiting: true };
        this.#draw();
      });
    };
    return h("form", { class: "stack tight", onsubmit }, field(t("friends.given"), input), send);
  }
}

customElements.define("poi-friends", Friends);
