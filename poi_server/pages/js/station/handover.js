/** Going on with the session at another counter of the store. */

import { get } from "../api.js";
import { h } from "../dom.js";
import { t } from "../i18n.js";
import { button, dialog, toast } from "../ui.js";

/** Choose the counter; the session goes there. */
export async function handOverDialog(stationId, till) {
  const { items } = await get(`/v1/stations/${stationId}/neighbours`);
  if (!items.length) return toast(t("handover.none"));
  let chosen = null;
  await dialog(t("handover.title"), (close) => ({
    body: h("ul", { class: "stack tight" }, items.map((station) => h("li", {},
      button(station.name, { icon: "tablet", kind: "big wide", disabled: !station.free, onclick: () => { chosen = station; close(); } }),
      !station.free && h("p", { class: "muted small" }, t("handover.busy"))))),
  }));
  if (!chosen) return;
  await till.handOver(chosen.station_id);
  toast(t("handover.done", { station: chosen.name }), "good");
}
