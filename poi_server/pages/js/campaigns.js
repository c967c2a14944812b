/** Campaigns: what the figures suggest, the campaigns with their counters, and the segments they are for. */

import { get, post, remove } from "./api.js";
import { h, icon, render, slot } from "./dom.js";
import { dateTime, said, t } from "./i18n.js";
import { Live } from "./live.js";
import { offlineBanner, requireRole } from "./nav.js";
import { busy, button, confirm, report, segmented, toast } from "./ui.js";
import { campaignCard } from "./campaigns/card.js";
import { draftFrom } from "./campaigns/from.js";
import { SegmentsPanel } from "./campaigns/segments.js";
import { suggestionCard } from "./campaigns/suggestions.js";

const SETTLE_MS = 500;
const STARTED = new Set(["live", "stopped", "ended"]);

class PoiCampaigns extends HTMLElement {
  #tab = location.hash === "#segments" ? "segments" : "campaigns";
  #campaigns = null;
  #suggestions = { items: [], computed_at: null };
  #counters = new Map();
  #segments = new SegmentsPanel(() => this.#loadSegments());
  #context = { stores: [], offers: [], segments: [] };
  #timer = 0;

  async connectedCallback() {
    await requireRole("owner", "manager");
    const live = new Live({ watch: "dashboard" });
    live.addEventListener("message", ({ detail }) => this.#heard(detail.kind));
    live.addEventListener("resync", () => this.#load());
    offlineBanner(live);
    live.start();
    addEventListener("hashchange", () => this.#openFromFragment());
    const [stores, offers] = await Promise.all([get("/v1/stores"), get("/v1/offers"), this.#loadSegments()]).catch((problem) => { report(problem); return [{ items: [] }, { items: [] }]; });
    Object.assign(this.#context, { stores: stores.items, offers: offers.items.map(({ offer }) => ({ id: offer.offer_id, label: said(offer.name) })) });
    this.#draw();
    this.#openFromFragment();
  }

  #heard(kind) {
    if (kind !== "sale" && kind !== "offers") return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => (kind === "offers" ? this.#load() : this.#count()), SETTLE_MS);
  }

  async #load() {
    try {
      [{ items: this.#campaigns }, this.#suggestions] = await Promise.all([get("/v1/campaigns"), get("/v1/suggestions")]);
    } catch (problem) {
      report(problem);
      this.#campaigns ??= [];
    }
    this.#draw();
    await this.#count();
  }

  async #count() {
    const started = (this.#campaigns ?? []).filter(({ state }) => STARTED.has(state));
    const wanted = started.filter(({ campaign_id: id, state }) => state === "live" || !this.#counters.has(id));
    await Promise.all(wanted.map(async ({ campaign_id: id }) => {
      const found = await get(`/v1/campaigns/${id}/counters`).catch(() => null);
      if (found) this.#counters.set(id, found);
    }));
    this.#draw();
  }

  async #loadSegments() {
    this.#context.segments = (await get("/v1/segments")).items;
    this.#segments.show(this.#context.segments);
    this.#draw();
  }

  #openFromFragment() {
    const draft = draftFrom(location.hash);
    if (!draft) return;
    history.replaceState(null, "", location.pathname);
    this.#edit(null, draft);
  }

  #draw() {
    const tabs = ["campaigns", "segments"].map((value) => ({ value, label: t(`campaigns.tab_${value}`), icon: value === "segments" ? "user" : "target" }));
    render(this, h("div", { class: "wrap-page stack loose" },
      h("div", { class: "row between wrap", key: "head" }, h("h1", {}, t("page.campaigns")), segmented(t("page.campaigns"), tabs, this.#tab, (tab) => this.#show(tab))),
      this.#tab === "segments" ? h("div", { key: "segments" }, slot(this.#segments)) : this.#campaignsView()));
  }

  #show(tab) {
    this.#tab = tab;
    history.replaceState(null, "", tab === "segments" ? "#segments" : location.pathname);
    this.#draw();
  }

  #campaignsView() {
    const { items, computed_at: at } = this.#suggestions;
    const list = this.#campaigns;
    return h("div", { class: "stack loose", key: "campaigns" },
      h("section", { class: "stack", "aria-labelledby": "suggested" },
        h("div", { class: "row between wrap" }, h("div", {}, h("h2", { id: "suggested" }, t("campaigns.suggestions")), h("p", { class: "muted small" }, at ? t("campaigns.computed", { at: dateTime(at) }) : t("campaigns.not_computed"))),
          button(t("campaigns.compute"), { icon: "refresh", kind: "small", onclick: () => this.#compute() })),
        items.length ? h("ul", { class: "suggestions" }, items.map((one) => suggestionCard(one, { make: () => this.#make(one), dismiss: () => this.#dismiss(one) }))) : h("p", { class: "muted" }, t("campaigns.no_suggestions"))),
      h("section", { class: "stack", "aria-labelledby": "running" },
        h("div", { class: "row between wrap" }, h("h2", { id: "running" }, t("campaigns.list")),
          h("button", { type: "button", class: "button primary new-campaign", onclick: () => this.#edit(null, undefined) }, icon("plus"), t("campaigns.new"))),
        list === null ? h("p", { class: "loading" }, t("app.loading")) : list.length ? h("ul", { class: "campaign-list" }, list.map((one) => campaignCard(one, this.#counters.get(one.campaign_id), this.#context, this.#acts(one))))
          : h("div", { class: "card empty" }, icon("target"), h("p", {}, t("campaigns.none")))));
  }

  #acts(one) {
    const path = `/v1/campaigns/${one.campaign_id}`;
    const act = (name) => (event) => busy(event.currentTarget, async () => { await post(`${path}/${name}`); await this.#load(); });
    return {
      edit: () => this.#edit(one, one.draft), start: act("start"), withdraw: act("withdraw"), stop: act("stop"),
      notify: async () => (await import("./campaigns/notify.js")).tellOf(one.draft.offers.map(({ name }, place) => ({ offer_id: one.offer_ids[place], name }))).catch(report),
      lift: async () => (await import("./campaigns/lift.js")).showLift(one.campaign_id),
      copy: () => this.#edit(null, { ...one.draft, name: t("campaigns.copy_of", { name: one.draft.name }).slice(0, 120), suggestion_id: null }),
      remove: async () => {
        if (!(await confirm(t("campaigns.remove"), t("campaigns.remove_hint", { name: one.draft.name }), t("campaigns.remove")))) return;
        await remove(path).catch(report);
        await this.#load();
      },
    };
  }

  async #compute() {
    this.#suggestions = await post("/v1/suggestions");
    this.#draw();
  }

  async #make(suggestion) {
    const made = await post("/v1/campaigns", { ...suggestion.draft, suggestion_id: suggestion.suggestion_id });
    toast(t("campaigns.draft_made"), "good");
    await this.#load();
    this.#edit(made, made.draft);
  }

  async #dismiss(suggestion) {
    await remove(`/v1/suggestions/${suggestion.suggestion_id}`).catch(report);
    await this.#load();
  }

  /** The editor's modules come when it is first wanted. */
  async #edit(campaign, draft) {
    const { edit } = await import("./campaigns/editor.js");
    return edit(campaign, draft, this.#context, () => this.#load());
  }
}

customElements.define("poi-campaigns", PoiCampaigns);
