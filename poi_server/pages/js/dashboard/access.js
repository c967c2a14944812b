/** Who may come in: stations, sellers and phones pair by a single-use code; partner apps get keys; all can be shut out. */

import { get, patch, post, remove } from "../api.js";
import { h, icon, render } from "../dom.js";
import { clock, day, t, tn } from "../i18n.js";
import { button, busy, confirm, dialog, field, iconButton, qrImage, report } from "../ui.js";

const STAFF = new Set(["owner", "manager", "seller", "auditor", "station"]);
/** Whose credentials only an owner gives and ends. */
const OWNERS_OWN = new Set(["owner", "manager"]);
const SCOPES = ["decisions", "offers:read", "offers:write", "customers:read", "customers:write", "segments:write", "sales:read", "orders:write", "bank:write"];

/** The panel of devices, people and keys; `owner` says whether an owner looks at it, or a manager. */
export class AccessPanel extends HTMLElement {
  owner = true;
  #data = null;

  async load() {
    try {
      const [stores, stations, sellers, access, keys = { items: [] }] = await Promise.all(
        ["/v1/stores", "/v1/stations", "/v1/sellers", "/v1/access", ...(this.owner ? ["/v1/api-keys"] : [])].map((path) => get(path)));
      this.#data = { stores: stores.items, stations: stations.items, sellers: sellers.items, keys: keys.items, access: access.items };
      this.#draw();
    } catch (problem) {
      report(problem);
    }
  }

  connectedCallback() {
    if (!this.#data) this.load();
  }

  #draw() {
    const { stores, stations, sellers, keys, access } = this.#data;
    const storeName = (id) => stores.find((store) => store.store_id === id)?.name ?? "";
    render(this, h("div", { class: "access-grid" },
      this.#section("tablet", "stations", stations.map((station) => this.#row(station.station_id, station.name, storeName(station.store_id), "station")), this.owner && stores.length > 0 && (() => this.#addStation())),
      this.#section("user", "sellers", sellers.map((seller) => this.#sellerRow(seller)), () => location.assign("/sellers")),
      this.#section("phone", "phones", [h("li", { key: "phone" }, h("div", { class: "grow" }, h("p", { class: "strong" }, tn("access.phone_count", access.filter((entry) => entry.role === "phone").length)), h("p", { class: "muted small" }, t("access.phones_hint"))), button(t("access.pair"), { icon: "qr", kind: "small", onclick: () => this.#pair("phone", "", t("access.new_customer")) }))]),
      this.owner && this.#section("key", "keys", keys.map((key) => this.#keyRow(key)), () => this.#addKey()),
      this.#section("shield", "entries", access.filter((entry) => STAFF.has(entry.role)).map((entry) => this.#entryRow(entry)), this.owner && (() => this.#pair("owner", "", t("role.owner"))))));
  }

  #section(picture, name, rows, onadd) {
    return h("section", { class: "card", key: `access-${name}` },
      h("div", { class: "card-head center" }, h("h2", { class: "row" }, icon(picture), t(`access.${name}`)), onadd && button(t(`access.add_${name}`), { icon: "plus", kind: "small", onclick: onadd })),
      rows.length ? h("ul", { class: "list" }, rows) : h("p", { class: "muted" }, t(`access.no_${name}`)));
  }

  #row(id, name, hint, role) {
    return h("li", { key: id }, h("div", { class: "grow" }, h("p", { class: "strong" }, name), h("p", { class: "muted small" }, hint)),
      role === "station" && h("a", { class: "button small", href: `/station/${id}` }, t("access.open")),
      button(t("access.pair"), { icon: "qr", kind: "small", onclick: () => this.#pair(role, id, name) }));
  }

  #sellerRow(seller) {
    if (!this.owner && OWNERS_OWN.has(seller.role)) return h("li", { key: seller.seller_id }, h("p", { class: "grow strong" }, seller.name));
    const turn = button(t(seller.active ? "access.shut_out" : "access.let_in"), { kind: "small quiet", onclick: () => this.#setSeller(seller) });
    if (seller.active) return h("li", { key: seller.seller_id }, h("p", { class: "grow strong" }, seller.name), turn, button(t("access.pair"), { icon: "qr", kind: "small", onclick: () => this.#pair(seller.role, seller.seller_id, seller.name) }));
    return h("li", { key: seller.seller_id }, h("p", { class: "grow muted" }, seller.name), turn);
  }

  #keyRow(key) {
    return h("li", { key: key.access_id }, h("div", { class: "grow" }, h("p", { class: "strong" }, key.label), h("p", { class: "muted small" }, key.scopes.map((scope) => t(`scope.${scope}`)).join(", "))),
      iconButton("trash", t("access.revoke"), () => this.#revoke(`/v1/api-keys/${key.access_id}`, key.label)));
  }

  #entryRow(entry) {
    const label = this.#subject(entry);
    return h("li", { key: entry.access_id }, h("div", { class: "grow" }, h("p", { class: "strong" }, t(`role.${entry.role}`), label && h("span", { class: "muted" }, ` · ${label}`)), h("p", { class: "muted small" }, t("access.since", { day: day(entry.created_at / 1000) }))),
      (this.owner || !OWNERS_OWN.has(entry.role)) && iconButton("trash", t("access.revoke"), () => this.#revoke(`/v1/access/${entry.access_id}`, label)));
  }

  #subject({ role, subject_id: id }) {
    const { stations, sellers } = this.#data;
    if (role === "station") return stations.find((station) => station.station_id === id)?.name ?? "";
    if (role !== "owner") return sellers.find((seller) => seller.seller_id === id)?.name ?? "";
    return "";
  }

  async #setSeller(seller) {
    await patch(`/v1/sellers/${seller.seller_id}`, { active: !seller.active });
    await this.load();
  }

  async #revoke(path, label) {
    if (!(await confirm(t("access.revoke"), t("access.revoke_hint", { label: label || t("role.owner") }), t("access.revoke")))) return;
    try {
      await remove(path);
    } catch (problem) {
      report(problem);
    }
    await this.load();
  }

  async #pair(role, subjectId, name) {
    const invitation = await post("/v1/pairings", { role, subject_id: subjectId });
    await dialog(t("access.pair_title", { name }), () => ({
      body: h("div", { class: "invite" }, qrImage(invitation.qr_svg, t("access.pair_alt")),
        h("p", {}, t("access.pair_hint")), h("p", { class: "muted small" }, t("access.pair_until", { time: clock(invitation.expires_at) })),
        h("input", { class: "input", readonly: true, value: invitation.url, "aria-label": t("access.pair_link"), onclick: (event) => event.target.select() })),
    }));
    await this.load();
  }

  #addStation() {
    const name = h("input", { class: "input", required: true, maxlength: 120 });
    const store = h("select", { class: "input" }, this.#data.stores.map((one) => h("option", { value: one.store_id }, one.name)));
    const vat = h("input", { class: "input", type: "number", min: 0, max: 100, step: 0.01, value: 20, required: true });
    return this.#form(t("access.add_stations"), [field(t("access.name"), name), field(t("dashboard.store"), store), field(t("access.vat"), vat, { hint: t("access.vat_hint") })],
      () => post("/v1/stations", { name: name.value.trim(), store_id: store.value, vat_rate: Math.round(Number(vat.value) * 100) }));
  }

  #addKey() {
    const label = h("input", { class: "input", required: true, maxlength: 120 });
    const boxes = SCOPES.map((scope) => h("input", { type: "checkbox", value: scope, checked: scope === "decisions" }));
    const scopes = h("fieldset", { class: "field" }, h("legend", {}, t("access.scopes")), boxes.map((box) => h("label", { class: "check" }, box, t(`scope.${box.value}`))));
    return this.#form(t("access.add_keys"), [field(t("access.label"), label), scopes], async () => {
      const granted = await post("/v1/api-keys", { label: label.value.trim(), scopes: boxes.filter((box) => box.checked).map((box) => box.value) });
      await this.#showSecret(granted.secret);
    });
  }

  #showSecret(secret) {
    return dialog(t("access.secret_title"), () => ({
      body: h("div", { class: "stack" }, h("p", {}, t("access.secret_hint")), h("input", { class: "input mono", readonly: true, value: secret, "aria-label": t("access.secret_title"), onclick: (event) => event.target.select() })),
    }), { kept: true });
  }

  #form(title, fields, send) {
    return dialog(title, (close) => {
      const submit = button(t("app.save"), { kind: "primary" });
      const form = h("form", { class: "stack", onsubmit: (event) => { event.preventDefault(); submit.click(); } }, fields);
      submit.onclick = () => busy(submit, async () => {
        if (!form.reportValidity()) return;
        await send();
        close();
        await this.load();
      });
      return { body: form, foot: [button(t("app.cancel"), { onclick: close }), submit] };
    });
  }
}

customElements.define("poi-access", AccessPanel);
