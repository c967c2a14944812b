/** A big keypad for a plain amount, typed as on a till: the digits shift in from the right. */

import { h, icon, render } from "../dom.js";
import { money, t } from "../i18n.js";

const KEYS = ["7", "8", "9", "4", "5", "6", "1", "2", "3", "00", "0", "back"];
const MOST = 9_999_999;

/** Dispatches `poi:amount` with { amount, label } in `detail`. */
export class Keypad extends HTMLElement {
  #amount = 0;
  #label = "";

  connectedCallback() {
    this.onkeydown = (event) => this.#typed(event);
    this.#draw();
  }

  #draw() {
    render(this,
      h("output", { class: "keypad-amount num", "aria-live": "polite", "aria-label": t("keypad.amount") }, money(this.#amount)),
      h("input", { class: "input", type: "text", maxlength: 80, value: this.#label, placeholder: t("keypad.label"), "aria-label": t("keypad.label"), oninput: (event) => { this.#label = event.target.value; } }),
      h("div", { class: "keypad-keys", role: "group", "aria-label": t("keypad.keys") }, KEYS.map((key) => this.#key(key))),
      h("button", { type: "button", class: "button primary big", disabled: this.#amount === 0, onclick: () => this.#add() }, icon("plus"), t("keypad.add")));
  }

  #key(key) {
    if (key === "back") {
      return h("button", { type: "button", class: "key", "aria-label": t("keypad.delete"), onclick: () => this.#set(Math.floor(this.#amount / 10)) }, icon("backspace"));
    }
    return h("button", { type: "button", class: "key num", onclick: () => this.#press(key) }, key);
  }

  #typed(event) {
    if (event.target instanceof HTMLInputElement) return;
    if (/^\d$/.test(event.key)) this.#press(event.key);
    else if (event.key === "Backspace") this.#set(Math.floor(this.#amount / 10));
  }

  #press(digits) {
    this.#set(this.#amount * 10 ** digits.length + Number(digits));
  }

  #set(amount) {
    if (amount <= MOST) this.#amount = amount;
    this.#draw();
  }

  #add() {
    const label = this.#label.trim() || t("keypad.default_label");
    this.dispatchEvent(new CustomEvent("poi:amount", { bubbles: true, detail: { amount: this.#amount, label } }));
    this.#label = "";
    this.#set(0);
  }
}

customElements.define("poi-keypad", Keypad);
