/** Scanning a product with the phone's camera or from a photo; pictures are read by the server and dropped. */

import { post } from "../api.js";
import { Camera, photoButton } from "../camera.js";
import { h } from "../dom.js";
import { t } from "../i18n.js";
import { dialog, toast } from "../ui.js";

const send = (still) => (picture) => post(`/v1/me/scan?still=${still}`, picture);

/** Scan until a product of this shop is seen; `onproduct(code)` is told of it. */
export async function scanProduct(onproduct) {
  let shut = () => {};
  const seen = (answer) => {
    if (!answer.code) return toast(t("shop.unknown_code"), "bad");
    shut();
    return onproduct(answer.code);
  };
  const camera = new Camera(send(false), seen);
  await dialog(t("shop.scan"), (close) => {
    shut = close;
    return { body: h("div", { class: "stack" }, camera.view, h("div", {}, photoButton(send(true), seen))) };
  });
  camera.stop();
}
