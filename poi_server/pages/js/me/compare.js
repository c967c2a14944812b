/** Products side by side: their prices for this customer at every store, by kilogram or litre, and the offers there. */

import { get } from "../api.js";
import { h, icon } from "../dom.js";
import { distance, money, said, t } from "../i18n.js";
import { nearMissShort } from "../near_short.js";
import { button, dialog, toast } from "../ui.js";

/** A unit price as people write it; nothing where the pack does not say it. */
export const perUnit = (price) => (price ? t("sheet.per_unit", { amount: money(price.price), unit: t(`sheet.unit.${price.unit}`) }) : "");

/** A product's small picture, or an icon in its place. */
export function picture(product) {
  if (!product.picture) return h("span", { class: "thumb" }, icon("box"));
  return h("img", { class: "thumb", alt: "", loading: "lazy", src: `/v1/pictures/${product.picture}?size=small` });
}

/** Show one product or more at every store; `onadd(product)` puts one into the order. */
export async function compareDialog(codes, onadd) {
  const { items } = await get("/v1/me/compare", { codes: codes.map(encodeURIComponent).join(",") });
  const title = items.length === 1 ? items[0].product.label : t("shop.compare");
  await dialog(title, () => ({ body: h("div", { class: "stack" }, table(items, onadd), h("p", { class: "muted small" }, t("shop.mine_hint"))) }), { wide: items.length > 1 });
}

function add(product, onadd) {
  const label = t("shop.add", { label: product.label });
  return button("", { icon: "plus", kind: "primary round", "aria-label": label, title: label, onclick: async () => {
    await onadd(product);
    toast(t("shop.added", { label: product.label }), "good");
  } });
}

function table(items, onadd) {
  return h("table", { class: `compare ${items.length > 1 ? "sides" : ""}` },
    h("caption", { class: "sr" }, t("shop.compare")),
    h("thead", {}, h("tr", {}, items.map((item) => h("th", { scope: "col" }, head(item, items, onadd))))),
    items[0].stores.map((store, at) => h("tbody", {},
      h("tr", {}, h("th", { scope: "rowgroup", colspan: items.length }, icon("store"), " ", store.store, store.distance !== null && h("span", { class: "muted small" }, ` · ${distance(store.distance)}`))),
      h("tr", {}, items.map((item) => h("td", {}, cell(item.stores[at], item.product)))))));
}

function head({ product, texts }, items, onadd) {
  return h("div", { class: "stack tight" }, h("div", { class: "row between" }, picture(product), add(product, onadd)),
    h("span", { class: "strong" }, product.label), h("span", { class: "muted small" }, [product.brand, ...Object.values(product.attributes)].filter(Boolean).join(" · ")),
    h("span", { class: "num" }, money(product.unit_price)), h("span", { class: "muted small num" }, perUnit(product.per_unit)),
    cheapest(product, items) && h("span", { class: "chip good" }, icon("check"), t("shop.cheapest", { unit: t(`sheet.unit.${product.per_unit.unit}`) })),
    said(mapped(texts)) && h("p", { class: "muted small" }, said(mapped(texts))));
}

const mapped = (texts) => Object.fromEntries(Object.entries(texts).flatMap(([code, { description }]) => (description ? [[code, description]] : [])));

/** Whether the product costs least by the unit that all of them are sold by. */
function cheapest({ per_unit: price }, items) {
  const others = items.map(({ product }) => product.per_unit);
  const alike = items.length > 1 && price && others.every((other) => other?.unit === price.unit);
  return alike && others.filter((other) => other.price <= price.price).length === 1;
}

function cell(at, product) {
  return h("div", { class: "stack tight" },
    h("p", {}, at.saved > 0 && h("s", { class: "muted num" }, money(at.total + at.saved)), " ", h("strong", { class: `num ${at.saved > 0 ? "save" : ""}` }, money(at.total))),
    at.per_unit && product.unit === "piece" && h("p", { class: "muted small num" }, perUnit(at.per_unit)),
    at.in_stock !== null && h("span", { class: `chip ${at.in_stock ? "good" : ""}` }, t(at.in_stock ? "shop.here" : "shop.not_here")),
    h("ul", { class: "small" }, at.offers.map((offer) => h("li", { class: "save" }, said(offer.name))),
      at.unlocks.map((one) => h("li", { class: "muted" }, `${said(one.name)} · ${nearMissShort(one.near_miss)}`))));
}
