/** Offers that the counter gives by itself: at most one a line, in whole minor units. */

/** What the line costs before any offer. */
export const amountOf = (line) => Math.floor((2 * line.unit_price * line.quantity + 1000) / 2000);

/** The lines with what an offer takes off each at a time (milliseconds since 1970): `{ ...line, offer? }`. */
export function withOffers(lines, offers, at) {
  const open = offers.filter(({ windows }) => windows.some(([from, until]) => from <= at && at < until));
  return lines.map((line) => {
    const found = open.find(({ codes, plain }) => (line.code ? codes.includes(line.code) : plain));
    const saved = found ? savedBy(found, line) : 0;
    return saved > 0 ? { ...line, offer: { offer_id: found.offer_id, version: found.version, saved } } : line;
  });
}

/** What is paid for the lines. */
export const totalOf = (lines) => lines.reduce((sum, line) => sum + amountOf(line) - (line.offer?.saved ?? 0), 0);

function savedBy({ percent, price }, line) {
  const amount = amountOf(line);
  if (percent) return amount - Math.floor((2 * amount * (10_000 - percent) + 10_000) / 20_000);
  const units = line.unit && line.unit !== "piece" ? 0 : Math.floor(line.quantity / 1000);
  return Math.max(0, line.unit_price - price) * units;
}
