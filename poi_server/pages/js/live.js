/** The live connection: what the server says as it happens; reconnects by itself and asks for a resync after each gap. */

const FIRST_DELAY = 400;
const LONGEST_DELAY = 8000;
const LOAD = ["watching", "resync"]; // what was told before is missed

/** Dispatches `message` events with the server's message, `resync` after each (re)connection, and `status`. */
export class Live extends EventTarget {
  #watch;
  #socket = null;
  #delay = FIRST_DELAY;
  #timer = 0;
  #closed = false;
  connected = null;

  constructor(watch) {
    super();
    this.#watch = watch;
    addEventListener("online", () => this.#soon(0));
    document.addEventListener("visibilitychange", () => document.hidden || this.#soon(0));
  }

  start() {
    this.#open();
    return this;
  }

  stop() {
    this.#closed = true;
    clearTimeout(this.#timer);
    this.#socket?.close();
  }

  #open() {
    if (this.#closed || this.#socket) return;
    const address = new URL("/v1/live", location.href);
    address.protocol = address.protocol.replace("http", "ws");
    const socket = new WebSocket(address);
    this.#socket = socket;
    socket.onopen = () => this.#opened(socket);
    socket.onmessage = ({ data }) => this.#heard(data);
    socket.onclose = () => this.#lost(socket);
  }

  #opened(socket) {
    this.#delay = FIRST_DELAY;
    socket.send(JSON.stringify(this.#watch));
    this.#say(true);
  }

  #heard(data) {
    const message = JSON.parse(data);
    if (LOAD.includes(message.kind)) this.dispatchEvent(new Event("resync"));
    else this.dispatchEvent(new CustomEvent("message", { detail: message }));
  }

  #lost(socket) {
    if (socket !== this.#socket) return;
    this.#socket = null;
    this.#say(false);
    this.#soon(this.#delay * (0.7 + 0.6 * Math.random()));
    this.#delay = Math.min(this.#delay * 1.8, LONGEST_DELAY);
  }

  #soon(delay) {
    if (this.#closed || this.#socket) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#open(), delay);
  }

  #say(connected) {
    if (this.connected === connected) return;
    this.connected = connected;
    this.dispatchEvent(new Event("status"));
  }
}
