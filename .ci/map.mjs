// The land for the pages' maps: each country of npm's world-atlas (Natural Earth, 1:50 million) as a small file of its
// own, and an index of where each lies, so that a page loads only the countries it shows.
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";

const FOLDER = "poi_server/pages/vendor/land";
const STEPS = 1000; // a degree

const atlas = JSON.parse(await readFile("node_modules/world-atlas/countries-50m.json", "utf8"));
const { scale, translate } = atlas.transform;

/** An arc of the topology in steps of a degree: its points are told as differences. */
function points(arc) {
  let [x, y] = [0, 0];
  return arc.map(([dx, dy]) => {
    [x, y] = [x + dx, y + dy];
    return [x * scale[0] + translate[0], y * scale[1] + translate[1]].map((degrees) => Math.round(degrees * STEPS));
  });
}

const arcs = atlas.arcs.map(points);

/** A ring's points: arcs one after the other, the next begins where the last ends; a negative number is reversed. */
function ring(numbers) {
  const joined = [];
  for (const number of numbers) {
    const arc = number < 0 ? [...arcs[~number]].reverse() : arcs[number];
    joined.push(...(joined.length ? arc.slice(1) : arc));
  }
  return joined.filter(([x, y], at) => at === 0 || x !== joined[at - 1][0] || y !== joined[at - 1][1]);
}

/** One flat list of differences. */
const flat = (ring) => ring.flatMap(([x, y], at) => (at ? [x - ring[at - 1][0], y - ring[at - 1][1]] : [x, y]));

/** The whole degrees around a polygon: west, south, east, north. */
function box([outer]) {
  const [xs, ys] = [outer.map(([x]) => x), outer.map(([, y]) => y)];
  return [Math.floor(Math.min(...xs) / STEPS), Math.floor(Math.min(...ys) / STEPS), Math.ceil(Math.max(...xs) / STEPS), Math.ceil(Math.max(...ys) / STEPS)];
}

const holds = (one, other) => one[0] <= other[0] && one[1] <= other[1] && one[2] >= other[2] && one[3] >= other[3];

await rm(FOLDER, { recursive: true, force: true });
await mkdir(FOLDER, { recursive: true });
const index = {};
for (const [at, country] of atlas.objects.countries.geometries.entries()) {
  const polygons = (country.type === "Polygon" ? [country.arcs] : country.arcs).map((rings) => rings.map(ring));
  const boxes = polygons.map(box);
  index[at] = boxes.filter((one, n) => !boxes.some((other, m) => m !== n && holds(other, one) && (m < n || !holds(one, other))));
  await writeFile(`${FOLDER}/${at}.json`, JSON.stringify(polygons.map((rings) => rings.map(flat))));
}
await writeFile(`${FOLDER}/index.json`, JSON.stringify(index));
console.log(`${Object.keys(index).length} countries in ${FOLDER}`);
