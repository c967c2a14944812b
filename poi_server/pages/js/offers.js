/** The merchant's offers: the list, and the form to make and change them. */

import { get, post, put, remove } from "./api.js";
import { h, icon, render } from "./dom.js";
import { money, said, t, tn } from "./i18n.js";
import { requireRole } from "./nav.js";
import { button, busy, confirm, dialog, iconButton, report, toast } from "./ui.js";
import { OfferForm } from "./offers/form.js";
import { effectText, leavesOf } from "./offers/summary.js";
import { groupIcon } from "./offers/tree.js";
import { askWhy } from "./offers/why.js";

const PAGE = 200;

/** The module comes when it is first wanted. */
const tellOf = async (offers) => (await import("./campaigns/notify.js")).tellOf(offers);

class PoiOffers extends HTMLElement {
  #offers = null;
  #stores = [];
  #uses = new Map();
  #query = "";

  async connectedCallback() {
    await requireRole("owner", "manager");
    this.#stores = (await get("/v1/stores").catch(() => ({ items: [] }))).items;
    await this.#load();
  }

  async #load() {
    try {
      const found = [];
      for (let after = ""; after !== null; ) {
        const page = await get("/v1/offers", { limit: PAGE, after });
        found.push(...page.items);
        after = page.next ?? null;
      }
      this.#offers = found;
    } catch (problem) {
      report(problem);
      this.#offers ??= [];
    }
    this.#draw();
  }

  #draw() {
    const query = this.#query.toLowerCase();
    const shown = this.#offers.filter(({ offer }) => `${said(offer.name)} ${offer.offer_id}`.toLowerCase().includes(query));
    render(this, h("div", { class: "wrap-page stack loose" },
      h("div", { class: "row between wrap", key: "head" }, h("div", {}, h("h1", {}, t("page.offers")), h("p", { class: "muted" }, t("offers_page.lead"))),
        h("button", { type: "button", class: "button primary big new-offer", onclick: () => this.#edit(null) }, icon("plus"), t("offers_page.new"))),
      this.#offers.length > 6 && h("div", { class: "searchbox", key: "search" }, icon("search"), h("input", { class: "input", type: "search", value: this.#query, placeholder: t("offers_page.search"), "aria-label": t("offers_page.search"), oninput: (event) => { this.#query = event.target.value; this.#draw(); } })),
      shown.length ? h("ul", { class: "offer-list", key: "list" }, shown.map((head) => this.#card(head))) : h("div", { class: "card empty", key: "none" }, icon("tag"), h("p", {}, t("offers_page.none")))));
  }

  #card(head) {
    const { offer, state } = head;
    return h("li", { class: `card offer-card is-${state}`, key: `offer-${offer.offer_id}` },
      h("div", { class: "row between top" },
        h("div", { class: "grow" }, h("h2", {}, said(offer.name)), h("p", { class: "muted small" }, offer.effects.map((effect) => effectText(effect, offer.currency)).join(" · "))),
        h("span", { class: `chip ${state === "live" ? "good" : "warn"}` }, t(`offer_state.${state}`))),
      h("p", { class: "row wrap chips" }, this.#chips(offer)),
      h("div", { class: "row between offer-foot" }, this.#useLine(offer), h("div", { class: "row offer-acts" },
        h("button", { type: "button", class: "button small offer-edit", onclick: () => this.#edit(head) }, icon("edit"), t("offers_page.edit")),
        this.#stores.length > 0 && iconButton("question", t("offers_page.why"), () => askWhy(offer, this.#stores, (id) => this.#nameOf(id))),
        state === "live" && iconButton("phone", t("notify.button"), () => tellOf([offer])),
        iconButton(state === "live" ? "pause" : "play", t(state === "live" ? "offers_page.pause" : "offers_page.resume"), () => this.#turn(head)),
        iconButton("trash", t("offers_page.remove"), () => this.#remove(head)))));
  }

  #nameOf(offerId) {
    return said(this.#offers.find(({ offer }) => offer.offer_id === offerId)?.offer.name) || offerId;
  }

  #chips(offer) {
    const leaves = leavesOf(offer.conditions);
    return [
      leaves.length === 0 && h("span", { class: "chip" }, t("offer_form.always")),
      leaves.map(({ tag, group }) => h("span", { class: "chip" }, groupIcon(group), t(`condition.${tag}`))),
      offer.reward_points && h("span", { class: "chip info" }, icon("gift"), tn("points", offer.reward_points)),
      (offer.limits ?? []).length > 0 && h("span", { class: "chip" }, icon("shield"), tn("offers_page.limits", offer.limits.length)),
      offer.stacking?.exclusive && h("span", { class: "chip" }, t("field.exclusive")),
    ];
  }

  #useLine(offer) {
    const use = this.#uses.get(offer.offer_id);
    if (use === undefined) this.#askUse(offer.offer_id);
    return h("p", { class: "muted small" }, use ? t("offers_page.use", { uses: tn("uses", use.uses), saved: money(use.saved, offer.currency) }) : "…");
  }

  async #askUse(offerId) {
    this.#uses.set(offerId, null);
    const use = await get(`/v1/offers/${offerId}/use`).catch(() => null);
    this.#uses.set(offerId, use);
    if (use) this.#draw();
  }

  async #turn({ offer, state }) {
    try {
      await post(`/v1/offers/${offer.offer_id}/${state === "live" ? "pause" : "resume"}`);
    } catch (problem) {
      report(problem);
    }
    await this.#load();
  }

  async #remove({ offer }) {
    if (!(await confirm(t("offers_page.remove"), t("offers_page.remove_hint", { name: said(offer.name) }), t("offers_page.remove")))) return;
    await remove(`/v1/offers/${offer.offer_id}`).catch(report);
    await this.#load();
  }

  #edit(head) {
    const context = { stores: this.#stores, offers: this.#offers.map(({ offer }) => ({ id: offer.offer_id, label: said(offer.name) })) };
    return dialog(t(head ? "offers_page.edit" : "offers_page.new"), (close) => {
      const form = new OfferForm(head?.offer, context);
      const submit = button(t(head ? "offers_page.save_version" : "offers_page.create"), { kind: "primary", icon: "check" });
      submit.onclick = () => busy(submit, () => this.#save(form, head, close));
      return { body: form.node, foot: [button(t("app.cancel"), { onclick: close }), submit] };
    }, { wide: true });
  }

  async #save(form, head, close) {
    const offer = form.read();
    if (!offer) return;
    try {
      await (head ? put(`/v1/offers/${offer.offer_id}`, offer) : post("/v1/offers", offer));
    } catch (problem) {
      if (problem.path || problem.errors?.length) return form.refuse(problem);
      throw problem;
    }
    toast(t("app.saved"), "good");
    close();
    await this.#load();
  }
}

customElements.define("poi-offers", PoiOffers);
