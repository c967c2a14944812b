/** From the shown decision to the paid sale: see the card, accept, pay; ask, resolve, refund. */

import { newKey, post, postOnce } from "../api.js";
import { t } from "../i18n.js";
import { toast } from "../ui.js";

const NO_CARD_BEFORE = "no-card-before-amount";

/** The money side of one station's ticket. Dispatches `change` when its own state changes. */
export class Till extends EventTarget {
  #ticket;
  #refundKeys = new Map();
  /** The means under way in this tab, or "". */
  means = "";
  /** A card that was seen and changed the total: waits for the customer's word. */
  seen = null;

  constructor(ticket) {
    super();
    this.#ticket = ticket;
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
      await this.#acceptAndPay(means);
    } finally {
      this.#set("");
    }
  }

  /** Forget the card that was seen. */
  forgetCard() {
    this.seen = null;
  }

  /** Take up a payment that was accepted but whose page went away. */
  async resume(means) {
    this.#set(means);
    try {
      await this.#send(means);
    } finally {
      this.#set("");
    }
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

  async resolve(outcome, reason, approvalId) {
    this.#ticket.take(await post(`/v1/sessions/${this.sessionId}/resolve`, { outcome, reason, approval_id: approvalId }));
  }

  async abandon() {
    this.seen = null;
    await this.#ticket.settled();
    if (this.#ticket.session) await post(`/v1/sessions/${this.sessionId}/abandon`);
    this.#ticket.clear();
  }

  async handOver(stationId) {
    await this.#ticket.settled();
    await post(`/v1/sessions/${this.sessionId}/hand-over`, { station_id: stationId });
    this.#ticket.clear();
  }

  /** Refund a sale, or some of its lines; repeated after a lost answer it is the same refund. */
  async refund(saleId, lines, reason, approvalId) {
    const intent = JSON.stringify([saleId, lines, reason]);
    if (!this.#refundKeys.has(intent)) this.#refundKeys.set(intent, newKey());
    const body = { ...(lines ? { lines, reason } : { reason }), approval_id: approvalId };
    const refund = await postOnce(`/v1/sales/${saleId}/refunds`, body, this.#refundKeys.get(intent));
    this.#refundKeys.delete(intent);
    return refund;
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

  async #acceptAndPay(means) {
    const { decision_id: decisionId, decision } = this.#ticket.session;
    try {
      this.#ticket.take(await post(`/v1/sessions/${this.sessionId}/accept`, { decision_id: decisionId, total: decision.total }));
    } catch (problem) {
      return this.#unlessAgreed(problem, () => this.#acceptAndPay(means));
    }
    return this.#send(means);
  }

  /** Go on once the customer has agreed to what is spent of theirs; any other problem is one. */
  async #unlessAgreed(problem, goOn) {
    if (problem.code !== "confirmation-required") return this.#lookAgain(problem);
    const { awaitWord } = await import("./confirm.js");
    return (await awaitWord(this.#ticket)) ? goOn() : undefined;
  }

  async #send(means) {
    const { session_id: id, checkout_id: checkoutId } = this.#ticket.session;
    this.seen = null;
    try {
      this.#ticket.take(await postOnce(`/v1/sessions/${id}/pay`, { means }, `${checkoutId}.${means}`));
    } catch (problem) {
      await this.#unlessAgreed(problem, () => this.#send(means));
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
