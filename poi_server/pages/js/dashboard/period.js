/** Periods of whole days, in the stores' calendar as the figures are. */

export const PERIODS = ["1", "7", "28", "90", "month", "custom"];

const DAILY = 62; // days that are drawn one by one
const WEEKLY = 190; // and week by week; beyond, month by month

/** Today in a time zone, an ISO date: days begin at midnight in the stores, wherever the screen is. */
export const today = (zone) => new Intl.DateTimeFormat("sv", { timeZone: zone }).format();

/** The first and last day, ISO dates, of a period that ends with `last`, by its name. */
export function period(name, last) {
  return name === "month" ? { first: `${last.slice(0, 8)}01`, last } : lastDays(Number(name), last);
}

/** The first and last day, ISO dates, of the `count` days that end with `last`. */
export function lastDays(count, last) {
  const first = noon(last);
  first.setDate(first.getDate() - count + 1);
  return { first: iso(first), last };
}

/** Every day from the first to the last, ISO dates. */
export function daysBetween(first, last) {
  const days = [];
  for (const at = noon(first); iso(at) <= last; at.setDate(at.getDate() + 1)) days.push(iso(at));
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

const noon = (day) => new Date(`${day}T12:00`);
const iso = (date) => [date.getFullYear(), pad(date.getMonth() + 1), pad(date.getDate())].join("-");
const pad = (value) => String(value).padStart(2, "0");
