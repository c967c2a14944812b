/** Polygons as people paste them: GeoJSON in any of its wrappings, or lines of `longitude, latitude`. */

/** The rings of a pasted text; each ring is closed. Throws when it is neither. */
export function parseRings(text) {
  const found = /^\s*[[{]/.test(text) ? fromJson(JSON.parse(text)) : fromLines(text);
  if (!found.length || !found.every((ring) => ring.length >= 4 && ring.every(isPoint))) throw new TypeError("not a polygon");
  return found;
}

/** Rings as a text that can be edited: one point a line, an empty line between rings. */
export const ringsText = (rings) => rings.map((ring) => ring.map((point) => point.join(", ")).join("\n")).join("\n\n");

function fromJson(value) {
  if (value.type === "FeatureCollection") return fromJson(value.features[0]);
  if (value.type === "Feature") return fromJson(value.geometry);
  if (value.type === "Polygon") return fromJson(value.coordinates);
  const rings = isPoint(value[0]) ? [value] : value;
  return rings.map((ring) => closed(ring.map(([lon, lat]) => [lon, lat])));
}

function fromLines(text) {
  return text.trim().split(/\n\s*\n/).map((block) => closed(block.trim().split("\n").map((line) => line.trim().split(/[\s,;]+/).map(Number))));
}

function closed(ring) {
  const [first, last] = [ring[0], ring.at(-1)];
  return first[0] === last[0] && first[1] === last[1] ? ring : [...ring, first];
}

const isPoint = (point) => Array.isArray(point) && point.length === 2 && point.every(Number.isFinite);
