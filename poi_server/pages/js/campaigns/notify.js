/** Telling customers of an offer on their phones: whom it would reach, then how far the sending is and what became of it. */

import { get, newKey, postOnce } from "../api.js";
import { h, render } from "../dom.js";
import { dateTime, number, said, t, tn } from "../i18n.js";
import { button, dialog, report } from "../ui.js";

const LOOK_MS = 700;

/** Ask for one of these offers (`{ offer_id, name }`), then send; `done` is called when the dialog has closed. */
export async function tellOf(offers) {
  const panel = new Panel(offers);
  await dialog(t("notify.title"), () => ({ body: panel.node, foot: [panel.send] }));
  panel.stop();
}

class Panel {
  #offers;
  #chosen;
  #reach = null;
  #notice = null;
  #key = newKey();
  #timer = 0;
  node = h("div", { class: "stack notify", "aria-live": "polite" });
  send = button(t("notify.send"), { kind: "primary notify-send", icon: "phone", onclick: () => this.#send() });

  constructor(offers) {
    this.#offers = offers;
    this.#choose(offers[0].offer_id);
  }

  stop() {
    clearTimeout(this.#timer);
  }

  async #choose(offerId) {
    this.#chosen = offerId;
    this.#reach = null;
    this.#draw();
    try {
      const reach = await get(`/v1/offers/${encodeURIComponent(offerId)}/notify`);
      if (this.#chosen !== offerId) return;
      this.#reach = reach;
      if (reach.last && reach.last.state !== "done") this.#follow(reach.last);
    } catch (problem) {
      report(problem);
    }
    this.#draw();
  }

  async #send() {
    this.#follow(await postOnce(`/v1/offers/${encodeURIComponent(this.#chosen)}/notify`, {}, this.#key));
  }

  #follow(notice) {
    this.#notice = notice;
    this.#draw();
    if (notice.state === "done") return;
    this.#timer = setTimeout(async () => this.#follow(await get(`/v1/notices/${notice.notice_id}`).catch(() => notice)), LOOK_MS);
  }

  #draw() {
    this.send.hidden = this.#notice !== null;
    this.send.disabled = !this.#reach?.phones;
    const name = said(this.#offers.find((one) => one.offer_id === this.#chosen).name);
    render(this.node, this.#notice ? [h("p", { class: "strong" }, name), progress(this.#notice)]
      : [this.#offers.length > 1 ? this.#choice() : h("p", { class: "strong" }, name), this.#reach ? reachOf(this.#reach) : h("p", { class: "loading" }, t("app.loading"))]);
  }

  #choice() {
    return h("fieldset", { class: "field", key: "choice" }, h("legend", { class: "label" }, t("notify.which")), this.#offers.map(({ offer_id: id, name }) =>
      h("label", { class: "check" }, h("input", { type: "radio", name: "notify-offer", value: id, checked: id === this.#chosen, onchange: () => this.#choose(id) }), said(name))));
  }
}

function reachOf(reach) {
  const left = [["no_consent", reach.no_consent], ["no_phone", reach.no_phone], ["heard_lately", reach.heard_lately]].filter(([, count]) => count > 0);
  return h("div", { class: "stack tight", key: "reach" },
    h("p", { class: "notify-reach" }, reach.phones ? t("notify.reach", { phones: tn("notify.phones", reach.phones), customers: tn("notify.customers", reach.customers) }) : t("notify.nobody")),
    h("p", { class: "muted small" }, tn("notify.audience", reach.audience)),
    left.length > 0 && h("ul", { class: "small notify-left" }, left.map(([why, count]) => h("li", {}, tn(`notify.${why}`, count, { hours: number(reach.hours) })))),
    reach.last && h("p", { class: "muted small" }, t("notify.last", { at: dateTime(reach.last.created_at), sent: tn("notify.phones", reach.last.sent) })));
}

function progress(notice) {
  const settled = notice.phones - notice.waiting;
  const done = notice.state === "done";
  const results = ["sent", "failed", "gone", "withdrawn"].filter((name) => name === "sent" || notice[name] > 0);
  return h("div", { class: "stack", key: "progress" },
    h("p", { class: "notify-state" }, done ? t("notify.done") : t("notify.under_way", { settled: number(settled), phones: number(notice.phones) })),
    h("div", { class: "bar-track", role: "progressbar", "aria-label": t("notify.title"), "aria-valuemin": 0, "aria-valuemax": notice.phones, "aria-valuenow": settled },
      h("div", { class: "bar-fill", vars: { "--share": done ? 1 : notice.phones ? settled / notice.phones : 0 } })),
    h("dl", { class: "figures-line" }, results.map((name) => h("div", { class: `notify-${name}` }, h("dt", { class: "muted small" }, t(`notify.count_${name}`)), h("dd", { class: "num strong" }, number(notice[name]))))),
    !done && h("p", { class: "muted small" }, t("notify.may_close")));
}
