/** A map of our own: the land of the countries in view as SVG paths in the Mercator projection, and bubbles on it. */

import { h, svg } from "./dom.js";
import { pickable, roving } from "./roving.js";

const LAND = `${document.documentElement.dataset.static ?? ""}/vendor/land`;
const STEPS = 1000; // a degree, in the files
const MARGIN = 0.18; // of the stores' extent, around it
const LEAST = 0.6; // degrees: a single store is shown with its surroundings
const POLE = 84; // degrees: the projection has no poles
const loaded = new Map();

/** The index of the land and the countries' files; null when this installation has none. */
async function load(name) {
  if (!loaded.has(name)) loaded.set(name, fetch(`${LAND}/${name}.json`).then((answer) => (answer.ok ? answer.json() : null), () => null));
  return loaded.get(name);
}

/** Where a place lies on the map, in radians: x to the east, y to the south. */
export function project(lat, lon) {
  const bent = Math.max(-POLE, Math.min(POLE, lat)) * (Math.PI / 180);
  return [lon * (Math.PI / 180), -Math.log(Math.tan(Math.PI / 4 + bent / 2))];
}

/** The view that holds every place: its corner in radians, its size in pixels, and pixels per radian. */
export function view(places, width, height) {
  const at = places.map(({ lat, lon }) => project(lat, lon));
  const [west, east] = range(at.map(([x]) => x));
  const [north, south] = range(at.map(([, y]) => y));
  const scale = Math.min(width / (east - west), height / (south - north));
  return { x: (west + east - width / scale) / 2, y: (north + south - height / scale) / 2, scale, width, height };
}

function range(values) {
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const extra = Math.max((high - low) * MARGIN, (LEAST * Math.PI) / 360);
  return [low - extra, high + extra];
}

/** A place's pixels in the view. */
export function pixels(seen, lat, lon) {
  const [x, y] = project(lat, lon);
  return [(x - seen.x) * seen.scale, (y - seen.y) * seen.scale];
}

/** The whole degrees that the view holds: west, south, east, north. */
function degrees({ x, y, scale, width, height }) {
  const lat = (at) => (2 * Math.atan(Math.exp(-at)) - Math.PI / 2) * (180 / Math.PI);
  return [x * (180 / Math.PI), lat(y + height / scale), (x + width / scale) * (180 / Math.PI), lat(y)];
}

/** The paths of the countries in view; null without the land's files. */
export async function landPaths(seen) {
  const index = await load("index");
  if (!index) return null;
  const [west, south, east, north] = degrees(seen);
  const meets = (box) => box[0] <= east && box[2] >= west && box[1] <= north && box[3] >= south;
  const names = Object.keys(index).filter((name) => index[name].some(meets));
  const countries = await Promise.all(names.map(load));
  return countries.filter(Boolean).map((polygons) => polygons.flat().map((ring) => path(ring, seen)).join("")).filter(Boolean);
}

/** One ring as a path, points nearer than a pixel to each other left out; nothing when it is out of view. */
function path(ring, seen) {
  let [lon, lat, drawn, out] = [0, 0, null, ""];
  let [left, top, right, bottom] = [Infinity, Infinity, -Infinity, -Infinity];
  for (let at = 0; at < ring.length; at += 2) {
    lon += ring[at];
    lat += ring[at + 1];
    const [x, y] = pixels(seen, lat / STEPS, lon / STEPS);
    [left, top, right, bottom] = [Math.min(left, x), Math.min(top, y), Math.max(right, x), Math.max(bottom, y)];
    if (drawn && Math.abs(x - drawn[0]) + Math.abs(y - drawn[1]) < 1) continue;
    out += `${drawn ? "L" : "M"}${x.toFixed(1)} ${y.toFixed(1)}`;
    drawn = [x, y];
  }
  const visible = right > 0 && left < seen.width && bottom > 0 && top < seen.height && right - left + bottom - top > 2;
  return visible ? `${out}Z` : "";
}

/** A map of `places`, { lat, lon, value, label, text, pick }: the bubbles' areas are as their values. Null without the land. */
export async function bubbleMap(places, label, { width, height, most = 26 }) {
  const seen = view(places, width, height);
  const land = await landPaths(seen);
  if (!land) return null;
  const top = Math.max(...places.map((place) => place.value), 1);
  const bySize = [...places].sort((one, other) => other.value - one.value);
  const radius = (value) => Math.max(4, most * Math.sqrt(Math.max(value, 0) / top));
  const drawing = svg("svg", { class: "chart map", viewBox: `0 0 ${width} ${height}`, role: "group", "aria-label": label },
    land.map((d) => svg("path", { class: "land", d })), bySize.map((place) => bubble(place, seen, radius(place.value))), names(bySize, seen, radius));
  return h("div", { class: "map-frame" }, roving(drawing));
}

function bubble(place, seen, r) {
  const [cx, cy] = pixels(seen, place.lat, place.lon);
  return svg("g", place.pick ? pickable(place.text, place.pick) : { role: "img", "aria-label": place.text },
    svg("title", {}, place.text), svg("circle", { class: "bubble-hit", cx, cy, r: Math.max(r, 12) }), svg("circle", { class: "bubble", cx, cy, r }));
}

/** The names of the greatest, as long as none lies over another's name. */
function names(places, seen, radius) {
  const taken = [];
  const free = (box) => box[0] > 0 && box[2] < seen.width && box[1] > 0 && !taken.some((other) => box[0] < other[2] && box[2] > other[0] && box[1] < other[3] && box[3] > other[1]);
  return places.map((place) => {
    const [x, y] = pixels(seen, place.lat, place.lon);
    const at = y - radius(place.value) - 4;
    const half = place.label.length * 3.4 + 2;
    const box = [x - half, at - 11, x + half, at + 3];
    if (!free(box)) return null;
    taken.push(box);
    return svg("text", { class: "place", x, y: at, "text-anchor": "middle", "aria-hidden": "true" }, place.label);
  });
}
