/** The customer's rotating code: made and drawn on the phone, a new one every ten seconds, also without a network. */

import { h, icon, render, svg } from "../dom.js";
import { t } from "../i18n.js";
import { issueToken } from "../poi1.js";
import { draw } from "../qr.js";
import { clockOffset, storedDevice } from "./device.js";

const ROTATE_MS = 10_000;
const RESYNC_MS = 300_000;
const DRIFT_MS = 5000;
const RING = 2 * Math.PI * 20;

/** Shows the code while it is on the page; `poi:unpaired` is dispatched when this phone has no device. */
export class Code extends HTMLElement {
  #timer = 0;
  #device = null;
  #offset = 0;
  #synced = 0;
  #wall = 0;
  #lock = null;
  #frame = h("div", { class: "code-frame", dataset: { own: "" } });
  #visible = () => (document.hidden ? this.#pause() : this.#resume());

  async connectedCallback() {
    render(this, this.#frame, countdown(), h("p", { class: "muted small code-hint" }, icon("shield"), t("code.hint")));
    this.#device = await storedDevice();
    if (!this.#device) return this.dispatchEvent(new Event("poi:unpaired", { bubbles: true }));
    document.addEventListener("visibilitychange", this.#visible);
    return this.#resume();
  }

  disconnectedCallback() {
    document.removeEventListener("visibilitychange", this.#visible);
    this.#pause();
  }

  async #resume() {
    await this.#sync();
    this.#lock = await navigator.wakeLock?.request("screen").catch(() => null);
    await this.#rotate();
  }

  #pause() {
    clearTimeout(this.#timer);
    this.#lock?.release();
    this.#lock = null;
  }

  async #sync() {
    this.#offset = await clockOffset();
    this.#synced = performance.now();
    this.#wall = Date.now();
  }

  async #rotate() {
    clearTimeout(this.#timer);
    if (this.#clockJumped() || performance.now() - this.#synced > RESYNC_MS) await this.#sync();
    const { key, epoch, handle } = this.#device;
    const [nonce] = crypto.getRandomValues(new Uint8Array(1));
    const digits = await issueToken(key, epoch, handle, Date.now() + this.#offset, nonce);
    if (!this.isConnected || document.hidden) return;
    this.dataset.digits = digits;
    render(this.#frame, draw(digits, t("code.alt")));
    this.classList.remove("running");
    requestAnimationFrame(() => this.classList.add("running"));
    this.#timer = setTimeout(() => this.#rotate(), ROTATE_MS);
  }

  /** True when somebody moved the phone's clock while the page was open. */
  #clockJumped() {
    return Math.abs(Date.now() - this.#wall - (performance.now() - this.#synced)) > DRIFT_MS;
  }
}

function countdown() {
  return svg("svg", { class: "countdown", viewBox: "0 0 48 48", "aria-hidden": "true" },
    svg("circle", { cx: 24, cy: 24, r: 20, class: "countdown-track" }),
    svg("circle", { cx: 24, cy: 24, r: 20, class: "countdown-left", "stroke-dasharray": RING, vars: { "--ring": RING } }));
}

customElements.define("poi-code", Code);
