/**
 * Keyboard-wedge scanners: they type a code as a keyboard would, far faster than people do, and end it with Enter or Tab.
 *
 * Keys are read by position (`event.code`), so that a computer set to AZERTY yields the same digits, and timed by
 * `event.timeStamp`, so that a busy page loses none.
 */

const GAP_MS = 60;
const SHORTEST = 4;
const SYMBOLS = {
  Minus: "-_", Equal: "=+", BracketLeft: "[{", BracketRight: "]}", Backslash: "\\|", Semicolon: ";:", Quote: "'\"",
  Backquote: "`~", Comma: ",<", Period: ".>", Slash: "/?", Space: "  ",
  NumpadDecimal: "..", NumpadSubtract: "--", NumpadAdd: "++", NumpadDivide: "//", NumpadMultiply: "**",
};
const SHIFTED_DIGITS = ")!@#$%^&*(";

/** Call `onscan(text)` for each code that a scanner types anywhere on the page; returns a function that stops. */
export function listen(onscan, target = document) {
  const wedge = new Wedge(onscan);
  const handler = (event) => wedge.key(event);
  target.addEventListener("keydown", handler, true);
  return () => target.removeEventListener("keydown", handler, true);
}

/** The reader of one keyboard. */
export class Wedge {
  #onscan;
  #text = "";
  #last = -Infinity;
  #field = null;
  #before = "";

  constructor(onscan) {
    this.#onscan = onscan;
  }

  /** Take one `keydown` event. */
  key(event) {
    if (event.isComposing || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.timeStamp - this.#last > GAP_MS) this.#reset(event);
    const ends = event.code === "Enter" || event.code === "NumpadEnter" || event.code === "Tab";
    if (ends && this.#text.length >= SHORTEST) this.#finish(event);
    else this.#add(event);
  }

  #add(event) {
    const character = characterOf(event);
    if (character === "") return;
    this.#last = event.timeStamp;
    this.#text += character;
  }

  #finish(event) {
    event.preventDefault();
    event.stopImmediatePropagation();
    if (this.#field) this.#restore();
    const text = this.#text;
    this.#reset(null);
    this.#onscan(text);
  }

  #restore() {
    this.#field.value = this.#before;
    this.#field.dispatchEvent(new Event("input", { bubbles: true }));
  }

  #reset(event) {
    const typedInto = event?.target;
    this.#field = typedInto instanceof HTMLInputElement || typedInto instanceof HTMLTextAreaElement ? typedInto : null;
    this.#before = this.#field?.value ?? "";
    this.#text = "";
    this.#last = -Infinity;
  }
}

/** What the scanner meant by the key at this position, or nothing. */
export function characterOf({ code, shiftKey }) {
  const digit = /^(?:Digit|Numpad)(\d)$/.exec(code);
  if (digit) return shiftKey && code.startsWith("Digit") ? SHIFTED_DIGITS[digit[1]] : digit[1];
  const letter = /^Key([A-Z])$/.exec(code);
  if (letter) return shiftKey ? letter[1] : letter[1].toLowerCase();
  return SYMBOLS[code]?.[shiftKey ? 1 : 0] ?? "";
}
