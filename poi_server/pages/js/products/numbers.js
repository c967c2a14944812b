/** Numbers as people type them: decimal commas and points, spaces between thousands. */

import { language } from "../i18n.js";

/** The number in units of its last decimal, or NaN; nothing typed is null. */
export function scaled(text, digits) {
  const plain = text.replace(/[\s\u00a0\u202f]/g, "").replace(",", ".");
  if (!plain) return null;
  return /^\d+(\.\d*)?$/.test(plain) ? Math.round(Number(plain) * 10 ** digits) : NaN;
}

/** How a field shows a kept number. */
export function shown(value, digits) {
  if (value === null || value === undefined) return "";
  const text = (value / 10 ** digits).toFixed(digits);
  const short = digits === 3 ? text.replace(/\.?0+$/, "") : text;
  return language === "fr" ? short.replace(".", ",") : short;
}
