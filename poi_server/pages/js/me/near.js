/** Offers of stores near by, on a map and as a list. The position is asked for, used and dropped. */

import { get } from "../api.js";
import { h, icon, render, slot } from "../dom.js";
import { distance, said, t, tn } from "../i18n.js";
import { nearMissShort } from "../near_short.js";
import { button, iconButton, report, toast } from "../ui.js";
import { lastKnown } from "./kept.js";

const MAP = { width: 358, height: 260, most: 16 };
const OPENED = 2;

class Near extends HTMLElement {
  #stores = null;
  #here = null;
  #only = "";
  #map = null;

  connectedCallback() {
    if (!this.#stores) this.#load();
    this.#draw();
  }

  async #locate() {
    const { geolocation } = navigator;
    const options = { timeout: 10_000, maximumAge: 60_000 };
    const found = geolocation && await new Promise((resolve) =>
      geolocation.getCurrentPosition(({ coords }) => resolve(coords), () => resolve(), options));
    if (!found) return toast(t("near_me.unavailable"), "bad");
    this.#here = { lat: found.latitude, lon: found.longitude };
    this.#only = "";
    return this.#load();
  }

  async #load() {
    const here = this.#here;
    const place = here ? { lat: here.lat.toFixed(5), lon: here.lon.toFixed(5) } : {};
    try {
      // what the phone keeps holds no distance: it would tell where the phone was
      let items = [];
      const { value, fresh } = await lastKnown("near", async () => {
        ({ items } = await get("/v1/me/offers", place));
        return items.map((item) => ({ ...item, distance: null }));
      });
      if (here !== this.#here) return; // a newer answer comes
      this.#stores = byStore(fresh ? items : value);
    } catch (problem) {
      this.#stores ??= [];
      report(problem);
    }
    this.#draw();
    await this.#drawMap();
  }

  async #drawMap() {
    const here = this.#here;
    const placed = this.#stores.filter(({ lat }) => lat !== null);
    if (placed.length + Boolean(here) < 2) return;
    const { bubbleMap } = await import("../map.js");
    const places = placed.map(({ lat, lon, items, store, store_id }) => ({ lat, lon, value: items.length, label: store, text: `${store}: ${tn("near_me.offers", items.length)}`, pick: () => this.#show(store_id) }));
    if (here) places.push({ ...here, value: 0, label: t("near_me.you"), text: t("near_me.you") });
    const map = await bubbleMap(places, t("near_me.map"), MAP);
    if (here === this.#here) this.#map = map;
    this.#draw();
  }

  #show(storeId) {
    this.#only = storeId;
    this.#draw();
    this.querySelector(".near-store")?.scrollIntoView({ block: "nearest" });
  }

  #draw() {
    const shown = (this.#stores ?? []).filter((store) => !this.#only || store.store_id === this.#only);
    render(this, button(t("near_me.find"), { icon: "target", kind: "primary big wide", onclick: () => this.#locate() }),
      h("p", { class: "muted small" }, t("near_me.privacy")),
      this.#map && h("div", { class: "card flush near-map", key: "map" }, slot(this.#map)),
      this.#only && h("p", { class: "row between", key: "only" }, h("span", {}, t("near_me.only", { store: shown[0]?.store ?? "" })), iconButton("close", t("near_me.all"), () => this.#show(""))),
      this.#stores ? list(shown) : h("p", { class: "loading" }, t("app.loading")));
  }
}

function byStore(items) {
  const stores = new Map();
  for (const item of items) {
    const { store_id, store, lat, lon, distance: metres } = item;
    if (!stores.has(store_id)) stores.set(store_id, { store_id, store, lat, lon, metres, items: [] });
    stores.get(store_id).items.push(item);
  }
  return [...stores.values()];
}

function list(stores) {
  if (!stores.length) return h("p", { class: "empty" }, icon("tag"), t("near_me.none"));
  return h("div", { class: "near-list" }, stores.map((store, at) =>
    h("details", { class: "card near-store", key: `store-${store.store_id}`, open: at < OPENED },
      h("summary", {}, h("span", { class: "grow strong" }, store.store), store.metres !== null && h("span", { class: "chip num" }, icon("pin"), distance(store.metres)), h("span", { class: "chip num" }, tn("near_me.offers", store.items.length))),
      h("ul", { class: "list" }, store.items.map((item) => h("li", { key: `near-${item.offer_id}` },
        h("div", { class: "grow" }, h("h3", {}, said(item.name)), h("p", { class: `small ${item.outcome === "chosen" ? "save" : "muted"}` }, needs(item)))))))));
}

function needs(item) {
  if (item.near_miss && item.near_miss.what !== "identity") return nearMissShort(item.near_miss);
  if (item.reward_points) return t("near_me.reward", { points: tn("points", item.reward_points) });
  return t(item.outcome === "chosen" ? "near_me.ready" : item.outcome === "no_effect" ? "near_me.right_items" : "near_me.at_counter");
}

customElements.define("poi-near", Near);
