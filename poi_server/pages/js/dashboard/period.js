/** Periods of whole days, in the calendar of the person who looks. */

export const PERIODS = ["1", "7", "30", "90", "custom"];

/** The first and last day, ISO dates, of the last `count` days with today. */
export function lastDays(count, today = new Date()) {
  const first = new Date(today);
  first.setDate(first.getDate() - count + 1);
  return { first: iso(first), last: iso(today) };
}

/** Every day from the first to the last, ISO dates. */
export function daysBetween(first, last) {
  const days = [];
  for (const at = new Date(`${first}T12:00`); iso(at) <= last; at.setDate(at.getDate() + 1)) days.push(iso(at));
  return days;
}

const iso = (date) => [date.getFullYear(), pad(date.getMonth() + 1), pad(date.getDate())].join("-");
const pad = (value) => String(value).padStart(2, "0");
