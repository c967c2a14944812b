/** A PIN by large keys or by the keyboard; nothing of it is shown but how many digits there are. */

import { h, icon, render, slot } from "./dom.js";
import { t } from "./i18n.js";
import { busy } from "./ui.js";

const SHORTEST = 4;
const LONGEST = 8;
const KEYS = ["1", "2", "3", "4", "5", "6", "7", "8", "9"];

/** A pad for one PIN; `onpin(pin)` is called with it, and when that fails the digits are gone and the reason is said. */
export class PinPad {
  #digits = "";
  #problem = "";
  #onpin;
  #label;
  #submit = h("button", { type: "button", class: "key go", dataset: { own: "" }, onclick: () => this.#send() });

  constructor(label, action, onpin) {
    this.#label = label;
    this.#onpin = onpin;
    this.#submit.append(icon("check"), h("span", { class: "sr" }, action));
    this.view = h("div", { class: "pinpad", role: "group", "aria-label": label, tabindex: "0", onkeydown: (event) => this.#typed(event) });
    this.#draw();
  }

  #typed(event) {
    if (/^\d$/.test(event.key)) this.#add(event.key);
    else if (event.key === "Backspace") this.#set(this.#digits.slice(0, -1));
    else if (event.key === "Enter" && event.target === this.view) this.#send();
    else return;
    event.preventDefault();
  }

  #add(digit) {
    this.#problem = "";
    if (this.#digits.length < LONGEST) this.#set(this.#digits + digit);
  }

  #set(digits) {
    this.#digits = digits;
    this.#draw();
  }

  #send() {
    if (this.#digits.length < SHORTEST) return undefined;
    const pin = this.#digits;
    return busy(this.#submit, async () => {
      try {
        await this.#onpin(pin);
      } catch (problem) {
        if (problem.text === undefined) throw problem;
        this.#problem = problem.text;
        this.#set("");
        this.view.focus();
      }
    });
  }

  #draw() {
    const key = (digit) => h("button", { type: "button", class: "key", key: `pin-${digit}`, onclick: () => this.#add(digit) }, digit);
    this.#submit.disabled = this.#digits.length < SHORTEST;
    render(this.view,
      h("p", { class: "pin-dots", role: "status", "aria-label": t("pin.digits", { count: this.#digits.length }), key: "dots" },
        Array.from({ length: Math.max(SHORTEST, this.#digits.length) }, (_, at) => h("span", { class: at < this.#digits.length ? "dot is-set" : "dot", key: `dot-${at}` }))),
      h("p", { class: "pin-problem", role: "alert", key: "problem" }, this.#problem),
      h("div", { class: "pin-keys", key: "keys" }, KEYS.map(key),
        h("button", { type: "button", class: "key", key: "pin-back", "aria-label": t("keypad.delete"), onclick: () => this.#set(this.#digits.slice(0, -1)) }, icon("backspace")),
        key("0"), slot(this.#submit)));
  }
}
