/** Reads cases as JSON lines, writes what the counter makes of each: the script that its page loads, in Node. */

import { readFileSync } from "node:fs";

const { totalOf, withOffers } = await import(process.argv[2]);

for (const text of readFileSync(0, "utf8").split("\n").filter(Boolean)) {
  const { lines, offers, at } = JSON.parse(text);
  const made = withOffers(lines, offers, at);
  process.stdout.write(`${JSON.stringify({ total: totalOf(made), offers: made.map((line) => line.offer ?? null) })}\n`);
}
