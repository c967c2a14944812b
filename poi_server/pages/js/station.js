/** The counter: basket, live identification, offers, payment. */

import { get, post } from "./api.js";
import { h, icon, render, slot } from "./dom.js";
import { has, money, t } from "./i18n.js";
import { Live } from "./live.js";
import { offlineBanner, requireRole } from "./nav.js";
import { button, confirm, dialog, iconButton, report, toast } from "./ui.js";
import { listen } from "./wedge.js";
import { basketView } from "./station/basket.js";
import "./station/catalogue.js";
import { identityView, JoinCode } from "./station/identity.js";
import { offersView } from "./station/offers.js";
import { payView, sums } from "./station/pay.js";
import { receiptPaper } from "./station/receipt.js";
import { Person } from "./station/seller.js";
import { stageView } from "./station/stage.js";
import { addAmount, addCode, addProduct, removeCode, setQuantity, Ticket, toggleReward } from "./station/ticket.js";
import { Till, byHand } from "./station/till.js";

/** The session is another counter's by now. */
const GONE = new Set(["handed-over", "other-station"]);
const GOOD_NOTICES = new Set(["product-added", "till-says"]);
/** Shown by the page itself. */
const SILENT_NOTICES = new Set(["identified", "paid", "part-paid", "payment-declined", "payment-unknown", "transfer-awaited", "training"]);

class PoiStation extends HTMLElement {
  #stationId = this.dataset.station;
  #ticket = new Ticket(this.#stationId);
  #till = new Till(this.#ticket);
  #joinCode = new JoinCode(this.#stationId);
  #person = new Person(this.#stationId);
  #offers = new Map();
  #parts = {};
  #paper = { saleId: "", node: null };
  #noticed = "";
  #looking = null;
  #panel = null;
  #pad = null;
  #live = null;
  #awaited = { id: "", view: null };
  #leaving = "";
  /** Say why not; what went on elsewhere leaves here. */
  #refused = (problem) => {
    report(problem);
    if (GONE.has(problem.code)) this.#ticket.load().catch(report);
  };

  async connectedCallback() {
    const me = await requireRole("station", "seller", "manager", "owner").catch((problem) => { if (problem.code !== "offline") throw problem; });
    if (!me) return (await this.#offline()).alone();
    await this.#person.start(me).catch(report);
    this.#build();
    this.#wire();
    this.#loadOffers();
    this.#till.load().then(() => this.#offline()).then((offline) => offline.watch(this.#live, this.#till, this.#person.me.role === "station")).catch(report);
  }

  /** What goes on without the server. */
  async #offline() {
    return new (await import("./station/offline.js")).Offline(this.#stationId, (what, run) => this.#person.withConsent(what, run));
  }

  #build() {
    const part = (name, label, more = {}) => (this.#parts[name] = h("section", { class: name, "aria-label": label, ...more }));
    const catalogue = h("poi-catalogue", { class: "add" });
    const side = h("div", { class: "side" },
      part("identity", t("identity.title"), { "aria-live": "polite" }),
      h("div", { class: "middle" }, part("basket", t("basket.title")),
        h("div", { class: "aside" }, part("customer", t("advice.title"), { hidden: true }), part("offers-panel", t("offers.title")))),
      part("payment", t("pay.title")));
    this.#parts.stage = h("div", { class: "stage-frame" });
    render(this, h("div", { class: "counter" }, catalogue, side), this.#parts.stage);
    this.#parts.catalogue = catalogue;
    this.#draw();
  }

  #wire() {
    for (const source of [this.#ticket, this.#till, this.#joinCode, this.#person]) source.addEventListener("change", () => this.#draw());
    this.addEventListener("poi:add", ({ detail }) => this.#edit(addProduct(detail)));
    this.addEventListener("poi:amount", ({ detail }) => this.#edit(addAmount(detail.amount, detail.label)));
    this.addEventListener("poi:scan", () => this.#scan());
    this.addEventListener("poi:sheet", ({ detail }) => this.#sheet(detail));
    this.addEventListener("poi:close", () => this.#adding(false));
    listen((text) => this.#wedge(text));
    const live = (this.#live = new Live({ watch: "station", station_id: this.#stationId }));
    live.addEventListener("message", ({ detail }) => this.#heard(detail));
    live.addEventListener("resync", () => { this.#afresh(); this.#till.load().catch(report); });
    offlineBanner(live);
    live.start();
  }

  #heard(message) {
    if (message.kind === "session") this.#takeLive(message.session);
    if (message.kind === "offers") this.#loadOffers();
    if (message.kind === "seller") this.#afresh();
    if (message.kind === "means") this.#till.load().catch(report);
    if (message.kind === "training") this.#till.train(message.on);
    if (message.kind === "question") import("./station/question.js").then((page) => page.showQuestion(this.#stationId)).catch(report);
  }

  /** Who is signed in, and what the session shows to them. */
  #afresh() {
    Promise.all([this.#ticket.load(), this.#person.load()]).catch(report);
  }

  #takeLive(session) {
    const over = session && (session.state === "abandoned" || session.station_id !== this.#stationId);
    if (over && session.session_id !== this.#ticket.shown) return;
    if (over) this.#ticket.clear();
    else if (session || !this.#ticket.ended) this.#ticket.take(session);
    if (over && session.state !== "abandoned" && session.session_id !== this.#leaving) toast(t("handover.gone"));
  }

  async #loadOffers() {
    try {
      const { items } = await get("/v1/offers", { limit: 200 });
      this.#offers = new Map(items.map(({ offer }) => [offer.offer_id, offer]));
      this.#draw();
    } catch (problem) {
      if (problem.status !== 403) report(problem);
    }
  }

  #draw() {
    const { identity, basket, "offers-panel": offers, payment, stage } = this.#parts;
    const session = this.#ticket.ended ? null : this.#ticket.session;
    this.#drawCustomer(session);
    render(identity, identityView(session, this.#joinCode.current, { confirm: () => this.#confirmIdentity(), forget: () => this.#forgetCustomer(), why: this.#person.why("confirm_identity"), enlarge: () => this.#enlarge() }));
    render(basket, this.#basketHead(), basketView(this.#ticket, (line, quantity) => this.#edit(setQuantity(line, quantity)), this.#person.may("override") && ((line) => this.#price(line))));
    render(offers, offersView(this.#ticket, this.#offers, {
      toggleReward: (id) => this.#edit(toggleReward(id)),
      addCode: (code) => this.#edit(addCode(code)),
      removeCode: (code) => this.#edit(removeCode(code)),
    }));
    render(payment, payView(this.#ticket, this.#till, { pay: (means) => this.#pay(means), split: () => this.#split(), why: this.#person.why("take_payment"), showOffers: () => offers.scrollIntoView({ behavior: "smooth" }) }));
    this.classList.toggle("is-training", this.#till.training);
    this.dataset.training = this.#till.training ? t("training.mark") : "";
    const view = stageView(this.#ticket, this.#till, this.#receipt(), this.#stageActs());
    render(stage, view ?? (this.#person.cover && slot(this.#person.cover)));
    document.body.classList.toggle("is-staged", Boolean(stage.firstChild));
    this.#joinCode.want(!session?.identity && !stage.firstChild);
    this.#notice();
  }

  /** What is known of who stands here. */
  async #drawCustomer(session) {
    if (!session?.identity && !this.#panel) return;
    this.#panel ??= import("./station/customer.js").then(({ CustomerPanel }) => new CustomerPanel(this.#parts.customer, {
      add: (product) => this.#edit(addProduct(product)),
      sheet: (code) => this.#sheet(code),
      confirm: () => this.#confirmIdentity(),
      why: (right) => this.#person.why(right),
      offer: (id) => this.#offers.get(id),
      manages: ["owner", "manager"].includes(this.#person.me.role),
    }), () => { this.#panel = null; }); // no connection: the next drawing tries again
    const panel = await this.#panel;
    panel?.show(this.#ticket.ended ? null : this.#ticket.session);
  }

  #basketHead() {
    const count = this.#ticket.draft.lines.length;
    return h("div", { class: "basket-head", key: "basket-head" },
      h("h2", { class: "small-head" }, t("basket.title"), count > 0 && h("span", { class: "muted num" }, ` ${count}`)),
      h("div", { class: "row" },
        h("button", { type: "button", class: "button primary small only-narrow open-add", onclick: () => this.#adding(true) }, icon("plus"), t("add.open")),
        count === 0 && h("button", { type: "button", class: "button small", onclick: () => this.#waiting() }, icon("box"), t("waiting.open")),
        count === 0 && this.#person.may("load_value") && this.#till.taken.some((means) => means === "gift_card" || means === "wallet") && iconButton("gift", t("value.open"), () => this.#value()),
        count > 0 && iconButton("box", t("order.open"), () => this.#order()),
        count > 0 && iconButton("right", t("handover.title"), () => this.#handOver()),
        count > 0 && iconButton("trash", t("pay.cancel"), () => this.#cancel())));
  }

  #receipt() {
    const saleId = this.#ticket.state === "paid" ? this.#ticket.session.sale_id : "";
    if (saleId && saleId !== this.#paper.saleId) this.#paper = { saleId, node: receiptPaper(saleId) };
    return saleId ? this.#paper.node : null;
  }

  #stageActs() {
    return {
      pay: (means) => this.#pay(means),
      tenders: this.#tenders(),
      transfer: this.#transfer(),
      cancel: () => this.#giveUp(),
      handOver: () => this.#handOver(),
      setAside: () => this.#till.setAside(),
      askStatus: () => this.#till.askStatus(),
      resolve: (word) => this.#resolve(word),
      next: () => this.#ticket.clear(),
      print: async () => (await import("./station/print.js")).printReceipt(this.#paper.node),
      refund: () => this.#refund(),
      why: (right) => this.#person.why(right),
    };
  }

  /** The pad for what is still due. */
  #tenders() {
    if (this.#ticket.state !== "paying" || this.#till.means) return null;
    if (!this.#pad) import("./station/tender.js").then(({ TenderPad }) => { this.#pad ??= new TenderPad(this.#ticket, this.#till); this.#draw(); }).catch(report);
    else this.#pad.draw();
    return this.#pad?.view;
  }

  /** The code of a transfer that is awaited. */
  #transfer() {
    const { session, state } = this.#ticket;
    const id = state === "unknown" && session.notice?.code === "transfer-awaited" ? session.checkout_id : "";
    if (id === this.#awaited.id) return this.#awaited.view;
    this.#awaited = { id, view: null };
    if (id) import("./station/transfer.js").then(({ transferView }) => { this.#awaited.view = transferView(session, this.#stageActs()); this.#draw(); }).catch(report);
    return null;
  }

  async #split() {
    await this.#ticket.settled();
    const { splitDialog } = await import("./station/tender.js");
    await splitDialog(this.#ticket, this.#till);
  }

  async #value() {
    const { valueDialog } = await import("./station/value.js");
    await valueDialog(this.#ticket.session?.identity, (change) => this.#edit(change));
  }

  async #edit(change) {
    this.#till.forgetCard();
    await this.#ticket.edit(change).catch(this.#refused);
  }

  #pay(means) {
    return this.#till.pay(means).catch(this.#refused);
  }

  async #refund() {
    const { refundDialog } = await import("./station/refund.js");
    const saleId = this.#ticket.session.sale_id;
    const what = { act: "refund", subject_id: saleId, amount: this.#ticket.decision.total };
    const made = await refundDialog(saleId, (send) => this.#person.withConsent(what, send));
    if (!made) return;
    this.#paper = { saleId, node: receiptPaper(made.sale_id) };
    this.#draw();
    const back = byHand(made.receipt.payments);
    if (back > made.total) await handBack(-back); // the rest goes another way
  }

  async #price(line) {
    await this.#ticket.settled();
    const { priceDialog } = await import("./station/price.js");
    const { session_id: id } = this.#ticket.session;
    this.#till.forgetCard();
    await priceDialog(line, (override, amount) => this.#person.withConsent({ act: "override", subject_id: id, amount }, (approvalId) => this.#ticket.setPrice(line, override, approvalId)));
  }

  #resolve(word) {
    const { session, decision } = this.#ticket;
    const what = { act: "resolve", subject_id: session.session_id, amount: decision.total };
    return this.#person.withConsent(what, (approvalId) => this.#till.resolve(word, approvalId));
  }

  async #cancel() {
    const total = money(sums(this.#ticket).total);
    if (await confirm(t("pay.cancel"), t("pay.cancel_hint", { total }), t("pay.cancel"))) await this.#giveUp().catch(this.#refused);
  }

  async #giveUp() {
    await handBack(await this.#till.abandon());
  }

  async #waiting() {
    const { waitingDialog } = await import("./station/waiting.js");
    const session = await waitingDialog(this.#stationId, this.#person.me).catch((problem) => { report(problem); return null; });
    if (session) this.#ticket.take(session);
  }

  async #order() {
    await this.#ticket.settled();
    const { orderDialog } = await import("./station/order.js");
    const session = await orderDialog(this.#ticket).catch((problem) => { report(problem); return null; });
    if (session) this.#ticket.take(session);
  }

  async #handOver() {
    const { handOverDialog } = await import("./station/handover.js");
    this.#leaving = this.#ticket.session?.session_id ?? "";
    await handOverDialog(this.#stationId, this.#till).catch(this.#refused);
  }

  async #confirmIdentity() {
    const { vouch } = await import("./station/confirm.js");
    await vouch(this.#ticket, this.#person);
  }

  async #forgetCustomer() {
    try {
      this.#ticket.take(await post(`/v1/sessions/${this.#ticket.session.session_id}/forget-customer`));
    } catch (problem) {
      report(problem);
    }
  }

  async #enlarge() {
    const { bigJoinCode } = await import("./station/big_code.js");
    const { frame, stop } = bigJoinCode(this.#joinCode);
    await dialog(t("identity.show_code"), () => ({ body: frame }));
    stop();
  }

  /** The camera, when it is first wanted. */
  async #scan() {
    const { scanDialog } = await import("./station/scan.js");
    await scanDialog(this.#stationId, (answer) => this.#seen(answer));
  }

  async #wedge(text) {
    try {
      const { sendLine } = await import("./station/scan.js");
      const answer = await sendLine(this.#stationId, text, Boolean(this.#looking));
      if (answer.code && this.#looking) this.#looking.open(answer.code);
      else this.#seen(answer);
    } catch (problem) {
      report(problem);
    }
  }

  async #sheet(code) {
    const { sheetDialog } = await import("./station/sheet.js");
    sheetDialog(this.#stationId, code, { add: (product) => this.#edit(addProduct(product)), seen: (answer) => this.#seen(answer), offers: this.#offers, opened: (view) => { this.#looking = view; } });
  }

  #seen(answer) {
    if (answer.session) this.#ticket.take(answer.session);
  }

  #notice() {
    const { session } = this.#ticket;
    const notice = session?.notice;
    const mark = notice ? `${session.session_id} ${session.revision} ${notice.code}` : "";
    if (!mark || mark === this.#noticed) return;
    this.#noticed = mark;
    const key = `notice.${notice.code}`;
    if (has(key) && !SILENT_NOTICES.has(notice.code)) toast(t(key, notice.values), GOOD_NOTICES.has(notice.code) ? "good" : "bad");
  }

  #adding(open) {
    this.classList.toggle("is-adding", open);
    if (open) this.#parts.catalogue.focusSearch();
    else this.querySelector(".open-add")?.focus();
  }
}

/** What is to be handed back stays until somebody has seen it. */
async function handBack(amount) {
  if (amount > 0) await dialog(t("tender.hand_back"), () => ({ body: h("p", { class: "total num" }, money(amount)) }), { kept: true });
}

customElements.define("poi-station", PoiStation);
