/** Periods of whole days, in the calendar of the person who looks. */

export const PERIODS = ["1", "7", "28", "90", "month", "custom"];

const DAILY = 62; // days that are drawn one by one
const WEEKLY = 190; // and week by week; beyond, month by month

/** The first and last day, ISO dates, of a period by its name. */
export function period(name, today = new Date()) {
  if (name !== "month") return lastDays(Number(name), today);
  return { first: iso(new Date(today.getFullYear(), today.getMonth(), 1)), last: iso(today) };
}

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

/** The steps a period is drawn in, each a list of days: days, weeks counted from the first, or calendar months. */
export function steps(first, last) {
  const days = daysBetween(first, last);
  const step = (day, place) => {
    if (days.length <= DAILY) return place;
    return days.length <= WEEKLY ? Math.floor(place / 7) : day.slice(0, 7);
  };
  const found = new Map();
  days.forEach((day, place) => found.set(step(day, place), [...(found.get(step(day, place)) ?? []), day]));
  return [...found.values()];
}

const iso = (date) => [date.getFullYear(), pad(date.getMonth() + 1), pad(date.getDate())].join("-");
const pad = (value) => String(value).padStart(2, "0");
