/** The counter's ticket: the session as the server has it, and the edits under way shown at once. */

import { get, post, put } from "../api.js";

const ENDED = new Set(["paid", "abandoned"]);
const FROZEN = new Set(["paying", "unknown"]);
const RETRIES = 4;
const OUTRUN = new Set(["revision", "session-changed", "session-busy"]);

/** Dispatches `change` whenever what should be shown has changed. */
export class Ticket extends EventTarget {
  #edits = [];
  #sending = null;
  #asked = 0;
  session = null;
  shown = ""; // the last session seen here, also once it has been found gone

  constructor(stationId) {
    super();
    this.stationId = stationId;
  }

  /** Ask the server what the station's session is; what is told before the answer comes is newer. */
  async load() {
    const asked = (this.#asked += 1);
    const fresh = await get(`/v1/stations/${this.stationId}/session`);
    if (asked !== this.#asked) return;
    if (fresh && ENDED.has(fresh.state) && fresh.session_id !== this.session?.session_id) return;
    if (fresh || !this.ended) this.take(fresh);
  }

  /** Take a session the server sent, unless a newer state of it is known. */
  take(session) {
    const same = session && this.session?.session_id === session.session_id;
    if (same && session.revision < this.session.revision) return;
    this.#asked += 1;
    this.session = session;
    if (session) this.shown = session.session_id;
    this.#changed();
  }

  get state() {
    return this.session?.state ?? "open";
  }

  get ended() {
    return ENDED.has(this.state);
  }

  get frozen() {
    return FROZEN.has(this.state);
  }

  /** True while an edit is on its way: what is shown of the decision is about to change. */
  get pending() {
    return this.#edits.length > 0;
  }

  get decision() {
    return this.session?.decision ?? null;
  }

  /** The lines, codes and rewards as they will be when all edits have arrived. */
  get draft() {
    return this.#edits.reduce((draft, edit) => edit(draft), fromSession(this.ended ? null : this.session));
  }

  /** Change the draft by a pure function; resolves when the server has decided anew. */
  edit(change) {
    if (this.frozen) return Promise.resolve();
    if (this.ended) this.session = null;
    this.#edits.push(change);
    this.#changed();
    this.#sending ??= this.#send().finally(() => {
      this.#sending = null;
      this.#changed();
    });
    return this.#sending;
  }

  /** Wait until every edit has arrived. */
  async settled() {
    while (this.#sending) await this.#sending;
  }

  /** The counter's next customer. */
  clear() {
    this.#asked += 1;
    this.session = null;
    this.shown = "";
    this.#changed();
  }

  async #send() {
    try {
      while (this.#edits.length) await this.#sendDraft();
    } catch (problem) {
      this.#edits = [];
      throw problem;
    }
  }

  async #sendDraft(tries = 0) {
    this.session ??= await post(`/v1/stations/${this.stationId}/session`);
    const taken = this.#edits.length;
    try {
      const session = await this.#put(this.draft);
      this.#edits.splice(0, taken);
      this.take(session);
    } catch (problem) {
      if (!OUTRUN.has(problem.code) || tries === RETRIES) throw problem;
      await this.load();
      await this.#sendDraft(tries + 1);
    }
  }

  /** Give a line another price by hand, with a second person's consent if it takes one; null: the product's own. */
  async setPrice(line, override, approvalId) {
    await this.settled();
    const { lines, ...rest } = this.draft;
    const changed = lines.map((other) => (other.line_id === line.line_id ? { ...other, override } : other));
    this.take(await this.#put({ lines: changed, ...rest }, approvalId));
  }

  #put({ lines, codes, rewards }, approvalId) {
    const body = { entries: lines.map(entry), codes, rewards, revision: this.session.revision, approval_id: approvalId };
    return put(`/v1/sessions/${this.session.session_id}/basket`, body);
  }

  #changed() {
    this.dispatchEvent(new Event("change"));
  }
}

function fromSession(session) {
  const basket = session?.basket;
  const ways = new Map((session?.fulfilments ?? []).map((one) => [one.line_id, one]));
  const prices = new Map((session?.overrides ?? []).map((one) => [one.line_id, one]));
  const lines = (basket?.items ?? []).map((line) => ({ ...line, fulfilment: ways.get(line.line_id), override: prices.get(line.line_id) }));
  return { lines, codes: [...(basket?.codes ?? [])], rewards: [...(basket?.rewards ?? [])] };
}

function entry(line) {
  const known = line.line_id ? { line_id: line.line_id } : {};
  if (isValue(line)) return { ...known, code: line.code, label: line.label, amount: line.unit_price };
  const price = line.override ? { override: { unit_price: line.override.unit_price, reason: line.override.reason } } : {};
  if (line.code) return { ...known, code: line.code, quantity: line.quantity, ...price };
  return { ...known, label: line.label, amount: line.unit_price, quantity: line.quantity };
}

/** Whether a line sells stored value: a wallet's load, a gift card. */
export const isValue = (line) => line.code.startsWith("value:");

/** One unit (or 100 g, 10 cm ...) of how a product is counted, in thousandths. */
export const stepOf = (line) => (line.unit && line.unit !== "piece" ? 100 : 1000);

/** What a line costs before discounts, minor units. */
export const amountOf = (line) => Math.round((line.unit_price * line.quantity) / 1000);

/** Add a product: one more on its line, or a new line; what is fetched or brought later stays as it is. */
export const addProduct = (product, quantity = 1000) => (draft) => {
  const at = draft.lines.findIndex((line) => line.code === product.code && !line.fulfilment && !line.override);
  const lines = [...draft.lines];
  if (at < 0) lines.push({ ...product, line_id: "", quantity });
  else lines[at] = { ...lines[at], quantity: lines[at].quantity + quantity };
  return { ...draft, lines };
};

/** Add a plain amount under a label. */
export const addAmount = (amount, label) => (draft) => ({
  ...draft,
  lines: [...draft.lines, { line_id: "", code: "", label, unit_price: amount, quantity: 1000, unit: "piece" }],
});

/** Add stored value that is sold: `value:wallet`, or `value:gift_card:` and the card's id. */
export const addValue = (code, amount, label) => (draft) => ({
  ...draft,
  lines: [...draft.lines, { line_id: "", code, label, unit_price: amount, quantity: 1000, unit: "piece" }],
});

/** Give the line at a position another quantity; nothing removes it. */
export const setQuantity = (line, quantity) => (draft) => ({
  ...draft,
  lines: draft.lines.flatMap((other) => (sameLine(other, line) ? (quantity > 0 ? [{ ...other, quantity }] : []) : [other])),
});

const sameLine = (a, b) => (a.line_id && b.line_id ? a.line_id === b.line_id : a.code === b.code && a.label === b.label);

export const toggleReward = (offerId) => (draft) => ({ ...draft, rewards: toggled(draft.rewards, offerId) });
export const addCode = (code) => (draft) => ({ ...draft, codes: [...new Set([...draft.codes, code])] });
export const removeCode = (code) => (draft) => ({ ...draft, codes: draft.codes.filter((other) => other !== code) });

const toggled = (list, value) => (list.includes(value) ? list.filter((other) => other !== value) : [...list, value]);
