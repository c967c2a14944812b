/** From the shown decision to the paid sale: see the card, accept, pay; ask, resolve, refund. */

import { get, newKey, post, postOnce } from "../api.js";
import { t } from "../i18n.js";
import { toast } from "../ui.js";

const BY_HAND = new Set(["cash", "meal_voucher"]);
/** What of these a person hands over, minor units. */
export const byHand = (paid) => paid.reduce((sum, { means, amount }) => sum + (BY_HAND.has(means) ? amount : 0), 0);
const NO_CARD_BEFORE = "no-card-before-amount";

/** The money side of one station's ticket. Dispatches `change` when its own state changes. */
export class Till extends EventTarget {
  #ticket;
  #keys = new Map();
  /** The means under way in this tab, or "". */
  means = "";
  /** A card that was seen and changed the total: waits for the customer's word. */
  seen = null;

  /** The means that are taken here, and whether what is done here counts. */
  taken = ["card", "cash", "wallet"];
  training = false;
  floor = 0;

  constructor(ticket) {
    super();
    this.#ticket = ticket;
  }

  /** Ask which means are taken. */
  async load() {
    const { items, training, floor_limit: floor } = await get(`/v1/stations/${this.#ticket.stationId}/means`);
    Object.assign(this, { taken: items, training, floor });
    this.#set(this.means);
  }

  /** Whether what is done here counts, as a screen is told while it shows. */
  train(on) {
    this.training = on;
    this.#set(this.means);
  }

  get sessionId() {
    return this.#ticket.session.session_id;
  }

  /** Pay with `means`. A card is looked at first; when that changes the total, the new one is shown and asked for. */
  async pay(means) {
    this.#set(means);
    try {
      await this.#ticket.settled();
      await this.#reopenDeclined();
      if (means === "card" && !this.seen && (await this.#cardChangesTotal())) return;
      if (means !== "card" && this.#ticket.session.payment && (await this.#withoutCard())) return;
      await this.#acceptAndPay({ means });
    } finally {
      this.#set("");
    }
  }

  /** Pay a part of what is due, or all of it: `{ means, amount, given, gift_card }`. */
  async payPart(asked) {
    this.#set(asked.means);
    try {
      await this.#ticket.settled();
      await this.#reopenDeclined();
      await (this.#ticket.state === "paying" ? this.#send(asked) : this.#acceptAndPay(asked));
    } finally {
      this.#set("");
    }
  }

  /** Forget the card that was seen. */
  forgetCard() {
    this.seen = null;
  }

  /** Serve the next customer while a payment in doubt waits for its answer. */
  async setAside() {
    await post(`/v1/sessions/${this.sessionId}/set-aside`);
    this.#ticket.clear();
  }

  async askStatus() {
    this.#ticket.take(await post(`/v1/sessions/${this.sessionId}/status`));
    if (this.#ticket.state === "unknown") toast(t("unknown.still"));
  }

  async resolve(word, approvalId) {
    this.#ticket.take(await post(`/v1/sessions/${this.sessionId}/resolve`, { ...word, approval_id: approvalId }));
  }

  /** Give the sale up; what was taken goes back. Returns what is to be handed back, minor units. */
  async abandon() {
    this.seen = null;
    await this.#ticket.settled();
    const ended = this.#ticket.session && (await post(`/v1/sessions/${this.sessionId}/abandon`));
    this.#ticket.clear();
    return byHand((ended?.tenders ?? []).filter((one) => one.state === "reversed"));
  }

  async handOver(stationId) {
    await this.#ticket.settled();
    await post(`/v1/sessions/${this.sessionId}/hand-over`, { station_id: stationId });
    this.#ticket.clear();
  }

  /** One key for one intention, however often it is sent. */
  #keyOf(intent) {
    if (!this.#keys.has(intent)) this.#keys.set(intent, newKey());
    return this.#keys.get(intent);
  }

  async #reopenDeclined() {
    if (this.#ticket.state === "declined") await this.#ticket.edit((draft) => draft);
  }

  async #cardChangesTotal() {
    const before = this.#ticket.decision?.total;
    let session;
    try {
      session = await post(`/v1/sessions/${this.sessionId}/card`);
    } catch (problem) {
      if (problem.code === NO_CARD_BEFORE) return false;
      throw problem;
    }
    this.#ticket.take(session);
    const after = session.decision?.total;
    if (after === before) return false;
    this.seen = { before, after, facts: session.payment };
    return true;
  }

  /** Another means than the card that was seen: its offers go, and a higher total is asked for anew. */
  async #withoutCard() {
    const before = this.#ticket.decision?.total ?? 0;
    this.seen = null;
    this.#ticket.take(await post(`/v1/sessions/${this.sessionId}/forget-card`));
    const dearer = this.#ticket.decision.total > before;
    if (dearer) toast(t("pay.without_card"));
    return dearer;
  }

  async #acceptAndPay(asked) {
    const { decision_id: decisionId, decision } = this.#ticket.session;
    try {
      this.#ticket.take(await post(`/v1/sessions/${this.sessionId}/accept`, { decision_id: decisionId, total: decision.total }));
    } catch (problem) {
      return this.#unlessAgreed(problem, () => this.#acceptAndPay(asked));
    }
    return this.#send(asked);
  }

  /** Go on once the customer has agreed to what is spent of theirs; any other problem is one. */
  async #unlessAgreed(problem, goOn) {
    if (problem.code !== "confirmation-required") return this.#lookAgain(problem);
    const { awaitWord } = await import("./confirm.js");
    return (await awaitWord(this.#ticket)) ? goOn() : undefined;
  }

  async #send(asked) {
    const { session_id: id, decision_id, checkout_id: checkoutId, tenders = [] } = this.#ticket.session;
    const intent = JSON.stringify([checkoutId, tenders.length, asked]);
    this.seen = null;
    try {
      this.#ticket.take(await postOnce(`/v1/sessions/${id}/pay`, { ...asked, decision_id }, this.#keyOf(intent)));
    } catch (problem) {
      await this.#unlessAgreed(problem, () => this.#send(asked));
    }
  }

  /** The server knows better: show how the session stands now, and say why. */
  async #lookAgain(problem) {
    this.seen = null;
    await this.#ticket.load().catch(() => {});
    if (problem.code !== "decide-again") throw problem;
    toast(t("pay.decide_again"));
  }

  #set(means) {
    this.means = means;
    this.dispatchEvent(new Event("change"));
  }
}
