/** What the server last said stays on this phone, to be read without a network. */

import { get } from "../api.js";
import { language } from "../i18n.js";
import { keep, recall } from "./device.js";

const PAPERS = 10;
const newest = new Map();

/** What `ask` answers now, else what it answered last: { value, at, fresh }. A refusal is thrown on. */
export async function lastKnown(name, ask) {
  const asked = ask();
  newest.set(name, asked);
  try {
    const [value, at] = [await asked, Date.now()];
    if (newest.get(name) !== asked) return lastKnown(name, () => newest.get(name));
    await keep(name, { value, at });
    return { value, at, fresh: true };
  } catch (problem) {
    const kept = problem.code === "offline" ? await recall(name) : undefined;
    if (!kept) throw problem;
    return { ...kept, fresh: false };
  }
}

/** The text of a sale's receipt, from this phone if it was ever here: a receipt never changes. */
export async function receiptText(saleId) {
  const papers = (await recall("papers")) ?? {};
  const name = `${saleId} ${language}`;
  if (papers[name]) return papers[name];
  const { text } = await get(`/v1/sales/${saleId}/receipt`, { lang: language });
  const kept = Object.entries({ ...((await recall("papers")) ?? {}), [name]: text }).slice(-PAPERS);
  await keep("papers", Object.fromEntries(kept));
  return text;
}

/** Fetch the newest receipts that are not here yet, oldest of them first. */
export async function keepPapers(sales) {
  for (const sale of sales.slice(0, PAPERS / 2).reverse()) await receiptText(sale.sale_id).catch(() => {});
}
