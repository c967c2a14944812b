/** Scanning a product with the phone's camera or from a photo; pictures are read by the server and dropped. */

import { post } from "../api.js";
import { h } from "../dom.js";
import { t } from "../i18n.js";
import { Camera } from "../station/scan.js";
import { button, dialog, report, toast } from "../ui.js";

/** Scan until a product of this shop is seen; `onproduct(code)` is told of it. */
export async function scanProduct(onproduct) {
  let shut = () => {};
  const seen = (answer) => {
    if (!answer.code) return toast(t("shop.unknown_code"), "bad");
    shut();
    return onproduct(answer.code);
  };
  const camera = new Camera((frame) => post("/v1/me/scan?still=false", frame), seen);
  await dialog(t("shop.scan"), (close) => {
    shut = close;
    return { body: h("div", { class: "stack" }, camera.view, photo(seen)) };
  });
  camera.stop();
}

function photo(seen) {
  const input = h("input", { type: "file", accept: "image/png,image/jpeg,image/webp", class: "sr", "aria-label": t("scan.file"), tabindex: -1 });
  input.onchange = async () => {
    const [file] = input.files;
    input.value = "";
    if (!file) return;
    try {
      const answer = await post("/v1/me/scan?still=true", file);
      if (answer.seen) seen(answer);
      else toast(t("scan.nothing"), "bad");
    } catch (problem) {
      report(problem);
    }
  };
  return h("div", {}, input, button(t("scan.file"), { icon: "upload", onclick: async () => input.click() }));
}
