/** By means, card, entry, channel, seller and kind of customer: lying bars with their share and their change. */

import { figure, lyingBars } from "../charts.js";
import { h } from "../dom.js";
import { money, number, share, t, tn } from "../i18n.js";
import { changeText } from "./change.js";
import { drill } from "./drill.js";
import { facetLabel } from "./words.js";

const FACETS = ["visitor", "means", "card_type", "card_scheme", "channel", "entry_mode", "seller"];
const FILTERS = { seller: "seller_id" };

export function facets(page) {
  return h("section", { class: "facets", key: "facets", "aria-label": t("figure.facets") }, FACETS.map((name) => facet(page, name)));
}

function facet({ data, view, names }, name) {
  const rows = data[`by_${name}`];
  const before = data.before && new Map(data.before[`by_${name}`].map((row) => [row.value, row.total]));
  const total = rows.reduce((sum, row) => sum + Math.max(row.total, 0), 0) || 1;
  const label = (value) => names[`${name}s`]?.[value] ?? facetLabel(name, value);
  const items = rows.map((row) => {
    const hint = tn("figure.sold", row.sales, { total: money(row.total) });
    return {
      label: label(row.value), value: row.total, text: money(row.total), before: before ? before.get(row.value) ?? 0 : undefined,
      hint: [share(Math.max(row.total, 0) / total), before && changeText(row.total, before.get(row.value) ?? 0)].filter(Boolean).join(" · "),
      pick: () => drill(`${t(`figure.by_${name}`)}: ${label(row.value)}`, view, { [FILTERS[name] ?? name]: row.value }, { hint, names }),
    };
  });
  return figure(t(`figure.by_${name}`), lyingBars(items, t(`figure.by_${name}`)), {
    head: [t(`figure.by_${name}`), t("figure.sales"), t("figure.amount"), ...(before ? [t("figure.before")] : [])],
    rows: rows.map((row) => [label(row.value), number(row.sales), money(row.total), ...(before ? [money(before.get(row.value) ?? 0)] : [])]),
  });
}
