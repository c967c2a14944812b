/** The counter goes on without the server: for cash, up to the shop's floor, with the offers it may give by itself, and sends its
 * sales when it is back. */

import { get, newKey, post } from "../api.js";
import { h, icon, render } from "../dom.js";
import { decimals, merchantCurrency, money, setCurrency, t } from "../i18n.js";
import { busy, button, dialog, field, iconButton, toast } from "../ui.js";
import { Kept } from "./kept.js";
import { amountOf, totalOf, withOffers } from "./local_offers.js";
import { Spoilt } from "./spoilt.js";

const PAGE = 200;
const MOST_PRODUCTS = 5000;
const RENEW_MS = 600_000;
const AGAIN_MS = 15_000;
const AWAY_MS = 2500;
const BATCH = 50;
const SHOWN = 24;

/** Keeps what is needed while the server is there, offers to go on while it is away, sends what was sold. */
export class Offline {
  #stationId;
  #kept;
  #timer = 0;
  #floor = 0;
  #open = false;
  #sending = null;
  #former = [];
  #told = new Set();
  #spoilt;
  #strip = h("div", { class: "banner is-warn away no-print", role: "status", hidden: true });

  /** `consent(what, run)`: a second person's word, where an act takes one. */
  constructor(stationId, consent) {
    this.#stationId = stationId;
    this.#kept = new Kept(stationId);
    this.#spoilt = new Spoilt(stationId, consent);
    document.getElementById("main").before(this.#strip);
    setInterval(() => this.send(), AGAIN_MS);
  }

  /** With the server: `till.floor` minor units may be sold without it. What a `paired` device sold as another station is sent too. */
  async watch(live, till, paired) {
    live.addEventListener("status", () => this.#status(live.connected, till.floor));
    addEventListener("offline", () => this.#status(false, till.floor));
    addEventListener("online", () => this.#status(true, till.floor));
    till.addEventListener("change", () => till.floor !== this.#floor && this.#keep(till.floor).catch(() => {}));
    live.addEventListener("message", ({ detail }) => detail.kind === "seller" && this.#keepSeller().then(() => this.send()));
    setInterval(() => this.#keep(till.floor).catch(() => {}), RENEW_MS); // away just now: the next time
    await this.#keepSeller();
    if (paired) this.#former = await Kept.former(this.#stationId);
    await this.send();
    keepPage();
    await this.#keep(till.floor);
  }

  /** What is allowed, and what it takes, as it is now. */
  async #keep(floor) {
    this.#floor = floor;
    await this.#kept.put("facts", "policy", { floor, currency: merchantCurrency() });
    if (floor > 0) await this.#renew();
  }

  /** The page was opened without the server. */
  async alone() {
    const policy = await this.#kept.get("facts", "policy");
    if (!policy?.floor) return render(this.#strip, icon("bolt"), t("app.offline")) ?? (this.#strip.hidden = false);
    setCurrency(policy.currency);
    addEventListener("online", () => this.#back());
    setInterval(() => this.#back(), AGAIN_MS);
    this.#offer(policy.floor);
    await this.#sell(policy.floor);
    return this.#back();
  }

  /** Where the server is there again: send, and open the counter once nobody is in the middle of a sale. */
  async #back() {
    if (!(this.#strip.hidden = await there())) return;
    await this.send();
    if (!this.#open) location.reload();
  }

  #status(connected, floor) {
    clearTimeout(this.#timer);
    if (connected) {
      this.#strip.hidden = true;
      this.send();
    } else if (floor > 0) this.#timer = setTimeout(() => this.#offer(floor), AWAY_MS);
  }

  #offer(floor) {
    this.#strip.hidden = false;
    render(this.#strip, icon("cash"), h("span", { class: "grow" }, t("offline.away", { amount: money(floor) })), button(t("offline.go_on"), { kind: "small primary", onclick: () => this.#sell(floor) }));
  }

  /** Who is signed in: a sale made without the server is theirs. */
  async #keepSeller() {
    const { person } = await get(`/v1/stations/${this.#stationId}/seller`).catch(() => ({}));
    await this.#kept.put("facts", "seller", person?.seller_id ?? null);
  }

  /** Every product, kept for a search without the server. */
  async #renew() {
    const products = [];
    await this.#kept.put("facts", "offers", (await get(`/v1/stations/${this.#stationId}/offline-offers`)).items);
    for (let after = ""; products.length < MOST_PRODUCTS;) {
      const page = await get("/v1/products", { limit: PAGE, after });
      products.push(...page.items);
      after = page.next;
      if (!after) break;
    }
    await this.#kept.replace("products", products.map(({ code, label, unit_price: price, gtin, unit }) => [code, { code, label, unit_price: price, gtin, unit }]));
  }

  /** Send what waits; each is recorded once, however often it is sent. One at a time. */
  send() {
    this.#sending ??= this.#sendAll().catch((problem) => this.#refused(problem)).finally(() => { this.#sending = null; });
    return this.#sending;
  }

  async #sendAll() {
    let done = 0;
    let odd = 0;
    const spoilt = [];
    for (const kept of [this.#kept, ...this.#former]) {
      const waiting = (await kept.all("queue")).map((sale) => (kept === this.#kept ? sale : { ...sale, from_station: kept.stationId }));
      for (let from = 0; from < waiting.length; from += BATCH) {
        for (const one of await this.#answered(waiting.slice(from, from + BATCH))) {
          if (one.sale_id) await kept.remove("queue", one.offline_id);
          else {
            this.#keptBack(one);
            spoilt.push({ kept, sale: waiting.find((sale) => sale.offline_id === one.offline_id), code: one.code, reason: one.detail });
          }
          done += Boolean(one.sale_id);
          odd += one.differences?.length > 0;
        }
      }
    }
    this.#spoilt.show(spoilt);
    if (done) toast(t("offline.recorded", { count: done }), "good");
    if (odd) toast(t("offline.differs", { count: odd }), "bad");
  }

  /** Nobody may send now; without a connection there is nothing to say. */
  #refused({ status, text }) {
    if ([403, 409].includes(status)) this.#keptBack({ detail: text });
  }

  /** Said once, however often it is tried. */
  #keptBack({ offline_id: id, detail: reason }) {
    if (this.#told.has(`${id} ${reason}`)) return;
    this.#told.add(`${id} ${reason}`);
    toast(t("offline.kept_back", { reason }), "bad");
  }

  /** What became of each. One that is no sale to the server stops no other: then each is sent by itself. */
  async #answered(sales) {
    try {
      return (await post(`/v1/stations/${this.#stationId}/offline-sales`, { sales })).items;
    } catch (problem) {
      if (![400, 413, 422].includes(problem.status)) throw problem;
      if (sales.length === 1) return [{ offline_id: sales[0].offline_id, code: problem.code, detail: problem.text }];
      const answers = [];
      for (const sale of sales) answers.push(...(await this.#answered([sale])));
      return answers;
    }
  }

  async #sell(floor) {
    if (this.#open) return;
    this.#open = true;
    const offers = (await this.#kept.get("facts", "offers")) ?? [];
    const seller = await this.#kept.get("facts", "seller");
    const till = new OfflineTill(await this.#kept.all("products"), offers, floor, async (made) => {
      const sale = seller ? { ...made, seller_id: seller } : made;
      await this.#kept.put("queue", sale.offline_id, sale);
      return (await this.#kept.all("queue")).length;
    });
    await dialog(t("offline.title"), () => ({ body: till.view }), { wide: true });
    this.#open = false;
    await this.send();
  }
}

/** A till that needs nobody: products from the store, cash, and a card that only identifies. */
class OfflineTill {
  #products;
  #offers;
  #floor;
  #keep;
  #lines = [];
  #wanted = "";
  #waiting = 0;
  #shown = 0;
  #amount = h("input", { class: "input num", type: "number", min: 0, inputmode: "decimal" });
  #card = h("input", { class: "input mono", maxlength: 64, autocomplete: "off", spellcheck: "false" });
  #given = h("input", { class: "input num", type: "number", min: 0, inputmode: "decimal", oninput: () => this.#draw() });
  #find = h("input", { class: "input", type: "search", autocomplete: "off", oninput: () => { this.#wanted = this.#find.value.trim().toLowerCase(); this.#draw(); } });
  view = h("div", { class: "stack offline-till" });

  constructor(products, offers, floor, keep) {
    this.#products = products;
    this.#offers = offers;
    this.#floor = floor;
    this.#keep = keep;
    for (const input of [this.#amount, this.#given]) input.step = 1 / this.#unit;
    this.#fields = {
      find: field(t("add.search"), this.#find),
      amount: field(t("tender.amount", { currency: merchantCurrency() }), this.#amount),
      card: field(t("offline.card"), this.#card),
      given: field(t("tender.given", { currency: merchantCurrency() }), this.#given),
    };
    this.#draw();
  }

  #fields;

  get #unit() {
    return 10 ** decimals();
  }

  /** The lines with the offers of a time, milliseconds since 1970. */
  #offered(at = Date.now()) {
    return withOffers(this.#lines, this.#offers, at);
  }

  get #handed() {
    return this.#given.value ? Math.round(Number(this.#given.value) * this.#unit) : null;
  }

  #draw() {
    const lines = this.#offered();
    const total = (this.#shown = totalOf(lines));
    const above = total > this.#floor;
    const short = this.#handed !== null && this.#handed < total;
    render(this.view,
      h("p", { class: "banner is-warn", key: "words" }, icon("bolt"), t("offline.words", { amount: money(this.#floor) })),
      this.#fields.find, this.#tiles(),
      h("div", { class: "row", key: "plain" }, h("div", { class: "grow" }, this.#fields.amount), iconButton("plus", t("add.amount"), () => this.#addAmount(), "primary")),
      lines.length > 0 && h("ul", { class: "lines", key: "lines" }, lines.map((line, at) => h("li", { class: "line", key: `${at} ${line.code}` },
        h("p", { class: "grow clip" }, line.label), h("span", { class: "num" }, `${line.quantity / 1000} ×`), line.offer && h("span", { class: "chip good num" }, `−${money(line.offer.saved)}`), h("strong", { class: "num" }, money(amountOf(line) - (line.offer?.saved ?? 0))),
        iconButton("trash", t("basket.remove"), () => { this.#lines.splice(at, 1); this.#draw(); })))),
      this.#fields.card, this.#fields.given,
      h("p", { class: "tender-due", key: "total" }, h("span", {}, t("pay.total")), h("strong", { class: "num" }, money(total))),
      this.#handed > total && h("p", { class: "strong num", key: "change" }, t("tender.change", { amount: money(this.#handed - total) })),
      above && h("p", { class: "why-not small", key: "above" }, icon("lock"), t("offline.above", { amount: money(this.#floor) })),
      h("button", { type: "button", class: "button primary big wide offline-sell", key: "sell", disabled: !total || above || short, onclick: (event) => busy(event.currentTarget, () => this.#sold()) }, icon("cash"), t("offline.sell")),
      this.#waiting > 0 && h("p", { class: "muted small", role: "status", key: "waiting" }, t("offline.waiting", { count: this.#waiting })));
  }

  #tiles() {
    const fits = ({ label, code, gtin }) => `${label} ${code} ${gtin ?? ""}`.toLowerCase().includes(this.#wanted);
    return h("div", { class: "row wrap offline-tiles", key: "tiles" }, this.#products.filter(fits).slice(0, SHOWN).map((product) =>
      h("button", { type: "button", class: "button", key: `tile-${product.code}`, onclick: () => this.#add(product) }, product.label, h("span", { class: "num muted" }, money(product.unit_price)))));
  }

  #add({ code, label, unit_price: price, unit }) {
    const known = this.#lines.find((line) => line.code === code);
    if (known) known.quantity += 1000;
    else this.#lines.push({ code, label, unit_price: price, quantity: 1000, unit });
    this.#draw();
  }

  #addAmount() {
    const amount = Math.round(Number(this.#amount.value) * this.#unit);
    if (!(amount > 0)) return;
    this.#lines.push({ code: "", label: t("keypad.default_label"), unit_price: amount, quantity: 1000 });
    this.#amount.value = "";
    this.#draw();
  }

  /** Written in this device before it says so. An offer that began or ended meanwhile is shown first. */
  async #sold() {
    const now = new Date();
    const lines = this.#offered(now.getTime()).map(({ unit: _, ...line }) => line);
    if (totalOf(lines) !== this.#shown) return this.#draw();
    const card = this.#card.value.trim();
    const given = this.#handed === null ? {} : { given: this.#handed };
    this.#waiting = await this.#keep({ offline_id: newKey(), sold_at: now.toISOString(), lines, total: this.#shown, ...given, ...(card ? { card } : {}) });
    toast(t("offline.sold"), "good");
    this.#lines = [];
    this.#card.value = this.#given.value = "";
    this.#draw();
  }
}

async function there() {
  return fetch("/livez", { cache: "no-store" }).then((answer) => answer.ok, () => false);
}

/** Keep the page and all that it loaded, so that it opens without the server. */
async function keepPage() {
  if (!navigator.serviceWorker) return;
  const policy = window.trustedTypes?.createPolicy("poi", { createScriptURL: (address) => address });
  try {
    await navigator.serviceWorker.register(policy ? policy.createScriptURL("/sw.js") : "/sw.js");
    await navigator.serviceWorker.ready;
    if (!navigator.serviceWorker.controller) await new Promise((resolve) => { navigator.serviceWorker.addEventListener("controllerchange", resolve, { once: true }); });
    const loaded = performance.getEntriesByType("resource").map((entry) => entry.name).filter((name) => name.includes("/static/"));
    await Promise.all([...new Set(loaded), location.pathname].map((address) => fetch(address).catch(() => null)));
  } catch {
    // a browser that keeps nothing sells while the page stays open
  }
}
