/** Scanning at the counter: the camera's frames and photos are decoded by the server, a wedge's line is sent as text. */

import { post } from "../api.js";
import { Camera, photoButton } from "../camera.js";
import { h } from "../dom.js";
import { t } from "../i18n.js";
import { dialog } from "../ui.js";

/** Send a scanner's line. */
export const sendLine = (stationId, text, look = false) => post(`/v1/stations/${stationId}/scan?look=${look}`, { text });

const sendPicture = (stationId, still, look) => (blob) => post(`/v1/stations/${stationId}/scan?still=${still}&look=${look}`, blob);

/** Scan with the camera or from a file until closed; `onseen(answer)` is told of each code. `look`: one product's, not added. */
export async function scanDialog(stationId, onseen, { look = false } = {}) {
  let shut = () => {};
  const camera = new Camera(sendPicture(stationId, false, look), (answer) => { onseen(answer); if (look) shut(); });
  await dialog(t("scan.title"), (close) => {
    shut = close;
    const photo = photoButton(sendPicture(stationId, true, look), (answer) => { onseen(answer); close(); });
    return { body: [camera.view, h("div", { class: "row between wrap scan-file" }, h("p", { class: "muted small grow" }, t("scan.hint")), photo)] };
  });
  camera.stop();
}
