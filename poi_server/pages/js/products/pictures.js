/** A product's pictures: add, put first, take off. */

import { get, post, put } from "../api.js";
import { h, icon } from "../dom.js";
import { t } from "../i18n.js";
import { button, iconButton, report } from "../ui.js";

const TYPES = "image/png,image/jpeg,image/webp";

/** The pictures; `again(sheet)` is told of the sheet after each change. */
export function picturesView(sheet, again) {
  const path = `/v1/products/${encodeURIComponent(sheet.code)}`;
  const reload = async () => again(await get(path));
  const order = async (pictures) => {
    await put(`${path}/pictures`, { pictures }).catch(report);
    await reload();
  };
  const names = sheet.pictures.map((one) => one.picture_id);
  return h("div", { class: "stack" },
    h("ul", { class: "picture-list" }, sheet.pictures.map((one, at) => h("li", { key: one.picture_id },
      h("img", { src: `/v1/pictures/${one.picture_id}?size=small`, alt: t("sheet.picture", { number: at + 1, label: sheet.label }), width: one.width, height: one.height }),
      h("div", { class: "row between" },
        at > 0 ? iconButton("left", t("products.picture_first"), () => order([one.picture_id, ...names.filter((name) => name !== one.picture_id)])) : h("span", { class: "chip good" }, t("products.picture_main")),
        iconButton("trash", t("products.picture_remove"), () => order(names.filter((name) => name !== one.picture_id))))))),
    sheet.pictures.length === 0 && h("p", { class: "empty" }, icon("camera"), t("products.no_pictures")),
    adder(path, reload));
}

function adder(path, reload) {
  const input = h("input", { type: "file", accept: TYPES, class: "sr", multiple: true, tabindex: -1, "aria-label": t("products.picture_add") });
  input.onchange = async () => {
    for (const file of input.files) await post(`${path}/pictures`, file).catch(report);
    await reload();
  };
  return h("div", { class: "row between wrap" }, input, h("p", { class: "muted small grow" }, t("products.picture_hint")),
    button(t("products.picture_add"), { icon: "upload", onclick: async () => input.click() }));
}
